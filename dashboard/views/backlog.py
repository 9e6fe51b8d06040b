"""What is open: how it grows and drains, how old it is, when it would be worked off."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import charts, shown, wording
from dashboard.filters import COLUMNS, Scope
from dashboard.lake import Lake

# Days are counted by market and severity only; what is open now by all that a ticket has.
DAILY = ("market", "severity")
PACE_DAYS = 28

BY_DAY = """
select
    day, sum(closing) as backlog, sum(overdue) as overdue, sum(created + reopened) as arrived,
    sum(resolved) as resolved, sum(created + reopened) - sum(resolved) as growth
from backlog_daily
where {scope}
group by 1
order by 1
"""
BY_SEVERITY = """
pivot (select day, severity, closing from backlog_daily where {scope}) on severity in ('P1', 'P2', 'P3', 'P4')
using coalesce(sum(closing), 0) group by day order by day
"""
NOW = """
select
    count(*) as backlog,
    count(*) filter (where is_sla_breached) as overdue,
    avg(cast(coalesce(is_sla_breached, false) as integer)) as overdue_share,
    quantile_disc(age_hours, 0.5) as age_median
from open_tickets
where {scope}
"""
PACE = f"""
select sum(created + reopened) / {PACE_DAYS} as arrived, sum(resolved) / {PACE_DAYS} as resolved
from backlog_daily
where day > (select max(day) - {PACE_DAYS} from backlog_daily) and {{scope}}
"""
AGES = """
with aged as (
    select severity, case
        when age_hours < 24 then 'under 1' when age_hours < 72 then '1 to 3' when age_hours < 168 then '3 to 7'
        when age_hours < 336 then '7 to 14' when age_hours < 720 then '14 to 30' else 'more'
    end as days
    from open_tickets
    where {scope}
)
select
    days,
    count(*) filter (where severity = 'P1') as P1, count(*) filter (where severity = 'P2') as P2,
    count(*) filter (where severity = 'P3') as P3, count(*) filter (where severity = 'P4') as P4
from (values (1, 'under 1'), (2, '1 to 3'), (3, '3 to 7'), (4, '7 to 14'), (5, '14 to 30'), (6, 'more'))
    as bins (place, days)
left join aged using (days)
group by place, days
order by place
"""
BY_STATUS = "select status, count(*) as tickets from open_tickets where {scope} group by 1 order by 2 desc, 1"
BY_TEAM = """
select
    team, count(*) as open, count(*) filter (where is_sla_breached) as overdue,
    count(*) filter (where agent_id is null) as unassigned, quantile_disc(age_hours, 0.5) as age_hours_median
from open_tickets
where {scope}
group by 1
order by 2 desc, 1
"""


def show(lake: Lake, scope: Scope) -> None:
    now = scope.row(lake, NOW)
    by_day = scope.rows(lake, BY_DAY, "day", DAILY)
    first = by_day.iloc[0] if len(by_day) else None
    with shown.numbers():
        shown.number("backlog", now["backlog"], None if first is None else first["backlog"], wording.count)
        shown.number("overdue", now["overdue"], None if first is None else first["overdue"], wording.count)
        shown.number("overdue_share", now["overdue_share"], None, wording.share, is_share=True)
        shown.number("age_median", now["age_median"], None, wording.hours)
    with shown.panel("forecast"):
        st.markdown(forecast(now["backlog"], scope.row(lake, PACE, None, DAILY)))
    if others := [COLUMNS[column] for column, _ in scope.chosen if column not in DAILY]:
        st.caption(f"{', '.join(others)}: not counted by day, so charts by day and the pace show all.")

    left, right = st.columns(2)
    with left:
        by_severity = scope.rows(lake, BY_SEVERITY, "day", DAILY)
        shown.chart(
            "backlog_by_severity",
            by_severity,
            lambda rows: charts.areas(rows, "day", *charts.BY_SEVERITY),
        )
    with right:
        shown.chart(
            "overdue_by_day",
            by_day[["day", "backlog", "overdue"]],
            lambda rows: charts.lines(
                rows, "day", {"backlog": "Open", "overdue": "Overdue"}, (charts.MAIN, charts.BAD)
            ),
        )
    left, right = st.columns(2)
    with left:
        flows = {"arrived": "Came in or back", "resolved": "Resolved"}
        shown.chart(
            "flow",
            by_day[["day", *flows, "growth"]],
            lambda rows: charts.columns(rows, "day", flows, stack=False),
        )
    with right:
        shown.chart(
            "ages",
            scope.rows(lake, AGES),
            lambda rows: charts.columns(rows, "days", *charts.BY_SEVERITY, unit="tickets").update_xaxes(title="days"),
        )
    left, right = st.columns([1, 2])
    with left:
        shown.chart("open_by_status", scope.rows(lake, BY_STATUS), lambda rows: charts.bars(rows, "status", "tickets"))
    with right:
        shown.table("open_by_team", scope.rows(lake, BY_TEAM))


def forecast(backlog: int, pace: dict[str, Any]) -> str:
    """When the backlog would be worked off, and what that rests on."""
    if not pace["resolved"]:
        return f"Nothing was resolved in the last {PACE_DAYS} days, so there is no pace to go on."
    arrived, resolved = pace["arrived"], pace["resolved"]
    open_now, days_alone = wording.count(backlog), wording.decimal(backlog / resolved)
    if resolved > arrived:
        days = wording.count(backlog / (resolved - arrived))
        ends = f"If it goes on like that, the {open_now} open tickets are worked off in **{days} days**."
    else:
        growth = wording.decimal(arrived - resolved)
        ends = f"At that pace the backlog is **never worked off**: it grows by {growth} a day."
    return (
        f"In the last {PACE_DAYS} days {wording.decimal(arrived)} tickets a day came in or back, and "
        f"{wording.decimal(resolved)} were resolved. {ends} If nothing came in any more, it would take {days_alone} "
        "days. A sum with averages, which knows of no holidays and no trend: no promise."
    )
