import json
import os
import re
from datetime import datetime, timezone

import pytest
from lakes import PROJECT
from products import Product, told

from landing import overlay
from landing.contract import Reference

KEY = {"TICKETLAKE_REDACT_KEY": "a key for the tests, of no use"}
FIELDS = [
    {"id": "summary", "name": "Summary", "custom": False, "schema": {"type": "string", "system": "summary"}},
    {
        "id": "customfield_10031",
        "name": "Time to resolution",
        "custom": True,
        "schema": {"type": "sd-servicelevelagreement"},
    },
    {
        "id": "customfield_10032",
        "name": "Time to first response",
        "custom": True,
        "schema": {"type": "sd-servicelevelagreement"},
    },
    {"id": "customfield_10040", "name": "Country", "custom": True, "schema": {"type": "option"}},
]
CATEGORIES = {
    "To Do": "new",
    "Waiting for support": "indeterminate",
    "In review by legal": "indeterminate",
    "Done": "done",
}
IDS = {"To Do": "1", "Waiting for support": "2", "Waiting for customer": "3", "Done": "4", "In review by legal": "5"}


@pytest.fixture
def jira(tmp_path):
    return Product("jira", tmp_path)


def status(name):
    category = {"statusCategory": {"key": CATEGORIES[name], "name": "-"}} if name in CATEGORIES else {}
    return {"id": IDS.get(name, "99"), "name": name} | category


def person(id, kind="atlassian"):
    return {"accountId": id, "displayName": f"Name of {id}", "accountType": kind}


def issue(*histories, comments=(), number=1, **fields):
    told = {
        **{
            "summary": "Printer on fire",
            "created": "2026-03-02T10:00:00.000+0100",
            "updated": "2026-03-02T10:00:00.000+0100",
        },
        **{
            "status": status("To Do"),
            "priority": {"id": "3", "name": "Medium"},
            "issuetype": {"id": "7", "name": "Incident"},
        },
        **{"reporter": person("kim", "customer"), "assignee": None, "resolution": None, "resolutiondate": None},
        **{"comment": {"comments": list(comments), "total": len(comments)}, "project": {"id": "1", "key": "DESK"}},
    } | fields
    changelog = {"startAt": 0, "total": len(histories), "histories": list(histories)}
    return {"id": str(10000 + number), "key": f"DESK-{number}", "fields": told, "changelog": changelog}


def change(id, at, **fields):
    """A change of fields, each from a name to another, the newest of which Jira gives first."""
    items = [
        {
            **{"field": field, "fieldId": field, "fieldtype": "jira"},
            **{"from": before and IDS.get(before, before), "fromString": before},
            **{"to": after and IDS.get(after, after), "toString": after},
        }
        for field, (before, after) in fields.items()
    ]
    return {"id": str(id), "author": person("ada"), "created": f"2026-03-02T{at}:00.000+0100", "items": items}


def comment(id, at, author, **more):
    return {"id": str(id), "author": author, "created": f"2026-03-02T{at}:00.000+0100", "body": "Private text"} | more


def page(*issues):
    return {"expand": "schema,names", "startAt": 0, "total": len(issues), "issues": list(issues)}


def millis(text):
    return {"epochMillis": int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() * 1000)}


def cycle(start, stop=None, due=None, breached=False, elapsed=0):
    found = {"startTime": millis(start), "breached": breached, "elapsedTime": {"millis": elapsed * 60_000}}
    return found | ({"stopTime": millis(stop)} if stop else {}) | ({"breachTime": millis(due)} if due else {})


HISTORIES = (
    change(905, "14:00", status=("Waiting for customer", "Done"), resolution=(None, "Fixed")),
    change(903, "12:00", status=("Waiting for support", "Waiting for customer"), Rank=("", "higher")),
    change(902, "11:00", status=("To Do", "Waiting for support"), priority=("High", "Medium")),
    change(901, "10:30", assignee=(None, "ada")),
)
DONE = {
    **{"status": status("Done"), "assignee": person("ada"), "resolution": {"id": "1", "name": "Fixed"}},
    **{"updated": "2026-03-02T14:00:00.000+0100", "resolutiondate": "2026-03-02T14:00:00.000+0100"},
}


