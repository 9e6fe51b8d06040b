"""Print one screen of what a built lake says: `python scripts/summary.py [LAKE]`."""

import sys
from pathlib import Path

import duckdb

DAYS = 28

# What is open says its age at as_of.
AS_OF = """
    select coalesce(max(created_at + to_microseconds(cast(round(age_hours * 3.6e9) as bigint))), max(last_updated_at))
    from fct_tickets
"""

HEADLINE = f"""
    select
        ({AS_OF}) as as_of,
        (select count(*) from fct_tickets) as tickets,
        (select coalesce(sum(accepted), 0) from ingestion_state) as updates,
        (select coalesce(sum(duplicates), 0) from ingestion_state) as duplicates,
        (select coalesce(sum(quarantined), 0) from ingestion_state) as quarantined
"""

SEVERITIES = f"""
    with recent as (
        select tickets.*, clocks.is_breached as is_first_reply_breached
        from fct_tickets as tickets
        left join fct_ticket_slas as clocks
            on tickets.ticket_key = clocks.ticket_key and clocks.metric = 'first_reply'
        where tickets.resolved_at > ({AS_OF}) - interval {DAYS} day
    ),
    resolved as (
        select
            coalesce(severity, 'all') as severity,
            count(*) as resolved,
            100.0 * count(*) filter (where is_sla_breached) / nullif(count(is_sla_breached), 0) as breach_rate,
            100.0 * count(*) filter (where is_first_reply_breached) / nullif(count(is_first_reply_breached), 0)
                as reply_breach_rate,
            quantile_disc(first_reply_hours, 0.5) as first_reply_hours,
            quantile_disc(resolution_hours, 0.5) as resolution_hours
        from recent
        group by grouping sets ((recent.severity), ())
    ),
    backlog as (
        select coalesce(severity, 'all') as severity, sum(closing) as open, sum(overdue) as overdue
        from backlog_daily
        where day = (select max(day) from backlog_daily)
        group by grouping sets ((backlog_daily.severity), ())
    )
    select
        severity, coalesce(open, 0), coalesce(overdue, 0), coalesce(resolved, 0), reply_breach_rate,
        breach_rate, first_reply_hours, resolution_hours
    from backlog
    full outer join resolved using (severity)
    order by severity
"""


def shown(value, unit=""):
    """A figure as text, `-` where there is none."""
    return "-" if value is None else f"{value:,.1f}{unit}" if isinstance(value, float) else f"{value:,}{unit}"


def main():
    lake = Path(sys.argv[1] if len(sys.argv) > 1 else "lake")
    database = lake / "ticketlake.duckdb"
    if not database.exists():
        sys.exit(f"{database} is not there. Build it first: make build LAKE={lake}")
    with duckdb.connect(str(database), read_only=True) as connection:
        as_of, tickets, updates, duplicates, quarantined = connection.execute(HEADLINE).fetchone()
        rows = connection.execute(SEVERITIES).fetchall()

    print(f"\nTicket lake as of {as_of:%Y-%m-%d %H:%M} UTC" if as_of else "\nTicket lake without an accepted update")
    print(f"{tickets:,} tickets, {updates:,} updates; {duplicates:,} lines repeated, {quarantined:,} quarantined\n")
    print(f"{'':8}{'open':>8}{'overdue':>9} | resolved in the last {DAYS} days")
    print(
        f"{'':8}{'':>8}{'':>9} | {'tickets':>8}{'reply late':>12}{'SLA breached':>14}"
        f"{'first reply':>13}{'resolution':>12}"
    )
    for severity, opened, overdue, resolved, reply_rate, rate, first_reply, resolution in rows:
        print(
            f"{severity:8}{shown(opened):>8}{shown(overdue):>9} | {shown(resolved):>8}{shown(reply_rate, ' %'):>12}"
            f"{shown(rate, ' %'):>14}{shown(first_reply, ' h'):>13}{shown(resolution, ' h'):>12}"
        )
    print(f"\n{'':25} | first reply and resolution are medians\n")
    print(f"Database  {database}  (try: select * from ops_metrics_daily order by day desc)")
    print("Docs      make docs, then open target/static_index.html; or dbt docs generate && dbt docs serve")


if __name__ == "__main__":
    main()
