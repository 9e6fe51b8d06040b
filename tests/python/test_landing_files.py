"""CSV and JSON lines become ticket updates by a mapping, and what is wrong is said before anything lands."""

import csv
import gzip
import hashlib
import hmac
import json
import re
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest
from landings import landed_lines

from landing import __main__ as command
from landing import core, files, reading

TICKETS = """\
rows: tickets
zone: Europe/Berlin
fields:
  ticket_id: No
  created_at: Opened
  first_reply_at: Replied
  resolved_at: Resolved
  closed_at: Closed
  sla_due_at: Due
  status:
    column: State
    map: {Done: closed, Waiting: pending, Open: open}
  severity: {column: Prio, map: {"1": P1, "2": P2}, default: P3}
  market: {constant: DE}
  agent_id: Agent
"""
HEADER = "No,Opened,Replied,Resolved,Closed,Due,State,Prio,Agent\n"
CHANGES = """\
rows: changes
fields:
  ticket_id: id
  updated_at: at
  status: status
  severity: {constant: P2}
  market: {constant: UK}
  source: {constant: crm}
  subject: text
"""


class Desk:
    """A folder with files, a mapping and a lake, and the command line on it."""

    def __init__(self, folder, monkeypatch, capsys):
        self.folder, self.lake = folder, folder / "lake"
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def write(self, name, content, encoding="utf-8"):
        (self.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return self.folder / name

    def run(self, *arguments):
        """Exit code and what was printed, standard output and error."""
        self._monkeypatch.setattr(sys, "argv", ["landing", *map(str, arguments)])
        code = command.main()
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err

    def land(self, content, mapping, *options, name="tickets.csv", encoding="utf-8"):
        file = self.write(name, content, encoding)
        path = self.write("map.yml", mapping)
        kind = "jsonl" if ".jsonl" in name else "csv"
        return self.run(kind, file, "--mapping", path, "--lake", self.lake, *options)

    def refused(self, content, mapping, **options):
        """What is said of a mapping for which nothing lands, without the folder's name."""
        code, _, error = self.land(content, mapping, **options)
        assert (code, list(self.lake.glob("raw/**/*.jsonl"))) == (2, [])
        return error.replace(f"{self.folder}/", "").removeprefix("tickets.csv: checked\n")

    def lines(self):
        """What has landed, in order of ticket, moment and sequence."""
        return landed_lines(self.lake)

    def told(self, *fields):
        """These fields of what has landed, None for absent ones."""
        return [tuple(line.get(field) for field in fields) for line in self.lines()]

    def rejected(self):
        """Line, column, reason and value of what was rejected."""
        rows = []
        for path in sorted(self.lake.glob("landing/rejected/*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                rows += [(row["line"], row["column"], row["reason"], row["value"]) for row in csv.DictReader(file)]
        return sorted(rows, key=lambda row: (int(row[0]), row))


@pytest.fixture
def desk(tmp_path, monkeypatch, capsys):
    return Desk(tmp_path, monkeypatch, capsys)


def file_lines(*rows, header=HEADER):
    return header + "".join(f"{row}\n" for row in rows)


# ---------- rows to updates


def test_a_row_per_ticket_makes_an_update_for_each_moment(desk):
    content = file_lines(
        "T-1,2026-03-02 09:00,2026-03-02 10:00,2026-03-03 09:00,2026-03-05 09:00,2026-03-04 09:00,Done,1,ann",
        "T-2,2026-03-02 09:00,,,,,Waiting,,",
        "T-3,2026-03-02T09:00:00Z,,2026-03-03T09:00:00+02:00,,,Open,2,ben",
    )
    code, out, _ = desk.land(content, TICKETS)
    assert code == 0, out
    assert desk.told("ticket_id", "updated_at", "status", "event", "severity") == [
        ("T-1", "2026-03-02T08:00:00Z", "new", "created", "P1"),
        ("T-1", "2026-03-02T09:00:00Z", "new", "agent_reply", "P1"),
        ("T-1", "2026-03-03T08:00:00Z", "resolved", "status_changed", "P1"),
        ("T-1", "2026-03-05T08:00:00Z", "closed", "status_changed", "P1"),
        ("T-2", "2026-03-02T08:00:00Z", "new", "created", "P3"),
        ("T-2", "2026-03-02T08:00:00Z", "pending", "status_changed", "P3"),
        ("T-3", "2026-03-02T09:00:00Z", "new", "created", "P2"),
        ("T-3", "2026-03-03T07:00:00Z", "resolved", "status_changed", "P2"),
        ("T-3", "2026-03-03T07:00:00Z", "open", "status_changed", "P2"),
    ]
    assert {line["created_at"] for line in desk.lines() if line["ticket_id"] == "T-1"} == {"2026-03-02T08:00:00Z"}
    assert desk.told("agent_id", "sla_due_at")[0] == ("ann", "2026-03-04T08:00:00Z")
    assert len({line["update_id"] for line in desk.lines()}) == 9
    assert "read      3 rows" in out and "landed    9 updates in 1 file of" in out


def test_a_line_gives_its_fields_in_the_order_of_the_contract_and_no_absent_ones(desk):
    desk.land(file_lines('"T ""1""",2026-03-02 09:00,,,,,Open,1,"Ünal\\, ann"'), TICKETS)
    [first, _] = desk.lines()
    assert [*first] == [
        *("ticket_id", "updated_at", "created_at", "status", "severity", "market", "update_id", "sequence", "event"),
        "agent_id",
    ]
    assert (first["ticket_id"], first["agent_id"]) == ('T "1"', "Ünal\\, ann")


def test_a_reply_after_the_end_does_not_open_the_ticket_again(desk):
    desk.land(
        file_lines(
            "T-1,2026-03-02 09:00,2026-03-04 10:00,2026-03-03 09:00,,,,1,",
            "T-2,2026-03-02 09:00,2026-03-06 10:00,2026-03-03 09:00,2026-03-05 09:00,,Done,1,",
        ),
        TICKETS,
    )
    assert [row for row in desk.told("ticket_id", "status", "event") if row[2] == "agent_reply"] == [
        ("T-1", "resolved", "agent_reply"),
        ("T-2", "closed", "agent_reply"),
    ]


def test_a_rating_is_an_update_of_its_own_and_an_update_time_tells_of_the_status_of_now(desk):
    mapping = TICKETS + "  updated_at: Changed\n  satisfaction: Stars\n"
    header = HEADER.strip() + ",Changed,Stars\n"
    rows = (
        "T-1,2026-03-02 09:00,,2026-03-03 09:00,,,Done,1,,2026-03-04 09:00,4",
        "T-2,2026-03-02 09:00,,,,,,1,,2026-03-04 09:00,",
    )
    desk.land(file_lines(*rows, header=header), mapping)
    assert desk.told("ticket_id", "updated_at", "status", "event", "satisfaction")[2:] == [
        ("T-1", "2026-03-04T08:00:00Z", "closed", "status_changed", None),
        ("T-1", "2026-03-04T08:00:00Z", "closed", "rated", 4),
        ("T-2", "2026-03-02T08:00:00Z", "new", "created", None),
        ("T-2", "2026-03-04T08:00:00Z", "new", "status_changed", None),
    ]


def test_a_rating_lands_once_however_the_ticket_moves_on(desk):
    mapping = TICKETS + "  satisfaction: Stars\n"
    header = HEADER.strip() + ",Stars\n"
    row = "T-1,2026-03-02 09:00,,2026-03-03 09:00,{closed},,Done,1,{agent},{stars}"
    for closed, agent, stars in (("", "ann", 4), ("2026-03-09 09:00", "ann", 4), ("2026-03-09 09:00", "bob", 4)):
        desk.land(file_lines(row.format(closed=closed, agent=agent, stars=stars), header=header), mapping)
    desk.land(file_lines(row.format(closed="2026-03-09 09:00", agent="bob", stars=5), header=header), mapping)
    rated = [row for row in desk.told("event", "updated_at", "agent_id", "satisfaction") if row[0] == "rated"]
    assert rated == [
        ("rated", "2026-03-03T08:00:00Z", "ann", 4),
        ("rated", "2026-03-09T08:00:00Z", "bob", 5),
    ]


def test_changes_with_a_sequence_of_their_own_are_told_apart_by_it(desk):
    mapping = CHANGES + "  sequence: seq\n  event: what\n"
    rows = "7,2026-03-02T09:00:00Z,open,,1,agent_reply", "7,2026-03-02T09:00:00Z,open,,2,agent_reply"
    content = file_lines(*rows, header="id,at,status,text,seq,what\n")
    desk.land(content, mapping)
    assert desk.told("sequence", "event") == [(1, "agent_reply"), (2, "agent_reply")]
    assert "landed    0 updates" in desk.land(content + content.partition("\n")[2], mapping)[1]


def test_a_row_per_change_is_an_update_in_the_order_of_the_file(desk):
    rows = "7,2026-03-02T09:00:00Z,new,a", "7,2026-03-02T09:00:00Z,open,b", "7,2026-03-03T09:00:00.5Z,closed,"
    rows = file_lines(*rows, header="id,at,status,text\n")
    desk.land(rows, CHANGES)
    assert desk.told("ticket_id", "updated_at", "created_at", "status", "sequence", "subject", "source") == [
        ("7", "2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z", "new", 2, "a", "crm"),
        ("7", "2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z", "open", 3, "b", "crm"),
        ("7", "2026-03-03T09:00:00.500000Z", "2026-03-03T09:00:00.500000Z", "closed", 4, None, "crm"),
    ]


def test_newest_first_turns_the_order_around(desk):
    rows = "id,at,status,text\n7,2026-03-02T09:00:00Z,open,\n7,2026-03-02T09:00:00Z,new,\n"
    desk.land(rows, "order: newest_first\n" + CHANGES)
    assert desk.told("status") == [("new",), ("open",)]


def test_an_update_id_and_a_sequence_of_the_source_are_kept(desk):
    mapping = CHANGES + "  update_id: change\n  sequence: n\n"
    header = "id,at,status,text,change,n\n"
    row = "7,2026-03-02T09:00:00Z,new,,c-1,12"
    desk.land(file_lines(row, row.replace("new", "open"), header=header), mapping)
    assert desk.told("update_id", "sequence", "status") == [("c-1", 12, "new")]


# ---------- again, and more


def test_a_file_lands_once_and_one_that_grew_lands_what_is_new(desk):
    first = "T-1,2026-03-02 09:00,,,,,Open,1,ann"
    content = file_lines(first)
    assert desk.land(content, TICKETS)[0] == 0
    before = desk.lines()
    code, out, _ = desk.land(content, TICKETS)
    assert code == 0 and "landed    0 updates\nskipped   2 landed before, 0 repeated" in out
    assert desk.lines() == before
    # The ticket is answered and resolved, by somebody else, and there is a new one.
    grown = file_lines(
        "T-1,2026-03-02 09:00,2026-03-02 11:00,2026-03-04 09:00,,,Done,1,ben", "T-2,2026-03-05 09:00,,,,,Open,2,"
    )
    desk.land(grown, TICKETS)
    new = [line for line in desk.lines() if line not in before]
    assert [(line["ticket_id"], line["status"], line["event"]) for line in new] == [
        ("T-1", "new", "agent_reply"),
        ("T-1", "resolved", "status_changed"),
        ("T-1", "closed", "status_changed"),
        ("T-2", "new", "created"),
        ("T-2", "open", "status_changed"),
    ]


def test_a_status_that_changed_without_a_moment_comes_after_the_one_that_landed_before(desk):
    for state in ("Open", "Waiting"):
        desk.land(file_lines(f"T-1,2026-03-02 09:00,,,,,{state},1,"), TICKETS)
    assert desk.told("status") == [("new",), ("open",), ("pending",)]


def test_rows_that_are_repeated_in_a_file_land_once(desk, monkeypatch):
    # In pieces of a few rows, so that they are repeated within a piece and from piece to piece.
    monkeypatch.setattr(reading, "PIECE", 200)
    rows = [f"{number % 50},2026-03-02T09:00:00Z,new,x" for number in range(150)]
    _, out, _ = desk.land(file_lines(*rows, header="id,at,status,text\n"), CHANGES)
    assert Counter(line["ticket_id"] for line in desk.lines()) == {str(number): 1 for number in range(50)}
    assert "read      150 rows\nlanded    50 updates" in out and "100 repeated in the source" in out


def test_a_dry_run_shows_lines_and_rejections_and_writes_nothing(desk):
    content = file_lines(
        "T-1,2026-03-02 09:00,,,,,Open,1,ann", ",2026-03-02 09:00,,,,,Open,1,", "T-3,2026-02-30 09:00,,,,,Open,1,"
    )
    code, out, _ = desk.land(content, TICKETS, "--dry-run")
    assert code == 1 and not desk.lake.exists()
    shown = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert [(line["ticket_id"], line["status"]) for line in shown] == [("T-1", "new"), ("T-1", "open")]
    assert "would land 2 updates" in out
    assert f"missing_ticket_id: first in {desk.folder}/tickets.csv, line 3, column No" in out
    assert f"bad_created_at: first in {desk.folder}/tickets.csv, line 4, column Opened: 2026-02-30 09:00" in out
    desk.land(content, TICKETS)
    _, out, _ = desk.land(content, TICKETS, "--dry-run")
    assert "would land 0 updates\nskipped   2 landed before" in out


# ---------- what is rejected


def test_what_the_lake_would_refuse_is_rejected_with_line_and_column(desk):
    later = (datetime.now(timezone.utc) + timedelta(days=3)).strftime("%Y-%m-%d 00:00")
    content = file_lines(
        "T-1,2026-03-02 09:00,2026-03-02 10:00,,,,Open,1,ann",
        ",2026-03-02 09:00,,,,,Open,1,",
        "T-3,,,,,,Open,1,",
        f"T-4,2026-03-02 09:00,{'soon' * 99},,,,Open,1,",
        'T-5,2026-03-02 09:00,,,,,Open,1,"two\nlines"',
        "T-6,2026-03-29 02:30,,,,,Open,1,",
        "T-7,2026-10-25 02:30,,,,,Open,1,",
        f"T-8,{later},,,,,Open,1,",
        "T-9,2026-03-02 09:00,,,,,Done,1,",
        "T-10,2026-03-02 09:00,,,,,Open,1,,,,",
        "T-11,2026-03-02 09:00,,,,,Open,1,,,more",
        "T-12,2026-03-02 09:00,,,,,Open",
        'T-13,2026-03-02 09:00,,,,,Open,1,"never closed',
        "T-14,2026-03-02 09:00,,,,,Open,1,last",
    )
    code, out, _ = desk.land(content, TICKETS)
    assert code == 1
    assert desk.rejected() == [
        ("3", "No", "missing_ticket_id", ""),
        ("4", "Opened", "missing_created_at", ""),
        ("5", "Replied", "bad_first_reply_at", "soon" * 99),
        ("8", "Opened", "skipped_hour", "2026-03-29 02:30"),
        ("9", "Opened", "repeated_hour", "2026-10-25 02:30"),
        ("10", "Opened", "in_the_future", later),
        ("11", "State", "missing_resolved_at", "Done"),
        ("13", "", "bad_row", "11 fields, the header has 9"),
        ("15", "", "bad_row", 'the quote " that opens in this line is not closed'),
    ]
    assert sorted({line["ticket_id"] for line in desk.lines()}) == ["T-1", "T-10", "T-12", "T-14", "T-5"]
    assert "read      14 rows" in out and "rejected  9" in out and f"column Replied: {'soon' * 50} …\n" in out


@pytest.mark.parametrize(
    ("choice", "moments"),
    [
        ("first", ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"]),
        ("second", ["2026-10-25T01:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"]),
    ],
)
def test_the_hour_that_comes_twice_is_read_as_the_mapping_says(desk, choice, moments):
    rows = ("T-1,2026-10-25 02:30,,,,,,1,", "T-2,2026-10-25T02:30:00+01:00,,,,,,1,", "T-3,2026-10-25 03:00,,,,,,1,")
    desk.land(file_lines(*rows), f"repeated_hour: {choice}\n{TICKETS}")
    assert [at for (at,) in desk.told("updated_at")] == moments


@pytest.mark.parametrize(
    ("zone", "local", "moment"),
    [
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:30:00Z"),
        ("Europe/Berlin", "2026-03-29 03:00", "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-03-29 01:59", "2026-03-29T00:59:00Z"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03T15:45:00Z"),
        ("America/St_Johns", "2026-07-01 12:00", "2026-07-01T14:30:00Z"),
        ("UTC", "2026-03-29 02:30", "2026-03-29T02:30:00Z"),
    ],
)
def test_a_skipped_time_is_later_if_the_mapping_says_so(desk, zone, local, moment):
    mapping = "skipped_hour: later\n" + TICKETS.replace("Europe/Berlin", zone)
    desk.land(file_lines(f"T-1,{local},,,,,,1,"), mapping)
    assert desk.told("updated_at") == [(moment,)]


def test_half_an_hour_that_comes_twice_is_seen(desk):
    mapping = TICKETS.replace("Europe/Berlin", "Australia/Lord_Howe")
    desk.land(file_lines("T-1,2026-04-05 01:45,,,,,,1,", "T-2,2026-04-05 01:15,,,,,,1,"), mapping)
    assert [(row[0], row[2]) for row in desk.rejected()] == [("2", "repeated_hour")]


def test_results_that_cannot_be_read_are_left_out_and_told(desk, monkeypatch):
    monkeypatch.setattr(reading, "PIECE", 100)
    mapping = CHANGES + (
        "  source_sla_breached: {column: made, map: {met: false, late: so}}\n  source_resolution_minutes: took\n"
        "  source_reopen_count: again\n"
    )
    rows = ("met,90,2", "yes,90 min,2.5", "Ja,inf,2.0", 'Ja,"1,5",', "late,1.5,x", ",,")
    rows = [f"{place},2026-03-02T09:00:00Z,new,,{row}" for place, row in enumerate(rows)]
    code, _, error = desk.land(file_lines(*rows, header="id,at,status,text,made,took,again\n"), mapping)
    assert code == 0
    assert desk.told("source_sla_breached", "source_resolution_minutes", "source_reopen_count") == [
        *((False, 90.0, 2), (True, None, None), (None, None, 2), (None, None, None), (None, 1.5, None)),
        (None, None, None),
    ]
    told = [line.replace(f"{desk.folder}/", "") for line in error.splitlines() if "left out" in line]
    assert told == [
        "map.yml, line 10, fields.source_sla_breached: 3 values of column 'made' are neither true nor false, the first "
        "in tickets.csv, line 4: 'Ja'. They are left out; give them by map.",
        "map.yml, line 11, fields.source_resolution_minutes: 3 values of column 'took' are no number, the first in "
        "tickets.csv, line 3: '90 min'. They are left out; give them by map.",
        "map.yml, line 12, fields.source_reopen_count: 2 values of column 'again' are no whole number, the first in "
        "tickets.csv, line 3: '2.5'. They are left out; give them by map.",
    ]


# ---------- a mapping that is wrong


def test_a_mapping_is_refused_with_all_that_is_wrong_with_it(desk):
    mapping = """\
rows: ticket
zone: Europe/Berln
colour: red
delimiter: ";;"
fields:
  ticket_id: No
  created_at: {column: Opened, constant: x, format: "dd/mm"}
  status: {column: State, map: {Done: shut, Done: closed}}
  severity: {constant: P7}
  market: TODO
  closed_on: Closed
redact: {status: drop, subject: blur, ticket_id: drop}
"""
    code, _, error = desk.land(HEADER, mapping)
    assert code == 2
    problems = error.replace(f"{desk.folder}/", "").splitlines()
    wanted = [
        "map.yml, line 1, rows: is 'ticket'. Write tickets or changes.",
        "map.yml, line 2, zone: there is no zone 'Europe/Berln'. Did you mean Europe/Berlin? ",
        "map.yml, line 3, colour: there is no such key.",
        "map.yml, line 4, delimiter: is ';;'. Write one character",
        "map.yml, line 7, fields.created_at: needs a column, or a constant, and not both.",
        "map.yml, line 7, fields.created_at.format: is 'dd/mm'. Write iso, unix, unix_ms, or such as",
        "map.yml, line 8, fields.status.map.Done: stands there twice. Keep one.",
        "map.yml, line 8, fields.status.map.Done: status 'shut' is unknown. Write new, open,",
        "map.yml, line 9, fields.severity.constant: severity 'P7' is unknown. Write P1, P2, P3 or P4",
        "map.yml, line 10, fields.market: is 'TODO'. Decide, and write it there",
        "map.yml, line 11, fields.closed_on: there is no such key. Did you mean closed_at?",
        "map.yml, line 12, redact.status: status cannot be redacted.",
        "map.yml, line 12, redact.subject: write drop or hash.",
        "map.yml, line 12, redact.ticket_id: a ticket needs its ticket_id. Write hash.",
    ]
    assert [text for text in wanted if not any(problem.startswith(text) for problem in problems)] == []
    assert len(problems) == len(wanted) + 1, problems


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ("rows: [\n", "map.yml, line 2: this is no YAML: "),
        ("- rows\n", "map.yml: this is no mapping. Write one: python -m landing suggest FILE"),
        ("rows: tickets\nfields: [No]\n", "map.yml, line 2, fields: has to be keys with values, one a line, indented."),
        ("rows: tickets\nfields:\n  ? [a, b]\n  : c\n", "map.yml, line 3: keys have to be texts"),
        (
            "rows: tickets\nfields: &all {status: *all}\n",
            "map.yml, line 2: keys have to be texts, and nothing is within",
        ),
        (TICKETS.replace("Agent", "Größe").encode("cp1252"), "map.yml: this is no UTF-8. Save it as that."),
        ("encoding: rot13\n" + TICKETS, "map.yml, line 1, encoding: there is no 'rot13'. Write utf-8, cp1252"),
        ("delimiter: ;\nquote: ;\n" + TICKETS, "map.yml, line 2, quote: is ';', as the delimiter is."),
        ('encoding: "a\\0b"\n' + TICKETS, "map.yml, line 1, encoding: there is no 'a\\x00b'."),
    ],
)
def test_what_is_no_mapping_is_refused(desk, mapping, problem):
    assert desk.refused(HEADER, mapping).startswith(problem)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("ticket_id: No", "ticket_id: Number", "column 'Number': tickets.csv has no such column. It has: No, Opened"),
        ("ticket_id: No", "ticket_id: Agnt", "Did you mean Agent?"),
        (
            "zone: Europe/Berlin\n",
            "",
            "line 2, column Opened: '2026-03-02 09:00' says no zone, and neither does the mapping.",
        ),
        ("Waiting: pending", "Later: pending", "1 value of column 'State' without status. Give each one of new, open"),
        ("Waiting: pending", "Later: pending", "'Waiting': 1 time, first in tickets.csv, line 3, column State"),
        (
            "created_at: Opened",
            'created_at: {column: Opened, format: "%d.%m.%Y"}',
            "'2026-03-02 09:00' is not %d.%m.%Y. It looks like format: \"iso\".",
        ),
        ("created_at: Opened", 'created_at: {column: Opened, format: "%Q"}', "'%Q' is no format that can be read."),
    ],
)
def test_a_mapping_that_is_not_the_files_is_refused_before_anything_lands(desk, old, new, problem):
    content = file_lines("T-1,2026-03-02 09:00,,,,,Open,1,", "T-2,2026-03-02 09:00,,,,,Waiting,1,")
    assert old in TICKETS
    assert problem in desk.refused(content, TICKETS.replace(old, new))


DATES = (
    "rows: changes\nzone: UTC\nfields:\n  ticket_id: id\n  updated_at: {column: at%s}\n  status: "
    "{constant: new}\n  severity: {constant: P1}\n  market: {constant: DE}\n"
)


def test_dates_whose_day_and_month_cannot_be_told_are_refused(desk):
    problem = desk.refused("id,at\n1,02/03/2026\n2,04/05/2026\n", DATES % "")
    assert (
        'line 2, column at: \'02/03/2026\' is not iso. It is ambiguous: "%d/%m/%Y" and "%m/%d/%Y" read all' in problem
    )


def test_a_format_that_has_day_and_month_the_wrong_way_round_is_refused(desk):
    rows = "".join(f"{number},0{number}/0{number}/2026\n" for number in range(1, 9))
    wrong, right = DATES % ', format: "%m/%d/%Y"', DATES % ', format: "%d/%m/%Y"'
    problem = desk.refused(f"id,at\n{rows}9,31/01/2026\n", wrong)
    assert "line 10, column at: '31/01/2026' is not %m/%d/%Y. It looks like format: \"%d/%m/%Y\"." in problem
    assert desk.land(f"id,at\n{rows}9,31/01/2026\n", right)[0] == 0
    assert desk.told("updated_at")[-1] == ("2026-01-31T00:00:00Z",)


def test_a_year_of_two_digits_is_not_read_as_one_of_four(desk):
    assert "is not %d/%m/%Y" in desk.refused("id,at\n1,02/03/26\n", DATES % ', format: "%d/%m/%Y"')
    assert desk.land("id,at\n1,02/03/26\n", DATES % ', format: ["%d/%m/%Y", "%d/%m/%y"]')[0] == 0
    assert desk.told("updated_at") == [("2026-03-02T00:00:00Z",)]


@pytest.mark.parametrize(
    ("format", "text"),
    [("unix", "1772442000"), ("unix_ms", "1772442000000"), ('"%d %b %Y %I:%M %p %z"', "2 Mar 2026 10:00 AM +0100")],
)
def test_times_as_numbers_and_with_offsets(desk, format, text):
    desk.land(f"id,at\n1,{text}\n", DATES % f", format: {format}")
    assert desk.told("updated_at") == [("2026-03-02T09:00:00Z",)]


@pytest.mark.parametrize(("format", "space"), [("iso", ""), ('"%Y-%m-%d %H:%M%z"', ""), ('"%Y-%m-%d %H:%M %z"', " ")])
def test_offsets_that_no_zone_has_are_not_read(desk, format, space):
    offsets = ("+14:00", "-1400", "+14", "+05:30", "-00:00", "+14:01", "+15:00", "-15", "+01:60", "+99:99", "+9999")
    rows = [f"{place},2026-03-01 10:00{space}{offset}" for place, offset in enumerate(offsets)]
    desk.land(file_lines(*rows, header="id,at\n"), DATES % f", format: {format}")
    assert [at[11:16] for (at,) in desk.told("updated_at")] == ["20:00", "00:00", "20:00", "04:30", "10:00"]
    assert {row[2] for row in desk.rejected()} == {"bad_updated_at"}
    assert [row[3][16:].strip() for row in desk.rejected()] == [*offsets[5:]]


# ---------- how files are written


def test_a_file_of_a_spreadsheet_is_read(desk):
    """A byte order mark, semicolons, CRLF, blank lines, line breaks in a cell, cells left out at the end."""
    content = (
        "\ufeff\r\nid;at;status;text;more\r\n\r\n"
        '1;2026-03-02T09:00:00Z;new;"a ""b""\r\nc";x\r\n'
        "\r\n2;2026-03-02T09:00:00Z;open\r\n3; 2026-03-02T09:00:00Z ;open; d ;"
    )
    assert desk.land(content, "delimiter: ;\n" + CHANGES)[0] == 0
    assert desk.told("ticket_id", "status", "subject", "sequence") == [
        ("1", "new", 'a "b"\nc', 4),
        ("2", "open", None, 7),
        ("3", "open", "d", 8),
    ]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16"])
def test_an_encoding_is_named_in_the_mapping(desk, encoding):
    content = "id,at,status,text\n1,2026-03-02T09:00:00Z,new,Größe\n"
    problem = desk.refused(content, CHANGES, encoding=encoding)
    assert "tickets.csv, line " in problem and "is not utf-8. Name the file's encoding" in problem
    desk.land(content, f"encoding: {encoding}\n{CHANGES}", encoding=encoding)
    assert desk.told("subject") == [("Größe",)]


def test_a_file_that_is_packed_is_read(desk):
    content = gzip.compress(b"id,at,status,text\n1,2026-03-02T09:00:00Z,new,x\n")
    assert desk.land(content, CHANGES, name="tickets.csv.gz")[0] == 0
    assert desk.told("ticket_id") == [("1",)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (gzip.compress(HEADER.encode())[:-9] + bytes(9), "cannot be read to its end: "),
        (gzip.compress(HEADER.encode() * 99)[:20], "cannot be read to its end: "),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"\xff" * 99, "cannot be read to its end: "),
        (b"PK\3\4\x14\0\x06\0", "is a workbook or another archive. Save a sheet as CSV"),
        (b"\x89PNG\r\n\x1a\n\0\0", "line 1: this is not utf-8."),
    ],
    # Packed content holds the time of packing: as the test's name it would differ from worker to worker.
    ids=["wrong checksum", "cut off", "no deflate", "workbook", "picture"],
)
def test_a_file_that_is_no_text_or_damaged_is_refused(desk, content, problem):
    assert desk.refused(content, TICKETS).startswith("tickets.csv") and problem in desk.refused(content, TICKETS)


