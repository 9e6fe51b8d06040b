import csv
import io
import os
import re

import pytest
from lakes import PROJECT
from products import Product, told

from landing import overlay
from landing.contract import Reference

KEY = {"TICKETLAKE_REDACT_KEY": "a key for the tests, of no use"}
COLUMNS = (
    *("number", "incident_state", "active", "reassignment_count", "reopen_count", "sys_mod_count", "made_sla"),
    *("caller_id", "opened_at", "sys_created_at", "sys_updated_at", "contact_type", "location", "category"),
    *("priority", "assignment_group", "assigned_to", "cmdb_ci", "resolved_at", "closed_at"),
)
LISBON = "zone: Europe/Lisbon\nfields: {market: {constant: DE}}"


@pytest.fixture
def servicenow(tmp_path):
    return Product("servicenow", tmp_path)


def log(*updates):
    """An event log of updates, each with what differs from the first of an incident that waits for its group."""
    text = io.StringIO()
    rows = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    rows.writeheader()
    for update in updates:
        rows.writerow(
            dict.fromkeys(COLUMNS, "?")
            | {"number": "INC0000101", "incident_state": "New", "sys_mod_count": "0", "made_sla": "TRUE"}
            | {"opened_at": "3/2/2016 09:05", "sys_updated_at": "3/2/2016 09:07", "priority": "3 - Moderate"}
            | {"reopen_count": "0", "caller_id": "Caller 7", "category": "Category 12", "contact_type": "Phone"}
            | update
        )
    return text.getvalue()


LIFE = (
    {},
    {
        "incident_state": "Active",
        "sys_mod_count": "1",
        "sys_updated_at": "3/2/2016 9:20",
        "assignment_group": "Group 4",
    },
    {"incident_state": "Awaiting User Info", "sys_mod_count": "2", "sys_updated_at": "3/2/2016 9:20"},
    {
        **{
            "incident_state": "Resolved",
            "sys_mod_count": "5",
            "sys_updated_at": "13/2/2016 16:00",
            "made_sla": "FALSE",
        },
        **{"assigned_to": "Resolver 9", "reopen_count": "1", "resolved_at": "13/2/2016 15:59"},
    },
)


# ---------- the event log


def test_a_row_of_the_log_is_an_update(servicenow):
    lines = servicenow.land(servicenow.file("log.csv", log(*LIFE)), mapping=LISBON)
    assert told(lines, "updated_at", "sequence", "status", "severity", "team", "agent_id") == [
        ("2016-02-03T09:07:00Z", 0, "new", "P3", None, None),
        ("2016-02-03T09:20:00Z", 1, "open", "P3", "Group 4", None),
        ("2016-02-03T09:20:00Z", 2, "pending", "P3", None, None),
        ("2016-02-13T16:00:00Z", 5, "resolved", "P3", None, "Resolver 9"),
    ]
    assert {line["created_at"] for line in lines} == {"2016-02-03T09:05:00Z"}
    assert set(told(lines, "source", "market", "customer_id", "category", "channel", "product")) == {
        ("servicenow", "DE", "Caller 7", "Category 12", "Phone", None)
    }
    assert told(lines, "event") == [("created",), (None,), (None,), (None,)]
    results = told(lines, "source_sla_breached", "source_reopen_count", "source_resolution_minutes")
    assert results == [(False, 0, None)] * 3 + [(True, 1, 10 * 1440 + 6 * 60 + 54)]


def test_dates_are_read_day_first_in_the_zone_across_its_changes(servicenow):
    """Clocks in Lisbon go forward on 27 March 2016 at 01:00, and back on 30 October at 02:00."""
    rows = [
        {"sys_mod_count": str(number), "sys_updated_at": at}
        for number, at in enumerate(("27/3/2016 00:59", "27/3/2016 02:00", "30/10/2016 00:30", "30/10/2016 02:30"))
    ]
    lines = servicenow.land(servicenow.file("log.csv", log(*rows)), mapping=LISBON)
    assert [line["updated_at"][5:16] for line in lines] == ["03-27T00:59", "03-27T01:00", "10-29T23:30", "10-30T02:30"]
    doubtful = servicenow.file(
        "doubtful.csv", log({"sys_updated_at": "30/10/2016 01:30"}, {"opened_at": "27/3/2016 01:10"})
    )
    code, output = servicenow.run(doubtful, mapping=LISBON)
    assert code == 1
    assert "repeated_hour: first in " in output and "skipped_hour: first in " in output


