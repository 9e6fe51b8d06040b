"""Print one screen of what a built lake says: `python -m scripts.summary [TARGET]`. Both engines take its SQL."""

import os
import sys
from pathlib import Path

DAYS = 28

# What is open says its age at as_of.
AS_OF = """
    select coalesce(max(created_at + interval '1' second * (age_hours * 3600)), max(last_updated_at))
    from fct_tickets
"""


def accepted_of(feed):
    return f"(select coalesce(sum(accepted), 0) from ingestion_state where feed = '{feed}')"


HEADLINE = f"""
    select
        ({AS_OF}) as as_of,
        (select count(*) from fct_tickets) as tickets,
        {accepted_of("ticket_updates")} as updates,
        {accepted_of("support_logs")} as logs,
        {accepted_of("calls")} as calls,
        {accepted_of("service_records")} as service_records,
        (select coalesce(sum(duplicates), 0) from ingestion_state) as duplicates,
        (select coalesce(sum(quarantined), 0) from ingestion_state) as quarantined
"""


def median(value):
    """Of an even number of values the lower of the middle two."""
    return (
        f"(array_agg({value} order by {value}) filter (where {value} is not null))"
        f"[cast(ceil(0.5 * count({value})) as integer)]"
    )


def share(value):
    """Percent of those that are known. Trino 476 miscounts where `count(value)` stands beside a filter by it."""
    return f"100e0 * count(*) filter (where {value}) / nullif(count(*) filter (where {value} is not null), 0)"


SEVERITIES = f"""
    with recent as (
        select tickets.*, clocks.is_breached as is_first_reply_breached
        from fct_tickets as tickets
        left join fct_ticket_slas as clocks
            on tickets.ticket_key = clocks.ticket_key and clocks.metric = 'first_reply'
        where tickets.resolved_at > ({AS_OF}) - interval '{DAYS}' day
    ),
    resolved as (
        select
            coalesce(severity, 'all') as severity,
            count(*) as resolved,
            {share("is_sla_breached")} as breach_rate,
            {share("is_first_reply_breached")} as reply_breach_rate,
            {median("first_reply_hours")} as first_reply_hours,
            {median("resolution_hours")} as resolution_hours
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


def on_duckdb():
    """What runs a query on the lake's database, and how to get at that."""
    import duckdb

    lake = Path(os.environ.get("LAKE", "lake"))
    database = lake / "ticketlake.duckdb"
    if not database.exists():
        sys.exit(f"{database} is not there. Build it first: make build LAKE={lake}")
    connection = duckdb.connect(str(database), read_only=True)
    return lambda sql: connection.execute(sql).fetchall(), f"Database  {database}"


def on_athena():
    """The same for the tables on Athena."""
    from infra import query

    place = f"{os.environ.get('TICKETLAKE_SCHEMA', 'ticketlake')}, work group {os.environ.get('TICKETLAKE_WORK_GROUP')}"
    return query.run, f"Database  {place}"


def main():
    query, place = on_athena() if sys.argv[1:] == ["athena"] else on_duckdb()
    ((as_of, tickets, updates, logs, calls, services, duplicates, quarantined),) = query(HEADLINE)
    rows = query(SEVERITIES)

    print(f"\nTicket lake as of {as_of:%Y-%m-%d %H:%M} UTC" if as_of else "\nTicket lake without an accepted update")
    print(f"{tickets:,} tickets, {updates:,} updates, {logs:,} logs, {calls:,} calls, {services:,} services")
    print(f"{duplicates:,} lines repeated, {quarantined:,} quarantined\n")
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
    print(f"{place}  (try: select * from ops_metrics_daily order by day desc)")
    print("Docs      make docs, then open target/static_index.html; or dbt docs generate && dbt docs serve")


if __name__ == "__main__":
    main()
