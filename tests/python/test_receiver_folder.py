"""A raw zone in a folder: what was acknowledged is in it, once, whatever happens to process, disk and folder."""

import asyncio
import gzip
import json
import os
import resource
import shutil
import signal
import sqlite3
import threading
from datetime import date, datetime, timezone
from http.client import HTTPConnection

import pytest
from feed_landings import service_line
from lakes import Lake
from landings import file_of, ticket_line
from receivers import a_record, land, landed_lines, open_files, receiver

from bench.receiver import Server, landed_ids, measure
from receiver import Refused, folder
from receiver.definition import FEED
from receiver.folder import FolderLanding, Lock, recover
from receiver.index import Index
from receiver.keys import KeyFile
from receiver.landing import Contradiction, Landing, Unavailable

TODAY = f"dt={datetime.now(timezone.utc).date()}"


@pytest.fixture
def raw(tmp_path):
    return tmp_path / "raw"


@pytest.fixture
def started(raw):
    """Starts landings in the raw zone, and ends those that a test leaves."""
    running = []

    def start(**options):
        running.append(FolderLanding(raw, **options))
        running[-1].start()
        return running[-1]

    yield start
    for landing in running:
        landing.close()


def left_open(raw, content, day=TODAY, name="_receiver-20260302T000000Z-000000000000.jsonl"):
    path = raw / FEED / day / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path.with_name(name[1:])


# ---------- files


def test_what_is_acknowledged_is_synced_before(raw, started, monkeypatch):
    """At each fsync of the open file, its size is noted; the answer comes after one that covers the line."""
    synced = []
    sync = os.fsync

    def noting_fsync(file):
        sync(file)
        synced.append(os.fstat(file).st_size)

    landing = started()
    monkeypatch.setattr(folder.os, "fsync", noting_fsync)
    for number in range(5):
        record = a_record(str(number))
        land(landing, record)
        [path] = open_files(raw)
        assert path.read_bytes().endswith(record.line)
        assert synced[-1] == path.stat().st_size


def test_requests_that_wait_share_a_sync(started, monkeypatch):
    entered, release, syncs = threading.Event(), threading.Event(), []
    sync = os.fsync

    def slow_fsync(file):
        syncs.append(file)
        entered.set()
        release.wait()
        sync(file)

    landing = started()
    land(landing, a_record("first"))
    monkeypatch.setattr(folder.os, "fsync", slow_fsync)
    answers = [landing.submit([a_record("second")])]
    entered.wait()
    answers += [landing.submit([a_record(str(number))]) for number in range(50)]
    release.set()
    assert [answer.result(timeout=60) for answer in answers] == [[False]] * 51
    assert len(syncs) == 2


def test_a_file_lands_by_size_and_by_time(raw, started):
    landing = started(file_bytes=1, file_seconds=3600)
    for number in range(3):
        land(landing, a_record(str(number)))
    landing.close()
    assert len(list((raw / FEED / TODAY).glob("receiver-*.jsonl"))) == 3
    closed = threading.Event()

    class Watched(FolderLanding):
        def tidy(self):
            super().tidy()
            if self.due_in() is None:
                closed.set()

    landing = Watched(raw, file_seconds=0.01)
    landing.start()
    land(landing, a_record("by time"))
    assert closed.wait(60)
    assert landed_ids(raw)["by time"] == 1
    landing.close()


def test_a_new_day_begins_a_new_file_and_never_goes_back(raw, monkeypatch):
    class Clock(datetime):
        day = date(2026, 3, 1)

        @classmethod
        def now(cls, zone=None):
            return datetime.combine(cls.day, datetime.min.time(), zone)

    monkeypatch.setattr("receiver.landing.datetime", Clock)
    landing = FolderLanding(raw)
    landing.start()
    for name, day in (("1", 1), ("2", 2), ("3", 1)):
        Clock.day = date(2026, 3, day)
        land(landing, a_record(name))
    landing.close()
    found = {path.parent.name: path.read_bytes().count(b"\n") for path in (raw / FEED).glob("dt=*/*.jsonl")}
    assert found == {"dt=2026-03-01": 1, "dt=2026-03-02": 2}


