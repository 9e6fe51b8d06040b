"""From a file never seen before to a built lake: a suggested mapping, its doubts decided, landed, built."""

import csv
import io
import json

import pytest
from lakes import Lake
from test_landing_files import Desk

from landing import reading, suggest


@pytest.fixture
def desk(tmp_path, monkeypatch, capsys):
    return Desk(tmp_path, monkeypatch, capsys)


# Day and month can be told from the first row; a market and a status are not known by name; two cells are blank.
TICKETS = """\
Ticket No.;Opened;First response;Resolved;Due date;State;Priority;Country;Assigned to;Caller;Short description;Notes
INC-1;13/03/2026 09:00;13/03/2026 09:30;16/03/2026 11:00;20/3/2026 9:00;Closed;1 - Critical;Germany;ann;c-1;"Off; now";x
INC-2;01/04/2026 10:00;;;03/04/2026 10:00;In Progress;3 - Moderate;Freedonia;;c-2;Slow;
INC-3;02/04/2026 10:00;02/04/2026 10:05;;;Awaiting parts;3 - Moderate;United Kingdom;ben;c-1;Lost;
"""
CHANGES = """\
case_id,changed_at,status,prio,region,agent,event
C-1,2026-03-02T08:00:00Z,New,high,UK,,created
C-2,2026-03-02T09:00:00Z,New,low,UK,,created
C-1,2026-03-02T10:00:00Z,Assigned,high,UK,ann,assigned
C-1,2026-03-02T11:00:00+01:00,Assigned,high,UK,ann,agent_reply
C-1,2026-03-03T08:00:00Z,Solved,high,UK,ann,status_changed
"""


def suggested(desk, content, name="tickets.csv", **options):
    code, out, error = desk.run("suggest", desk.write(name, content, **options))
    assert code == 0, error
    return out


def decided(text, **decisions):
    """A mapping with what is to be decided at the places of these words."""
    lines = []
    for line in text.splitlines():
        if "TODO" in line.partition("#")[0]:
            [word] = [word for word in decisions if word in line]
            line = line.replace("TODO", decisions.pop(word), 1)
        lines.append(line)
    assert decisions == {}
    return "\n".join(lines) + "\n"


def test_two_files_never_seen_are_in_the_lake_after_two_commands_and_one_edit_each(desk, dbt):
    per_ticket = suggested(desk, TICKETS)
    code, _, error = desk.land(TICKETS, per_ticket)
    assert code == 2 and len(error.splitlines()) == 2 and "zone: is 'TODO'. Decide" in error
    code, out, error = desk.land(TICKETS, decided(per_ticket, zone="Europe/Berlin", Freedonia="AT"))
    assert code == 0, out + error
    per_change = suggested(desk, CHANGES, "changes.csv")
    code, out, error = desk.land(CHANGES, per_change, name="changes.csv")
    assert code == 0, out + error
    lake = _lake(desk.lake)
    dbt.build(lake)
    assert lake.query("select count(*) from quarantined_lines") == [(0,)]
    columns = (
        "ticket_key, market, severity, status, agent_id, strftime(created_at, '%d %H:%M'), "
        "strftime(first_reply_at, '%d %H:%M')"
    )
    columns += ", strftime(resolved_at, '%d %H:%M'), subject"
    assert lake.query(f"select {columns} from fct_tickets order by 1") == [
        ("changes:C-1", "UK", "P2", "resolved", "ann", "02 08:00", "02 10:00", "03 08:00", None),
        ("changes:C-2", "UK", "P4", "new", None, "02 09:00", None, None, None),
        ("tickets:INC-1", "DE", "P1", "closed", "ann", "13 08:00", "13 08:30", "16 10:00", "Off; now"),
        ("tickets:INC-2", "AT", "P3", "open", None, "01 08:00", None, None, "Slow"),
        ("tickets:INC-3", "UK", "P3", "on_hold", "ben", "02 08:00", "02 08:05", None, "Lost"),
    ]
    due = (
        "select strftime(due_at, '%d %H:%M') from fct_ticket_slas where ticket_key = "
        "'tickets:INC-2' and metric = 'resolution'"
    )
    assert lake.query(due) == [("03 08:00",)]