def test_many_short_rows_fit_into_memory(desk):
    mapping = TICKETS + "  updated_at: Changed\n  satisfaction: Stars\n  source: {constant: crm}\n"
    moments = ",".join(f"2026-03-0{day} 09:00" for day in (2, 3, 4, 5))
    rows = [f"{number},{moments},,Done,1,,2026-03-06 09:00,4" for number in range(100_000)]
    code, output, error = desk.land(file_lines(*rows, header=HEADER.strip() + ",Changed,Stars\n"), mapping)
    assert code == 0, error
    assert "landed    600,000 updates" in output


def test_short_rows_land_in_parts_with_their_lines(desk, monkeypatch):
    monkeypatch.setattr(files, "ROWS", 3)
    monkeypatch.setattr(core, "AT_ONCE", 4)
    rows = [f"{number},2026-03-02 09:00,,,,,Open,1," for number in range(10)] + ["," * 20, "11,never,,,,,Open,1,"]
    code, output, _ = desk.land(file_lines(*rows), TICKETS)
    assert code == 1 and "read      12 rows" in output and "landed    20 updates" in output
    assert re.search(r"1 +missing_ticket_id: first in .*, line 12, column No", output)
    assert re.search(r"1 +bad_created_at: first in .*, line 13, column Opened", output)