def test_the_lake_reads_no_open_file(dbt, tmp_path):
    lake = Lake(tmp_path / "lake")
    lake.land({"dt=2026-11-01/a.jsonl": file_of(ticket_line())})
    left_open(lake.raw, service_line().encode()[:-5])
    with receiver(lake.raw, file_seconds=3600) as http:
        http.post(json.loads(service_line()))
        dbt.build(lake)
        assert lake.query("select count(*) from fct_service_records") == [(0,)]
    dbt.build(lake)
    assert lake.query("select count(*) from fct_service_records") == [(1,)]


# ---------- after a kill


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b'{"a": 1}\n{"b": 2}\n', 2),
        (b'{"a": 1}\n{"b": 2}', 1),
        (b'{"a": 1}\n{"b"', 1),
        (b'{"a": 1}\n{"b": \0\0}\n', 1),
        (b'{"a": 1}\n\0\0\0\0\n\0\0', 1),
        (b'{"a', 0),
        (b"", 0),
    ],
)
def test_a_file_that_was_left_open_lands_without_its_torn_end(raw, content, kept):
    path = left_open(raw, content, day="dt=2026-01-01")
    recover(raw)
    assert open_files(raw) == []
    assert (path.read_bytes() if path.exists() else b"") == b"".join(content.splitlines(keepends=True)[:kept])
    assert path.exists() == (kept > 0)


def test_what_was_left_open_is_known_and_lands_in_its_own_day(raw, started):
    path = left_open(raw, a_record("1").line + a_record("2").line[:-9], day="dt=2026-01-01")
    landing = started()
    assert land(landing, a_record("1"), a_record("2")) == [True, False]
    assert path.read_bytes() == a_record("1").line


def test_no_line_is_taken_for_torn_that_was_acknowledged(raw, started):
    """Whatever else a record holds."""
    extra = f'{{"longest": {"9" * 5000}, "largest": 1e999, "deepest": {"[" * 98}{"]" * 98}, "nul": "\\u0000"}}'
    text = service_line(extra="<>").replace('"<>"', extra)
    left_open(raw, text.encode() + b"\n")
    with receiver(raw) as http:
        assert http.post(text.encode()).body["duplicate"] is True
    assert landed_lines(raw) == [text.encode()]


def test_nothing_is_lost_or_doubled_by_kills(tmp_path):
    run = asyncio.run(measure(tmp_path, seconds=4, kills=3, connections=6, batch=3))
    assert run.kills == 4 and run.counts.retries > 0
    assert run.counts.acknowledged
    assert (run.lost, run.doubled) == (0, 0)


# ---------- what is known


def test_what_others_landed_is_known(raw, started):
    """If the lake accepts it: a refused line of the same id is none."""
    good, other = a_record("1"), a_record("2", odometer_km=1)
    refused = service_line(service_record_id="3", service_type="wash").encode() + b"\n"
    day = raw / FEED / "dt=2026-03-01"
    day.mkdir(parents=True)
    (day / "a.jsonl").write_bytes(good.line.replace(b"\n", b"\r\n") + refused + b"\xff\nno json\n\n")
    (day / "b.jsonl.gz").write_bytes(gzip.compress(other.line))
    (day / "_c.jsonl").write_bytes(a_record("4").line)
    landing = started()
    assert land(landing, good, a_record("3"), a_record("4")) == [True, False, False]
    with pytest.raises(Contradiction):
        land(landing, a_record("2"))


def mutilate(path):
    path.write_bytes(b"no database" * 1000)


def forget_the_last_file(path):
    with sqlite3.connect(path) as index:
        index.execute("delete from files")
        index.execute("delete from records")
    index.close()


def of_another_version(path):
    with sqlite3.connect(path) as index:
        index.execute("pragma user_version = 99")
    index.close()


