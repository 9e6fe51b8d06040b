"""How customers rated what was done for them."""

from __future__ import annotations

import streamlit as st

from dashboard import charts, shown, wording
from dashboard.filters import Scope
from dashboard.lake import Lake
from dashboard.shown import FEW, MARK

RESOLVED = "resolved_on"
GOOD = 4

ALL = f"""
select
    count(satisfaction) as rated,
    avg(cast(satisfaction is not null as integer)) as rated_share,
    avg(satisfaction) as average,
    count(*) filter (where satisfaction >= {GOOD}) / nullif(count(satisfaction), 0) as good
from tickets
where {{scope}}
"""
RATINGS = """
select rating, count(satisfaction) as tickets
from (select cast(unnest(range(5, 0, -1)) as integer) as rating)
left join (select satisfaction from tickets where {scope}) on satisfaction = rating
group by 1
order by 1 desc
"""
BY = f"""
select
    {{by}}, count(satisfaction) as rated, avg(satisfaction) as average,
    count(*) filter (where satisfaction >= {GOOD}) / nullif(count(satisfaction), 0) as good,
    if(count(satisfaction) < {FEW}, '{MARK}', '') as small_numbers
from tickets
where {{{{scope}}}}
group by 1
order by 2 desc, 1
"""
BY_WEEK = """
select cast(date_trunc('week', resolved_on) as date) as week, avg(satisfaction) as average
from tickets where {scope} group by 1 order by 1
"""


def show(lake: Lake, scope: Scope) -> None:
    now, before = (one.row(lake, ALL, RESOLVED) for one in (scope, scope.before))
    with shown.numbers():
        shown.number("rated_tickets", now["rated"], before["rated"], wording.count)
        shown.number("rated_share", now["rated_share"], before["rated_share"], wording.share, is_share=True)
        shown.number("satisfaction_avg", now["average"], before["average"], wording.average)
        shown.number("satisfaction_good", now["good"], before["good"], wording.share, is_share=True)
    left, right = st.columns([1, 2])
    with left:
        shown.chart(
            "ratings",
            scope.rows(lake, RATINGS, RESOLVED),
            lambda rows: charts.bars(rows, "rating", "tickets"),
            counts=("tickets",),
        )
    with right:
        shown.chart(
            "satisfaction_by_week",
            scope.rows(lake, BY_WEEK, RESOLVED),
            lambda rows: charts.lines(rows, "week", {"average": "Average rating"}),
        )
    shares = {
        "average": st.column_config.NumberColumn("Average", format="%.2f"),
        "good": st.column_config.ProgressColumn("Rated 4 or 5", format="percent", min_value=0, max_value=1),
    }
    left, right = st.columns(2)
    with left:
        rows = scope.rows(lake, BY.format(by="category"), RESOLVED)
        shown.table("satisfaction_by_category", rows, shares)
    with right:
        rows = scope.rows(lake, BY.format(by="market"), RESOLVED)
        shown.table("satisfaction_by_market", rows, shares)
