"""dbt-athena builds all kinds of things on the stand-in."""

from __future__ import annotations

import json

import pytest
from scratch import Scratch

FILES = {
    "seeds/markets.csv": "market,name,opened\nDE,Germany,2020-01-02\nFR,France,2021-03-04\n",
    "seeds/seeds.yml": """
        seeds:
          - name: markets
            config: {column_types: {opened: date}}
        """,
    "models/tickets.sql": """
        {{ config(materialized='incremental', table_type='iceberg', incremental_strategy='merge',
                  unique_key='id', partitioned_by=['day(at)']) }}
        select id, market, at from (values
            (1, 'DE', timestamp '2026-01-01 08:00:00.123456'),
            (2, 'FR', timestamp '2026-01-02 09:30:00.000001')
            {% if is_incremental() %}, (3, 'DE', timestamp '2026-01-03 10:00:00.000000') {% endif %}
        ) as t (id, market, at)
        """,
    "models/named.sql": """
        {{ config(materialized='view') }}
        select t.id, m.name, t.at from {{ ref('tickets') }} t join {{ ref('markets') }} m on t.market = m.market
        """,
    "models/by_market.sql": """
        {{ config(materialized='table', table_type='hive', partitioned_by=['market']) }}
        select count(*) as tickets, market from {{ ref('tickets') }} group by market
        """,
    "models/latest.sql": """
        {{ config(materialized='table', table_type='iceberg') }}
        select max(at) as at from {{ ref('tickets') }}
        """,
    "models/models.yml": """
        models:
          - name: named
            description: Tickets with their market's name
            config: {persist_docs: {relation: true, columns: true}}
            columns:
              - name: id
                description: The ticket
                data_tests: [unique, not_null]
              - {name: name}
              - {name: at}
            data_tests:
              - dbt_is_sane
          - name: latest
            config: {contract: {enforced: true}}
            columns:
              - {name: at, data_type: timestamp(6)}
        unit_tests:
          - name: names_come_from_the_seed
            model: named
            given:
              - input: ref('tickets')
                format: sql
                rows: select 9 as id, 'FR' as market, timestamp '2026-02-01 00:00:00.000000' as at
              - input: ref('markets')
                rows: [{market: FR, name: France}]
            expect:
              rows: [{id: 9, name: France}]
        """,
    # Unit tests would default to Hive's tables, whose timestamps end at milliseconds.
    "macros/resolve_table_type.sql": """
        {% macro resolve_table_type() %}
            {{ return(config.get('table_type') or ('iceberg' if config.get('materialized') == 'unit' else 'hive')) }}
        {% endmacro %}
        """,
    "tests/generic/dbt_is_sane.sql": "{% test dbt_is_sane(model) %}select 1 from {{ model }} where id < 0{% endtest %}",
}


MANY_DAYS = """
    {{ config(materialized='table', table_type='KIND', partitioned_by=['dt']) }}
    select n, date_add('day', n, date '2026-01-01') as dt from unnest(sequence(1, 150)) as t (n)
    """


@pytest.fixture
def project(tmp_path, desk, local) -> Scratch:
    return Scratch(tmp_path, desk.database, local.environment, **FILES)


def test_a_whole_project_builds_twice_and_is_documented(project, desk):
    project.dbt("build")
    assert desk.rows("select id, name from named order by id") == [["1", "Germany"], ["2", "France"]]
    project.dbt("build")
    assert desk.rows("select id, market, cast(at as varchar) from tickets order by id") == [
        ["1", "DE", "2026-01-01 08:00:00.123456"],
        ["2", "FR", "2026-01-02 09:30:00.000001"],
        ["3", "DE", "2026-01-03 10:00:00.000000"],
    ]
    assert desk.rows("select market, tickets from by_market order by market") == [["DE", "2"], ["FR", "1"]]
    assert desk.rows("select opened from markets order by 1") == [["2020-01-02"], ["2021-03-04"]]

    project.dbt("docs", "generate")
    catalog = json.loads((project.folder / "target/catalog.json").read_text())["nodes"]
    assert {name.split(".")[-1]: list(node["columns"]) for name, node in catalog.items()} == {
        "tickets": ["id", "market", "at"],
        "named": ["id", "name", "at"],
        "by_market": ["tickets", "market"],
        "latest": ["at"],
        "markets": ["market", "name", "opened"],
    }
    assert catalog["model.scratch.named"]["metadata"]["comment"] == "Tickets with their market's name"


def test_a_commit_conflict_and_throttling_are_retried(tmp_path, desk, local):
    files = {k: v for k, v in FILES.items() if k in ("models/tickets.sql",)}
    project = Scratch(tmp_path, desk.database, local.environment, **files)
    project.dbt("build")
    local.athena.throttle_next(2)
    local.athena.fail_next("merge into", "ICEBERG_COMMIT_ERROR: Failed to commit Iceberg update to table")
    project.dbt("build")
    merges = [
        q.state for q in local.athena.queries.values() if desk.database in q.statement and "merge into" in q.statement
    ]
    assert merges == ["FAILED", "SUCCEEDED"]
    assert desk.rows("select count(*) from tickets") == [["3"]]


def test_more_partitions_than_a_statement_may_write_are_written_in_batches(tmp_path, desk, local):
    project = Scratch(
        tmp_path,
        desk.database,
        local.environment,
        **{f"models/{kind}_days.sql": MANY_DAYS.replace("KIND", kind) for kind in ("hive", "iceberg")},
    )
    project.dbt("build")
    for kind in ("hive", "iceberg"):
        assert desk.rows(f"select count(*), count(distinct dt) from {kind}_days") == [["150", "150"]]
