"""Telephone calls: when they come, how long they take, what about, and who is good at them."""

from __future__ import annotations

import streamlit as st

from dashboard import charts, shown, wording
from dashboard.filters import Scope
from dashboard.lake import NONE, Lake
from dashboard.shown import FEW, MARK

FILTERS = frozenset({"period"})
DAY = "call_date"
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

ALL = """
select
    count(*) as calls, avg(call_duration_minutes) as minutes, avg(rating) as rating,
    avg(cast(coalesce(resolution, '') = 'resolved' as integer)) as resolved
from fct_calls
where {scope}
"""
BY_HOUR = """
select isodow(call_date) as weekday, hour_of_day, count(*) as calls from fct_calls where {scope} group by 1, 2
"""
DURATIONS = """
select minutes, count(call_id) as calls
from (select unnest(range(0, 62, 2)) as minutes)
left join (
    select call_id, least(60, 2 * floor(call_duration_minutes / 2)) as minutes from fct_calls where {scope}
) using (minutes)
group by 1
order by 1
"""
ISSUES = f"""
select
    coalesce(issue_type, '{NONE}') as issue_type, count(*) as calls, avg(call_duration_minutes) as minutes_avg,
    avg(cast(coalesce(resolution, '') = 'resolved' as integer)) as resolved_share
from fct_calls
where {{scope}}
group by 1
order by 2 desc, 1
limit 15
"""
RANKED = f"""
select
    if(calls < {FEW}, '{MARK}', '') as small_numbers, agent_id, agent_name, region, calls, minutes_avg, rating_avg,
    rated_calls, resolved_share, escalated_share, rank_resolved_share, rank_rating_avg, rank_minutes_avg
from agent_call_ranking
order by rank_resolved_share nulls last, agent_id
"""


def show(lake: Lake, scope: Scope) -> None:
    now, before = (one.row(lake, ALL, DAY, ()) for one in (scope, scope.before))
    with shown.numbers():
        shown.number("calls", now["calls"], before["calls"], wording.count)
        shown.number("call_minutes", now["minutes"], before["minutes"], wording.minutes)
        shown.number("calls_resolved", now["resolved"], before["resolved"], wording.share, is_share=True)
        shown.number("call_rating", now["rating"], before["rating"], wording.average)
    left, right = st.columns(2)
    with left:
        by_hour = scope.rows(lake, BY_HOUR, DAY, ())
        by_hour["weekday"] = by_hour["weekday"].map(lambda number: WEEKDAYS[int(number) - 1])
        shown.chart(
            "calls_by_hour",
            by_hour,
            lambda rows: charts.heat(rows, "hour_of_day", "weekday", "calls", list(range(24)), WEEKDAYS),
        )
    with right:
        durations = scope.rows(lake, DURATIONS, DAY, ())
        shown.chart(
            "call_durations",
            durations,
            lambda rows: charts.columns(rows, "minutes", {"calls": "Calls"}),
            counts=("calls",),
        )
    shown.chart("call_issues", scope.rows(lake, ISSUES, DAY, ()), lambda rows: charts.bars(rows, "issue_type", "calls"))
    shown.table(
        "agents_ranked",
        lake.rows(RANKED),
        {
            "minutes_avg": st.column_config.NumberColumn("Minutes", format="%.1f"),
            "rating_avg": st.column_config.NumberColumn("Rating", format="%.2f"),
            "rank_resolved_share": "Rank by resolved",
            "rank_rating_avg": "Rank by rating",
            "rank_minutes_avg": "Rank by minutes",
        },
    )
