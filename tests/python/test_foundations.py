"""Seeds, the moment of the numbers, the version that built the tables change: rows are those of one full refresh."""

import shutil

import pytest
from feed_landings import random_feed_landings, ticket_moments
from lakes import PROJECT, Dbt, Lake, differences, full_refresh
from landings import WITHOUT_RESULTS, day_of, random_landing


@pytest.fixture
def project(tmp_path):
    """A copy of the project whose seeds may be edited, and what runs dbt in it."""
    copy = tmp_path / "project"
    ignored = shutil.ignore_patterns(".git", ".venv", "lake", "target", "logs", "python", "generator", "__pycache__")
    shutil.copytree(PROJECT, copy, symlinks=True, ignore=ignored)
    runner = Dbt(tmp_path / "dbt", project=copy)
    yield copy, runner
    runner.close()


def test_a_lake_that_an_older_version_built_is_computed_anew(dbt, tmp_path):
    """Its bookkeeping has other columns: nothing counts as taken in, whatever the rows of old loads say."""
    tickets = random_landing(303)
    landings = {"ticket_updates": tickets} | random_feed_landings(303, ticket_moments(tickets))
    lake, fresh = Lake(tmp_path / "lake"), Lake(tmp_path / "fresh")
    for number in range(3):
        for feed, landing in landings.items():
            days = landing.days()
            lake.land(landing.split([days[len(days) // 3], days[2 * len(days) // 3]])[number], feed)
        if number == 2:
            lake.execute("alter table load_watermarks drop column feed")
        dbt.build(lake)
    for feed, landing in landings.items():
        fresh.land(landing.contents, feed)
    dbt.build(fresh, "--full-refresh")
    assert not differences(dbt.read(lake), dbt.read(fresh))
    assert lake.query("select distinct load_id from stg_calls__lines") == [(1,)]


def test_fields_that_an_older_version_did_not_know_are_read_of_all_lines(dbt, tmp_path):
    landing = random_landing(304)
    first, second = landing.split([landing.days()[len(landing.days()) // 2]])
    lake = Lake(tmp_path / "lake")
    lake.land(first)
    dbt.build(lake)
    for statement in WITHOUT_RESULTS:
        lake.execute(statement)
    lake.land(second)
    dbt.build(lake)
    assert lake.query("select count(*) > 5 from source_disagreements") == [(True,)]
    assert not differences(dbt.read(lake), full_refresh(dbt, tmp_path / "fresh", landing.contents))


def test_as_of_moves_on_and_back(dbt, tmp_path):
    landing = random_landing(301)
    lake = Lake(tmp_path / "lake")
    lake.land(landing.contents)
    dbt.build(lake)
    before = dbt.read(lake)
    later = f"{{as_of: '{max(map(day_of, landing.lines)).year + 1}-12-01 12:34:56'}}"
    dbt.build(lake, "--vars", later)
    fresh = Lake(tmp_path / "fresh")
    fresh.land(landing.contents)
    dbt.build(fresh, "--full-refresh", "--vars", later)
    assert not differences(dbt.read(lake), dbt.read(fresh))
    dbt.build(lake)
    assert not differences(dbt.read(lake), before)


EDITS = {
    "markets.csv": lambda text: text.replace("\nJP,Japan,jp", "\nJX,Japan,jp"),
    "business_hours.csv": lambda text: text.replace("18:00", "17:00"),
    "sla_policies.csv": lambda text: text.replace(",60,", ",7,"),
    "ticket_statuses.csv": lambda text: text.replace("pending,pending,true,false", "pending,pending,true,true"),
}


def test_a_changed_seed_changes_what_was_built(project, tmp_path):
    folder, dbt = project
    contents = random_landing(401).contents
    lake = Lake(tmp_path / "lake")
    lake.land(contents)
    dbt.build(lake)
    for seed_file, edit in EDITS.items():
        before = dbt.read(lake)
        path = folder / "seeds" / seed_file
        edited = edit(path.read_text(encoding="utf-8"))
        assert edited != path.read_text(encoding="utf-8")
        path.write_text(edited, encoding="utf-8")
        dbt.build(lake)
        after = dbt.read(lake)
        assert differences(after, before), seed_file
        assert not differences(after, full_refresh(dbt, tmp_path / seed_file, contents)), seed_file


def test_changed_seeds_of_other_feeds_change_what_was_built(project, tmp_path):
    folder, dbt = project
    tickets = random_landing(402)
    landings = {"ticket_updates": tickets} | random_feed_landings(402, ticket_moments(tickets))
    lake, fresh = Lake(tmp_path / "lake"), Lake(tmp_path / "fresh")
    for feed, landing in landings.items():
        lake.land(landing.contents, feed)
        fresh.land(landing.contents, feed)
    dbt.build(lake)
    before = dbt.read(lake)
    for name, old, new in (
        ("agents", "Brandhuber,DE", "Brandhuber,FR"),
        ("currencies", "\nJPY,Yen,0", ""),
        ("parts", "BAT-1010,", "BRK-1,Disc,brakes,9.5\nBAT-1010,"),
        ("failure_codes", "BAT-F01,", "U0100,Silence,battery\nBAT-F01,"),
    ):
        path = folder / "seeds" / f"{name}.csv"
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")
    dbt.build(lake)
    after = dbt.read(lake)
    changed = {line.split()[0] for line in differences(after, before).splitlines()}
    assert changed >= {"call_kpis_daily", "part_usage_monthly", "failures_monthly", "quarantined_lines"}
    dbt.build(fresh, "--full-refresh")
    assert not differences(after, dbt.read(fresh))
