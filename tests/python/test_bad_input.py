"""What cannot be built says what is wrong, where, and what to do; what can be built is, whatever else landed."""

import gzip
import multiprocessing

import duckdb
import pytest
from lakes import Lake
from landings import file_of, ticket_line


def test_an_empty_lake_is_named(dbt, lake):
    message = dbt.refused(lake)
    assert "No landings:" in message
    assert "raw/ticket_updates/dt=YYYY-MM-DD/" in message
    assert "python -m generator generate" in message


def test_a_lake_that_is_not_there_is_named(dbt, tmp_path):
    lake = Lake(tmp_path / "lake")
    lake.folder = tmp_path / "nowhere"
    outcome = dbt.run(lake, "build")
    assert outcome.exit_code != 0
    assert "there is no such folder" in outcome.output
    assert "Set LAKE to the folder that holds raw/" in outcome.output


def hold_open(path, opened, done):
    with duckdb.connect(path):
        opened.set()
        done.wait(60)


def test_a_second_build_is_refused_and_nothing_is_lost(dbt, lake):
    lake.land({"dt=2026-03-02/a.jsonl": file_of(ticket_line())})
    dbt.build(lake)
    context = multiprocessing.get_context("spawn")
    opened, done = context.Event(), context.Event()
    other = context.Process(target=hold_open, args=(str(lake.folder / "ticketlake.duckdb"), opened, done))
    other.start()
    try:
        assert opened.wait(60)
        outcome = dbt.run(lake, "build")
    finally:
        done.set()
        other.join()
    assert outcome.exit_code != 0
    assert "ticketlake.duckdb is in use" in outcome.output
    assert "Wait for it to end" in outcome.output
    dbt.build(lake)
    assert lake.query("select count(*) from fct_tickets") == [(1,)]


def test_an_as_of_before_the_latest_update_is_refused(dbt, lake):
    lake.land({"dt=2026-03-02/a.jsonl": file_of(ticket_line())})
    message = dbt.refused(lake, "--vars", "{as_of: '2026-03-01 00:00:00'}")
    assert "The var as_of, 2026-03-01 00:00:00, is earlier than the latest accepted update" in message
    dbt.build(lake)
    assert lake.query("select count(*) from fct_tickets") == [(1,)]


HOSTILE = {
    "control characters": (b'{"ticket_id": "\x01\x02\x03\x04"}', "not_json"),
    "the reader's own delimiter": (ticket_line(ticket_id="T-9").encode() + b"\x01\x02\x03\x04rest", "not_json"),
    "bytes that are not UTF-8": (b'{"ticket_id": "\xff\xfe"}', "not_json"),
    "a NUL": (b'{"ticket_id": "a\x00b"}', "not_json"),
    "deep nesting": (b"[" * 5000 + b"]" * 5000, "not_json"),
    "half a surrogate pair": (rb'{"ticket_id": "\ud800"}', "not_json"),
    "not a number": (b'{"ticket_id": nAn}', "not_json"),
    "a very long line": (b'{"ticket_id": "' + b"x" * 1_000_000 + b'"}', "missing_updated_at"),
    "a line past the limit": (b'{"ticket_id": "' + b"x" * 40_000_000 + b'"}', "not_json"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("compressed", (False, True))
def test_a_hostile_line_is_quarantined_and_costs_no_other(dbt, lake, name, compressed):
    line, reason = HOSTILE[name]
    content = file_of(ticket_line(ticket_id="T-1")) + line + b"\n" + file_of(ticket_line(ticket_id="T-2"))
    path = "dt=2026-03-02/a.jsonl" + (".gz" if compressed else "")
    lake.land({path: gzip.compress(content) if compressed else content})
    dbt.build(lake)
    assert lake.query("select ticket_id from fct_tickets order by 1") == [("T-1",), ("T-2",)]
    assert lake.query("select reason, occurrences from quarantined_lines") == [(reason, 1)]
    assert lake.query("select lines, accepted, quarantined from ingestion_state") == [(3, 2, 1)]


def test_a_file_of_nothing_but_unreadable_lines_is_counted_when_it_lands(dbt, lake):
    lake.land({"dt=2026-03-02/a.jsonl": file_of(ticket_line())})
    dbt.build(lake)
    lake.land({"dt=2026-03-03/a.jsonl": b"\xff\xfe\n"})
    dbt.build(lake)
    assert lake.query("select lines, quarantined from ingestion_state order by landed_on") == [(1, 0), (1, 1)]