def test_states_are_reconstructed_from_the_changelog(jira):
    lines = jira.land(jira.file("page.json", page(issue(*HISTORIES, **DONE))))
    assert told(lines, "updated_at", "event", "status", "severity", "agent_id") == [
        ("2026-03-02T09:00:00Z", "created", "new", "P2", None),
        ("2026-03-02T09:30:00Z", "assigned", "new", "P2", "ada"),
        ("2026-03-02T10:00:00Z", "status_changed", "open", "P3", "ada"),
        ("2026-03-02T11:00:00Z", "status_changed", "pending", "P3", "ada"),
        ("2026-03-02T13:00:00Z", "status_changed", "resolved", "P3", "ada"),
    ]
    assert told(lines, "update_id")[:2] == [("10001:created",), ("history:901",)]
    assert set(told(lines, "ticket_id", "customer_id", "category", "subject", "market", "source")) == {
        ("DESK-1", "kim", "Incident", "Printer on fire", "DE", "jira")
    }
    assert told(lines, "source_resolution_minutes") == [(None,)] * 4 + [(240.0,)]


def test_offsets_are_read_across_a_change_of_clocks(jira):
    one = issue(created="2026-03-29T01:59:59.999+0100", updated="2026-03-29T03:00:00.000+0200", status=status("Done"))
    del one["changelog"]
    lines = jira.land(jira.file("page.json", page(one)))
    assert told(lines, "updated_at", "status") == [
        ("2026-03-29T00:59:59.999000Z", "new"),
        ("2026-03-29T01:00:00Z", "resolved"),
    ]


def test_comments_are_replies_of_whoever_wrote_them(jira):
    comments = [
        comment(1, "10:40", person("ada")),
        comment(2, "10:50", person("kim", "customer")),
        comment(3, "11:10", person("ada"), jsdPublic=False),
        comment(4, "11:20", person("robot", "app")),
        comment(5, "11:30", person("ada"), visibility={"type": "role", "value": "Desk"}),
    ]
    lines = jira.land(jira.file("page.json", page(issue(*HISTORIES, comments=comments, **DONE))))
    replies = [line for line in lines if line["update_id"].startswith("comment:")]
    assert told(replies, "update_id", "event", "status", "severity") == [
        ("comment:1", "agent_reply", "new", "P2"),
        ("comment:2", "customer_reply", "new", "P2"),
        ("comment:3", "internal_note", "open", "P3"),
        ("comment:4", "automatic_reply", "open", "P3"),
        ("comment:5", "internal_note", "open", "P3"),
    ]
    assert b"Private text" not in b"".join(path.read_bytes() for path in jira.lake.rglob("*") if path.is_file())


def test_statuses_without_a_name_in_the_mapping_go_by_their_category(jira):
    one = issue(change(1, "11:00", status=("To Do", "In review by legal")), status=status("In review by legal"))
    gone = issue(change(2, "11:00", status=("Quarantine", "To Do")), number=2)
    statuses = [{"id": "77", "name": "Quarantine", "statusCategory": {"key": "done"}}]
    lines = jira.land(jira.file("page.json", page(one, gone)), jira.file("statuses.json", statuses))
    assert told(lines, "ticket_id", "status") == [
        *(("DESK-1", "new"), ("DESK-1", "open")),
        *(("DESK-2", "resolved"), ("DESK-2", "new")),
    ]


def test_what_nobody_maps_is_counted_before_anything_lands(jira):
    issues = [issue(status=status("Limbo"), priority={"name": "Sky-high"}, number=number) for number in (1, 2)]
    path = jira.file("page.json", page(*issues))
    code, output = jira.run(path)
    assert code == 2 and jira.lines() == []
    assert "fields.status: 1 value of" in output and "'Limbo': 2 times, first in" in output
    assert "fields.severity: 1 value of" in output and "'Sky-high': 2 times, first in" in output
    own = "fields: {market: {constant: DE}, status: {map: {Limbo: on_hold}}, severity: {map: {Sky-high: P1}}}"
    assert set(told(jira.land(path, mapping=own), "status", "severity")) == {("on_hold", "P1")}


def test_a_field_may_be_named_as_people_know_it(jira):
    """Its history names its values, too."""
    moved = change(1, "11:00", customfield_10040=("Austria", "Germany"))
    path = jira.file("page.json", page(issue(moved, customfield_10040={"id": "5", "value": "Germany"})))
    fields = jira.file("fields.json", FIELDS)
    own = "fields:\n  market: {column: Country, map: {Germany: DE, Austria: AT}}"
    assert told(jira.land(path, fields, mapping=own), "market") == [("AT",), ("DE",)]
    code, output = jira.run(path, fields, mapping="fields:\n  market: Contry")
    assert code == 2 and "line 2, fields.market: no record has 'Contry'. Did you mean Country?" in output


