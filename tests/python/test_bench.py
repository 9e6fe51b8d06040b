"""The floor computes the rows that the project does, and a difference does not go unseen."""

import shutil
import subprocess
import sys

import duckdb
import pytest
from lakes import PROJECT, Dbt, Lake

from bench import compare, floor, report


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A small generated lake, and the database that the floor makes of it."""
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
    floor.build(lake.folder, folder / "floor.duckdb")
    return lake, folder / "floor.duckdb"


@pytest.fixture
def changed(lake, tmp_path):
    """Changes a copy of the floor's database by a statement, and says how it then differs from the floor's."""

    def differences_after(statement):
        copy = shutil.copy(lake[1], tmp_path / "changed.duckdb")
        with duckdb.connect(str(copy)) as connection:
            connection.execute(statement)
        return compare.differences(copy, lake[1])

    return differences_after


def test_the_floor_has_the_rows_of_every_public_model(lake, tmp_path):
    generated, database = lake
    dbt = Dbt(tmp_path / "dbt")
    dbt.build(generated)
    public = dbt.public_tables()
    dbt.close()
    assert sorted(compare.MODELS) == sorted(public)
    assert compare.differences(database, generated.folder / "ticketlake.duckdb") == ""


@pytest.mark.parametrize(
    ("change", "model"),
    [
        ("update fct_tickets set working_hours = working_hours + 1e-5", "fct_tickets"),
        ("update agent_load_daily set satisfaction_avg = 0 where satisfaction_avg is null", "agent_load_daily"),
        ("insert into backlog_daily from backlog_daily limit 1", "backlog_daily"),
        ("delete from fct_ticket_slas where metric = 'next_reply' and instance = 1", "fct_ticket_slas"),
        ("alter table dim_dates alter iso_weekday type bigint", "dim_dates"),
        ("update fct_calls set call_duration_minutes = call_duration_minutes + 0.01", "fct_calls"),
        (
            "update vehicle_service_history set total_cost_by_currency = map(map_keys(total_cost_by_currency), "
            "[cost + 1e-5 for cost in map_values(total_cost_by_currency)])",
            "vehicle_service_history",
        ),
        ("update part_usage_monthly set cost_by_currency = map([]::varchar[], []::double[])", "part_usage_monthly"),
        ("delete from ingestion_state where feed = 'calls'", "ingestion_state"),
    ],
)
def test_a_difference_is_seen(changed, change, model):
    lines = changed(change).splitlines()
    assert [line.split(":")[0] for line in lines if not line.startswith(" ")] == [model]


@pytest.mark.parametrize(
    "change",
    [
        "update fct_tickets set working_hours = working_hours + 4e-7",
        "update part_usage_monthly set cost_by_currency = map(map_keys(cost_by_currency), "
        "[cost + 4e-7 for cost in map_values(cost_by_currency)])",
    ],
)
def test_decimals_may_differ_by_a_millionth(changed, change):
    assert changed(change) == ""


def test_the_tables_go_between_the_markers(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.written_into(page, "new")
    assert page.read_text() == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"
    page.write_text("no markers")
    with pytest.raises(SystemExit, match="lost its marks"):
        report.written_into(page, "new")
