"""In any split of the landed days, built again, or after a kill, every row is that of one full refresh."""

import os
import random
import shutil
import signal
import time
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from feed_landings import random_feed_landings, ticket_moments
from lakes import PROJECT, Dbt, Lake, differences
from landings import RESULTS, day_of, file_of, md5, random_landing, ticket_line

CASES = 4
KILLS = 4


@pytest.fixture
def project(tmp_path):
    """A copy of the project whose seeds may be edited, and what runs dbt in it."""
    copy = tmp_path / "project"
    ignored = shutil.ignore_patterns(".git", ".venv", "lake", "target", "logs", "python", "generator", "__pycache__")
    shutil.copytree(PROJECT, copy, symlinks=True, ignore=ignored)
    runner = Dbt(tmp_path / "dbt", project=copy)
    yield copy, runner
    runner.close()


def full_refresh(dbt, folder, contents):
    """Every public table of a fresh lake with these files."""
    lake = Lake(folder)
    lake.land(contents)
    dbt.build(lake, "--full-refresh")
    return dbt.read(lake)


def parts_of(landing, count, rng):
    """The files in `count` parts of whole days, in order of landing."""
    return landing.split(sorted(rng.sample(landing.days()[1:], count - 1)))


@pytest.mark.parametrize("seed", range(CASES))
def test_any_split_of_days_equals_a_full_refresh(dbt, tmp_path, seed):
    rng, landing = random.Random(seed), random_landing(seed)
    lake = Lake(tmp_path / "lake")
    for part in parts_of(landing, rng.choice((2, 3)), rng):
        lake.land(part)
        dbt.build(lake)
    expected = full_refresh(dbt, tmp_path / "fresh", landing.contents)
    assert not differences(dbt.read(lake), expected)

    rows = lake.query("select * exclude (feed) from quarantined_lines order by all")
    assert sorted(rows) == landing.quarantined_lines()
    assert lake.query("select * exclude (feed) from ingestion_state order by all") == landing.ingestion_state()


def test_building_again_changes_nothing(dbt, tmp_path):
    lake = Lake(tmp_path / "lake")
    lake.land(random_landing(101).contents)
    dbt.build(lake)
    assert lake.query("select distinct load_id from int_load_months") == [(1,)]
    before = dbt.read(lake)
    dbt.build(lake)
    assert not differences(dbt.read(lake), before)


@pytest.mark.parametrize("seed", (201, 202))
def test_files_may_arrive_in_any_order(dbt, tmp_path, seed):
    """Single files, of days built already and of older ones, that carry what landed since."""
    rng, contents = random.Random(seed), random_landing(seed).contents
    paths = rng.sample(sorted(contents), len(contents))
    lake = Lake(tmp_path / "lake")
    for part in (paths[0::3], paths[1::3], paths[2::3]):
        lake.land({path: contents[path] for path in part})
        dbt.build(lake)
    assert not differences(dbt.read(lake), full_refresh(dbt, tmp_path / "fresh", contents))


def test_an_earlier_file_of_the_same_day_wins(dbt, tmp_path):
    first = file_of(ticket_line(update_id="u", status="open"))
    earlier = file_of(ticket_line(update_id="u", status="closed", ticket_id="T-2"))
    lake = Lake(tmp_path / "lake")
    lake.land({"dt=2026-03-02/b.jsonl": first})
    dbt.build(lake)
    lake.land({"dt=2026-03-02/a.jsonl": earlier})
    dbt.build(lake)
    assert lake.query("select ticket_id, status from fct_tickets") == [("T-2", "closed")]
    contents = {"dt=2026-03-02/a.jsonl": earlier, "dt=2026-03-02/b.jsonl": first}
    assert not differences(dbt.read(lake), full_refresh(dbt, tmp_path / "fresh", contents))


@pytest.mark.parametrize("seed", (401, 402, 403))
def test_lines_of_a_ticket_may_name_other_months(dbt, tmp_path, seed):
    """A ticket's rows are looked for in the months that its lines say it was opened in, an update's lines likewise."""
    rng = random.Random(seed)
    opened = {ticket: datetime(2025, 1, 15) + timedelta(rng.randrange(420)) for ticket in range(12)}
    contents, texts = {}, ["", "x"]

    def update_id():
        """One of few, of any month, one that a line without it has, none, or what looks like that of one without."""
        month = f"{datetime(2025, 1, 1) + timedelta(rng.randrange(450)):%Y%m}"
        return rng.choice(
            (f"u-{rng.randrange(60)}", f"{month}-{rng.randrange(3)}", md5(rng.choice(texts)), None, "0" * 32)
        )

    for number in range(12):
        day = datetime(2026, 4, 1) + timedelta(number)
        lines = []
        for _ in range(rng.randint(1, 5)):
            ticket = rng.randrange(12)
            created = opened[ticket] - timedelta(rng.choice((0, 0, 0, 40, 200)))
            lines.append(
                ticket_line(
                    ticket_id=f"T-{ticket}",
                    update_id=update_id(),
                    created_at=f"{created:%Y-%m-%dT%H:%M:%SZ}",
                    updated_at=f"{created + (day - created) * rng.random():%Y-%m-%dT%H:%M:%SZ}",
                    status=rng.choice(("open", "pending", "resolved")),
                    severity=rng.choice(("P1", "P2")),
                )
            )
        texts += lines
        lines += rng.sample(texts[2:], 1)
        contents[f"dt={day:%Y-%m-%d}/a.jsonl"] = file_of(*lines)
    lake = Lake(tmp_path / "lake")
    paths = sorted(contents)
    for part in (paths[:5], paths[5:8], paths[8:10], paths[10:]):
        lake.land({path: contents[path] for path in part})
        dbt.build(lake)
    assert not differences(dbt.read(lake), full_refresh(dbt, tmp_path / "fresh", contents))


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
    """Its tables lack their columns, and it had no table of results."""
    landing = random_landing(304)
    first, second = landing.split([landing.days()[len(landing.days()) // 2]])
    lake = Lake(tmp_path / "lake")
    lake.land(first)
    dbt.build(lake)
    for table in ("stg_ticket_updates__lines", "int_repeated_updates"):
        for name in RESULTS:
            lake.execute(f"alter table {table} drop column {name}")
    lake.execute("drop table int_source_results")
    lake.execute("delete from load_watermarks where model = 'int_source_results'")
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


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_killed_build_is_taken_up_by_the_next(dbt, tmp_path, seed):
    rng, landing = random.Random(500 + seed), random_landing(500 + seed)
    lake = Lake(tmp_path / "lake")
    first, second = parts_of(landing, 2, rng)
    lake.land(first)
    dbt.build(lake)
    lake.land(second)
    for _ in range(1 + seed % 2):
        group = dbt.start(lake, "build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
        time.sleep(rng.uniform(0.3, 4.5))
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        dbt.finish()
    dbt.build(lake)
    assert not differences(dbt.read(lake), full_refresh(dbt, tmp_path / "fresh", landing.contents))