@pytest.mark.parametrize("harm", [os.unlink, mutilate, forget_the_last_file, of_another_version])
def test_an_index_that_is_lost_is_made_anew_from_the_files(raw, started, harm):
    first = started()
    land(first, a_record("1"))
    first.close()
    harm(raw / FEED / "_receiver.sqlite")
    assert land(started(), a_record("1"), a_record("2")) == [True, False]


@pytest.mark.parametrize("harm", ["removed", "changed"])
def test_the_files_are_believed_and_not_the_index(raw, started, harm):
    first = started()
    land(first, a_record("1"))
    first.close()
    [path] = (raw / FEED).glob("dt=*/*.jsonl")
    if harm == "removed":
        path.unlink()
    else:
        path.write_bytes(a_record("another").line)
    assert land(started(), a_record("1")) == [False]


def test_an_index_that_cannot_be_written_loses_nothing(raw, started, monkeypatch):
    landing = started(file_bytes=1)
    monkeypatch.setattr(Index, "_insert", lambda *_: (_ for _ in ()).throw(sqlite3.OperationalError("disk full")))
    assert [land(landing, a_record("1")) for _ in range(3)] == [[False], [True], [True]]
    monkeypatch.undo()
    assert land(landing, a_record("2"), a_record("1")) == [False, True]
    landing.close()
    with sqlite3.connect(raw / FEED / "_receiver.sqlite") as index:
        assert index.execute("select count(*) from records").fetchone() == (2,)
        assert index.execute("select count(*) from files").fetchone() == (2,)
    index.close()


# ---------- when nothing can be written