def test_a_value_may_end_with_a_no_break_space(desk):
    mapping = TICKETS.replace("Open: open", '"Open\\u00a0": open')
    assert desk.land(file_lines("1,2026-03-02 09:00,,,,,Open\u00a0,1,"), mapping)[0] == 0
    assert desk.told("status")[-1] == ("open",)


def test_what_is_too_much_for_memory_is_refused(desk, monkeypatch):
    monkeypatch.setattr(files, "MEMORY", "1MB")
    assert desk.refused(file_lines("T-1,2026-03-02 09:00,,,,,Open,1," + "x" * 999_999), TICKETS).startswith(
        "Out of Memory Error: "
    )


def test_an_array_on_one_line_is_refused_with_the_way_to_lines(desk, monkeypatch):
    monkeypatch.setattr(reading, "PIECE", 100)
    monkeypatch.setattr(reading, "LONGEST_LINE", 1000)
    problem = desk.refused(json.dumps([{"id": "1"}] * 200), CHANGES, name="tickets.jsonl")
    assert "tickets.jsonl, line 1: is longer than 1,000 bytes." in problem and "jq -c '.[]'" in problem


def test_line_numbers_are_those_of_an_editor_wherever_a_piece_ends(desk, monkeypatch):
    rows, expected = [], []
    line = 2
    for number in range(300):
        text = '"one\ntwo\n\nthree"' if number % 7 == 0 else 'a 5" pipe' if number % 50 == 49 else '"quoted, ""so"""'
        is_bad = number % 11 == 0
        rows.append(f"{'' if is_bad else number},2026-03-02T09:00:00Z,new,{text}")
        if is_bad:
            expected.append(str(line))
        line += 1 + text.count("\n")
    for piece in (997, 2500, 2**22):
        monkeypatch.setattr(reading, "PIECE", piece)
        desk.land(file_lines(*rows, header="id,at,status,text\n"), CHANGES)
        assert [row[0] for row in desk.rejected()] == expected
        for path in desk.lake.glob("landing/rejected/*"):
            path.unlink()
    texts = {line["subject"] for line in desk.lines()}
    assert texts == {"one\ntwo\n\nthree", 'a 5" pipe', 'quoted, "so"'}


