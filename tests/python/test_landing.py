"""What lands does so once, in whole files, whatever happens meanwhile."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import date, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from lakes import PROJECT

from landing import Refused, core, ledger
from landing.contract import UPDATES, Reference
from landing.ledger import Ledger

MOMENT = datetime(2026, 3, 2, 9)
UPDATE = {
    "ticket_id": "T-1",
    "updated_at": MOMENT,
    "created_at": MOMENT,
    "status": "open",
    "severity": "P2",
    "market": "DE",
}


def batch(*updates):
    schema = pa.schema([UPDATES.field(name) for name in UPDATES.names if any(name in one for one in updates)])
    return core.Batch(pa.Table.from_pylist(list(updates), schema=schema), len(updates))


def land(lake, *batches):
    return core.land(lake, batches, Reference.read())


def lines(lake):
    return [
        json.loads(line)
        for path in sorted(lake.glob("raw/ticket_updates/dt=*/[!_.]*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]


# ---------- any source


def test_updates_of_any_source_land_once(tmp_path):
    other = UPDATE | {"ticket_id": "T-2", "update_id": "u-1", "source": "crm", "sequence": 3, "satisfaction": 5}
    summary = land(tmp_path, batch(UPDATE, other), batch(UPDATE | {"status": "closed"}, other | {"status": "closed"}))
    assert (summary.read, summary.landed, summary.repeated) == (4, 3, 1)
    assert [(line["ticket_id"], line["status"], len(line["update_id"])) for line in lines(tmp_path)] == [
        *(("T-1", "open", 32), ("T-2", "open", 3), ("T-1", "closed", 32)),
    ]
    assert lines(tmp_path)[1] == {
        **{"ticket_id": "T-2", "updated_at": "2026-03-02T09:00:00Z", "created_at": "2026-03-02T09:00:00Z"},
        **{"status": "open", "severity": "P2", "market": "DE", "source": "crm", "update_id": "u-1", "sequence": 3},
        "satisfaction": 5,
    }
    assert land(tmp_path, batch(other, UPDATE)).known == 2
    # The same update_id of another source is another update.
    assert land(tmp_path, batch(other | {"source": "erp"})).landed == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ticket_id": " \t\n"}, "missing_ticket_id"),
        ({"updated_at": None}, "missing_updated_at"),
        ({"status": ""}, "missing_status"),
        ({"status": "shut"}, "unknown_status"),
        ({"severity": "p1"}, "unknown_severity"),
        ({"market": "Germany"}, "unknown_market"),
        ({"satisfaction": 6}, "bad_satisfaction"),
        ({"source": "a:b"}, "bad_source"),
        ({"reason": "odd", "column": "x", "value": "y"}, "odd"),
        ({"ticket_id": None, "status": "shut"}, "missing_ticket_id"),
    ],
)
def test_what_the_lake_would_refuse_does_not_land(tmp_path, change, reason):
    summary = land(tmp_path, batch(UPDATE, UPDATE | {"ticket_id": "T-2"} | change))
    assert (summary.landed, dict(summary.rejected)) == (1, {reason: 1})
    assert [line["ticket_id"] for line in lines(tmp_path)] == ["T-1"]
    assert summary.rejected_file.read_text(encoding="utf-8").count(reason) == 1


def test_the_future_begins_two_days_after_landing(tmp_path):
    today = datetime.combine(datetime.now(timezone.utc).date(), datetime.min.time())
    limit = today + timedelta(days=2)
    before = UPDATE | {"updated_at": limit - timedelta(microseconds=1)}
    summary = land(tmp_path, batch(before, UPDATE | {"updated_at": limit}, UPDATE | {"created_at": limit}))
    assert (summary.landed, dict(summary.rejected)) == (1, {"in_the_future": 2})
    assert lines(tmp_path)[0]["updated_at"].endswith(".999999Z")


def test_texts_are_written_as_json_whatever_they_hold(tmp_path):
    texts = ['"', "\\", "line\nbreak", "\u2028", "\x01", "ünï", "😀", " kept ", "!"]
    land(tmp_path, batch(*(UPDATE | {"ticket_id": str(place), "subject": text} for place, text in enumerate(texts))))
    assert [line["subject"] for line in lines(tmp_path)] == texts


# ---------- whatever happens


def test_killed_before_one_line_of_the_code_or_another_nothing_is_lost_or_doubled(tmp_path):
    script = PROJECT / "tests" / "python" / "killed_landing.py"
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    points, landed, found = json.loads(done.stdout)
    assert points > 15 and landed == 12
    assert [one for one in found if one[1:] != [{}, {}, []]] == []


def test_killed_at_random_moments_a_file_lands_as_if_it_were_not(tmp_path):
    rows = [f"T-{number},2026-03-02T09:00:00Z,{number % 7}" for number in range(6_000)]
    (tmp_path / "tickets.csv").write_text("\n".join(["id,at,n", *rows]) + "\n")
    (tmp_path / "map.yml").write_text(
        "rows: changes\nfields:\n  ticket_id: id\n  updated_at: at\n  subject: n\n  status: {constant: new}\n"
        "  severity: {constant: P1}\n  market: {constant: DE}\n"
    )
    # Files of a few thousand lines, so that a kill finds some landed and some not.
    program = (
        "import sys; from landing import __main__, core, reading; core.FILE_BYTES = 150_000; reading.PIECE = 30_000; "
        "sys.exit(__main__.main())"
    )
    command = [sys.executable, "-c", program, "csv", "tickets.csv", "--mapping", "map.yml", "--lake", "lake"]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    draw, kills, end, lake = random.Random(3), 0, None, tmp_path / "lake"
    while end is None:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until, before = time.monotonic() + 60, len(lines(lake))
        while process.poll() is None and time.monotonic() < until and (kills >= 3 or len(lines(lake)) == before):
            time.sleep(0.01)
        if kills < 3 and process.poll() is None:
            time.sleep(draw.uniform(0, 0.2))
            process.send_signal(signal.SIGKILL)
            kills += 1
        if process.wait(60) == 0:
            end = process.returncode
    assert kills >= 2
    assert Counter(line["ticket_id"] for line in lines(lake)) == {f"T-{number}": 1 for number in range(6_000)}
    assert list(lake.rglob("_landing*")) == []


def test_two_at_once_are_refused(tmp_path):
    first = Ledger(tmp_path)
    with pytest.raises(Refused, match=r"Another landing is running on .*Wait until it has ended"):
        Ledger(tmp_path)
    first.close()
    assert land(tmp_path, batch(UPDATE)).landed == 1


def test_lines_of_a_file_that_is_gone_land_again(tmp_path, capsys):
    [path] = land(tmp_path, batch(UPDATE)).files
    land(tmp_path, batch(UPDATE | {"ticket_id": "T-2"}))
    path.unlink()
    summary = land(tmp_path, batch(UPDATE, UPDATE | {"ticket_id": "T-2"}))
    assert (summary.landed, summary.known) == (1, 1)
    assert "1 landed file gone" in capsys.readouterr().err


def test_without_its_ledger_a_lake_gets_the_same_identities_again(tmp_path):
    land(tmp_path, batch(UPDATE))
    (tmp_path / "landing" / "ledger.duckdb").unlink()
    assert land(tmp_path, batch(UPDATE)).landed == 1
    first, second = lines(tmp_path)
    assert first == second


def test_a_damaged_ledger_is_told(tmp_path):
    land(tmp_path, batch(UPDATE))
    (tmp_path / "landing" / "ledger.duckdb").write_bytes(b"x" * 5000)
    with pytest.raises(Refused, match=r"ledger\.duckdb cannot be opened"):
        land(tmp_path, batch(UPDATE))


def test_a_file_lands_on_the_day_on_which_it_gets_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "today", lambda: date(2026, 3, 2))

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ledger.os, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            land(tmp_path, batch(UPDATE))
    assert lines(tmp_path) == []
    monkeypatch.setattr(ledger, "today", lambda: date(2026, 3, 4))
    assert land(tmp_path, batch(UPDATE)).known == 1
    assert [path.parent.name for path in tmp_path.glob("raw/ticket_updates/dt=*/*.jsonl")] == ["dt=2026-03-04"]
    # It is still known, under the name that it got.
    assert land(tmp_path, batch(UPDATE)).known == 1


def test_a_source_that_fails_leaves_what_has_landed_and_no_other_file(tmp_path, monkeypatch):
    monkeypatch.setattr(core, "FILE_BYTES", 1)

    def failing():
        yield batch(UPDATE)
        yield batch(UPDATE | {"ticket_id": "T-2"})
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        core.land(tmp_path, failing(), Reference.read())
    assert len(lines(tmp_path)) == 2
    assert list(tmp_path.rglob("_landing*")) == []


def test_a_disk_that_is_full_is_told_and_the_next_run_goes_on(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(core._Landing, "_append", full)
        with pytest.raises(OSError, match="No space left"):
            land(tmp_path, batch(UPDATE))
    assert lines(tmp_path) == []
    assert land(tmp_path, batch(UPDATE)).landed == 1
    assert len(lines(tmp_path)) == 1


def test_a_lake_without_a_name_is_refused(tmp_path):
    command = [sys.executable, "-m", "landing", "jira", "issues.json"]
    ran = subprocess.run(command, cwd=PROJECT, env=os.environ | {"LAKE": ""}, capture_output=True, text=True)
    assert ran.returncode == 2 and "LAKE, or what is given, is empty. Name a folder" in ran.stderr


@pytest.mark.parametrize("source", ["csv", "zendesk", "jira", "mysql"])
def test_a_lake_on_s3_is_refused_with_the_way_around(tmp_path, source):
    command = [sys.executable, "-m", "landing", source, "--lake", "s3://lake", "--dry-run"]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert ran.returncode == 2
    assert "s3://lake is no folder" in ran.stderr and "make upload" in ran.stderr
