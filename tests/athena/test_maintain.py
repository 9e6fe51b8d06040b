"""Maintenance joins the files of tables and leaves their rows as they are."""

from __future__ import annotations

import pytest

from infra import aws, maintain, query


@pytest.fixture
def lake(desk, local, monkeypatch):
    for name, value in (local.environment | {"TICKETLAKE_SCHEMA": desk.database}).items():
        monkeypatch.setenv(name, value)
    return desk


def test_tables_are_maintained_and_views_left_alone(lake, capsys, monkeypatch):
    for name in ("one", "two"):
        lake.iceberg(name, "select 1 as n")
        for n in (2, 3):
            lake.run(f"insert into {name} values {n}")
        lake.run(f"delete from {name} where n = 2")
    lake.run("create or replace view v as select n from one")
    lake.hive("h", "select 1 as n")
    monkeypatch.setattr("sys.argv", ["maintain"])
    assert maintain.main() == 0
    assert capsys.readouterr().out.splitlines() == ["one", "two", "2 tables maintained"]
    for name in ("one", "two"):
        assert lake.rows(f'select count(*), min(content) from "{name}$files"') == [["1", "0"]]
        assert lake.rows(f"select n from {name} order by n") == [["1"], ["3"]]


def test_a_statement_runs_as_often_as_athena_asks_for(monkeypatch):
    answers = ["ICEBERG_OPTIMIZE_MORE_RUNS_NEEDED", "ICEBERG_OPTIMIZE_MORE_RUNS_NEEDED", None, "SYNTAX_ERROR"]

    def run(_):
        if answer := answers.pop(0):
            raise aws.Refused(answer)

    monkeypatch.setattr(query, "run", run)
    maintain.complete("optimize t rewrite data using bin_pack")
    with pytest.raises(aws.Refused, match="SYNTAX_ERROR"):
        maintain.complete("vacuum t")
    assert answers == []