def test_a_quote_within_a_field_without_quotes_does_not_cut_another_field_in_two(desk, monkeypatch):
    rows = [f'{number},2026-03-02T09:00:00Z,new,27" monitor,"one\ntwo"' for number in range(40)]
    content = file_lines(*rows, header="id,at,status,what,text\n")
    for piece in range(100, 180, 7):
        monkeypatch.setattr(reading, "PIECE", piece)
        assert desk.land(content, CHANGES)[0] == 0
    assert desk.told("subject") == [("one\ntwo",)] * 40


def test_a_quote_that_the_last_row_does_not_close_is_rejected(desk):
    content = 'id,at,status,text\n1,2026-03-02T09:00:00Z,new,x\n2,2026-03-02T09:00:00Z,new,"never closed'
    assert desk.land(content, CHANGES)[0] == 1
    assert (desk.told("ticket_id"), [row[0] for row in desk.rejected()]) == ([("1",)], ["3"])


def test_a_row_that_cannot_be_read_is_rejected_for_what_is_wrong_with_it(desk):
    longest = "x" * 2**20
    rows = (
        "1,2026-03-02T09:00:00Z,new,a\rb",
        f"2,2026-03-02T09:00:00Z,new,{longest}x",
        '3,2026-03-02T09:00:00Z,new,"opens',
        f"4,2026-03-02T09:00:00Z,new,{longest}",
        '5,2026-03-02T09:00:00Z,new,"opens, too',
    )
    desk.land(file_lines(*rows, header="id,at,status,text\n"), CHANGES)
    assert [(row[0], row[3]) for row in desk.rejected()] == [
        ("2", "a carriage return within a line, in a field without quotes"),
        ("3", "a field of more than 1,048,576 characters"),
        ("4", 'the quote " that opens in this line is not closed within 1,048,576 characters'),
        ("6", 'the quote " that opens in this line is not closed'),
    ]
    assert desk.told("ticket_id") == [("4",)]