def test_no_row_is_refused_for_when_it_was_resolved(servicenow):
    rows = [
        {"sys_mod_count": str(n), "resolved_at": at}
        for n, at in enumerate(("30/10/2016 01:30", "soon", "3/2/2016 10:00"))
    ]
    assert len(servicenow.land(servicenow.file("log.csv", log(*rows)), mapping=LISBON)) == 3


def test_the_log_needs_a_zone(servicenow):
    code, output = servicenow.run(servicenow.file("log.csv", log({})))
    assert (
        code == 2 and "mapping.yml, fields.updated_at:" in output and "Name it, such as zone: Europe/Berlin." in output
    )


def test_states_that_nobody_maps_are_counted_before_anything_lands(servicenow):
    rows = [
        {"incident_state": state, "sys_mod_count": str(n)} for n, state in enumerate(("-100", "Parked", "-100", "New"))
    ]
    path = servicenow.file("log.csv", log(*rows))
    code, output = servicenow.run(path, mapping=LISBON)
    assert code == 2
    assert "mapping.yml, fields.status: 2 values of column 'incident_state' without status." in output
    assert "'-100': 2 times, first in" in output and "'Parked': 1 time, first in" in output
    assert servicenow.lines() == []
    own = 'zone: UTC\nfields:\n  market: {constant: DE}\n  status: {map: {"-100": open, Parked: on_hold, New: open}}'
    assert told(servicenow.land(path, mapping=own), "status") == [("open",), ("on_hold",), ("open",), ("open",)]


def test_markets_come_from_a_column_and_those_unmapped_are_counted(servicenow):
    path = servicenow.file("log.csv", log({"location": "Location 1"}, {"location": "Location 2", "sys_mod_count": "1"}))
    own = "zone: UTC\nfields:\n  market: {column: location, map: {Location 1: UK}}"
    code, output = servicenow.run(path, mapping=own)
    assert code == 2 and "mapping.yml, line 3, fields.market: 1 value of column 'location'" in output
    lines = servicenow.land(
        path, mapping="zone: UTC\nfields:\n  market: {column: location, map: {Location 1: UK, Location 2: AT}}"
    )
    assert told(lines, "market") == [("UK",), ("AT",)]


def test_what_is_unknown_is_absent_and_what_is_required_is_rejected(servicenow):
    code, output = servicenow.run(
        servicenow.file("log.csv", log({"caller_id": "?"}, {"sys_mod_count": "1", "priority": "?"})), mapping=LISBON
    )
    assert code == 1 and "1  missing_severity: first in" in output
    assert told(servicenow.lines(), "customer_id") == [(None,)]


def test_a_log_lands_once_and_a_grown_one_only_what_is_new(servicenow):
    assert len(servicenow.land(servicenow.file("log.csv", log(*LIFE[:2])), mapping=LISBON)) == 2
    assert servicenow.land(servicenow.folder / "log.csv", mapping=LISBON) == []
    # An export made later knows of the end, and of the breach, in the old rows as well.
    grown = [row | {"resolved_at": "13/2/2016 15:59", "made_sla": "FALSE"} for row in LIFE]
    lines = servicenow.land(servicenow.file("grown.csv", log(*grown)), mapping=LISBON)
    assert told(lines, "status", "source_sla_breached") == [("pending", True), ("resolved", True)]


def test_deadlines_and_durations_are_read_where_an_export_has_them(servicenow):
    rows = ("sla_due", "calendar_duration", "business_duration")
    text = log(LIFE[3]).splitlines()
    path = servicenow.file("log.csv", "\n".join((f"{text[0]},{','.join(rows)}", f"{text[1]},4/2/2016 09:05,5430,90")))
    (line,) = servicenow.land(path, mapping=LISBON)
    assert line["sla_due_at"] == "2016-02-04T09:05:00Z"
    assert (line["source_resolution_minutes"], line["source_resolution_business_minutes"]) == (90.5, 1.5)


