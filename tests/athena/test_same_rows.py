"""The same landings give the same rows on DuckDB and on Athena, in one build and day by day."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from conftest import ROOT, AthenaDbt, AthenaLake
from feed_landings import random_feed_landings, ticket_moments
from lakes import Dbt, Lake, differences, exact_part_first
from landings import Landing, file_of, random_landing, ticket_line
from rare_lines import rare_lines

from generator.cli import main


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
    for dialect in ("duckdb", "athena"):
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


def test_a_generated_lake_and_a_day_on_top_pass_all_tests_with_clean_sql(both, tmp_path):
    """With seeds, data tests, unit tests and analyses, as a user would."""
    raw = ["--output", str(tmp_path / "generated" / "raw")]
    assert main(["generate", "--count", "60", "--start", "2026-01-28", "--end", "2026-02-10", *raw]) == 0
    first = generated(tmp_path / "generated")
    assert len(first) == 4
    for feed, files in first.items():
        both.land(files, feed)
    both.succeeds("build")
    assert both.differences() == ""
    keep_compiled(tmp_path / "all", both.dbt, both.athena_dbt)

    assert main(["simulate", *raw]) == 0
    for feed, files in generated(tmp_path / "generated").items():
        both.land({path: content for path, content in files.items() if path not in first[feed]}, feed)
    for feed, lines in rare_lines(date(2026, 2, 11)).items():
        both.land({"dt=2026-02-11/rare.jsonl": file_of(*lines)}, feed)
    both.succeeds("build")
    assert both.differences() == ""
    both.succeeds("compile", "--select", "resource_type:analysis")
    assert both.different_answers() == ""
    keep_compiled(tmp_path / "day", both.dbt, both.athena_dbt)

    both.succeeds("test", "--selector", "unit_tests")
    for path in (tmp_path / "day").rglob("*.sql"):
        same = tmp_path / "all" / path.relative_to(tmp_path / "day")
        if same.exists() and same.read_text() == path.read_text():
            path.unlink()
    assert unclean(tmp_path / "all") == ""
    assert unclean(tmp_path / "day") == ""


def parts_of(landing: Landing, starts: list[str]) -> list[dict[str, bytes]]:
    """The files in parts of whole days, one from each of `starts` on; a file of the first comes with the second."""
    parts = landing.split(starts)
    late = min(path for path in parts[0] if landing.lines.get(path))
    parts[1][late] = parts[0].pop(late)
    return parts


def test_without_landings_a_build_says_where_it_looked_and_what_to_do(both):
    output = both.athena_dbt.refused(both.athena_lake, "--select", "stg_ticket_updates__lines")
    raw = both.athena_lake.raw.rstrip("/")
    assert f"No landings: {raw}/ticket_updates/dt=YYYY-MM-DD/ holds no *.jsonl or *.jsonl.gz file" in output
    assert "make upload" in output


def test_random_landings_day_by_day_and_odd_lines(both):
    tickets = random_landing(2)
    landings = [tickets, *random_feed_landings(2, ticket_moments(tickets)).values()]
    days = tickets.days()
    parts = {landing.feed: parts_of(landing, [days[len(days) // 2]]) for landing in landings}
    parts["ticket_updates"][1] |= odd_lines(max(tickets.lines).split("/")[0])
    for number in range(2):
        for feed, files in parts.items():
            both.land(files[number], feed)
        both.build()
        assert both.differences() == ""
