"""Tables of a SQL database land as updates: each change once, whatever the cursor has seen, and no password told."""

import csv
import json
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from lakes import PROJECT
from landings import landed_lines
from mariadb import ESCAPED, PASSWORD, USER, server

from landing import __main__ as command
from landing import database, sql

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install sqlalchemy")

TICKETS = """\
table: tickets
cursor: updated_at
rows: tickets
zone: Europe/Berlin
fields:
  ticket_id: id
  created_at: created_at
  resolved_at: resolved_at
  updated_at: updated_at
  status: {column: state, map: {Open: open, Waiting: pending, Done: resolved}}
  severity: {column: is_urgent, map: {"1": P1, "0": P3}}
  market: {constant: DE}
  source: {constant: shop}
  customer_id: customer
  subject: title
  satisfaction: rating
"""
CHANGES = """\
table: changes
cursor: id
rows: changes
zone: UTC
fields:
  ticket_id: ticket
  update_id: id
  updated_at: at
  status: status
  severity: {constant: P2}
  market: {constant: UK}
"""
TABLE = """
    create table tickets (
        id bigint primary key auto_increment, created_at datetime, resolved_at datetime,
        updated_at timestamp(3) null, key (updated_at),
        state varchar(20), is_urgent tinyint(1), customer decimal(12, 0), title text, rating decimal(3, 2)
    ) character set utf8mb4
"""
KILLED = """
import os, signal, sys
from landing import __main__ as command, ledger, sql
sql.PIECE, sql.PART = 10, 20
place, count = sys.argv[1], int(sys.argv[2])
owner, name = {"land": (ledger.Ledger, "land"), "rename": (ledger.Ledger, "_rename")}.get(place, (sql.Cursor, "store"))
real, calls = getattr(owner, name), 0
def killed(*arguments):
    global calls
    calls += 1
    if calls == count and place != "stored":
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*arguments)
    if calls == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(owner, name, killed)
sys.argv = ["landing", *sys.argv[3:]]
sys.exit(command.main())
"""