def test_personal_columns_are_dropped_or_hashed(servicenow):
    path = servicenow.file("log.csv", log(*LIFE))
    redact = "\nredact: {customer_id: hash, ticket_id: hash}"
    lines = servicenow.land(path, "--redact", "agent_id=drop", mapping=LISBON + redact, environment=os.environ | KEY)
    assert {len(line["customer_id"]) for line in lines} == {64} and not any("agent_id" in line for line in lines)
    written = b"".join(file.read_bytes() for file in servicenow.lake.rglob("*") if file.is_file())
    assert not any(secret in written for secret in (b"Caller 7", b"Resolver 9", b"INC0000101"))


# ---------- records of the Table API


def reference(table, value):
    return {"link": f"https://desk.example.com/api/now/table/{table}/{value}", "value": value}


def incident(**fields):
    return {
        **{
            "sys_id": "a1",
            "number": "INC0010001",
            "state": "2",
            "hold_reason": "",
            "priority": "3",
            "sys_mod_count": "4",
        },
        **{"opened_at": "2026-03-02 09:00:00", "sys_created_on": "2026-03-02 09:00:00"},
        **{"sys_updated_on": "2026-03-02 12:00:00", "resolved_at": "", "closed_at": "", "made_sla": "true"},
        **{"short_description": "No light", "category": "hardware", "contact_type": "email", "reopen_count": "0"},
        **{"assigned_to": reference("sys_user", "u9"), "caller_id": reference("sys_user", "u1"), "sla_due": ""},
        **{
            "assignment_group": {
                "display_value": "Field",
                "link": "https://desk.example.com/api/now/table/sys_user_group/g2",
            }
        },
        **{
            "calendar_duration": "",
            "business_duration": "",
            "sys_created_by": "desk",
            "opened_by": reference("sys_user", "u5"),
        },
    } | fields


def audit(number, minute, field, before, after, **fields):
    return {
        **{"sys_id": f"au{number}{field}", "tablename": "incident", "documentkey": "a1", "fieldname": field},
        **{"oldvalue": before, "newvalue": after, "record_checkpoint": str(number), "user": "agent.nine"},
        **{"sys_created_on": f"2026-03-02 {9 + minute // 60:02}:{minute % 60:02}:00"},
    } | fields


AUDITS = [
    audit(1, 10, "assignment_group", "", "g1"),
    audit(2, 20, "state", "1", "2"),
    audit(2, 20, "assigned_to", "", "u9"),
    audit(3, 30, "priority", "4", "3"),
    audit(3, 30, "assignment_group", "g1", "g2"),
    audit(4, 180, "state", "3", "2"),
    audit(4, 180, "hold_reason", "1", ""),
]
AUDITS.insert(5, audit(35, 60, "state", "2", "3"))
AUDITS.insert(6, audit(35, 60, "hold_reason", "", "1"))


def result(*records):
    return {"result": list(records)}


def test_states_are_reconstructed_from_the_audit(servicenow):
    lines = servicenow.land(
        servicenow.file("audits.json", result(*AUDITS)), servicenow.file("page.json", result(incident()))
    )
    assert told(lines, "updated_at", "event", "status", "severity", "team", "agent_id") == [
        ("2026-03-02T09:00:00Z", "created", "new", "P4", None, None),
        ("2026-03-02T09:10:00Z", "assigned", "new", "P4", "g1", None),
        ("2026-03-02T09:20:00Z", "status_changed", "open", "P4", "g1", "u9"),
        ("2026-03-02T09:30:00Z", "assigned", "open", "P3", "Field", "u9"),
        ("2026-03-02T10:00:00Z", "status_changed", "pending", "P3", "Field", "u9"),
        ("2026-03-02T12:00:00Z", "status_changed", "open", "P3", "Field", "u9"),
    ]
    assert told(lines, "update_id")[:2] == [("a1:created",), ("a1:1",)]
    assert {line["subject"] for line in lines} == {"No light"} and {line["customer_id"] for line in lines} == {"u1"}
    assert told(lines, "source_sla_breached", "source_reopen_count")[-2:] == [(None, None), (False, 0)]


