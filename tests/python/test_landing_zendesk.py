"""Tickets of Zendesk, from files and from a server that answers as it does: each change lands once, come what may."""

import gzip
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import redirect_stderr, redirect_stdout

import pytest
from lakes import PROJECT, Lake
from zendesk_desk import AGENT, CUSTOM_STATUSES, CUSTOMER, GROUPS, OTHER_AGENT, SYSTEM, USERS, Desk, Server, at

from landing.__main__ import main

MAPPING = """\
fields:
  market:
    column: group
    map: {First line: DE, Workshop: AT}
    default: DE
  severity: {default: P3}
"""
ENVIRONMENT = {"ZENDESK_EMAIL": "desk@example.org", "ZENDESK_API_TOKEN": "secret-token"}
KEY = "0123456789abcdef"


def run(*arguments, **environment):
    """The command line in this process: how it ends, what it prints, and what it says beside that."""
    output, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(errors):
        patch.setattr(sys, "argv", ["landing", *map(str, arguments)])
        for name in [one for one in os.environ if one.startswith("ZENDESK_")]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        exit_code = main()
    return exit_code, output.getvalue(), errors.getvalue()


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def server(desk):
    answering = Server(desk)
    yield answering
    answering.close()


@pytest.fixture
def zendesk(tmp_path, lake):
    """Runs the command on the lake; files are pages by name."""
    mapping = tmp_path / "zendesk.yml"
    mapping.write_text(MAPPING)

    class Zendesk:
        path, folder = mapping, tmp_path

        def start(self, **environment):
            """A process of its own, in which each page of the export lands by itself."""
            code = "import sys, landing.zendesk.live as live, landing.__main__ as line; "
            code += "live.GROUP_UPDATES = 1; sys.exit(line.main())"
            command = [sys.executable, "-c", code, "zendesk", "--mapping", mapping, "--lake", lake.folder]
            return subprocess.Popen([*map(str, command)], cwd=PROJECT, env=os.environ | environment)

        def __call__(self, *arguments, expect=0, lake=lake, **environment):
            exit_code, output, errors = run(
                "zendesk", "--mapping", mapping, "--lake", lake.folder, *arguments, **environment
            )
            assert exit_code == expect, output + errors
            return output + errors

        def write(self, pages):
            paths = []
            for name, page in pages.items():
                paths.append(tmp_path / f"{name}.json")
                paths[-1].write_text(json.dumps(page))
            return paths

        def live(self, server, *arguments, **more):
            return self(*arguments, ZENDESK_URL=server.url, **ENVIRONMENT, **more)

    return Zendesk()


