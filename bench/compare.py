"""Whether two databases hold the same rows, decimals to 1e-6: `python -m bench.compare DATABASE EXPECTED`."""

from __future__ import annotations

import math
import sys

import duckdb

# Every public model.
MODELS = (
    "fct_tickets",
    "fct_ticket_periods",
    "fct_ticket_slas",
    "ticket_kpis_daily",
    "backlog_daily",
    "agent_load_daily",
    "ops_metrics_daily",
    "source_agreement",
    "source_disagreements",
    "fct_support_logs",
    "ticket_log_health",
    "log_health_daily",
    "fct_calls",
    "call_kpis_daily",
    "agent_call_ranking",
    "fct_service_records",
    "fct_service_parts",
    "fct_service_failures",
    "vehicle_service_history",
    "failures_monthly",
    "part_usage_monthly",
    "service_costs_monthly",
    "quarantined_lines",
    "ingestion_state",
    "dim_markets",
    "dim_agents",
    "dim_dates",
    "dim_vehicles",
    "dim_dealerships",
)
TOLERANCE = 1e-6
ROUNDED = {
    "DOUBLE": "round({0}, 6)",
    "MAP(VARCHAR, DOUBLE)": (
        "list_sort([{{'key': entry.key, 'value': round(entry.value, 6)}} for entry in map_entries({0})])"
    ),
}
SHOWN = 5


def differences(database, expected, models=MODELS):
    """How the models of one database file differ from another's, in words; empty if they do not."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("set memory_limit = '3GB'")
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{database}' as found (read_only)")
        connection.execute(f"attach '{expected}' as expected (read_only)")
        return "\n".join(filter(None, (_difference(connection, model) for model in models)))


def _difference(connection, model):
    columns, wanted = (_columns(connection, database, model) for database in ("found", "expected"))
    if columns != wanted or not columns:
        return f"{model}: the columns are {columns}, not {wanted}"
    exact = [name for name, kind in columns if kind not in ROUNDED]
    rounded = {name: ROUNDED[kind].format(name) for name, kind in columns if kind in ROUNDED}
    # Rounded, rows are the same but for those at a rounding's edge: what is left is looked at pair by pair.
    rows = f"select {', '.join([*exact, *(f'{value} as {name}' for name, value in rounded.items())])} from"
    surplus, lacking = (
        connection.execute(f"{rows} {one}.main.{model} except all {rows} {other}.main.{model} order by all").fetchall()
        for one, other in (("found", "expected"), ("expected", "found"))
    )
    if len(surplus) == len(lacking) and all(
        row[: len(exact)] == other[: len(exact)] and all(map(_close, row[len(exact) :], other[len(exact) :]))
        for row, other in zip(surplus, lacking, strict=True)
    ):
        return ""
    return "\n".join(
        [f"{model}: {len(surplus)} rows that should not be there, {len(lacking)} that should be"]
        + [f"  has    {row}" for row in surplus[:SHOWN]]
        + [f"  lacks  {row}" for row in lacking[:SHOWN]]
    )


def _columns(connection, database, model):
    return connection.execute(
        "select column_name, data_type from duckdb_columns() where database_name = ? and table_name = ? order by 1",
        [database, model],
    ).fetchall()


def _close(one, other):
    """Both were rounded to 6 places: values within the tolerance may have become two of it apart."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(
            entry["key"] == wanted["key"] and _close(entry["value"], wanted["value"])
            for entry, wanted in zip(one, other, strict=True)
        )
    return one == other or (None not in (one, other) and math.isclose(one, other, rel_tol=0, abs_tol=2 * TOLERANCE))


if __name__ == "__main__":
    sys.exit(differences(*sys.argv[1:]) or 0)
