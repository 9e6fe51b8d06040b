"""The curated zone: only what has passed is published, whole, and readers see one version or the next."""

import fcntl
import json
import os
import re
import signal
import time
from datetime import datetime, timedelta, timezone

import duckdb
import pytest
from landings import file_of, ticket_line

import curated
from curated import publishing
from curated.manifest import Version, moment
from curated.places import Busy, Folder
from curated.publishing import Kept, NothingPassed, publish
from generator.cli import main

CONTRACT = {
    "varchar": "string",
    "boolean": "bool",
    "integer": "int32",
    "bigint": "int64",
    "double": "double",
    "date": "date32[day]",
    "timestamp(6)": "timestamp[us, tz=UTC]",
    "timestamp": "timestamp[us, tz=UTC]",
    "decimal(18,2)": "decimal128(18, 2)",
    "map(varchar, double)": "map<string, double>",
}


class Desk:
    """A small database such as a build leaves, and the folder that it is published in."""

    def __init__(self, folder):
        self.database, self.folder = folder / "lake.duckdb", folder / "curated"
        self.place = Folder(self.folder)
        self.execute(
            "create table passed_builds (build_id varchar, public_table varchar, stored_table varchar)",
            "create table int_as_of as select timestamp '2026-03-01 10:00:00.000001' as as_of",
            "create table tickets as select 'DE' as market, 1 as number, timestamp '2026-03-01 09:00:00' as created_at",
            "create table nobody as select * from tickets where false",
        )

    def execute(self, *statements):
        with duckdb.connect(str(self.database)) as connection:
            for statement in statements:
                connection.execute(statement)

    def passes(self, build):
        """A build that computes one ticket more, and passes."""
        self.execute(
            "insert into tickets select 'FR', max(number) + 1, max(created_at) from tickets",
            "delete from passed_builds",
            f"insert into passed_builds values ('{build}', 'tickets', 'tickets'), ('{build}', 'nobody', 'nobody')",
        )

    def publish(self, kept=Kept()):  # noqa: B008
        return publish(self.database, self.place, kept)[0]

    def read(self, version=None):
        return curated.read(str(self.folder), version)

    def folders(self):
        return sorted(path.name for path in self.folder.glob("v*"))


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def rows(version, table="tickets"):
    return version.connect(table).execute(f"select * from {table} order by all").fetchall()


def test_a_version_has_what_the_manifest_says(desk):
    desk.passes("one")
    desk.publish()
    found = desk.read()
    assert (found.version, found.versions) == (1, [1])
    assert found.as_of == datetime(2026, 3, 1, 10, 0, 0, 1, tzinfo=timezone.utc)
    table = found.manifest.tables["tickets"]
    assert table.columns == {"market": "string", "number": "int32", "created_at": "timestamp[us, tz=UTC]"}
    assert {re.search(r"/tickets/market=(\w+)/", file.path)[1]: file.rows for file in table.files} == {"DE": 1, "FR": 1}
    at = datetime(2026, 3, 1, 9, tzinfo=timezone.utc)
    assert rows(found) == [("DE", 1, at), ("FR", 2, at)]
    assert found.damaged() == []
    assert json.loads((desk.folder / found.manifest.folder / "manifest.json").read_text())["version"] == 1


def test_a_table_without_rows_still_tells_its_columns(desk):
    desk.passes("one")
    desk.publish()
    found = desk.read()
    assert found.manifest.tables["nobody"].columns == found.manifest.tables["tickets"].columns
    assert rows(found, "nobody") == []


def test_a_changed_file_is_found(desk):
    desk.passes("one")
    desk.publish()
    found = desk.read()
    path = found.files("nobody")[0]
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)
    assert found.damaged() == [found.manifest.tables["nobody"].files[0].path]


def test_a_build_is_published_once(desk):
    desk.passes("one")
    assert publish(desk.database, desk.place, Kept())[1]
    before = desk.read().manifest
    assert not publish(desk.database, desk.place, Kept())[1]
    assert desk.read().manifest == before


def test_versions_are_kept_as_configured_and_read_by_number(desk, monkeypatch):
    for number in range(1, 6):
        desk.passes(f"build {number}")
        desk.publish(Kept(versions=2, hours=0))
    latest = desk.read()
    assert latest.versions == [3, 4, 5]
    assert len(desk.folders()) == 3
    assert [len(rows(desk.read(version))) for version in (3, 4, 5)] == [4, 5, 6]
    with pytest.raises(curated.VersionGone, match=r"no version 2; there are 3, 4, 5"):
        desk.read(2)
    monkeypatch.setenv("TICKETLAKE_KEEP_VERSIONS", "0")
    monkeypatch.setenv("TICKETLAKE_KEEP_HOURS", "0.5")
    desk.passes("build 6")
    desk.publish(Kept.configured())
    assert desk.read().versions == [3, 4, 5, 6]


