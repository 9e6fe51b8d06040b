"""Work on vehicles: what fails, which parts go, what it costs; one vehicle's history by its id."""

from __future__ import annotations

from datetime import date

import streamlit as st

from dashboard import charts, shown, wording
from dashboard.filters import Scope
from dashboard.lake import Lake, first_row

FILTERS = frozenset({"period"})
DAY = "cast(serviced_at as date)"
MONTH = "month"

ALL = """
select count(*) as services, count(distinct vehicle_id) as vehicles, sum(failure_count) as failures,
    avg(cast(coalesce(is_warranty, false) as integer)) as warranty
from fct_service_records
where {scope}
"""
FAILURES = """
select coalesce(failure_name || ' (' || failure_code || ')', failure_code) as failure, sum(records) as records
from failures_monthly where {scope} group by 1 order by 2 desc, 1 limit 15
"""
PARTS = """
select month, coalesce(part_name || ' (' || part_code || ')', part_code) as part, quantity
from part_usage_monthly
where {scope} and part_code in (
    select part_code from part_usage_monthly group by 1 order by sum(quantity) desc, part_code limit 6
)
order by 1, 2
"""
COSTS = """
select
    currency, service_type, sum(records) as records, sum(parts_cost) as parts_cost, sum(labor_cost) as labor_cost,
    sum(parts_cost) + sum(labor_cost) as total_cost
from service_costs_monthly
where currency is not null and {scope}
group by 1, 2
order by 1, 2
"""
HISTORY = "select * from vehicle_service_history where vehicle_id = ?"
SERVICES = """
select
    serviced_at, service_type, dealership_id, city, odometer_km, labor_hours, total_cost, currency, is_warranty,
    (
        select string_agg(failure_code, ', ' order by failure_code) from fct_service_failures
        where fct_service_failures.service_record_id = fct_service_records.service_record_id
    ) as failures, service_record_id
from fct_service_records
where vehicle_id = ?
order by serviced_at desc
"""


def show(lake: Lake, scope: Scope) -> None:
    _vehicle(lake)
    now, before = (one.row(lake, ALL, DAY, ()) for one in (scope, scope.before))
    with shown.numbers():
        shown.number("services", now["services"], before["services"], wording.count)
        shown.number("vehicles", now["vehicles"], before["vehicles"], wording.count)
        shown.number("failures", now["failures"], before["failures"], wording.count)
        shown.number("warranty_share", now["warranty"], before["warranty"], wording.share, is_share=True)
    this_month = scope.last_day.replace(day=1)
    months = Scope(scope.first_day.replace(day=1), scope.last_day)
    year = Scope(date(this_month.year - (this_month.month < 12), this_month.month % 12 + 1, 1), scope.last_day)
    left, right = st.columns(2)
    with left:
        failures = months.rows(lake, FAILURES, MONTH, ())
        shown.chart("common_failures", failures, lambda rows: charts.bars(rows, "failure", "records"), 420)
    with right:
        parts = year.rows(lake, PARTS, MONTH, ())
        shown.chart("part_usage", parts, _by_part, 420)
    shown.table("service_costs", months.rows(lake, COSTS, MONTH, ()))


def _by_part(rows):
    wide = rows.pivot(index="month", columns="part", values="quantity").fillna(0).reset_index()
    return charts.lines(wide, "month", {part: part for part in wide.columns if part != "month"})


def _vehicle(lake: Lake) -> None:
    with shown.panel("vehicle_history"):
        vehicle = st.text_input("Vehicle id", key="vehicle", bind="query-params", placeholder="of one vehicle").strip()
        if not vehicle:
            return
        history, services = lake.rows(HISTORY, (vehicle,)), lake.rows(SERVICES, (vehicle,))
        if history.empty:
            st.warning(f"No service of a vehicle {wording.plain(vehicle)} is known. Capital and small letters differ.")
            return
        one = first_row(history)
        ran_back = " **Its odometer ran back.**" if one["odometer_ran_back"] else ""
        model = wording.plain(one["vehicle_model"] or "Of unknown model")
        st.markdown(
            f"{model}, {wording.count(one['services'])} services from {wording.day(one['first_serviced_at'])} to "
            f"{wording.day(one['last_serviced_at'])}, last at {wording.count(one['last_odometer_km'])} km, "
            f"{wording.count(one['tickets'])} tickets, {wording.count(one['open_tickets'])} of them open.{ran_back}"
        )
        shown.sheet(services, f"Services of vehicle {vehicle}")
        shown.downloads("vehicle_history", services)