def landed(lake):
    """All lines, in the order of the lake; each identity stands there once."""
    files = sorted((lake.raw / "ticket_updates").glob("dt=*/*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    identities = [(line["source"], line["update_id"]) for line in lines]
    assert len(set(identities)) == len(identities)
    return sorted(lines, key=lambda line: (int(line["ticket_id"]), line["updated_at"], line["sequence"]))


def told(lines, *names):
    return [tuple(line.get(name) for name in names) for line in lines]


def test_each_audit_is_an_update_with_the_state_after_it(desk, lake, zendesk):
    created = desk.create(1, 0, type="incident")
    ids = [
        desk.change(1, 5, author=SYSTEM, priority="high", group_id=71),
        desk.change(1, 10, comment=True, status="pending", assignee_id=AGENT),
        desk.change(1, 20, author=CUSTOMER, comment=True, status="open"),
        desk.change(1, 25, comment=False),
        desk.change(1, 30, custom_status_id=32),
        desk.change(1, 40, assignee_id=OTHER_AGENT, group_id=72),
        desk.change(1, 50, comment=True, status="solved", custom_status_id=34),
        desk.change(1, 60, author=CUSTOMER, satisfaction_score="good_with_comment"),
        desk.change(1, 70, author=CUSTOMER, comment=True, status="open"),
        desk.change(1, 80, author=SYSTEM, status="closed"),
    ]
    output = zendesk(*zendesk.write(desk.pages()))
    assert "landed    11 updates" in output and "rejected  none" in output
    lines = landed(lake)
    assert told(lines, "update_id", "event", "status", "severity", "team", "agent_id", "satisfaction") == [
        (str(created), "created", "new", "P3", None, None, None),
        (str(ids[0]), "severity_changed", "new", "P2", "First line", None, None),
        (str(ids[1]), "agent_reply", "pending", "P2", "First line", "501", None),
        (str(ids[2]), "customer_reply", "open", "P2", "First line", "501", None),
        (str(ids[3]), "internal_note", "open", "P2", "First line", "501", None),
        (str(ids[4]), "status_changed", "on_hold", "P2", "First line", "501", None),
        (str(ids[5]), "assigned", "on_hold", "P2", "Workshop", "502", None),
        (str(ids[6]), "agent_reply", "resolved", "P2", "Workshop", "502", None),
        (str(ids[7]), "rated", "resolved", "P2", "Workshop", "502", 5),
        (str(ids[8]), "customer_reply", "open", "P2", "Workshop", "502", 5),
        (str(ids[9]), "status_changed", "closed", "P2", "Workshop", "502", 5),
    ]
    assert lines[0] == {
        "ticket_id": "1",
        "updated_at": at(0),
        "created_at": at(0),
        "status": "new",
        "severity": "P3",
        "market": "DE",
        "source": "zendesk",
        "update_id": str(created),
        "sequence": created,
        "event": "created",
        "category": "incident",
        "channel": "email",
        "customer_id": "901",
        "subject": "Subject 1",
    }
    assert {line["created_at"] for line in lines} == {at(0)}
    assert "Secret" not in json.dumps(lines)


def test_a_comment_with_a_rating_is_two_updates(desk, lake, zendesk):
    desk.create(1, 0)
    audit = desk.change(1, 10, author=CUSTOMER, comment=True, satisfaction_score="bad")
    zendesk(*zendesk.write(desk.pages()))
    assert told(landed(lake)[1:], "event", "satisfaction") == [("customer_reply", 1), ("rated", 1)]
    assert [line["update_id"].split("-")[0] for line in landed(lake)[1:]] == [str(audit)] * 2


def test_a_rating_that_is_an_event_of_its_own(desk, lake, zendesk):
    desk.create(1, 0)
    desk.change(1, 10)
    desk.audits[1][-1]["events"] = [{"id": 1, "type": "SatisfactionRating", "score": "good"}]
    desk.change(1, 20, status="open")
    zendesk(*zendesk.write(desk.pages()))
    assert told(landed(lake), "event", "satisfaction") == [("created", None), ("rated", 5), ("status_changed", 5)]


def test_who_replies_without_users_is_told_by_what_they_do(desk, lake, zendesk):
    desk.create(1, 0)
    desk.change(1, 10, author=77, comment=True)  # by the web, where agents are
    desk.change(1, 20, author=SYSTEM, comment=True)
    pages = desk.pages()
    del pages["tickets"]["users"]
    zendesk(*zendesk.write(pages))
    assert told(landed(lake), "event") == [("created",), ("agent_reply",), (None,)]


def test_deleted_and_merged_tickets(desk, lake, zendesk):
    desk.create(1, 0, priority="low")
    desk.change(1, 10, status="deleted")
    desk.create(2, 0)
    desk.change(2, 10, comment=False, status="closed", tags=["closed_by_merge"])
    desk.create(3, 0)
    desk.tickets[3] |= {"status": "deleted", "updated_at": at(30), "subject": "SCRUBBED"}  # no audit says so
    zendesk(*zendesk.write(desk.pages()))
    assert told(landed(lake), "ticket_id", "updated_at", "event", "status") == [
        ("1", at(0), "created", "new"),
        ("1", at(10), "status_changed", "cancelled"),
        ("2", at(0), "created", "new"),
        ("2", at(10), "internal_note", "closed"),
        ("3", at(0), "created", "new"),
        ("3", at(30), None, "cancelled"),
    ]
    assert landed(lake)[-2]["subject"] == "Subject 3"


def test_tickets_without_audits_tell_what_they_know(desk, lake, zendesk):
    desk.create(1, 0, priority="urgent")
    desk.change(1, 600, status="closed", assignee_id=AGENT)
    desk.tickets[1]["metric_set"] = {"ticket_id": 1, "solved_at": at(90), "reopens": 2, "updated_at": at(600)}
    desk.create(2, 0)
    pages = desk.pages()
    del pages["audits"]
    zendesk(*zendesk.write(pages))
    assert told(landed(lake), "ticket_id", "updated_at", "event", "status", "agent_id", "source_reopen_count") == [
        ("1", at(0), "created", "new", "501", None),
        ("1", at(90), None, "resolved", "501", None),
        ("1", at(600), None, "closed", "501", 2),
        ("2", at(0), "created", "new", None, None),
    ]


def test_audits_that_are_only_some_of_a_ticket(desk, lake, zendesk):
    desk.create(1, 0, priority="high")
    desk.change(1, 10, assignee_id=AGENT, status="open")
    desk.change(1, 20, status="pending")
    desk.change(1, 30, priority="low", status="open")
    desk.create(2, 0)
    pages = desk.pages()
    pages["audits"]["audits"] = [
        audit for audit in pages["audits"]["audits"] if audit["created_at"] == at(20) or audit["ticket_id"] == 2
    ]
    pages["tickets"]["tickets"] = [one for one in pages["tickets"]["tickets"] if one["id"] == 1]
    zendesk(*zendesk.write(pages))
    # Beside the one audit that is there the ticket says how it is; the other one has all of its audits.
    assert told(landed(lake), "ticket_id", "updated_at", "event", "status", "severity") == [
        ("1", at(0), "created", "open", "P4"),
        ("1", at(20), "status_changed", "pending", "P4"),
        ("1", at(30), None, "open", "P4"),
        ("2", at(0), "created", "new", "P3"),
    ]


def test_audits_of_a_ticket_that_nothing_tells_of_are_rejected(desk, lake, zendesk):
    desk.create(1, 0)
    desk.change(1, 10, status="open")
    pages = desk.pages()
    pages["tickets"]["tickets"] = []
    del pages["audits"]["audits"][0]
    output = zendesk(*zendesk.write(pages), expect=1)
    assert "1  ticket_missing: first in ticket 1" in output
    assert landed(lake) == []


def test_what_zendesk_measured_stands_on_the_last_update(desk, lake, zendesk):
    desk.create(1, 0)
    desk.change(1, 10, comment=True, status="solved")
    desk.create(2, 0)
    minutes = {"calendar": 10, "business": 8}
    pages = desk.pages()
    pages["metrics"] = {
        "ticket_metrics": [
            {"ticket_id": 1, "reopens": 0, "replies": 1, "solved_at": at(10), "updated_at": at(10)}
            | {"full_resolution_time_in_minutes": minutes, "reply_time_in_minutes": {"calendar": 10, "business": None}}
        ]
    }

    def event(number, ticket, metric, kind, minute, **more):
        one = {"id": number, "ticket_id": ticket, "metric": metric, "instance_id": 1, "type": kind, "time": at(minute)}
        return one | more

    target = {"target": 5, "business_hours": True, "policy": {"id": 1, "title": "All"}}
    counted = {"status": minutes}
    pages["events"] = {
        "ticket_metric_events": [
            event(1, 1, "reply_time", "apply_sla", 0, sla=target),
            event(2, 1, "reply_time", "breach", 5),
            event(3, 1, "reply_time", "fulfill", 10),
            event(4, 1, "reply_time", "update_status", 10, **counted),
            event(5, 1, "requester_wait_time", "apply_sla", 0, sla=target | {"target": 60, "business_hours": False}),
            event(6, 1, "requester_wait_time", "breach", 9, deleted=True),
            event(7, 1, "requester_wait_time", "fulfill", 10),
            event(8, 1, "requester_wait_time", "update_status", 10, **counted),
            event(9, 2, "reply_time", "apply_sla", 0, sla=target),
            event(10, 2, "reply_time", "breach", 45),
        ]
    }
    zendesk(*zendesk.write(pages))
    lines = landed(lake)
    measured = {name: value for name, value in lines[1].items() if name.startswith("source_")}
    assert measured == {
        "source_sla_breached": False,
        "source_sla_elapsed_minutes": 10,
        "source_first_reply_sla_breached": True,
        "source_first_reply_sla_elapsed_minutes": 8,
        "source_resolution_minutes": 10,
        "source_resolution_business_minutes": 8,
        "source_first_reply_minutes": 10,
        "source_reopen_count": 0,
        "source_agent_reply_count": 1,
    }
    # The other one was late without anybody touching it.
    assert told(lines[2:], "updated_at", "status", "source_first_reply_sla_breached") == [
        (at(0), "new", None),
        (at(45), "new", True),
    ]


def test_custom_fields_tags_and_statuses_of_ones_own(desk, lake, zendesk):
    desk.create(1, 0, tags=["vip", "austria"], custom_status_id=33, status="open")
    desk.change(1, 10, **{"4711": "battery"})
    pages = desk.pages() | {"fields": {"ticket_fields": [{"id": 4711, "title": "Product line"}]}}
    zendesk.path.write_text("""\
fields:
  market: {column: tag, map: {austria: AT, germany: DE}, default: UK}
  severity: {default: P4}
  status: {map: {With the expert: escalated}}
  product: "custom_field:Product line"
  vehicle_id: "custom_field:4712"
  source: {constant: desk-at}
""")
    zendesk(*zendesk.write(pages))
    assert told(landed(lake), "market", "severity", "status", "product", "source") == [
        ("AT", "P4", "escalated", None, "desk-at"),
        ("AT", "P4", "escalated", "battery", "desk-at"),
    ]


def test_what_is_not_mapped_is_refused_before_anything_lands(desk, lake, zendesk):
    desk.create(1, 0)
    desk.create(2, 0, priority="blocker", status="parked")
    zendesk.path.write_text("fields:\n  market: {constant: DE}\n")
    output = zendesk(*zendesk.write(desk.pages()), expect=2)
    assert "'parked': 1 update\n" in output and "'blocker': 1 update\n" in output
    assert "blank (give it by default:): 1 update" in output
    assert not list(lake.raw.rglob("*.jsonl"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fields: {}\n", "fields.market: is missing"),
        ("fields:\n  market: {constant: XX}\n", "market 'XX' is unknown"),
        ("fields:\n  market: {constant: DE}\n  team: {column: grup}\n", "Did you mean group?"),
        ("fields:\n  market: {constant: DE}\n  severity: {map: {asap: P9}}\n", "'P9' is unknown"),
        ("fields:\n  market: {column: tag}\n", "say by map"),
        ("fields:\n  market: {constant: TODO}\n", "Decide"),
        ("fields:\n  market: {constant: DE}\n  product: 'custom_field:Nope'\n", "'Nope'"),
        ("fields:\n  market: {constant: DE}\nredact: {status: hash}\n", "status cannot be redacted"),
        ("- a\n", "this is no mapping"),
        ("a: [\n", "this is no YAML"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(desk, zendesk, text, said):
    desk.create(1, 0)
    zendesk.path.write_text(text)
    assert said in zendesk(*zendesk.write(desk.pages()), expect=2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"tickets": [{"id": 1', "this is no JSON"),
        ('{"organization_memberships": []}', "none of Zendesk's answers"),
        ('{"audits": [{"id": 5, "ticket_id": null, "events": []}]}', "ticket_id None, which is no number"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"\xff" * 99, "cannot be read to its end: Error"),
    ],
)
def test_a_file_that_is_no_answer_is_refused(zendesk, text, said):
    path = zendesk.folder / "broken.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    output = zendesk(path, expect=2)
    assert said in output and "broken.json" in output


@pytest.mark.parametrize(
    ("key", "odd", "where"),
    [
        ("tickets", {"via": 7}, "t.json"),
        ("tickets", {"custom_fields": [7]}, "t.json"),
        ("audits", {"events": [7]}, "t.json"),
        ("audits", {"id": 10**30}, "t.json"),
        ("ticket_metrics", {"reopens": 10**30}, "ticket 1"),
        ("ticket_metrics", {"reply_time_in_minutes": {"calendar": "soon"}}, "ticket 1"),
        ("ticket_metric_events", {"type": "apply_sla", "metric": "reply_time", "sla": 7}, "ticket 1"),
    ],
    ids=["via", "custom field", "event", "id", "count", "minutes", "target"],
)
def test_an_answer_that_is_not_built_as_one_is_named(desk, lake, zendesk, key, odd, where):
    desk.create(1, 0)
    records = {name: desk.pages()[name][name] for name in ("tickets", "audits")}
    records |= {
        "ticket_metrics": [{"ticket_id": 1}],
        "ticket_metric_events": [{"ticket_id": 1, "id": 1, "time": at(1)}],
    }
    records[key] = [one | odd for one in records[key]]
    output = zendesk(*zendesk.write({"t": records}), expect=2)
    assert f"{where}: this is not built as Zendesk's answers are (" in output and landed(lake) == []


def test_what_is_odd_about_a_ticket_lands_as_text_or_is_rejected(desk, lake, zendesk):
    desk.create(1, 0)
    desk.create(2, 0)
    desk.tickets[1]["via"] = {"channel": True}
    desk.tickets[2]["created_at"] = {"a": 7}
    output = zendesk(*zendesk.write({"tickets": desk.pages()["tickets"]}), expect=1)
    assert told(landed(lake), "ticket_id", "channel") == [("1", "true")]
    assert "first in ticket 2" in output


def test_personal_fields_are_hashed_or_left_out(desk, lake, zendesk):
    desk.create(1, 0)
    desk.tickets[1] |= {"status": "deleted", "updated_at": at(30)}
    pages = zendesk.write(desk.pages())
    redact = ("--redact", "ticket_id=hash", "--redact", "customer_id=hash", "--redact", "subject=drop")
    assert "TICKETLAKE_REDACT_KEY" in zendesk(*pages, *redact, expect=2)
    zendesk(*pages, *redact, TICKETLAKE_REDACT_KEY=KEY)
    text = "".join(file.read_text() for file in lake.raw.rglob("*.jsonl"))
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) == 2 and len({line["ticket_id"] for line in lines}) == 1
    assert all(len(line["ticket_id"]) == len(line["customer_id"]) == 64 for line in lines)
    assert not any("subject" in line or "ticket-1-" in line["update_id"] for line in lines)


def test_files_in_any_order_and_shape_land_the_same_once(desk, lake, zendesk, tmp_path):
    desk.many(20)
    old = json.loads(json.dumps(desk.tickets[7])) | {"status": "new", "updated_at": at(1), "generated_timestamp": 1}
    paths = zendesk.write(desk.pages())
    zendesk(*paths)
    expected = landed(lake)
    assert len(expected) == 80
    assert "landed    0 updates" in zendesk(*paths)
    assert landed(lake) == expected
    # The same as lines, zipped, repeated, with an older export of a ticket, in other orders.
    tickets, audits = tmp_path / "tickets.jsonl.gz", tmp_path / "audits.jsonl"
    several = [*desk.tickets.values(), old]
    tickets.write_bytes(gzip.compress("\n".join(json.dumps(one) for one in several).encode()))
    shuffled = [audit for some in desk.audits.values() for audit in some] * 2
    random.Random(4).shuffle(shuffled)
    audits.write_text("".join(json.dumps({"audits": shuffled[at : at + 7]}) + "\n" for at in range(0, 160, 7)))
    others = zendesk.write({"who": {"users": USERS, "groups": GROUPS, "custom_statuses": CUSTOM_STATUSES}})
    other = Lake(tmp_path / "other")
    zendesk(audits, tickets, *others, lake=other)
    assert landed(other) == expected


def test_a_dry_run_writes_nothing(desk, lake, zendesk, server):
    desk.many(3)
    assert "would land 12 updates" in zendesk(*zendesk.write(desk.pages()), "--dry-run")
    assert "would land 8 updates" in zendesk.live(server, "--dry-run")  # of a first page
    assert not list(lake.folder.rglob("*.jsonl")) and not (lake.folder / "landing").exists()


# ---------- live


def test_live_lands_what_files_do_and_later_what_is_new(desk, lake, zendesk, server, tmp_path):
    desk.many(5)
    zendesk.live(server)
    other = Lake(tmp_path / "other")
    zendesk(*zendesk.write(desk.pages()), lake=other)
    assert landed(lake) == landed(other)
    assert server.authorizations == {"Basic ZGVza0BleGFtcGxlLm9yZy90b2tlbjpzZWNyZXQtdG9rZW4="}
    before = len(server.requests)
    assert "read      0 rows" in zendesk.live(server)
    desk.change(2, 5000, author=CUSTOMER, comment=True, status="open")
    desk.create(9, 5001)
    assert "landed    2 updates" in zendesk.live(server)
    asked = [path for path, _ in server.requests[before:] if path.endswith("audits.json")]
    assert set(asked) == {"/api/v2/tickets/2/audits.json", "/api/v2/tickets/9/audits.json"}
    zendesk(*zendesk.write(desk.pages()), lake=other)
    assert landed(lake) == landed(other)
    assert "secret-token" not in "".join(
        file.read_text(errors="replace") for file in lake.folder.rglob("*") if file.is_file()
    )


def test_limits_broken_connections_and_errors_are_waited_out(desk, lake, zendesk, server):
    desk.many(4)
    server.faults = {2: 429, 6: "break", 8: 503, 11: 429}
    begun = time.monotonic()
    output = zendesk.live(server)
    assert time.monotonic() - begun >= 2, "Retry-After has not been kept"
    assert "landed    16 updates" in output
    told_of = re.findall(
        r"Zendesk (\S+ .*?)(?: \(\w+Error\))?\. It is asked 8 times, each after a longer while\.", output
    )
    assert told_of == ["answers 429", "does not answer", "answers 503", "answers 429"]
    assert not server.faults


def test_a_cursor_that_has_expired_begins_before_what_has_landed(desk, lake, zendesk, server):
    desk.many(4)
    zendesk.live(server)
    kept = next((lake.folder / "landing").glob("zendesk-*.json"))
    server.expired.add(json.loads(kept.read_text())["cursor"])
    desk.change(1, 9000, status="closed")
    output = zendesk.live(server)
    assert "does not know the cursor any more" in output and "landed    1 update " in output
    assert len(landed(lake)) == 17
    # A file that is damaged means the same.
    kept.write_text("{")
    assert "landed    0 updates" in zendesk.live(server)


def test_half_a_character_stops_nothing(desk, lake, zendesk, server):
    desk.create(1, 0)
    desk.tickets[1]["subject"] = "Cut \ud83d"
    desk.change(1, 10, subject="Cut \ud83d\ude97 \ud83d")
    zendesk.live(server, "--redact", "customer_id=drop")
    assert told(landed(lake), "subject")[-1] == ("Cut \U0001f697 \ufffd",)


def test_a_ticket_whose_audits_are_gone_tells_what_it_knows(desk, lake, zendesk, server):
    desk.create(1, 0)
    desk.tickets[1] |= {"status": "deleted", "updated_at": at(30)}
    del desk.audits[1]
    zendesk.live(server)
    assert told(landed(lake), "event", "status") == [("created", "new"), (None, "cancelled")]


def test_without_leave_to_read_it_is_said_what_is_missing(desk, zendesk, server):
    assert "ZENDESK_SUBDOMAIN" in zendesk(expect=2)
    plain = {"ZENDESK_URL": "http://desk.example.org"}
    assert "https only" in zendesk(expect=2, **plain, **ENVIRONMENT)
    server.faults = {5: 401}
    assert "does not let these credentials read" in zendesk.live(server, expect=2)


def test_what_live_meets_unmapped_is_refused_and_read_again(desk, lake, zendesk, server):
    desk.many(3)
    desk.create(9, 9000, priority="blocker")
    assert "'blocker': 1 update" in zendesk.live(server, expect=2)
    zendesk.path.write_text(MAPPING.replace("{default: P3}", "{default: P3, map: {blocker: P1}}"))
    zendesk.live(server)
    assert len(landed(lake)) == 13


def test_killed_at_any_request_and_run_again_nothing_is_lost_or_doubled(
    desk, lake, zendesk, server, tmp_path, monkeypatch
):
    desk.many(8)
    expected = Lake(tmp_path / "expected")
    zendesk(*zendesk.write(desk.pages()), lake=expected)
    chance = random.Random(17)
    running = []

    def kill_at(wanted, later):
        def on_request(number):
            if number == wanted:
                threading.Timer(later, running[0].kill).start()

        return on_request

    for _ in range(5):
        # The first requests are for lists; then comes a page of two tickets, audits of each in two pages, and it lands.
        server.on_request = kill_at(len(server.requests) + chance.randint(7, 20), chance.choice([0, 0.01, 0.03, 0.1]))
        running[:] = [zendesk.start(ZENDESK_URL=server.url, **ENVIRONMENT)]
        running[0].wait(timeout=120)
        assert running[0].returncode in (-signal.SIGKILL, 0)
        landed(lake)
    server.on_request = lambda number: None
    zendesk.live(server)
    assert landed(lake) == landed(expected)


# ---------- seeds


def seeds(*arguments, **environment):
    exit_code, output, errors = run(*arguments, **environment)
    assert exit_code == 0, errors
    return output, errors


@pytest.fixture
def plans(zendesk):
    """A schedule with a night shift, its holidays, policies, agents."""
    zendesk.path.write_text("""\
fields:
  market: {column: brand, map: {Alps: CH}, default: DE}
  severity: {default: P3}
""")
    hours = [{"start_time": 1440 * day + 480, "end_time": 1440 * day + 1080} for day in range(1, 6)]
    night = {"start_time": 1440 * 6 + 1320, "end_time": 1440 * 7}  # Saturday from 22:00
    early = {"start_time": 0, "end_time": 120}  # Sunday to 02:00

    def metric(name, priority, target, business):
        return {"metric": name, "priority": priority, "target": target, "business_hours": business}

    targets = [
        metric("first_reply_time", "urgent", 30, True),
        metric("requester_wait_time", "urgent", 480, False),
        metric("periodic_update_time", "urgent", 90, False),
    ]
    swiss = {"all": [{"field": "brand_id", "operator": "is", "value": "61"}], "any": []}
    odd = {"all": [{"field": "organization_id", "operator": "is", "value": "8"}], "any": []}
    return zendesk.write(
        {
            "schedules": {
                "schedules": [
                    {"id": 360001, "name": "Zürich desk", "time_zone": "Bern", "intervals": [*hours, night, early]}
                ]
            },
            "holidays_360001": {
                "holidays": [{"id": 1, "name": "Feast", "start_date": "2026-12-24", "end_date": "2026-12-26"}]
            },
            "policies": {
                "sla_policies": [
                    {"id": 2, "title": "Everybody", "position": 2, "filter": {"all": []}, "policy_metrics": targets},
                    {"id": 1, "title": "Alps", "position": 1, "filter": swiss, "policy_metrics": targets[:1]},
                    {"id": 3, "title": "Gold", "position": 3, "filter": odd, "policy_metrics": targets},
                ]
            },
            "people": {"users": USERS, "groups": GROUPS, "brands": [{"id": 61, "name": "Alps"}]},
        }
    )


def test_the_rows_that_seeds_lack_are_proposed(zendesk, plans):
    text, remarks = seeds("seeds", "zendesk", *plans, "--mapping", zendesk.path)
    assert "zurich_desk,Europe/Zurich" in text
    assert "CH,CH,zurich_desk" in text and "\nDE," not in text  # which the seeds have
    assert "zurich_desk,1,08:00,18:00" in text
    assert "zurich_desk,6,22:00,24:00" in text and "zurich_desk,7,00:00,02:00" in text
    assert [f"zurich_desk,2026-12-{day},Feast" in text for day in (24, 25, 26)] == [True] * 3
    assert "zendesk_001_alps_first_reply_p1,zendesk,CH,,P1,first_reply,30,business,," in text
    assert "zendesk_002_everybody_resolution_p1,zendesk,,,P1,resolution,480,calendar,," in text
    assert "501,Ines Probst,,First line" in text and "Usterman" not in text
    assert "periodic_update_time, which the lake does not count" in remarks
    assert "'Gold' is for tickets of which organization_id is '8'" in remarks and "gold" not in text


def test_rows_are_added_to_seeds_and_none_is_changed(zendesk, plans, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "calendars.csv").write_bytes(b"calendar,timezone\r\nmine,Asia/Tokyo")
    (folder / "agents.csv").write_text("agent_id,agent_name,region,team\n501,My own name,DE,mine\n")
    command = ("--seeds", folder, "seeds", "zendesk", *plans, "--mapping", zendesk.path, "--to", folder)
    text, remarks = seeds(*command)
    assert "calendars.csv: 1 row added" in text and "501 stays as it is" in remarks
    assert (
        folder / "calendars.csv"
    ).read_bytes() == b"calendar,timezone\r\nmine,Asia/Tokyo\nzurich_desk,Europe/Zurich\n"
    agents = (folder / "agents.csv").read_text()
    assert agents == "agent_id,agent_name,region,team\n501,My own name,DE,mine\n502,Ole Dirks,,Workshop\n"
    assert "ticket_statuses.csv: 7 rows added" in text
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert seeds(*command)[0] == "The seeds have all rows that are needed.\n"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    "odd",
    [
        {"schedules": [{"id": 1, "name": "Desk", "time_zone": "Bern", "intervals": [{"start_time": 480}]}]},
        {"holidays": [{"id": 1, "name": "Feast", "start_date": "24.12.2026", "end_date": "26.12.2026"}]},
        {"sla_policies": [{"id": 9, "title": "All", "filter": 7}]},
        {"users": [{"role": "agent", "name": "Without an id"}]},
    ],
    ids=lambda odd: next(iter(odd)),
)
def test_what_seeds_cannot_be_read_of_is_named(zendesk, plans, odd):
    (records,) = odd
    exit_code, output, errors = run(
        *("seeds", "zendesk", *plans, *zendesk.write({"odd_360001": odd}), "--mapping", zendesk.path)
    )
    assert (exit_code, output) == (2, "")
    assert errors.startswith(f"{records}: this is not built as Zendesk's answers are (")


def test_seeds_are_read_live_and_agents_redacted(server, zendesk):
    environment = {"ZENDESK_URL": server.url, "TICKETLAKE_REDACT_KEY": KEY, **ENVIRONMENT}
    text, _ = seeds("seeds", "zendesk", "--redact", "agent_id=hash", **environment)
    assert "Ines" not in text and "First line" in text


# ---------- the lake


def test_what_has_landed_is_accepted_and_built(dbt, desk, lake, zendesk):
    desk.many(6)
    desk.change(3, 4000, author=CUSTOMER, comment=True, status="open")
    desk.change(4, 4001, status="deleted")
    zendesk(*zendesk.write(desk.pages()))
    dbt.build(lake)
    assert lake.query("select count(*) from quarantined_lines") == [(0,)]
    rows = lake.query("""
        select ticket_key, status, severity, team, agent_id, agent_reply_count, customer_reply_count, reopen_count
        from fct_tickets
        where ticket_id in ('1', '3', '4')
        order by ticket_id
    """)
    assert rows == [
        ("zendesk:1", "resolved", "P2", "First line", "501", 1, 1, 0),
        ("zendesk:3", "open", "P2", "First line", "501", 1, 2, 1),
        ("zendesk:4", "cancelled", "P2", "First line", "501", 1, 1, 0),
    ]
