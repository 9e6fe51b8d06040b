"""What is open: how it grows and drains, how old it is, when it would be worked off."""

from __future__ import annotations

from typing import Any

import pandas as pd
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
with days as (
    select distinct day from backlog_daily where day > (select max(day) - {PACE_DAYS} from backlog_daily)
)
select
    (select count(*) from days) as days, sum(created + reopened) / (select count(*) from days) as arrived,
    sum(resolved) / (select count(*) from days) as resolved
from backlog_daily semi join days using (day)
where {{scope}}
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
    others = [COLUMNS[column] for column, _ in scope.chosen if column not in DAILY]
    last, first = now, {}
    if not others and len(by_day):
        last = _end_of(by_day.iloc[-1])
        if scope.first_day == by_day["day"].iloc[0].date() < scope.last_day:
            first = _end_of(by_day.iloc[0])
    with shown.numbers():
        shown.number("backlog", last["backlog"], first.get("backlog"), wording.count)
        shown.number("overdue", last["overdue"], first.get("overdue"), wording.count)
        shown.number("overdue_share", last["overdue_share"], first.get("overdue_share"), wording.share, is_share=True)
        shown.number("age_median", now["age_median"], None, wording.hours)
    if others:
        st.caption(
            f"{', '.join(others)}: not counted by day. So the numbers above are of now, without a change and a "
            "forecast, and charts by day show all."
        )
    else:
        with shown.panel("forecast"):
            st.markdown(forecast(now["backlog"], scope.row(lake, PACE, None, DAILY)))

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


def _end_of(day: pd.Series) -> dict[str, Any]:
    """What was open at the end of a day."""
    share = day["overdue"] / day["backlog"] if day["backlog"] else None
    return {"backlog": day["backlog"], "overdue": day["overdue"], "overdue_share": share}


def forecast(backlog: int, pace: dict[str, Any]) -> str:
    """When the backlog would be worked off, and what that rests on."""
    days = "day" if pace["days"] == 1 else f"{pace['days']} days"
    if not pace["resolved"]:
        return f"Nothing was resolved in the last {days}, so there is no pace to go on."
    arrived, resolved = pace["arrived"], pace["resolved"]
    open_now, days_alone = wording.count(backlog), wording.decimal(backlog / resolved)
    if resolved > arrived:
        until = wording.count(backlog / (resolved - arrived))
        ends = f"If it goes on like that, the {open_now} open tickets are worked off in **{until} days**."
    else:
        growth = wording.decimal(arrived - resolved)
        ends = f"At that pace the backlog is **never worked off**: it grows by {growth} a day."
    return (
        f"In the last {days} {wording.decimal(arrived)} tickets a day came in or back, and "
        f"{wording.decimal(resolved)} were resolved. {ends} If nothing came in any more, it would take {days_alone} "
        "days. A sum with averages, which knows of no holidays and no trend: no promise."
    )
