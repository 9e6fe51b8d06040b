"""In any split of the landed days, built again, or after a kill, every row is that of one full refresh."""

import os
import random
import signal
import time
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from lakes import Lake, differences, full_refresh
from landings import file_of, md5, random_landing, ticket_line

CASES = 4
KILLS = 4


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


@pytest.mark.parametrize("seed", (401, 402))
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


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_killed_build_is_taken_up_by_the_next(dbt, tmp_path, seed):
    rng, landing = random.Random(500 + seed), random_landing(500 + seed)
    lake = Lake(tmp_path / "lake")
    first, second = parts_of(landing, 2, rng)
    lake.land(first)
    dbt.build(lake)
    lake.land(second)
    for _ in range(1 + seed % 2):
        group = dbt.start_build(lake)
        time.sleep(rng.uniform(0.3, 4.5))
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        dbt.finish()
    dbt.build(lake)
    assert not differences(dbt.read(lake), full_refresh(dbt, tmp_path / "fresh", landing.contents))