def test_a_version_stays_for_some_time_after_it_was_the_latest(desk):
    now = datetime.now(timezone.utc)
    versions = [
        Version(number, f"v{number}", moment(now - timedelta(minutes=age)))
        for number, age in ((4, 1), (3, 20), (2, 29), (1, 31))
    ]
    assert [version.version for version in Kept(1, 0.5).of(versions, now)] == [4, 3, 2]
    assert [version.version for version in Kept(3, 0).of(versions, now)] == [4, 3, 2]
    assert Kept(0, 0).of(versions, now) == []


def test_who_reads_a_version_that_goes_is_told(desk):
    desk.passes("one")
    desk.publish()
    found = desk.read()
    desk.passes("two")
    desk.publish(Kept(0, 0))
    with pytest.raises(curated.VersionGone, match="version 1 is not kept any more"):
        found.connect()


def test_nothing_published_is_told(desk):
    with pytest.raises(curated.NotPublished, match="make build"):
        desk.read()
    with pytest.raises(NothingPassed, match="Run a whole `dbt build`"):
        desk.publish()
    with pytest.raises(curated.NotPublished):
        desk.read()


@pytest.mark.parametrize("step", ["_written", "sha256"])
def test_a_publication_that_breaks_off_changes_nothing_for_readers(desk, monkeypatch, step):
    desk.passes("one")
    desk.publish()
    desk.passes("two")
    done = getattr(publishing, step)
    calls = iter(range(100))

    def breaks_off(*arguments):
        if next(calls) == 1:
            raise KeyboardInterrupt
        return done(*arguments)

    monkeypatch.setattr(publishing, step, breaks_off)
    with pytest.raises(KeyboardInterrupt):
        desk.publish()
    monkeypatch.undo()
    assert (desk.read().version, len(desk.folders())) == (1, 2)
    assert len(rows(desk.read())) == 2
    desk.publish()
    assert desk.read().versions == [1, 2]
    assert desk.folders() == sorted({desk.read(1).manifest.folder, desk.read(2).manifest.folder})


def test_what_others_have_there_stays(desk):
    """What is no version, and what a later publication is writing."""
    desk.passes("one")
    for name in ("v000001-00000000", "v000002-00000000", "notes", "v1"):
        (desk.folder / name).mkdir(parents=True)
    desk.publish()
    assert desk.folders() == sorted([desk.read().manifest.folder, "v000002-00000000", "v1"])
    assert (desk.folder / "notes").exists()


def test_one_publication_at_a_time(desk):
    desk.passes("one")
    desk.folder.mkdir()
    with (desk.folder / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Busy, match="another publication is going on"):
            desk.publish()
    desk.publish()


def test_a_manifest_of_another_format_is_refused(desk):
    desk.passes("one")
    desk.publish()
    path = desk.folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(ValueError, match="has format 2, and this version of the project reads 1"):
        desk.read()


def test_only_a_whole_build_that_passed_is_published(dbt, lake, manifest):
    """What is not: models alone, some of them, empty ones; a killed build; one whose rows fail a test later."""
    assert main(["generate", "--count", "60", "--end", "2026-02-10", "--output", str(lake.folder / "raw")]) == 0
    place, database = Folder(lake.folder / "curated"), lake.folder / "ticketlake.duckdb"

    def build(*arguments):
        outcome = dbt.run(lake, "build", *arguments)
        assert outcome.exit_code == 0, outcome.output
        return outcome

    def is_refused():
        with pytest.raises(NothingPassed):
            publish(database, place, Kept())
        return True

    build()
    first, _ = publish(database, place, Kept())
    published = curated.read(str(lake.folder / "curated"))
    public = [node for node in manifest["nodes"].values() if node.get("access") == "public"]
    assert {node["alias"] for node in public} == first.tables.keys()
    for node in public:
        types = {name: CONTRACT[column["data_type"].lower()] for name, column in node["columns"].items()}
        assert published.manifest.tables[node["alias"]].columns == types, node["alias"]
        (count,) = lake.query(f"select count(*) from {node['alias']}")[0]
        assert published.connect(node["alias"]).execute(f"select count(*) from {node['alias']}").fetchone() == (count,)

    # Tests alone, documentation and questions leave it as it is.
    assert dbt.run(lake, "test").exit_code == 0
    assert dbt.run(lake, "compile", "--select", "fct_tickets").exit_code == 0
    assert publish(database, place, Kept()) == (first, False)

    for arguments in (
        ("--select", "fct_tickets"),
        ("--exclude", "fct_tickets"),
        ("--empty", "--select", "fct_tickets"),
    ):
        build(*arguments)
        assert is_refused()
    dbt.build(lake)
    assert is_refused()

    lake.land({"dt=2026-02-11/a.jsonl": file_of(ticket_line(ticket_id="new", updated_at="2026-02-11T10:00:00Z"))})
    group = dbt.start(lake, "build")
    while "START" not in dbt.log.read_text():
        time.sleep(0.01)
    os.killpg(group, signal.SIGKILL)
    dbt.finish()
    assert is_refused()
    build()
    assert publish(database, place, Kept())[0].version == 2

    lake.execute("update int_tickets set reopen_count = 7")
    assert dbt.run(lake, "test", "--vars", "test_all: true").exit_code == 1
    assert is_refused()
    assert curated.read(str(lake.folder / "curated")).version == 2
