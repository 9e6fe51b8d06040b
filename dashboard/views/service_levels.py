"""Which clocks were in time, what runs out next, and what late tickets have in common."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import charts, shown, wording
from dashboard.filters import Scope
from dashboard.lake import Lake

STARTED = "started_on"
WITHIN = {"4 hours": 4, "8 hours": 8, "24 hours": 24, "3 days": 72, "7 days": 168}
METRICS = {"first_reply": "First reply", "next_reply": "Next reply", "resolution": "Resolution"}

ATTAINMENT = """
select
    {by},
    count(*) filter (where state = 'met')
        / nullif(count(*) filter (where state in ('met', 'breached')), 0) as attainment,
    count(*) as clocks,
    count(*) filter (where state = 'met') as met,
    count(*) filter (where is_breached) as breached,
    count(*) filter (where state in ('active', 'paused')) as running
from clocks
where {{scope}}
group by all
order by all
"""
TREND = """
select started_on as day, metric, count(*) filter (where is_breached) / count(*) as breach_rate
from clocks where {scope} group by all order by all
"""
NEXT = """
select ticket_key, metric, severity, market, team, policy, started_at, due_at
from clocks
where {scope} and state = 'active' and due_at <= ?
order by due_at, ticket_key, metric
"""
CAUSES = """
with decided as (
    select
        is_sla_breached,
        (pending_hours + on_hold_hours) / nullif(working_hours + pending_hours + on_hold_hours, 0) as waiting,
        handoff_count, reopen_count, is_escalated
    from tickets
    where is_sla_breached is not null and {scope}
),
told as (
    select unnest([
        {'of': 'Waiting',
            'what': case when coalesce(waiting, 0) = 0 then 'none' when waiting < 0.25 then 'under a quarter'
                when waiting < 0.5 then 'under half' else 'half or more' end,
            'place': case when coalesce(waiting, 0) = 0 then 0 when waiting < 0.25 then 1
                when waiting < 0.5 then 2 else 3 end},
        {'of': 'Handoffs', 'what': if(handoff_count >= 3, '3 or more', cast(handoff_count as varchar)),
            'place': least(handoff_count, 3)},
        {'of': 'Reopened', 'what': if(reopen_count >= 2, '2 or more', cast(reopen_count as varchar)),
            'place': least(reopen_count, 2)},
        {'of': 'Escalated', 'what': if(is_escalated, 'yes', 'no'), 'place': cast(is_escalated as integer)}
    ]) as one, is_sla_breached
    from decided
)
select
    one.of as cause, one.what as tickets_with, count(*) as tickets, count(*) filter (where is_sla_breached) as breached,
    avg(cast(is_sla_breached as integer)) as breach_rate
from told
group by one.of, one.what, one.place
order by one.of, one.place
"""


def show(lake: Lake, scope: Scope) -> None:
    lake.needs_clocks()
    by_metric = scope.rows(lake, ATTAINMENT.format(by="metric"), STARTED)
    before = scope.before.rows(lake, ATTAINMENT.format(by="metric"), STARTED)
    with shown.numbers():
        for metric in METRICS:
            now, then = (_attainment(rows, metric) for rows in (by_metric, before))
            shown.number(f"attainment_{metric}", now, then, wording.share, is_share=True)

    within = st.segmented_control(
        "Runs out within", list(WITHIN), default="24 hours", required=True, key="within", bind="query-params"
    )
    until = pd.Timestamp(lake.as_of) + pd.Timedelta(hours=WITHIN[within])
    following = scope.rows(lake, NEXT, parameters=(until.to_pydatetime(),))
    following.insert(0, "hours_left", (following["due_at"] - pd.Timestamp(lake.as_of)).dt.total_seconds() / 3600)
    columns = {"hours_left": st.column_config.NumberColumn("Hours left", format="%.1f")}
    shown.table("breaches_next", following, columns, "" if scope.chosen else "No clock runs out within that time.")

    shown.chart(
        "breach_rate_by_day",
        _wide(scope.rows(lake, TREND, STARTED)),
        lambda rows: (
            charts.lines(rows, "day", {one: label for one, label in METRICS.items() if one in rows})
            .update_yaxes(tickformat=".0%")
            .update_traces(hovertemplate="%{y:.1%}")
        ),
        counts=(),
    )
    left, right = st.columns(2)
    with left:
        shown.table("attainment_by_market", scope.rows(lake, ATTAINMENT.format(by="market, metric"), STARTED), _SHARES)
    with right:
        shown.table("attainment_by_policy", scope.rows(lake, ATTAINMENT.format(by="policy, metric"), STARTED), _SHARES)
    left, right = st.columns(2)
    with left:
        shown.table("attainment_by_team", scope.rows(lake, ATTAINMENT.format(by="team, metric"), STARTED), _SHARES)
    with right:
        shown.table("causes", scope.rows(lake, CAUSES, "created_on"), _SHARES)


_SHARES = {
    "attainment": st.column_config.ProgressColumn("In time", format="percent", min_value=0, max_value=1),
    "breach_rate": st.column_config.ProgressColumn("Breach rate", format="percent", min_value=0, max_value=1),
}


def _attainment(rows: pd.DataFrame, metric: str) -> float | None:
    found = rows.loc[rows["metric"] == metric, "attainment"].dropna()
    return None if found.empty else float(found.iloc[0])


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.pivot(index="day", columns="metric", values="breach_rate").reset_index()