def _lake(folder):
    lake = Lake.__new__(Lake)
    lake.folder, lake.raw = folder, folder / "raw"
    return lake


def test_every_guess_has_its_evidence(desk):
    text = suggested(desk, TICKETS)
    for part in (
        "rows: tickets  # a row is a ticket: Ticket No. has 3 values in 3 rows",
        'delimiter: ";"',
        "zone: TODO  # Opened says no zone, such as 13/03/2026 09:00.",
        'format: "%d/%m/%Y %H:%M"  # as shown by line 2: 13/03/2026 09:00',
        "Freedonia: TODO  # 1 time, not known by name",
        "Awaiting parts: on_hold  # 1 time",
        "column: Priority",
        "agent_id: Assigned to  # 2 given, 2 values, such as ann",
        "# Columns that are not used: Notes",
        "#   customer_id: hash",
    ):
        assert part in text
    assert "a row is a change of a ticket: case_id has 2 values in 5 rows" in suggested(desk, CHANGES, "changes.csv")


@pytest.mark.parametrize(
    ("name", "met", "missed"),
    [("ontime", "ONTIME", "OVERDUE"), ("made_sla", "true", "false"), ("SLA breached", "No", "Yes"), ("Late", "0", "1")],
)
def test_what_a_source_says_of_its_sla_is_kept(desk, name, met, missed):
    rows = (f"T-{number},2026-03-02T08:00:00Z,DE,P2,open,{said}\n" for number, said in enumerate((met, missed, "")))
    content = f"id,created,country,priority,status,{name}\n{''.join(rows)}"
    code, out, error = desk.land(content, suggested(desk, content))
    assert code == 0, out + error
    assert {line["ticket_id"]: line.get("source_sla_breached") for line in desk.lines()} == {
        "T-0": False, "T-1": True, "T-2": None,
    }  # fmt: skip
    assert "source_sla_breached" not in suggested(desk, content.replace(missed, "perhaps"))


def test_dates_that_cannot_be_told_are_a_doubt(desk):
    text = suggested(
        desk, TICKETS.replace("13/03/2026", "03/03/2026").replace("16/03", "06/03").replace("20/3", "10/3")
    )
    assert 'format: TODO  # "%d/%m/%Y %H:%M" or "%m/%d/%Y %H:%M": all 3 can be read in either way' in text


def test_a_change_log_that_begins_with_the_newest_is_seen(desk):
    header, *rows = CHANGES.splitlines()
    text = suggested(desk, "\n".join([header, *reversed(rows)]) + "\n")
    assert "order: newest_first  # changed_at goes back from row to row" in text


def test_what_no_column_looks_like_is_a_doubt(desk):
    text = suggested(desk, "a,b\n1,x\n2,y\n")
    assert "rows: TODO" in text and "  ticket_id: TODO  # no column looks like it" in text
    assert "severity: {constant: TODO}  # no column looks like it: one of P1, P2, P3, P4" in text


def test_times_that_say_their_offset_need_no_zone(desk):
    content = TICKETS.replace(":00;", ":00 +0100;").replace(":30;", ":30 +0100;")
    text = suggested(desk, content)
    assert 'format: "%d/%m/%Y %H:%M %z"  # as shown by line 2: 13/03/2026 09:00 +0100' in text


def test_a_few_odd_rows_hide_no_column(desk):
    rows = "".join(f"INC-{number},{number}.3.2026 10:00,Open,P1,DE\n" for number in range(10, 20))
    text = suggested(desk, f"Ticket,Opened,State,Priority,Country\n{rows}INC-20,soon,Open,P1,DE\n,Sum: 11,,,\n")
    assert "ticket_id: Ticket  # 11 given" in text
    assert 'format: "%d.%m.%Y %H:%M"  # as shown by line 5: 13.3.2026 10:00' in text