def test_lines_of_spaces_only_are_passed_over(desk):
    content = "  \t\nid,at,status,text\n   \n1,2026-03-02T09:00:00Z,new,x\n \t \n"
    assert desk.land(content, CHANGES)[0] == 0
    assert desk.told("ticket_id", "sequence") == [("1", 4)]


def test_json_lines_are_read_by_keys_and_pointers(desk):
    mapping = CHANGES.replace("status: status", "status: {column: /now/name, map: {Done: closed}}")
    content = (
        '{"id": 17, "at": "2026-03-02T09:00:00Z", "now": {"name": "Done"}, "text": "a \\u00e4 \\" b"}\n\n'
        '{"id": "18", "at": "2026-03-02T09:00:00Z", "now": {"name": "new"}, "text": null}\n'
        '{"id": 19, "at": \n[1]\n{"at": "2026-03-02T09:00:00Z", "now": {"name": "new"}}\n'
    )
    code, out, _ = desk.land(content, mapping, name="tickets.jsonl")
    assert code == 1 and "read      5 rows" in out
    assert desk.told("ticket_id", "status", "subject", "sequence") == [
        ("17", "closed", 'a ä " b', 1),
        ("18", "new", None, 3),
    ]
    assert desk.rejected() == [
        ("4", "", "not_json", ""),
        ("5", "", "not_json", ""),
        ("6", "id", "missing_ticket_id", ""),
    ]


