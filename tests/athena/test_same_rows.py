"""The same landings give the same rows on DuckDB and on Athena, in one build and day by day."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, AthenaDbt, AthenaLake
from lakes import Dbt, Lake, differences
from landings import Landing, file_of, random_landing, ticket_line

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

    def land(self, files: dict[str, bytes]) -> None:
        self.lake.land(files)
        self.athena_lake.land(files)

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
            rows[0] = tuple((name, kind.lower()) for name, kind in rows[0])
        return differences(found, expected)


@pytest.fixture
def both(tmp_path, dbt, athena_lake, athena_dbt) -> Both:
    return Both(tmp_path / "lake", dbt, athena_lake, athena_dbt)


def generated(folder) -> dict[str, bytes]:
    raw = folder / "raw" / "ticket_updates"
    return {str(path.relative_to(raw)): path.read_bytes() for path in raw.rglob("*.jsonl*")}


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
    both.land(first := generated(tmp_path / "generated"))
    both.succeeds("build")
    assert both.differences() == ""
    keep_compiled(tmp_path / "all", both.dbt, both.athena_dbt)

    assert main(["simulate", *raw]) == 0
    both.land({path: content for path, content in generated(tmp_path / "generated").items() if path not in first})
    both.succeeds("build")
    assert both.differences() == ""
    both.succeeds("compile", "--select", "resource_type:analysis")
    keep_compiled(tmp_path / "day", both.dbt, both.athena_dbt)

    both.succeeds("test", "--selector", "unit_tests")
    for path in (tmp_path / "day").rglob("*.sql"):
        same = tmp_path / "all" / path.relative_to(tmp_path / "day")
        if same.exists() and same.read_text() == path.read_text():
            path.unlink()
    assert unclean(tmp_path / "all") == ""
    assert unclean(tmp_path / "day") == ""


def parts_of(landing: Landing, count: int) -> list[dict[str, bytes]]:
    """The files in parts of whole days, in order of landing; one file of the first part comes with the second."""
    days = landing.days()
    parts = landing.split([days[len(days) * part // count] for part in range(1, count)])
    late = min(path for path in parts[0] if landing.lines.get(path))
    parts[1][late] = parts[0].pop(late)
    return parts


def test_without_landings_a_build_says_where_it_looked_and_what_to_do(both):
    output = both.athena_dbt.refused(both.athena_lake, "--select", "stg_ticket_updates__lines")
    raw = both.athena_lake.raw.rstrip("/")
    assert f"No landings: {raw}/ticket_updates/dt=YYYY-MM-DD/ holds no *.jsonl or *.jsonl.gz file" in output
    assert "make upload" in output


def test_random_landings_day_by_day_and_odd_lines(both):
    landing = random_landing(2)
    parts = parts_of(landing, 2)
    for part in (parts[0], parts[1] | odd_lines(max(landing.lines).split("/")[0])):
        both.land(part)
        both.build()
        assert both.differences() == ""
