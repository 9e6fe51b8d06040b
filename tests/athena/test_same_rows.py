"""The same landings give the same rows on DuckDB and on Athena, in one build and day by day."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from conftest import ROOT, AthenaDbt, AthenaLake
from feed_landings import random_feed_landings, ticket_moments
from lakes import Dbt, Lake, differences, exact_part_first
from landings import Landing, file_of, random_landing, ticket_line
from rare_lines import rare_lines

import curated
import lookup
from curated.athena import default_address, publish_manifest
from curated.manifest import from_json
from curated.places import Folder
from curated.publishing import Kept, NothingPassed, publish
from generator.cli import main
from lookup.loading import load
from lookup.sqlite import SQLite


def odd_lines(day: str) -> dict[str, bytes]:
    """What Athena's reader and JSON parser might take otherwise than DuckDB's."""
    return {
        f"{day}/control characters.jsonl": b"\x01\n\x01\x01\n" + ticket_line(ticket_id="T-1").encode() + b"\x01rest\n",
        f"{day}/nulls.jsonl": b"\\N\nnull\n\n" + file_of(ticket_line(ticket_id="T-2", subject="\\N")),
        f"{day}/quotes.jsonl": file_of('"', "'", '\\"', "a,b;c\td", '{"ticket_id": "\\u00e4\\ud83d\\ude97"}'),
        f"{day}/names.jsonl": file_of(
            ticket_line(ticket_id="T-3", Severity="P9", STATUS="gone"),
            ticket_line(ticket_id="T-4").replace("status", "Status"),
        ),
        f"{day}/texts.jsonl": file_of(
            *(
                ticket_line(ticket_id=f"T-5{place}", subject=text)
                for place, text in enumerate(("a\u2028b", "🚗", "\x7f", " a ", "null"))
            ),
            *(
                ticket_line(ticket_id=f"T-6{place}", customer_id=value)
                for place, value in enumerate((7, -7, 2**63 - 1))
            ),
            *(
                ticket_line(ticket_id=f"T-7{place}", x=value)
                for place, value in enumerate(([[]], {"status": "x"}, -5e-4))
            ),
        ),
        f"{day}/no line feed.jsonl.gz": gzip.compress(ticket_line(ticket_id="T-8").encode()),
        f"{day}/ends.jsonl": b"\r\n \t\r\n" + ticket_line(ticket_id="T-9").encode() + b"\r\n" + b"broken\r\n\x0b\x0c\n",
        f"{day}/moments.jsonl": file_of(
            *(
                ticket_line(ticket_id=f"M-{place}", created_at=moment, sla_due_at=due)
                for place, (moment, due) in enumerate(
                    (
                        ("2026-03-02T08:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
                        ("2026-02-27T07:00:00.000001Z", "1600-02-29T12:34:56.789012Z"),
                        ("2026-03-02T00:00:00+14:00", "2262-04-11T23:47:16.854776Z"),
                        ("2026-03-02T09:00:00-00:00", "0001-01-01T00:00:00.000001Z"),
                    )
                )
            )
        ),
    }


@pytest.fixture(scope="module")
def dbt(tmp_path_factory):
    runner = Dbt(tmp_path_factory.mktemp("dbt"))
    yield runner
    runner.close()


class Both:
    """A lake on each engine, with the same files."""

    def __init__(self, folder, dbt: Dbt, athena_lake: AthenaLake, athena_dbt: AthenaDbt):
        self.lake, self.dbt = Lake(folder), dbt
        self.athena_lake, self.athena_dbt = athena_lake, athena_dbt
        athena_lake.clear()

    def land(self, files: dict[str, bytes], feed: str = "ticket_updates") -> None:
        self.lake.land(files, feed)
        self.athena_lake.land(files, feed)

    def build(self, *arguments: str) -> None:
        """Both, on top of what they have built."""
        self.dbt.build(self.lake, *arguments)
        self.athena_dbt.build(self.athena_lake, *arguments)

    def succeeds(self, *command: str) -> None:
        """A command of dbt, on both."""
        for dbt, lake in ((self.dbt, self.lake), (self.athena_dbt, self.athena_lake)):
            outcome = dbt.run(lake, *command)
            assert outcome.exit_code == 0, outcome.output

    def differences(self) -> str:
        """Where Athena's rows are not those of DuckDB."""
        expected = self.dbt.read(self.lake)
        assert sum(len(rows) - 1 for rows in expected.values()) > 100
        found = self.athena_lake.read(self.dbt.public_tables())
        for rows in expected.values():
            rows[0] = tuple((name, kind.lower().partition("(")[0]) for name, kind in rows[0])
        return differences(found, expected)

    def different_answers(self) -> str:
        """Where the analyses, as they were compiled last, say something else on Athena."""
        expected, found = (
            {
                path.stem: [(), *sorted(lake.query(path.read_text()), key=exact_part_first)]
                for path in (dbt.home / "target" / "compiled" / "ticketlake" / "analyses").glob("*.sql")
            }
            for dbt, lake in ((self.dbt, self.lake), (self.athena_dbt, self.athena_lake))
        )
        assert [name for name, rows in expected.items() if len(rows) == 1] == []
        return differences(found, expected)


