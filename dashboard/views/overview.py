"""How the desk is doing: what came in, what was late, how long it took."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import charts, shown, wording
from dashboard.filters import Scope
from dashboard.lake import Lake

OPENED = "created_on"
RESOLVED = "resolved_on"
TARGET = 10.0  # percent, as in analyses/kpi_sla_breach_rate_against_target.sql
CATEGORIES = 20

ALL_OPENED = """
select
    count(*) as opened,
    count(*) filter (where is_sla_breached) as breached,
    avg(cast(is_sla_breached as integer)) as breach_rate
from tickets
where {scope}
"""
ALL_RESOLVED = """
select avg(resolution_hours) as average, quantile_disc(resolution_hours, 0.5) as median
from tickets
where {scope}
"""
BY_DAY = "select created_on as day, count(*) as opened from tickets where {scope} group by 1 order by 1"
BY_SEVERITY = "select severity, count(*) as tickets from tickets where {scope} group by 1 order by 1"
BY_MARKET = """
select market_name as market, coalesce(tickets, 0) as tickets
from dim_markets left join (select market, count(*) as tickets from tickets where {scope} group by 1) using (market)
order by 2 desc, 1
"""
BY_CATEGORY = f"""
select category, count(*) as tickets from tickets where {{scope}} group by 1 order by 2 desc, 1 limit {CATEGORIES}
"""
RESOLUTION_TIMES = """
select severity, resolved, p[1] as p10, p[2] as p25, p[3] as p50, p[4] as p75, p[5] as p90
from (
    select severity, count(*) as resolved, quantile_disc(resolution_hours, [0.10, 0.25, 0.50, 0.75, 0.90]) as p
    from tickets
    where {scope}
    group by 1
)
order by 1
"""
BY_MARKET_AND_SEVERITY = "select market, severity, count(*) as tickets from tickets where {scope} group by 1, 2"
OPENED_BY_WEEK = """
select cast(date_trunc('week', created_on) as date) as week, count(*) as opened from tickets where {scope} group by 1
"""
CLOSED_BY_WEEK = """
select cast(date_trunc('week', resolved_on) as date) as week, count(*) as closed from tickets where {scope} group by 1
"""
OPEN_P1 = """
select ticket_key, market, status, team, agent_id, subject, created_at, due_at
from open_tickets
where severity = 'P1' and {scope}
order by due_at nulls last, ticket_key
"""


def show(lake: Lake, scope: Scope) -> None:
    opened, opened_before = (one.row(lake, ALL_OPENED, OPENED) for one in (scope, scope.before))
    resolved, resolved_before = (one.row(lake, ALL_RESOLVED, RESOLVED) for one in (scope, scope.before))
    with shown.numbers():
        shown.number("tickets_opened", opened["opened"], opened_before["opened"], wording.count)
        shown.number("breached", opened["breached"], opened_before["breached"], wording.count)
        shown.number("breach_rate", opened["breach_rate"], opened_before["breach_rate"], wording.share, is_share=True)
        shown.number("resolution_time_avg", resolved["average"], resolved_before["average"], wording.hours)
        shown.number("resolution_time_median", resolved["median"], resolved_before["median"], wording.hours)

    left, right = st.columns([2, 1])
    with left:
        days = scope.rows(lake, BY_DAY, OPENED).set_index("day")
        every_day = pd.date_range(scope.first_day, scope.last_day, name="day")
        by_day = days.reindex(every_day, fill_value=0).reset_index()
        shown.chart("volume", by_day, lambda rows: charts.lines(rows, "day", {"opened": "Opened"}))
    with right:
        shown.chart(
            "severities", scope.rows(lake, BY_SEVERITY, OPENED), lambda rows: charts.donut(rows, "severity", "tickets")
        )

    left, middle, right = st.columns(3)
    with left, shown.panel("breach_rate_against_target"):
        target = st.number_input(
            "Target, %", 0.0, 100.0, TARGET, 0.5, "%.1f", "target", bind="query-params",
            help="The highest breach rate that is within what the desk has promised.",
        )  # fmt: skip
        if opened["breach_rate"] is None:
            shown.nothing()
        else:
            figure = charts.gauge(opened["breach_rate"], target / 100)
            words = (
                f"{wording.share(opened['breach_rate'])} of tickets breached their resolution SLA, target {target} %"
            )
            figure.update_layout(height=230, separators=wording.separators())
            st.plotly_chart(figure, key="gauge", config=shown.CONFIG, alt=words)
    with middle:
        by_market = scope.rows(lake, BY_MARKET, OPENED)
        shown.chart("markets", by_market, lambda rows: charts.bars(rows, "market", "tickets"))
    with right:
        by_category = scope.rows(lake, BY_CATEGORY, OPENED)
        shown.chart("categories", by_category, lambda rows: charts.treemap(rows, "category", "tickets"))

    left, right = st.columns(2)
    with left:
        weeks = (
            scope.rows(lake, OPENED_BY_WEEK, OPENED)
            .merge(scope.rows(lake, CLOSED_BY_WEEK, RESOLVED), "outer", "week", sort=True)
            .fillna({"opened": 0, "closed": 0})
        )
        shown.chart("weeks", weeks, lambda rows: charts.areas(rows, "week", {"closed": "Closed", "opened": "Opened"}))
    with right:
        times = scope.rows(lake, RESOLUTION_TIMES, RESOLVED)
        shown.chart("resolution_times", times, lambda rows: charts.boxes(rows, "severity", "hours"))

    left, right = st.columns([2, 1])
    with left:
        _open_p1(lake, scope)
    with right:
        cells = scope.rows(lake, BY_MARKET_AND_SEVERITY, OPENED)
        shown.chart(
            "market_severity",
            cells,
            lambda rows: charts.heat(
                rows, "severity", "market", "tickets", list(charts.SEVERITIES), sorted(set(rows["market"]))
            ),
        )


def _open_p1(lake: Lake, scope: Scope) -> None:
    found = scope.rows(lake, OPEN_P1)
    overdue = (pd.Timestamp(lake.as_of) - found["due_at"]).dt.total_seconds() / 3600
    found.insert(0, "overdue_hours", overdue.where(overdue > 0))
    columns = {"overdue_hours": st.column_config.NumberColumn("Overdue, hours", format="%.1f")}
    shown.table("open_p1", found, columns, "" if scope.chosen else "No P1 ticket is open.")