def test_names_of_two_lines_or_that_are_there_twice_leave_a_mapping_whole(desk):
    content = 'id,"Opened\nat",State,"Closed\nby",Note,Note\n1,2026-03-01T09:00Z,Open,,,\n'
    text = suggested(desk, content)
    assert "# Columns that are there twice, so that none can be named: Note" in text
    assert desk.land(content, text.replace("{constant: TODO}", "{constant: P1}", 1).replace("TODO", "DE"))[0] == 0
    assert desk.lines()[0]["created_at"] == "2026-03-01T09:00:00Z"


def test_times_whose_name_is_not_known_are_named(desk):
    text = suggested(desk, "Nummer,Erstellt am,Status\nT-1,13.03.2026 09:00,Neu\n")
    assert "created_at: TODO  # no column looks like it; there are times in Erstellt am (%d.%m.%Y %H:%M)\n" in text


@pytest.mark.parametrize(("text", "encoding"), [("größer", "cp1252"), ("😀" * 9 + "\n2,,\n", "utf-8")])
def test_the_encoding_is_seen_to_the_last_byte_wherever_a_piece_ends(desk, monkeypatch, text, encoding):
    monkeypatch.setattr(reading, "PIECE", 7)
    found = suggested(desk, f"id,opened,note\n1,2026-03-01,{text}", encoding=encoding)
    assert ("encoding: cp1252" in found) == (encoding == "cp1252")


@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-8-sig", ","), ("cp1252", "\t"), ("utf-16", "|")])
def test_how_a_file_is_written_is_seen(desk, encoding, delimiter):
    rows = io.StringIO()
    csv.writer(rows, delimiter=delimiter).writerows(
        csv.reader(io.StringIO(TICKETS.replace("Slow", "größer")), delimiter=";")
    )
    text = suggested(desk, rows.getvalue(), encoding=encoding)
    mapping = decided(text, zone="Europe/Berlin", Freedonia="AT")
    assert desk.land(rows.getvalue(), mapping, encoding=encoding)[0] == 0
    assert {"größer"} < {line["subject"] for line in desk.lines()}


def test_json_lines_are_looked_at_in_the_same_way(desk):
    rows = csv.DictReader(io.StringIO(CHANGES))
    content = "".join(f"{json.dumps(row)}\n" for row in rows)
    text = suggested(desk, content, "changes.jsonl")
    assert "python -m landing jsonl" in text
    assert desk.land(content, text, name="changes.jsonl")[0] == 0
    assert len(desk.lines()) == 5


@pytest.mark.parametrize(
    ("values", "formats"),
    [
        (["2026-03-01T09:00:00Z", "2026-03-01 09:00"], ["iso"]),
        (["31.12.2026", "1.2.2026"], ["%d.%m.%Y"]),
        (["12/31/26 1:05 PM"], ["%m/%d/%y %I:%M %p"]),
        (["01/02/2026"], ["%d/%m/%Y", "%m/%d/%Y"]),
        (["3 Mar 2026"], ["%d %b %Y"]),
        (["1772442000", "1772442001"], ["unix"]),
        (["1772442000123"], ["unix_ms"]),
        (["17", "abc"], []),
        (["101004143000"], []),
    ],
)
def test_formats_that_fit(values, formats):
    assert suggest.fitting_formats(values) == formats


def test_a_file_without_rows_or_that_is_not_there_is_refused(desk):
    for content, problem in (
        (b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"\xff" * 99, "cannot be read to its end"),
        ("", "it is empty"),
        ("a,b\n", "has no rows to look at"),
        ('"a,b\n1,2\n', "a quote in it is not closed"),
        ("a,b\r1,2\r", "do not end in a line feed"),
        ("Export of May\n\na;b\n1;2\n", "line 3: 2 fields, the header has 1. Take away what is above the names"),
    ):
        code, _, error = desk.run("suggest", desk.write("empty.csv", content))
        assert code == 2 and problem in error
    code, _, error = desk.run("suggest", desk.write("array.json", '[\n {"id": 1}]'))
    assert code == 2 and "array.json is an array. Write an object a line" in error
    code, _, error = desk.run("suggest", desk.folder / "none.csv")
    assert code == 2 and "cannot be read: No such file" in error