@pytest.fixture
def both(tmp_path, dbt, athena_lake, athena_dbt) -> Both:
    return Both(tmp_path / "lake", dbt, athena_lake, athena_dbt)


def generated(folder) -> dict[str, dict[str, bytes]]:
    """The files that have been generated, by feed and by path below its folder."""
    return {
        feed.name: {str(path.relative_to(feed)): path.read_bytes() for path in feed.rglob("*.jsonl*")}
        for feed in (folder / "raw").iterdir()
        if feed.is_dir()
    }


def keep_compiled(folder: Path, *runners: Dbt) -> None:
    """Keeps the SQL of the last build, by engine. Of tests of keys and of columns never null, one of each will do."""
    for runner in runners:
        kept = folder / runner.adapter
        # The queries that other tests have handed to dbt stand there, too.
        inline = shutil.ignore_patterns("from remote system.sql")
        shutil.copytree(runner.home / "target" / "compiled" / "ticketlake", kept, ignore=inline)
        seen = set()
        nodes = json.loads((runner.home / "target" / "manifest.json").read_bytes())["nodes"].values()
        for node in (node for node in nodes if node.get("test_metadata")):
            (macro,) = (name for name in node["depends_on"]["macros"] if ".test_" in name)
            if macro in seen - {"macro.ticketlake.test_holds"} or macro.startswith("macro.dbt."):
                (kept / node["original_file_path"] / node["path"]).unlink(missing_ok=True)
            seen.add(macro)


def unclean(folder: Path) -> str:
    """What sqlfluff says against compiled SQL, each engine's by its own dialect."""
    found = []
    for dialect in sorted(path.name for path in folder.iterdir()):
        command = [
            Path(sys.executable).parent / "sqlfluff",
            "lint",
            "--config",
            ROOT / "tests/athena/compiled.sqlfluff",
        ]
        command += ["--dialect", dialect, "--processes", "2", "--disable-progress-bar", "."]
        linted = subprocess.run(command, cwd=folder / dialect, capture_output=True, text=True)
        found += [linted.stdout + linted.stderr] if linted.returncode else []
    return "\n".join(found)


def parts_of(landing: Landing, starts: list[str]) -> list[dict[str, bytes]]:
    """The files in parts of whole days, one from each of `starts` on; a file of the first comes with the second."""
    parts = landing.split(starts)
    late = min(path for path in parts[0] if landing.lines.get(path))
    parts[1][late] = parts[0].pop(late)
    return parts