def test_what_an_insert_writes_to_the_audit_is_the_creation(servicenow):
    records = [audit(0, 0, "state", "", "1"), audit(0, 0, "priority", "", "2"), audit(1, 5, "state", "1", "6")]
    now = incident(state="6", priority="2", sys_mod_count="1", sys_updated_on="2026-03-02 09:05:00")
    lines = servicenow.land(servicenow.file("all.json", result(*records, now)))
    assert told(lines, "event", "status", "severity") == [
        ("created", "new", "P2"),
        ("status_changed", "resolved", "P2"),
    ]


def test_what_no_audit_tells_of_is_an_update_of_now(servicenow):
    now = incident(state="6", sys_mod_count="9", sys_updated_on="2026-03-03 08:00:00", made_sla="false")
    lines = servicenow.land(servicenow.file("all.json", result(*AUDITS, now)))
    assert told(lines, "update_id", "updated_at", "status", "source_sla_breached")[-2:] == [
        ("a1:4", "2026-03-02T12:00:00Z", "open", None),
        ("a1:9", "2026-03-03T08:00:00Z", "resolved", True),
    ]


def test_comments_are_replies_of_whoever_wrote_them(servicenow):
    def entry(number, by, element="comments"):
        at = f"2026-03-02 11:0{number}:00"
        return {
            "sys_id": f"j{number}",
            "name": "incident",
            "element_id": "a1",
            "element": element,
            "value": "Private text",
        } | {
            "sys_created_on": at,
            "sys_created_by": by,
        }

    journal = [entry(1, "agent.nine"), entry(2, "lena.caller"), entry(3, "agent.nine", "work_notes")]
    audited = audit(36, 121, "comments", "", "Private text")
    users = [{"sys_id": "u1", "user_name": "lena.caller"}, {"sys_id": "u9", "user_name": "agent.nine"}]
    lines = servicenow.land(servicenow.file("all.json", result(*journal, audited, *users, incident(), *AUDITS)))
    replies = [line for line in lines if line["update_id"].startswith("j")]
    assert told(replies, "event", "status", "agent_id") == [
        ("agent_reply", "pending", "u9"),
        ("customer_reply", "pending", "u9"),
        ("internal_note", "pending", "u9"),
    ]
    assert b"Private text" not in b"".join(path.read_bytes() for path in servicenow.lake.rglob("*") if path.is_file())


def test_comments_of_the_audit_count_where_there_is_no_journal(servicenow):
    comments = [audit(5, 200, "comments", "", "Hello"), audit(6, 201, "comments", "", "Hi", user="lena.caller")]
    own = incident(opened_by=reference("sys_user", "u1"), sys_created_by="lena.caller")
    lines = servicenow.land(servicenow.file("all.json", result(own, *AUDITS, *comments)))
    assert told(lines, "event")[-2:] == [("agent_reply",), ("customer_reply",)]


def test_states_that_are_not_audited_are_known_by_when_it_was_resolved(servicenow):
    now = incident(
        state="6", sys_mod_count="2", sys_updated_on="2026-03-02 11:00:00", resolved_at="2026-03-02 11:00:00"
    )
    records = [audit(1, 10, "assignment_group", "", "g2"), audit(2, 50, "comments", "", "Hello"), now]
    lines = servicenow.land(servicenow.file("all.json", result(*records)))
    assert told(lines, "event", "status", "team") == [
        ("created", "new", None),
        ("assigned", "new", "Field"),
        ("agent_reply", "new", "Field"),
        ("status_changed", "resolved", "Field"),
    ]


def test_an_incident_without_history_tells_when_it_was_resolved_and_closed(servicenow):
    done = {
        "resolved_at": "2026-03-02 13:23:17",
        "closed_at": "2026-03-09 14:00:00",
        "sys_updated_on": "2026-03-09 14:00:00",
    }
    durations = {"calendar_duration": "1970-01-01 04:23:17", "business_duration": "1970-01-01 02:00:00"}
    lines = servicenow.land(
        servicenow.file("one.json", {"result": incident(state="7", made_sla="false", **done, **durations)})
    )
    assert told(lines, "updated_at", "status") == [
        ("2026-03-02T09:00:00Z", "new"),
        ("2026-03-02T13:23:17Z", "resolved"),
        ("2026-03-09T14:00:00Z", "closed"),
    ]
    assert lines[2]["source_sla_breached"] is True
    assert lines[2]["source_resolution_minutes"] == pytest.approx(263 + 17 / 60)
    assert lines[2]["source_resolution_business_minutes"] == 120.0