class FullDisk:
    """os.write, which writes half and then finds the disk full, until `free`."""

    def __init__(self, monkeypatch):
        self._write, self.free, self.tried = os.write, False, 0
        monkeypatch.setattr(folder.os, "write", self.write)

    def write(self, file, data):
        if self.free:
            return self._write(file, data)
        self.tried += 1
        if self.tried % 2:
            return self._write(file, data[: len(data) // 2])
        raise OSError(28, "No space left on device")


def test_a_full_disk_gives_503_and_nothing_half_written_becomes_a_line(raw, monkeypatch):
    with receiver(raw) as http:
        assert http.post(json.loads(service_line())).status == 202
        disk = FullDisk(monkeypatch)
        for number in range(3):
            answer = http.post([json.loads(service_line(service_record_id=f"{number}.{part}")) for part in range(9)])
            assert answer.status == 503 and "No space left" in answer.body["error"]
            assert answer.headers["retry-after"] == "1"
        disk.free = True
        assert http.post(json.loads(service_line(service_record_id="1.2"))).body["duplicate"] is False
    assert [json.loads(line)["service_record_id"] for line in landed_lines(raw)] == ["S-1", "1.2"]


def test_what_a_failed_write_left_is_cut_off_after_a_kill(raw, monkeypatch):
    """The lines that were whole may land: they were not acknowledged, and come again as duplicates."""
    first = FolderLanding(raw)
    first.start()
    land(first, a_record("1"))
    FullDisk(monkeypatch)
    with pytest.raises(Unavailable, match="No space left"):
        land(first, *(a_record(f"2.{part}") for part in range(9)))
    first._file = None  # The end of its process would leave the file as it is, too.
    first.close()
    monkeypatch.undo()
    second = FolderLanding(raw)
    second.start()
    answers = land(second, a_record("1"), *(a_record(f"2.{part}") for part in range(9)))
    second.close()
    assert answers == [True, *[True] * 4, *[False] * 5]
    assert set(landed_ids(raw).values()) == {1} and len(landed_ids(raw)) == 10


def test_a_sync_that_fails_is_no_acknowledgement(raw, started, monkeypatch):
    landing = started()
    land(landing, a_record("1"))
    with monkeypatch.context() as patch:
        patch.setattr(folder.os, "fsync", lambda file: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        for _ in range(3):
            with pytest.raises(Unavailable, match="Input/output"):
                land(landing, a_record("2"))
    assert land(landing, a_record("2"), a_record("3")) == [False, False]
    landing.close()
    assert landed_ids(raw) == {"1": 1, "2": 1, "3": 1}


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="another process's limits can be set on Linux only")
def test_the_server_goes_on_when_the_disk_has_room_again(tmp_path):
    """A limit of the file's size stands in for the disk's: writes fail half way, as they do there."""
    import asyncio

    key = KeyFile(tmp_path / "receiver-keys.json").add("test")
    server = Server(tmp_path, tmp_path / "log")
    server.start()

    def post(number):
        body = "[" + ",".join(service_line(service_record_id=f"{number}.{part}") for part in range(100)) + "]"
        connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request("POST", "/service-records", body, {"X-API-Key": key, "Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status

    try:
        asyncio.run(server.ready())
        assert post(1) == 202
        [path] = open_files(tmp_path / "raw")
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (path.stat().st_size + 1000, hard))
        assert [post(2), post(2)] == [503, 503]
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert post(2) == 202
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) in (0, -signal.SIGTERM)
    finally:
        server.kill()
    found = landed_ids(tmp_path / "raw")
    assert set(found.values()) == {1} and len(found) == 200


def test_a_folder_that_is_taken_away_is_unavailable_until_it_is_back(raw, tmp_path):
    with receiver(raw) as http:
        assert http.post(json.loads(service_line())).status == 202
        (raw / FEED).rename(tmp_path / "away")
        assert http.request("GET", "/health").status == 503
        answer = http.post(json.loads(service_line(service_record_id="2")))
        assert answer.status == 503 and "taken away" in answer.body["error"]
        (tmp_path / "away").rename(raw / FEED)
        assert http.post(json.loads(service_line())).body["duplicate"] is True
        assert http.post(json.loads(service_line(service_record_id="2"))).status == 202
    assert landed_ids(raw) == {"S-1": 1, "2": 1}


def test_what_was_in_an_open_file_that_is_gone_can_land_again(raw, started):
    landing = started()
    land(landing, a_record("1"))
    shutil.rmtree(raw / FEED / TODAY)
    assert land(landing, a_record("1")) == [False]
    landing.close()
    assert landed_ids(raw) == {"1": 1}


def test_a_file_instead_of_the_folder_is_refused_at_the_start(raw):
    raw.mkdir()
    (raw / FEED).write_text("")
    with pytest.raises(Refused, match="cannot be written"):
        FolderLanding(raw)


def test_too_much_that_waits_is_refused(monkeypatch):
    entered, release = threading.Event(), threading.Event()

    class Slow(Landing):
        def land(self, group):
            entered.set()
            release.wait()
            return [[False]] * len(group)

        def probe(self):
            pass

    monkeypatch.setattr("receiver.landing._MOST_WAITING", 1000)
    landing, record = Slow(), a_record()
    landing.start()
    answers = [landing.submit([record])]
    entered.wait()
    room = 1000 // len(record.line)
    answers += [landing.submit([record]) for _ in range(room)]
    with pytest.raises(Unavailable, match="waiting"):
        landing.submit([record])
    release.set()
    assert [answer.result(timeout=60) for answer in answers] == [[False]] * (room + 1)
    landing.close()
    with pytest.raises(Unavailable, match="going down"):
        landing.submit([record])


def test_an_error_that_nobody_foresaw_is_an_answer_too(monkeypatch, started):
    landing = started()
    monkeypatch.setattr(Index, "content", lambda *_: 1 / 0)
    with pytest.raises(Unavailable, match="ZeroDivisionError"):
        land(landing, a_record())
    monkeypatch.undo()
    assert land(landing, a_record()) == [False]


def test_a_lock_ends_with_its_holder(raw):
    lock = Lock(raw)
    with pytest.raises(Refused, match="A receiver is running"):
        Lock(raw)
    lock.release()
    Lock(raw).release()