def the_manifest_names_what_the_tables_hold(both: Both) -> None:
    """Of what has passed; once for a build; and not when tables have been written since."""
    manifest, is_new = publish_manifest()
    assert is_new and manifest.version == 1
    assert publish_manifest() == (manifest, False)
    s3, (bucket, _, prefix) = both.athena_lake.desk.s3, both.athena_lake.curated.removeprefix("s3://").partition("/")
    key = f"{prefix.rstrip('/')}/{both.athena_lake.schema}/manifest.json"
    assert from_json(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) == manifest
    assert {*both.dbt.public_tables()} <= manifest.tables.keys()
    tickets = manifest.tables["fct_tickets"]
    assert tickets.columns["created_at"] == "timestamp(6)" and tickets.reads == [
        "int_as_of_business_time",
        "int_tickets",
    ]
    for name in ("int_tickets", "backlog_daily"):
        table = manifest.tables[name]
        assert both.athena_lake.query(f"select count(*) from {name}") == [(table.rows,)]
        snapshot = f"select count(*) from {name} for version as of {table.snapshot}"
        assert both.athena_lake.query(snapshot) == [(table.rows,)]
        for file in table.files:
            bucket, _, key = file.path.partition("://")[2].partition("/")
            content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file.bytes, file.sha256)

    # A look-up that is loaded from there has the records that DuckDB has.
    assert publish(both.lake.folder / "ticketlake.duckdb", Folder(both.lake.folder / "curated"), Kept())[1]
    found = []
    for place in (str(both.lake.folder / "curated"), default_address()):
        store = SQLite(both.lake.folder / f"lookup_{len(found)}.sqlite")
        assert load(store, place).written == load(store, place, compare=True).records > 10
        ids = [name for (name,) in both.lake.query("select service_record_id from fct_service_records")]
        records = json.dumps(lookup.get_many(ids, store))
        found.append(json.loads(records, parse_float=lambda text: round(float(text), 6)))
    assert len(found[0]) == len(ids) and found[0] == found[1]

    outcome = both.athena_dbt.run(both.athena_lake, "run", "--select", "dim_markets")
    assert outcome.exit_code == 0, outcome.output
    with pytest.raises(NothingPassed):
        publish_manifest()
    with pytest.raises(curated.VersionGone, match="Another build began"):
        curated.read(default_address()).connect("dim_markets")


def test_all_kinds_of_landings_and_more_on_top_pass_all_tests_with_clean_sql(both, tmp_path, monkeypatch):
    """A generated lake together with random dirty landings, then the rest of both, with rare and odd lines."""
    raw = ["--output", str(tmp_path / "generated" / "raw")]
    tickets = random_landing(2)
    landings = [tickets, *random_feed_landings(2, ticket_moments(tickets)).values()]
    days = tickets.days()
    parts = {landing.feed: parts_of(landing, [days[len(days) // 2]]) for landing in landings}
    parts["ticket_updates"][1] |= odd_lines(max(tickets.lines).split("/")[0])
    assert len(parts) == 4

    assert main(["generate", "--count", "60", "--start", "2026-01-28", "--end", "2026-02-10", *raw]) == 0
    first = generated(tmp_path / "generated")
    for feed, files in parts.items():
        both.land(first[feed] | files[0], feed)
    both.succeeds("build")
    assert both.differences() == ""
    # What DuckDB compiles for a first build, `make lint` reads.
    keep_compiled(tmp_path / "all", both.athena_dbt)

    assert main(["simulate", *raw]) == 0
    last_day = max(date.fromisoformat(day[3:]) for landing in landings for day in landing.days()) + timedelta(days=1)
    rare = rare_lines(last_day)
    for feed, files in generated(tmp_path / "generated").items():
        both.land({path: content for path, content in files.items() if path not in first[feed]}, feed)
        both.land(parts[feed][1] | {f"dt={last_day}/rare.jsonl": file_of(*rare.get(feed, []))}, feed)
    both.succeeds("build")
    assert both.differences() == ""
    both.succeeds("compile", "--select", "resource_type:analysis")
    assert both.different_answers() == ""
    keep_compiled(tmp_path / "day", both.dbt, both.athena_dbt)
    with monkeypatch.context() as patched:
        for name, value in both.athena_lake.desk.local.environment.items():
            patched.setenv(name, value)
        the_manifest_names_what_the_tables_hold(both)

    # On DuckDB test_builds runs them.
    outcome = both.athena_dbt.run(both.athena_lake, "test", "--selector", "unit_tests")
    assert outcome.exit_code == 0, outcome.output
    for path in (tmp_path / "day").rglob("*.sql"):
        same = tmp_path / "all" / path.relative_to(tmp_path / "day")
        if same.exists() and same.read_text() == path.read_text():
            path.unlink()
    assert unclean(tmp_path / "all") == ""
    assert unclean(tmp_path / "day") == ""


def test_without_landings_a_build_says_where_it_looked_and_what_to_do(both):
    output = both.athena_dbt.refused(both.athena_lake, "--select", "stg_ticket_updates__lines")
    raw = both.athena_lake.raw.rstrip("/")
    assert f"No landings: {raw}/ticket_updates/dt=YYYY-MM-DD/ holds no *.jsonl or *.jsonl.gz file" in output
    assert "make upload" in output