def test_records_with_display_values_are_read_by_their_values(servicenow):
    shown = {
        "state": {"display_value": "In Progress", "value": "2"},
        "priority": {"display_value": "1 - Critical", "value": "1"},
        "assigned_to": {"display_value": "Ada Nine", "value": "u9", "link": "https://desk.example.com/u9"},
        "assignment_group": {"display_value": "Field", "value": "g2", "link": "https://desk.example.com/g2"},
        "opened_at": {"display_value": "02.03.2026 10:00:00", "value": "2026-03-02 09:00:00"},
    }
    lines = servicenow.land(servicenow.file("page.json", result(incident(**shown))))
    assert told(lines, "status", "severity", "agent_id", "team")[-1] == ("open", "P1", "u9", "Field")
    assert lines[0]["created_at"] == "2026-03-02T09:00:00Z"


def test_records_land_once_and_a_grown_export_only_what_is_new(servicenow):
    page, audits = servicenow.file("page.json", result(incident())), servicenow.file("audits.json", result(*AUDITS))
    assert len(servicenow.land(page, audits)) == 6
    assert servicenow.land(page, audits) == []
    later = audit(5, 240, "state", "2", "6")
    now = incident(
        state="6", sys_mod_count="5", sys_updated_on="2026-03-02 13:00:00", resolved_at="2026-03-02 13:00:00"
    )
    lines = servicenow.land(page, audits, servicenow.file("later.json", result(later, now)))
    assert told(lines, "update_id", "status", "source_sla_breached") == [("a1:5", "resolved", False)]


def test_a_column_that_no_record_has_is_named(servicenow):
    code, output = servicenow.run(
        servicenow.file("page.json", result(incident(company="DE"))), mapping="fields: {market: compny}"
    )
    assert code == 2 and "line 1, fields.market: no record has 'compny'. Did you mean company?" in output


def test_states_of_records_that_nobody_maps_are_counted(servicenow):
    page = servicenow.file("page.json", result(incident(state="42"), incident(sys_id="b", number="INC2", state="42")))
    code, output = servicenow.run(page)
    assert code == 2 and "'42': 2 times, first in" in output and servicenow.lines() == []


def test_what_cannot_be_read_is_said(servicenow):
    assert servicenow.run(servicenow.file("log.csv", log({})), mapping=None)[1].startswith("Tickets need a market")
    broken = servicenow.file("broken.json", '{"result": [\n{"number": }\n]}')
    assert f"{broken}, line 2: this is no JSON" in servicenow.run(broken)[1]
    nothing = servicenow.file("nothing.json", result())
    assert servicenow.run(nothing) == (
        2,
        f"No incident is in {nothing}: a record of table incident has number and sys_id. Export it with both.\n",
    )
    mixed = servicenow.run(servicenow.file("page.json", result(incident())), servicenow.file("log.csv", log({})))
    assert mixed[0] == 2 and "separately" in mixed[1]


def test_people_in_records_are_dropped_or_hashed(servicenow):
    redact = ("--redact", "customer_id=hash", "--redact", "agent_id=hash", "--redact", "subject=drop")
    page = servicenow.file("page.json", result(incident(), *AUDITS))
    lines = servicenow.land(page, *redact, environment=os.environ | KEY)
    assert {len(line["customer_id"]) for line in lines} == {64} and not any("subject" in line for line in lines)
    assert len({line["agent_id"] for line in lines if "agent_id" in line}) == 1


def test_the_mappings_that_the_page_shows_are_read(tmp_path):
    shown = re.findall(
        r"```yaml\n(.*?)```", (PROJECT / "docs" / "servicenow.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(shown) >= 2
    for number, text in enumerate(shown):
        path = tmp_path / f"{number}.yml"
        path.write_text(text, encoding="utf-8")
        for product in ("servicenow", "servicenow_log"):
            overlay.read(product, path, Reference.read(), {}, {})
