"""How quickly and with how much effort tickets are answered and resolved."""

from __future__ import annotations

import streamlit as st

from dashboard import charts, shown, wording
from dashboard.filters import Scope
from dashboard.lake import Lake

RESOLVED = "resolved_on"

ALL = """
select
    quantile_disc(first_reply_hours, 0.5) as first_reply,
    quantile_disc(first_reply_business_hours, 0.5) as first_reply_business,
    quantile_disc(resolution_business_hours, 0.5) as resolution_business,
    avg(cast(agent_reply_count <= 1 as integer)) as one_touch,
    avg(agent_reply_count) as replies,
    avg(handoff_count) as handoffs,
    avg(cast(reopen_count > 0 as integer)) as reopened
from tickets
where {scope}
"""
BRACKETS = """
with timed as (
    select case when {hours} is null then 6 when {hours} < 1 then 1 when {hours} < 8 then 2 when {hours} < 24 then 3
        when {hours} < 72 then 4 else 5 end as place
    from tickets
    where {{scope}}
)
select took, count(timed.place) as tickets
from (values (1, 'under 1 h'), (2, '1 to 8 h'), (3, '8 to 24 h'), (4, '1 to 3 days'), (5, 'longer'), (6, 'never'))
    as bins (place, took)
left join timed using (place)
group by bins.place, took
order by bins.place
"""
WHERE_TIME_WENT = """
select
    category, count(*) as tickets, avg(working_hours) as working_hours,
    avg(pending_hours) as pending_hours, avg(on_hold_hours) as on_hold_hours
from tickets
where {scope}
group by 1
order by 2 desc, 1
limit 20
"""
BY_WEEK = """
select
    cast(date_trunc('week', resolved_on) as date) as week,
    quantile_disc(first_reply_hours, 0.5) as first_reply, quantile_disc(resolution_hours, 0.5) as resolution
from tickets
where {scope}
group by 1
order by 1
"""


def show(lake: Lake, scope: Scope) -> None:
    now, before = (one.row(lake, ALL, RESOLVED) for one in (scope, scope.before))
    with shown.numbers():
        shown.number("first_reply_median", now["first_reply"], before["first_reply"], wording.hours)
        shown.number(
            "first_reply_business_median", now["first_reply_business"], before["first_reply_business"], wording.hours
        )
        shown.number(
            "resolution_business_median", now["resolution_business"], before["resolution_business"], wording.hours
        )
        shown.number("one_touch", now["one_touch"], before["one_touch"], wording.share, is_share=True)
        shown.number("replies_per_ticket", now["replies"], before["replies"], wording.average)
        shown.number("handoffs", now["handoffs"], before["handoffs"], wording.average)
        shown.number("reopened_share", now["reopened"], before["reopened"], wording.share, is_share=True)
    left, right = st.columns(2)
    with left:
        brackets = scope.rows(lake, BRACKETS.format(hours="first_reply_hours"), RESOLVED)
        shown.chart("first_reply_brackets", brackets, lambda rows: charts.bars(rows, "took", "tickets"))
    with right:
        brackets = scope.rows(lake, BRACKETS.format(hours="resolution_hours"), RESOLVED)
        shown.chart("resolution_brackets", brackets[:-1], lambda rows: charts.bars(rows, "took", "tickets"))
    left, right = st.columns(2)
    with left:
        shown.chart(
            "times_by_week",
            scope.rows(lake, BY_WEEK, RESOLVED),
            lambda rows: charts.lines(
                rows, "week", {"first_reply": "First reply", "resolution": "Resolution"}, unit="hours"
            ),
        )
    with right:
        shown.chart(
            "where_time_went",
            scope.rows(lake, WHERE_TIME_WENT, RESOLVED),
            lambda rows: charts.columns(
                rows,
                "category",
                {"working_hours": "Working", "pending_hours": "Pending", "on_hold_hours": "On hold"},
                unit="hours",
            ),
        )
