"""Each metric, queried with MetricFlow on DuckDB, is what the tables say."""

from datetime import date, datetime, time
from types import SimpleNamespace

import pytest
from dbt_metricflow.cli.dbt_connectors.adapter_backed_client import AdapterBackedSqlClient
from lakes import Lake, exact_part_first, same
from landings import file_of
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow_semantic_interfaces.type_enums import DimensionType
from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup
from rare_lines import rare_lines

from generator.cli import main

LAST_DAY = date(2026, 2, 15)
MODELS = ("fct_tickets", "ticket_kpis_daily", "ops_metrics_daily", "dim_markets", "dim_agents")
RESOLVED_BY_MONTH = """
    with ranked as (
        select
            date_trunc('month', resolved_at) as month,
            resolution_hours,
            row_number() over (partition by date_trunc('month', resolved_at) order by resolution_hours) as place,
            count(*) over (partition by date_trunc('month', resolved_at)) as resolved
        from fct_tickets
        where resolved_at is not null
    )
    select month, count(*), avg(resolution_hours), max(resolution_hours) filter (place = ceil(resolved * 0.5))
    from ranked
    group by month
"""
# Metrics, groups, and a query of the tables that has the same columns, groups first.
SAID_ALIKE = {
    "the desk by day": (
        "tickets_opened resolutions reopenings backlog overdue_backlog first_reply_hours_median",
        "metric_time__day",
        "select day, created, resolved, reopened, backlog, overdue_backlog, first_reply_hours_median"
        " from ops_metrics_daily",
    ),
    "the desk by week": (
        "tickets_opened resolutions reopenings backlog",
        "metric_time__week",
        "select week_start, sum(created), sum(resolved), sum(reopened), max_by(backlog, day)"
        " from ops_metrics_daily inner join dim_dates using (day) group by week_start",
    ),
    "a market's day": (
        "tickets_opened backlog overdue_backlog",
        "metric_time__day market",
        "select day, market, sum(created), sum(closing), sum(overdue) from backlog_daily group by day, market",
    ),
    "a market's tickets of a severity by day": (
        "backlog overdue_backlog resolutions reopenings",
        "metric_time__day market backlog__severity",
        "select day, market, severity, closing, overdue, resolved, reopened from backlog_daily",
    ),
    "breaches by day": (
        "tickets_opened tickets_with_sla tickets_breached breach_rate",
        "metric_time__day",
        "select cast(created_at as date), count(*), count(is_sla_breached), count(*) filter (is_sla_breached),"
        " avg(case when is_sla_breached then 1.0 when not is_sla_breached then 0.0 end)"
        " from fct_tickets group by 1",
    ),
    "breaches by category": (
        "tickets_opened tickets_breached breach_rate",
        "ticket__category",
        "select coalesce(category, '(none)'), count(*), count(*) filter (is_sla_breached),"
        " avg(case when is_sla_breached then 1.0 when not is_sla_breached then 0.0 end) from fct_tickets group by 1",
    ),
    "resolution times by month": (
        "tickets_resolved resolution_hours_avg resolution_hours_median",
        "metric_time__month",
        RESOLVED_BY_MONTH,
    ),
    "what is open now": (
        "backlog overdue_backlog overdue_share",
        "market",
        "select market, count(*) filter (is_open), count(*) filter (is_open and is_sla_breached),"
        " count(*) filter (is_open and is_sla_breached) / nullif(count(*) filter (is_open), 0)"
        " from fct_tickets group by market",
    ),
}


@pytest.fixture(scope="module")
def lake(dbt, tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("metrics") / "lake")
    span = ["--start", "2026-01-12", "--end", str(LAST_DAY)]
    assert main(["generate", "--count", "300", *span, "--output", str(lake.raw)]) == 0
    lake.land({f"dt={LAST_DAY}/rare.jsonl": file_of(*rare_lines(LAST_DAY)["ticket_updates"])})
    dbt.build(lake, "--select", *(f"+{model}" for model in MODELS))
    # As if no policy had held for some: the seeds have one for each severity.
    lake.execute(
        "update int_tickets set has_resolution_clock = false where breaches_at is null and hash(ticket_key) % 7 = 0"
    )
    return lake