def test_a_key_that_no_line_has_is_refused(desk):
    code, _, error = desk.land('{"id": 1, "at": "2026-03-02T09:00:00Z", "status": "new"}\n', CHANGES, name="a.jsonl")
    assert code == 2 and "no line of" in error and "has 'text'" in error


def test_blanks_of_a_source_are_absent(desk):
    desk.land("id,at,status,text\n1,2026-03-02T09:00:00Z,new,N/A\n", "blanks: [N/A, '-']\n" + CHANGES)
    assert desk.told("subject") == [(None,)]


# ---------- redaction

KEY = "a key of some length for tests"


def test_fields_are_redacted_before_anything_is_written(desk, monkeypatch):
    monkeypatch.setenv("TICKETLAKE_REDACT_KEY", KEY)
    mapping = TICKETS + "  customer_id: Customer\n  subject: Subject\nredact: {subject: drop, ticket_id: hash}\n"
    header = HEADER.strip() + ",Customer,Subject\n"
    rows = [
        f"T-{n},2026-03-02 09:00,{'soon' if n else '2026-03-02 09:10'},,,,Open,1,ann,Käthe Müller,my secret"
        for n in range(2)
    ]
    code, *_ = desk.land(file_lines(*rows, header=header), mapping, "--redact", "customer_id=hash")
    assert code == 1

    def hashed(text):
        return hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()

    assert set(desk.told("ticket_id", "customer_id", "subject", "agent_id")) == {
        (hashed("T-0"), hashed("Käthe Müller"), None, "ann")
    }
    assert desk.rejected() == [("3", "Replied", "bad_first_reply_at", "soon")]
    for path in desk.lake.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert [secret for secret in ("T-0", "T-1", "Käthe", "secret", KEY) if secret.encode() in content] == [], (
                path
            )


def test_a_hash_needs_a_key(desk, monkeypatch):
    monkeypatch.delenv("TICKETLAKE_REDACT_KEY", raising=False)
    code, _, error = desk.land(file_lines("T-1,2026-03-02 09:00,,,,,,1,"), TICKETS, "--redact", "agent_id=hash")
    assert code == 2 and "TICKETLAKE_REDACT_KEY has to be 16 to 64 bytes" in error and "is not set" in error
    assert not list(desk.lake.rglob("*.jsonl"))