class Desk:
    """A lake, a mapping, and the command line on them."""

    def __init__(self, folder, monkeypatch, capsys):
        self.folder, self.lake = folder, folder / "lake"
        self.file = folder / "sqlite.db"
        self._monkeypatch, self._capsys = monkeypatch, capsys
        monkeypatch.delenv("TICKETLAKE_SQL_URL", raising=False)

    def at(self, url):
        self._monkeypatch.setenv("TICKETLAKE_SQL_URL", url)

    def arguments(self, mapping, *options):
        path = self.folder / "shop.yml"
        path.write_text(mapping, encoding="utf-8")
        return ["sql", "--mapping", str(path), "--lake", str(self.lake), *options]

    def land(self, mapping, *options, name="mysql"):
        """Exit code and what was printed, standard output and error."""
        self._monkeypatch.setattr(sys, "argv", ["landing", name, *self.arguments(mapping, *options)[1:]])
        code = command.main()
        captured = self._capsys.readouterr()
        for text in (captured.out, captured.err):
            assert not re.search(f"{re.escape(PASSWORD)}|{re.escape(ESCAPED)}|s3cret", text)
        return code, captured.out, captured.err

    def landed(self, mapping, *options):
        """How many updates landed, without a refusal."""
        code, out, error = self.land(mapping, *options)
        assert code == 0, out + error
        return int(re.search(r"landed +([\d,]+)", out)[1].replace(",", ""))

    def refused(self, mapping, *options):
        code, _, error = self.land(mapping, *options)
        assert (code, list(self.lake.glob("raw/**/*.jsonl")), list(self.lake.glob("landing/cursors/*"))) == (2, [], [])
        return error.replace(f"{self.folder}/", "").strip()

    def lines(self):
        return landed_lines(self.lake)

    def told(self, *fields):
        return [tuple(line.get(field) for field in fields) for line in self.lines()]

    def rejected(self):
        rows = []
        for path in sorted(self.lake.glob("landing/rejected/*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                rows += [tuple(row.values()) for row in csv.DictReader(file)]
        return rows

    def cursor(self):
        [path] = self.lake.glob("landing/cursors/*.json")
        return json.loads(path.read_text(encoding="utf-8"))["value"]

    def sqlite(self, *statements):
        self.at(f"sqlite:///{self.file}")
        with closing(sqlite3.connect(self.file)) as connection, connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture
def desk(tmp_path, monkeypatch, capsys):
    return Desk(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="module")
def mariadb():
    with server() as running:
        yield running


@pytest.fixture
def shop(desk, mariadb):
    """A desk whose database is MariaDB's, with an empty table of tickets. `execute` runs statements there."""
    mariadb.execute("drop database desk", "create database desk character set utf8mb4", "use desk", TABLE)
    desk.at(mariadb.url)
    desk.execute = lambda *statements: mariadb.execute("use desk", *statements)
    return desk


def ticket(number, updated_at, state="Open", created_at="'2026-03-01 10:00:00'", **others):
    values = {"id": number, "created_at": created_at, "updated_at": f"'{updated_at}'", "state": f"'{state}'"}
    values |= {"is_urgent": 0} | others
    return f"replace into tickets ({', '.join(values)}) values ({', '.join(map(str, values.values()))})"


def changes(*rows):
    yield "create table if not exists changes (id integer primary key, ticket text, at text, status text)"
    for number, ticket_id, at, status in rows:
        yield f"insert into changes values ({number}, '{ticket_id}', '{at}', '{status}')"


def many(letter, rows):
    """Changes of 200 letters and more each."""
    columns = "id int primary key, ticket int, at datetime, status varchar(9), filler char(200)"
    row = f"seq, seq div 3, '2026-03-01' + interval seq second, 'open', repeat('{letter}', 200)"
    return f"create table changes ({columns})", f"insert into changes select {row} from seq_1_to_{rows}"


# ---------- MariaDB


def test_a_ticket_of_a_table_becomes_its_updates_with_every_type(shop):
    shop.execute(
        ticket(
            1,
            "2026-03-02 09:30:00.250",
            "Done",
            resolved_at="'2026-03-02 10:30:00'",
            is_urgent=1,
            customer=77,
            title="'Lädt nicht 😀'",
            rating="5.00",
        ),
        ticket(2, "2026-03-02 09:30:00"),
    )
    assert shop.landed(TICKETS) == 6
    assert shop.lines()[0] == {
        "ticket_id": "1",
        "updated_at": "2026-03-01T09:00:00Z",
        "created_at": "2026-03-01T09:00:00Z",
        "status": "new",
        "severity": "P1",
        "market": "DE",
        "source": "shop",
        "update_id": shop.lines()[0]["update_id"],
        "sequence": 0,
        "event": "created",
        "customer_id": "77",
        "subject": "Lädt nicht 😀",
    }
    # DATETIME is of the mapping's zone, TIMESTAMP a moment.
    assert shop.told("ticket_id", "updated_at", "status", "satisfaction", "customer_id") == [
        ("1", "2026-03-01T09:00:00Z", "new", None, "77"),
        ("1", "2026-03-02T09:30:00.250000Z", "resolved", None, "77"),
        ("1", "2026-03-02T09:30:00.250000Z", "resolved", 5, "77"),
        ("1", "2026-03-02T09:30:00Z", "resolved", None, "77"),
        ("2", "2026-03-01T09:00:00Z", "new", None, None),
        ("2", "2026-03-02T09:30:00Z", "open", None, None),
    ]
    assert shop.cursor() == "2026-03-02T09:30:00.250000"


def test_only_what_is_new_or_changed_lands_and_a_shared_last_value_loses_nothing(shop):
    shop.execute(ticket(1, "2026-03-02 09:00:00"), ticket(2, "2026-03-02 10:00:00"))
    assert shop.landed(TICKETS) == 4
    assert shop.landed(TICKETS) == 0
    # The same last value; a change of the same moment; a change; an old row that nothing has touched.
    shop.execute(
        ticket(3, "2026-03-02 10:00:00"),
        ticket(2, "2026-03-02 10:00:00", "Waiting"),
        ticket(1, "2026-03-03 08:00:00", "Waiting"),
    )
    assert shop.landed(TICKETS) == 4
    assert shop.landed(TICKETS) == 0
    assert shop.told("ticket_id", "updated_at", "status") == [
        ("1", "2026-03-01T09:00:00Z", "new"),
        ("1", "2026-03-02T09:00:00Z", "open"),
        ("1", "2026-03-03T08:00:00Z", "pending"),
        ("2", "2026-03-01T09:00:00Z", "new"),
        ("2", "2026-03-02T10:00:00Z", "open"),
        ("2", "2026-03-02T10:00:00Z", "pending"),
        ("3", "2026-03-01T09:00:00Z", "new"),
        ("3", "2026-03-02T10:00:00Z", "open"),
    ]


def test_a_row_that_is_committed_late_with_an_earlier_value_is_read(shop, mariadb):
    shop.execute(
        "create table changes (id bigint primary key auto_increment, ticket int, at datetime, status varchar(9))"
    )
    with closing(mariadb.connect(database="desk")) as late, late.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("insert into changes (ticket, at, status) values (1, '2026-03-02 10:00:00', 'new')")
        shop.execute("insert into changes (ticket, at, status) values (2, '2026-03-02 10:00:01', 'new')")
        assert (shop.landed(CHANGES), shop.cursor()) == (1, "2")
        cursor.execute("commit")
    assert shop.landed(CHANGES) == 1
    assert shop.told("ticket_id", "update_id") == [("1", "1"), ("2", "2")]


def test_what_is_no_time_is_rejected_with_its_reason_and_place(shop):
    shop.execute(
        ticket(1, "2026-03-02 10:00:00", created_at="'0000-00-00 00:00:00'"),
        ticket(2, "2026-03-02 11:00:00", created_at="null"),
        ticket(3, "2026-03-02 12:00:00", created_at="'2026-03-29 02:30:00'"),
        ticket(4, "2026-03-02 13:00:00"),
    )
    code, out, _ = shop.land(TICKETS)
    assert (code, "rejected  3" in out, "--full" in out) == (1, True, True)
    assert shop.rejected() == [
        ("tickets, updated_at 2026-03-02 10:00:00Z", "", "created_at", "bad_created_at", "0000-00-00 00:00:00"),
        ("tickets, updated_at 2026-03-02 11:00:00Z", "", "created_at", "missing_created_at", ""),
        ("tickets, updated_at 2026-03-02 12:00:00Z", "", "created_at", "skipped_hour", "2026-03-29 02:30:00"),
    ]
    assert {line["ticket_id"] for line in shop.lines()} == {"4"}
    # Mended without a new updated_at, it is found by reading all.
    shop.execute("update tickets set created_at = '2026-03-01 10:00:00', updated_at = updated_at where id = 2")
    shop.land(TICKETS, "--full")
    assert {line["ticket_id"] for line in shop.lines()} == {"2", "4"}
    assert max(Counter(line["update_id"] for line in shop.lines()).values()) == 1


def test_rows_without_a_cursor_value_or_with_one_in_the_future_hide_nothing(shop):
    later = datetime.now(timezone.utc) + timedelta(hours=6)
    shop.execute(
        ticket(1, "2026-03-02 10:00:00"),
        ticket(2, f"{later:%Y-%m-%d %H:%M:%S}"),
        ticket(3, "2026-03-02 10:00:00").replace("'2026-03-02 10:00:00'", "null"),
    )
    assert shop.landed(TICKETS) == 6
    assert shop.cursor() == "2026-03-02T10:00:00"
    shop.execute(ticket(4, "2026-03-02 12:00:00"))
    assert shop.landed(TICKETS) == 2


def test_an_hour_that_comes_twice_is_read_twice(shop):
    mapping = TICKETS.replace("zone: Europe/Berlin", "zone: Europe/Berlin\nrepeated_hour: second")
    shop.execute("alter table tickets modify updated_at datetime", ticket(1, "2025-10-26 02:50:00"))
    shop.landed(mapping)
    shop.execute(ticket(2, "2025-10-26 02:05:00", created_at="'2025-10-26 01:00:00'"))
    assert shop.landed(mapping) == 2


def test_what_the_mapping_does_not_know_is_refused_with_counts_before_anything_lands(shop):
    shop.execute(
        *(ticket(number, "2026-03-02 10:00:00", "Open ") for number in (1, 2)),
        *(ticket(number, "2026-03-02 10:00:00", "OPEN") for number in (3, 4, 5)),
        ticket(6, "2026-03-02 10:00:00", "Parked", is_urgent=2),
    )
    told = [line.split(". Give each")[0] for line in shop.refused(TICKETS).splitlines()]
    assert told == [
        "shop.yml, line 10, fields.status: 2 values of column 'state' without status",
        "    'OPEN': 3 times, first in tickets, column state",
        "    'Parked': 1 time, first in tickets, column state",
        "shop.yml, line 11, fields.severity: 1 value of column 'is_urgent' without severity",
        "    '2': 1 time, first in tickets, column is_urgent",
    ]
    no_zone = TICKETS.replace("zone: Europe/Berlin\n", "")
    assert "'2026-03-01 10:00:00' says no zone" in shop.refused(no_zone)


def test_a_wrong_table_or_column_is_named_with_what_there_is(shop):
    assert shop.refused(TICKETS.replace("table: tickets", "table: tiket")).endswith(
        "has no table 'tiket'. Did you mean tickets? It has: tickets."
    )
    wrong = TICKETS.replace("cursor: updated_at", "cursor: changed_at").replace("column: state", "column: sate")
    told = shop.refused(wrong).splitlines()
    has = "tickets has no column 'sate'. Did you mean state? It has: id, "
    assert told[0].startswith(f"shop.yml, line 10, fields.status: {has}")
    assert told[1].startswith("shop.yml, cursor: tickets has no column 'changed_at'. ")
    broken = TICKETS.replace("table: tickets", "query: select * from nowhere")
    assert "cannot read query: (1146, \"Table 'desk.nowhere' doesn't exist\")" in shop.refused(broken)


def test_a_query_joins_tickets_and_their_changes(shop):
    shop.execute(
        ticket(1, "2026-03-02 10:00:00", title="'100 % :done'"),
        "create table log (id int primary key, ticket_id int, at timestamp null, status varchar(9), agent varchar(9))",
        "insert into log values (7, 1, '2026-03-01 09:00:00', 'new', null)",
        "insert into log values (8, 1, '2026-03-01 10:00:00', 'open', 'anna')",
    )
    mapping = """\
query: >
  select log.*, tickets.created_at, tickets.title from log join tickets on tickets.id = log.ticket_id
  where title like '%:done';
cursor: id
rows: changes
zone: Europe/Berlin
fields:
  {ticket_id: ticket_id, update_id: id, updated_at: at, created_at: created_at, status: status, agent_id: agent,
   severity: {constant: P2}, market: {constant: UK}, subject: title}
"""
    assert shop.landed(mapping) == 2
    assert shop.told("update_id", "updated_at", "created_at", "status", "agent_id", "subject") == [
        ("7", "2026-03-01T09:00:00Z", "2026-03-01T09:00:00Z", "new", None, "100 % :done"),
        ("8", "2026-03-01T10:00:00Z", "2026-03-01T09:00:00Z", "open", "anna", "100 % :done"),
    ]


def test_a_dry_run_writes_nothing_and_redaction_goes_before_all(shop, monkeypatch):
    monkeypatch.setenv("TICKETLAKE_REDACT_KEY", "k" * 32)
    shop.execute(ticket(1, "2026-03-02 10:00:00", title="'Frau Meier ruft an'", customer=77))
    redact = ("--redact", "subject=drop", "--redact", "customer_id=hash")
    code, out, _ = shop.land(TICKETS, "--dry-run", *redact)
    assert (code, "would land 2 updates" in out, "Meier" in out, shop.lake.exists()) == (0, True, False, False)
    assert shop.landed(TICKETS, *redact) == 2
    assert {len(customer) for (customer,) in shop.told("customer_id")} == {64}
    assert not any("subject" in line for line in shop.lines())


def test_no_message_has_the_password(shop, mariadb, caplog):
    host = f"127.0.0.1:{mariadb.port}"
    assert "Access denied" in refused_at(shop, f"mysql+pymysql://{USER}:s3cretwrong@{host}/desk")
    assert "cannot be reached: (2003" in refused_at(shop, f"mysql+pymysql://{USER}:{ESCAPED}@127.0.0.1:1/desk")
    # Not escaped, it is not read, and no part of it is shown as a host or a port.
    assert "is no address that can be read" in refused_at(shop, f"mysql+pymysql://{USER}:s3cret@word:x@{host}/desk")
    assert "is no address that can be read" in refused_at(shop, f"mysql+pymysql://{USER}@{host}:s3cretport/desk")
    assert "A driver is missing" in refused_at(shop, f"mysql+nodriver://{USER}:{ESCAPED}@{host}/desk")
    shop.at(mariadb.url)
    shop.execute(ticket(1, "2026-03-02 10:00:00"))
    shop.landed(TICKETS)
    written = b"".join(path.read_bytes() for path in shop.lake.rglob("*") if path.is_file())
    assert b"s3cret" not in written and "s3cret" not in caplog.text


def refused_at(desk, url):
    desk.at(url)
    return desk.refused(TICKETS)


def test_a_connection_that_breaks_keeps_what_has_landed(shop, mariadb, monkeypatch):
    monkeypatch.setattr(sql, "PIECE", 500)
    monkeypatch.setattr(sql, "PART", 1000)
    shop.execute(
        *many("x", 40_000),
    )
    store = sql.Cursor.store

    def cut(cursor, position):
        store(cursor, position)
        for row in mariadb.execute("show processlist"):
            if row[1] == USER:
                mariadb.execute(f"kill {row[0]}")

    mapping = CHANGES + "  subject: filler\n"
    monkeypatch.setattr(sql.Cursor, "store", cut)
    code, _, error = shop.land(mapping)
    assert code == 2
    last = error.splitlines()[-1]
    assert re.fullmatch(".*broke off changes; what had landed stays, run it again: .*Lost connection.*", last)
    assert "Traceback" not in error
    assert 1000 <= len(shop.lines()) < 40_000
    monkeypatch.setattr(sql.Cursor, "store", store)
    monkeypatch.setattr(sql, "PIECE", 10_000)
    shop.landed(mapping)
    assert sorted(int(line["update_id"]) for line in shop.lines()) == list(range(1, 40_001))


def test_memory_does_not_grow_with_the_table(shop):
    """100,000 rows need what 40,000 do, and the ledger of so many more."""
    shop.execute(*many("é", 100_000))
    program = (
        "import resource, sys; from landing import __main__ as command, sql\n"
        "sql.PIECE_BYTES = 4 * 2**20\n"
        "code = command.main(); print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
        "sys.exit(code)"
    )
    peaks = []
    for where in ("where id <= 40000", ""):
        mapping = CHANGES.replace("table: changes", f"query: select * from changes {where}") + "  subject: filler\n"
        run = subprocess.run(
            [sys.executable, "-c", program, *shop.arguments(mapping)], cwd=PROJECT, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        peaks.append(int(re.search(r"peak (\d+)", run.stdout)[1]))
    assert peaks[1] - peaks[0] < 60, peaks


def test_the_mappings_of_the_documentation_land(shop, monkeypatch):
    monkeypatch.setenv("TICKETLAKE_REDACT_KEY", "k" * 32)
    page = (PROJECT / "docs" / "sql.md").read_text(encoding="utf-8")
    tickets, log = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    moments = "created_at datetime, first_reply_at datetime, resolved_at datetime, updated_at datetime"
    texts = "state text, country text, assignee text, customer text, title text"
    log_texts = "new_status text, agent text, kind text"
    shop.execute(
        "drop table tickets",
        f"create table tickets (id int primary key, is_urgent tinyint(1), {moments}, {texts})",
        "insert into tickets values (1, 1, '2026-03-02 09:00', '2026-03-02 09:20', null, '2026-03-02 11:00', "
        "'Waiting', 'UK', 'anna', 'Frau Meier', 'Lädt nicht')",
        f"create table log (id int primary key, ticket_id int, changed_at datetime, {log_texts})",
        "insert into log values (5, 1, '2026-03-02 09:00', 'Open', null, null)",
        "insert into log values (6, 1, '2026-03-02 09:20', 'Waiting', 'anna', 'reply')",
    )
    assert shop.landed(tickets) == 3
    assert shop.told("updated_at", "status", "event", "severity", "market") == [
        ("2026-03-02T08:00:00Z", "new", "created", "P1", "UK"),
        ("2026-03-02T08:20:00Z", "new", "agent_reply", "P1", "UK"),
        ("2026-03-02T10:00:00Z", "pending", "status_changed", "P1", "UK"),
    ]
    assert not re.search("Meier|Lädt", str(shop.lines()))
    assert shop.landed(log) == 2
    assert [line["status"] for line in shop.lines() if line["update_id"] in "56"] == ["open", "pending"]


# ---------- any database


@pytest.mark.parametrize("place, count", [("land", 1), ("rename", 2), ("store", 3), ("stored", 1), ("stored", 4)])
def test_killed_and_run_again_each_row_lands_once(desk, place, count):
    rows = [(n, f"T{n % 7}", f"2026-03-01 10:{n // 60:02}:{n % 60:02}", "open") for n in range(1, 96)]
    desk.sqlite(*changes(*rows))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, place, str(count), *desk.arguments(CHANGES)], cwd=PROJECT, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    before = len(desk.lines())
    assert desk.landed(CHANGES) <= 95 - before
    assert sorted(int(line["update_id"]) for line in desk.lines()) == list(range(1, 96))
    assert (desk.landed(CHANGES), desk.cursor()) == (0, "95")


def test_changes_of_one_moment_keep_their_order_over_landings(desk):
    mapping = CHANGES.replace("  update_id: id\n", "")
    desk.sqlite(*changes((1, "T", "2026-03-01 10:00:00", "new"), (2, "T", "2026-03-01 10:00:00", "open")))
    desk.landed(mapping)
    desk.sqlite("insert into changes values (3, 'T', '2026-03-01 10:00:00', 'closed')")
    assert desk.landed(mapping, "--full") == 1
    desk.sqlite("insert into changes values (4, 'T', '2026-03-01 10:00:00', 'pending')")
    desk.landed(mapping)
    desk.sqlite("insert into changes values (5, 'T', '2026-03-01 10:00:00', 'resolved')")
    desk.landed(mapping, "--full")
    assert [status for (status,) in desk.told("status")] == ["new", "open", "closed", "pending", "resolved"]


def test_without_a_cursor_all_is_read_and_what_has_landed_is_skipped(desk):
    mapping = CHANGES.replace("cursor: id\n", "")
    desk.sqlite(*changes((1, "T", "2026-03-01 10:00:00", "new")))
    assert desk.landed(mapping) == 1
    desk.sqlite("insert into changes values (2, 'T', '2026-03-01 11:00:00', 'open')")
    assert desk.landed(mapping) == 1
    assert not list(desk.lake.glob("landing/cursors/*"))


def test_a_zero_date_alone_is_rejected_as_among_others(desk):
    desk.sqlite(*changes((1, "T", "2026-03-01 10:00:00", "new")))
    mapping = CHANGES.replace("cursor: id", "cursor: id\noverlap: 0")
    assert desk.landed(mapping) == 1
    desk.sqlite("insert into changes values (2, 'T', '0000-00-00 00:00:00', 'open')")
    assert [desk.land(mapping)[0] for _ in range(2)] == [1, 1]
    assert [row[3:] for row in desk.rejected()] == [("bad_updated_at", "0000-00-00 00:00:00")] * 2


def numbered(*rows):
    made = "create table if not exists changes (id int, ticket text, at real, status text)"
    return made, *(f"insert into changes values {row}" for row in rows)


@pytest.mark.parametrize(("unit", "one"), [("unix", 1), ("unix_ms", 1000)])
def test_a_cursor_of_seconds_moves_to_no_moment_in_the_future(desk, unit, one):
    mapping = CHANGES.replace("cursor: id", f"cursor: at\noverlap: 0\ntime_format: {unit}")
    later = datetime.now(timezone.utc).timestamp() + 6 * 3600
    desk.sqlite(*numbered((1, "T", 1772445600 * one, "new"), (2, "T", later * one, "open")))
    assert (desk.landed(mapping), desk.cursor()) == (2, str(1772445600.0 * one))
    desk.sqlite(*numbered((3, "T", 1772900000 * one, "pending")))
    assert desk.landed(mapping) == 1


def test_a_cursor_of_fractions_is_read_again_as_far_as_the_overlap_says(desk):
    mapping = CHANGES.replace("cursor: id", "cursor: at\noverlap: 100\ntime_format: unix")
    desk.sqlite(*numbered((1, "T", 1772445600.5, "new")))
    assert desk.landed(mapping) == 1
    desk.sqlite(*numbered((2, "T", 1772445599.5, "open")))  # committed late
    assert desk.landed(mapping) == 1


def test_text_times_have_the_formats_of_the_mapping(desk):
    desk.sqlite(*changes((1, "T", "13/03/2026 10:00", "new")))
    assert 'It looks like format: "%d/%m/%Y %H:%M"' in desk.refused(CHANGES)
    assert desk.landed(CHANGES.replace("  updated_at: at", '  updated_at: {column: at, format: "%d/%m/%Y %H:%M"}')) == 1
    assert desk.told("updated_at") == [("2026-03-13T10:00:00Z",)]


def test_a_result_that_cannot_be_read_is_left_out_and_told(desk):
    desk.sqlite(*changes((1, "T", "2026-03-01 10:00:00", "new")))
    code, _, error = desk.land(CHANGES + "  source_sla_breached: status\n")
    assert (code, desk.told("ticket_id", "source_sla_breached")) == (0, [("T", None)])
    assert "1 value of column 'status' is neither true nor false, the first in " in error
    assert ": 'new'. It is left out; give it by map.\n" in error


def test_the_mapping_is_checked(desk):
    desk.at("sqlite://")
    wrong = CHANGES.replace("cursor: id", "query: select 1\ndelimiter: ;\noverlap: soon\nfiels: x")
    told = desk.refused(wrong).splitlines()
    assert told[:-1] == [
        "shop.yml, line 3, delimiter: is for files. Take it out.",
        "shop.yml, line 4, overlap: is 'soon'. Write how many minutes, or numbers.",
        "shop.yml: write table: with its name, or query: with a select, and not both.",
        "shop.yml, overlap: has no meaning without cursor.",
    ]
    assert told[-1].startswith("shop.yml, line 5, fiels: there is no such key. Did you mean fields?")


@pytest.mark.parametrize(
    "value, kind, expected",
    [
        (Decimal("5.00"), 246, "5"),
        (Decimal("5.50"), 246, "5.50"),
        (Decimal("1E+2"), None, "100"),
        (0.1, None, "0.1"),
        (float("nan"), None, "nan"),
        (True, None, "true"),
        (b"\x01", 16, "1"),
        ("é".encode(), None, "é"),
        (b"\xff", None, "ff"),
        (datetime(2026, 3, 1, 9), 12, "2026-03-01 09:00:00"),
        (datetime(2026, 3, 1, 9), 7, "2026-03-01 09:00:00Z"),
        (datetime(2026, 3, 1, 9, tzinfo=timezone.utc), None, "2026-03-01 09:00:00+00:00"),
        (date(2026, 3, 1), 10, "2026-03-01"),
        (None, 12, None),
    ],
)
def test_values_are_told_as_a_file_would(value, kind, expected):
    assert database.text(value, kind) == expected


@pytest.mark.parametrize(
    "value", [None, 7, 1.5, Decimal("1.50"), "x", b"\x00\xff", date(2026, 3, 1), datetime(2026, 3, 1, 9, 0, 0, 5)]
)
def test_a_position_is_kept_as_it_is(value):
    kept = sql.Position.from_json(json.loads(json.dumps(sql.Position(value, 3).as_json())))
    assert (kept, type(kept.value)) == (sql.Position(value, 3), type(value))


def test_the_address_comes_from_the_environment(desk):
    told = desk.refused(CHANGES)
    assert told.startswith("TICKETLAKE_SQL_URL, the address of the database, is not set. Write it as mysql+pymysql://")


@pytest.mark.parametrize("settings", ["colour=red", "ssl_ca=/none.pem", "charset=none", "connect_timeout=soon"])
def test_settings_that_the_driver_cannot_follow_are_told(desk, settings):
    desk.at(f"mysql+pymysql://reader:secret@127.0.0.1:1/desk?{settings}")
    assert desk.refused(CHANGES).startswith(
        "mysql://127.0.0.1:1/desk cannot be reached with what follows ? in TICKETLAKE_SQL_URL: "
    )


def test_a_damaged_cursor_says_what_to_do(desk):
    desk.sqlite(*changes((1, "T", "2026-03-01 10:00:00", "new")))
    desk.landed(CHANGES)
    [path] = desk.lake.glob("landing/cursors/*.json")
    path.write_text("{")
    code, _, error = desk.land(CHANGES)
    assert code == 2 and "Remove it: all is read again" in error
    path.unlink()
    assert desk.landed(CHANGES) == 0


def test_the_names_of_the_command(desk):
    desk.sqlite(*changes((1, "T", "2026-03-01 10:00:00", "new")))
    assert [desk.land(CHANGES, name=name)[0] for name in ("sql", "mysql")] == [0, 0]