def test_service_levels_of_a_done_issue_are_its_results(jira):
    slas = {
        "customfield_10031": {
            "completedCycles": [
                cycle("2026-03-02T09:00", "2026-03-02T11:00", "2026-03-02T12:00", elapsed=45),
                cycle("2026-03-02T12:00", "2026-03-02T13:00", "2026-03-02T12:30", True, 60.5),
            ]
        },
        "customfield_10032": {"completedCycles": [cycle("2026-03-02T09:00", "2026-03-02T09:40", elapsed=25)]},
    }
    lines = jira.land(jira.file("page.json", page(issue(*HISTORIES, **DONE, **slas))), jira.file("fields.json", FIELDS))
    results = [{name: line[name] for name in line if name.startswith("source_")} for line in lines]
    assert results == [{}] * 4 + [
        {
            **{"source_sla_breached": True, "source_sla_elapsed_minutes": 105.5, "source_resolution_minutes": 240.0},
            **{"source_first_reply_sla_breached": False, "source_first_reply_sla_elapsed_minutes": 25.0},
            **{"source_first_reply_minutes": 40.0},
        }
    ]
    assert not any("sla_due_at" in line for line in lines)


@pytest.mark.parametrize("named", ["in the value", "by the mapping"])
def test_a_running_clock_has_a_deadline(jira, named):
    sla = {"ongoingCycle": cycle("2026-03-02T09:00", due="2026-03-02T17:00", elapsed=10), "completedCycles": []}
    own = "fields: {market: {constant: DE}}"
    if named == "in the value":
        sla["name"] = "Time to resolution"
    else:
        own += "\nsla: {resolution: customfield_10099}"
    path = jira.file("page.json", page(issue(HISTORIES[3], assignee=person("ada"), customfield_10099=sla)))
    lines = jira.land(path, mapping=own)
    due = told(lines, "sla_due_at", "source_sla_breached", "source_sla_elapsed_minutes")
    assert due == [(None, None, None), ("2026-03-02T17:00:00Z", False, None)]
    # It passes, and nothing else happens.
    sla["ongoingCycle"]["breached"] = True
    jira.file("page.json", page(issue(HISTORIES[3], assignee=person("ada"), customfield_10099=sla)))
    (breach,) = jira.land(path, mapping=own)
    assert told([breach], "updated_at", "event", "status", "source_sla_breached") == [
        ("2026-03-02T17:00:00Z", "sla_breached", "new", True)
    ]


def test_issues_land_once_and_a_grown_export_only_what_is_new(jira):
    early = issue(
        *HISTORIES[1:], status=status("Waiting for customer") | {"name": "Waiting for customer"}, assignee=person("ada")
    )
    path = jira.file("page.json", page(early))
    assert len(jira.land(path)) == 4
    assert jira.land(path) == []
    late = issue(*HISTORIES, comments=[comment(8, "12:30", person("kim", "customer"))], **DONE)
    lines = jira.land(path, jira.file("late.json", page(late)))
    assert told(lines, "update_id", "status") == [("comment:8", "pending"), ("history:905", "resolved")]


def test_changes_come_from_the_bulk_changelog_as_well(jira):
    one = issue(HISTORIES[0], **DONE)
    one["changelog"]["total"] = 4
    path = jira.file("page.json", page(one))
    assert "1 issue with more changes or comments than the files hold" in jira.run(path, "--dry-run")[1]
    bulk = {"issueChangeLogs": [{"issueId": "10001", "changeHistories": list(HISTORIES)}]}
    lines = jira.land(path, jira.file("bulk.json", bulk))
    assert told(lines, "status") == [("new",), ("new",), ("open",), ("pending",), ("resolved",)]


def test_an_issue_that_was_moved_keeps_its_first_key(jira):
    moved = change(1, "11:00", project=("OLD", "DESK"), Key=("OLD-5", "DESK-1"))
    assert set(told(jira.land(jira.file("page.json", page(issue(moved)))), "ticket_id")) == {("OLD-5",)}


def test_a_status_that_was_renamed_has_not_changed(jira):
    renamed = status("To Do") | {"name": "Backlog"}
    one = issue(change(1, "11:00", status=("Waiting for support", "To Do")), status=renamed)
    assert told(jira.land(jira.file("page.json", page(one))), "status") == [("open",), ("new",)]


def test_a_change_without_a_changelog_is_an_update_of_now(jira):
    at = "2026-03-02T15:00:00.000+0100"
    one = issue(*HISTORIES[1:], **DONE | {"updated": at})
    lines = jira.land(jira.file("page.json", page(one)))
    assert told(lines, "update_id", "updated_at", "status")[-1] == (
        f"10001:now:{at}",
        "2026-03-02T14:00:00Z",
        "resolved",
    )


