"""The floor computes the rows that the project does, and a difference does not go unseen."""

import subprocess
import sys

import duckdb
import pytest
from lakes import PROJECT, Dbt, Lake

from bench import compare, floor, report


@pytest.fixture(scope="module")
def databases(tmp_path_factory):
    """A small generated lake, as the floor and as the project compute it."""
    folder = tmp_path_factory.mktemp("lake")
    lake = Lake(folder / "lake")
    subprocess.run(
        [
            *(sys.executable, "-m", "generator", "generate", "--output", lake.folder / "raw"),
            *("--count", "300", "--end", "2026-02-15", "--dirty", "0.05"),
        ],
        cwd=PROJECT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    dbt = Dbt(folder / "dbt")
    dbt.build(lake)
    public = dbt.public_tables()
    dbt.close()
    found = folder / "floor.duckdb"
    floor.build(lake.folder, found)
    return found, lake.folder / "ticketlake.duckdb", public


def test_the_floor_has_the_rows_of_every_public_model(databases):
    found, expected, public = databases
    assert sorted(compare.MODELS) == sorted(public)
    assert compare.differences(found, expected) == ""


@pytest.mark.parametrize(
    ("change", "model"),
    [
        ("update fct_tickets set working_hours = working_hours + 1e-5", "fct_tickets"),
        ("update agent_load_daily set satisfaction_avg = null where satisfaction_avg is not null", "agent_load_daily"),
        ("insert into backlog_daily from backlog_daily limit 1", "backlog_daily"),
        ("delete from fct_ticket_slas where metric = 'next_reply' and instance = 1", "fct_ticket_slas"),
        ("alter table dim_dates alter iso_weekday type bigint", "dim_dates"),
    ],
)
def test_a_difference_is_seen(databases, tmp_path, change, model):
    found, expected, _ = databases
    changed = tmp_path / "changed.duckdb"
    changed.write_bytes(found.read_bytes())
    with duckdb.connect(str(changed)) as connection:
        connection.execute(change)
    found_in = [line.split(":")[0] for line in compare.differences(changed, expected).splitlines() if line[0] != " "]
    assert found_in == [model]


def test_decimals_may_differ_by_a_millionth(databases, tmp_path):
    found, expected, _ = databases
    changed = tmp_path / "changed.duckdb"
    changed.write_bytes(found.read_bytes())
    with duckdb.connect(str(changed)) as connection:
        connection.execute("update fct_tickets set working_hours = working_hours + 4e-7")
    assert compare.differences(changed, expected) == ""


def test_the_tables_go_between_the_markers():
    document = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    assert report.written_into(document, "new") == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"
    with pytest.raises(SystemExit, match="markers"):
        report.written_into("no markers", "new")