@pytest.fixture(scope="module")
def metricflow(dbt, lake):
    """MetricFlow's engine, which writes the SQL of a query."""
    written = (dbt.home / "target" / "semantic_manifest.json").read_text(encoding="utf-8")
    client = AdapterBackedSqlClient(SimpleNamespace(type=lambda: "duckdb"))
    return MetricFlowEngine(SemanticManifestLookup(parse_manifest_from_dbt_generated_manifest(written)), client)


@pytest.fixture(scope="module")
def ask(lake, metricflow):
    """The rows of metrics by groups, in the order of their names, groups first."""

    def ask(metrics, groups):
        request = MetricFlowQueryRequest.create(metric_names=metrics, group_by_names=groups)
        sql = metricflow.explain(request).sql_statement.sql
        return in_order(lake.query(f"select {', '.join([*groups, *metrics])} from ({sql})"))

    return ask


def in_order(rows):
    """Sorted, with moments for days."""
    moments = [
        tuple(datetime.combine(value, time.min) if type(value) is date else value for value in row) for row in rows
    ]
    return sorted(moments, key=exact_part_first)


@pytest.mark.parametrize("name", SAID_ALIKE)
def test_metrics_are_what_the_tables_say(lake, ask, name):
    metrics, groups, sql = SAID_ALIKE[name]
    found, expected = ask(metrics.split(), groups.split()), in_order(lake.query(sql))
    assert len(found) == len(expected) > 1
    assert [pair for pair in zip(found, expected, strict=True) if not all(map(same, *pair))] == []
    # Each says something, and not the same of all groups.
    assert all(len(set(values)) > 1 for values in zip(*found, strict=True))


def test_times_are_those_of_the_daily_tables_where_no_ticket_came_back(lake, ask):
    """The daily tables count each time that a ticket was resolved, the metrics only the last."""
    metrics = ["resolutions", "tickets_resolved", "resolution_hours_median", "resolution_hours_avg"]
    found = {day: times for day, events, tickets, *times in ask(metrics, ["metric_time__day"]) if events == tickets > 0}
    expected = {
        day: times
        for day, *times in in_order(
            lake.query(
                "select day, any_value(ops.resolution_hours_median),"
                " sum(resolution_hours_avg * kpis.resolved) / sum(kpis.resolved)"
                " from ops_metrics_daily as ops inner join ticket_kpis_daily as kpis using (day) group by day"
            )
        )
    }
    assert len(found) > 10
    assert [day for day, times in found.items() if not all(map(same, times, expected[day]))] == []


def test_breaches_are_those_of_the_daily_tables(lake, ask):
    """Each ticket breaches once at most: by whatever day they are counted, the sum is the same."""
    [(found,)], [(expected,)] = (
        ask(["tickets_breached"], []),
        lake.query("select sum(sla_breached) from ops_metrics_daily"),
    )
    assert found == expected > 0


def test_every_metric_is_compared(metricflow):
    compared = {metric for metrics, *_ in SAID_ALIKE.values() for metric in metrics.split()}
    assert {metric.name for metric in metricflow.list_metrics()} == compared


@pytest.mark.parametrize("metric", ["tickets_opened", "backlog"])
def test_groups_add_up(metricflow, ask, metric):
    """No join loses a ticket or counts it twice."""
    [(all_of_them,)] = ask([metric], [])
    dimensions = metricflow.simple_dimensions_for_metrics([metric], without_any_property=())
    groups = [each.dunder_name for each in dimensions if each.type is DimensionType.CATEGORICAL]
    assert {"market_name", "severity"} <= {group.split("__")[1] for group in groups}
    for group in ["market", *groups]:
        rows = ask([metric], [group])
        assert sum(number for _, number in rows) == all_of_them, group
        assert len({name for name, _ in rows}) == len(rows) > 1, group