def test_an_issue_without_a_priority_is_rejected_or_gets_the_default(jira):
    path = jira.file("page.json", page(issue(priority=None), issue(number=2)))
    code, output = jira.run(path, "--dry-run")
    assert code == 1 and "1  missing_severity: first in" in output
    own = "fields: {market: {constant: DE}, severity: {default: P4}}"
    assert told(jira.land(path, mapping=own), "severity") == [("P4",), ("P3",)]


def test_issues_stand_in_pages_in_arrays_or_one_after_another(jira):
    one, two, three = (issue(number=number) for number in (1, 2, 3))
    lines = jira.file("lines.jsonl", "".join(f"{json.dumps(each)}\n" for each in (one, two)))
    assert len(jira.land(lines, jira.file("array.json", [two, three]))) == 3


def test_people_are_dropped_or_hashed(jira):
    redact = ("--redact", "customer_id=hash", "--redact", "agent_id=drop", "--redact", "subject=drop")
    path = jira.file("page.json", page(issue(*HISTORIES, **DONE)))
    lines = jira.land(path, *redact, environment=os.environ | KEY)
    assert {len(line["customer_id"]) for line in lines} == {64}
    written = b"".join(file.read_bytes() for file in jira.lake.rglob("*") if file.is_file())
    assert not any(secret in written for secret in (b"kim", b'"ada"', b"Printer", b"Name of"))


def test_what_cannot_be_read_is_said(jira):
    nothing = jira.file("fields.json", FIELDS)
    assert jira.run(nothing) == (2, f"No issue is in {nothing}: an issue has key and fields.\n")
    nothing.write_bytes("[]".encode("utf-16"))
    assert jira.run(nothing) == (2, f"{nothing}: this is not UTF-8, as JSON has to be. Save it as that.\n")
    path = jira.file("page.json", page(issue()))
    code, output = jira.run(path, mapping="fields: {market: {constant: DE}}\nsla: {resolution: Time to fix}")
    assert code == 2 and "sla: no field is called 'Time to fix'" in output
    code, output = jira.run(path, mapping="fields: {market: {constant: DE}}\nsla: {reslution: Time to fix}")
    assert code == 2 and "line 2, sla.reslution: there is no such key. Did you mean resolution?" in output


def test_the_mappings_that_the_page_shows_are_read(tmp_path):
    shown = re.findall(r"```yaml\n(.*?)```", (PROJECT / "docs" / "jira.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(shown) >= 2
    for number, text in enumerate(shown):
        path = tmp_path / f"{number}.yml"
        path.write_text(text, encoding="utf-8")
        for product in ("jira",):
            overlay.read(product, path, Reference.read(), {}, {"sla": ("resolution", "first_reply")})


@pytest.mark.parametrize(
    ("odd", "where"),
    [
        ({"changelog": {"histories": [{"id": "1", "created": "-", "items": [7]}]}}, ", issue DESK-1"),
        ({"changelog": {"histories": [{"id": "1", "created": "-", "items": 1.5}]}}, ", issue DESK-1"),
        ({"changelog": {"histories": 7}}, ", issue DESK-1"),
        ({"fields": {"comment": [None]}}, ", issue DESK-1"),
        ({"fields": {"comment": {"comments": 7}}}, ""),
        ({"fields": {"resolutiondate": 10**30}}, ", issue DESK-1"),
        ({"fields": {"customfield_10031": {"completedCycles": True}}}, ", issue DESK-1"),
    ],
    ids=["item", "items", "histories", "comment", "comments", "moment", "cycles"],
)
def test_an_issue_that_is_not_built_as_one_is_named(jira, odd, where):
    one = issue()
    one |= odd | {"fields": one["fields"] | odd.get("fields", {})}
    path = jira.file("page.json", json.dumps(page(issue(number=2), one)))
    code, output = jira.run(path, jira.file("fields.json", FIELDS))
    assert code == 2 and "Traceback" not in output and jira.lines() == []
    assert f"{path}, line 1{where}: this is not built as Jira's answers are (" in output


def test_half_a_character_is_no_reason_to_refuse_an_issue(jira):
    one, other = issue(summary="Broken \ud83d"), issue(number=2, summary=r"Whole \ud83d, \\u0041 " + "\U0001f697")
    lines = jira.land(jira.file("page.json", page(one, other)))
    assert told(lines, "subject") == [("Broken \ufffd",), (r"Whole \ud83d, \\u0041 " + "\U0001f697",)]
