"""The receiver accepts a service record exactly if the lake does, and gives the lake's reason first."""

import json
import subprocess
import sys
from datetime import date

import pytest
from expected_feeds import NotDefinedError, judged
from feed_landings import Garage, service_line
from lakes import PROJECT, Lake, seed_rows
from landings import day_of, file_of, ticket_line
from receivers import receiver

from receiver import reading
from receiver.definition import FEED, ID, reasons
from receiver.folder import FolderLanding

DAY = date(2026, 3, 2)
CURRENCIES = {row["currency"] for row in seed_rows("currencies")}


class OnDay(FolderLanding):
    """Lands on the day that it is told."""

    def today(self):
        return self.day


def refusal(text, day):
    """The first reason that the receiver gives for a line in a batch; None if it takes it."""
    try:
        reading.records(b"[" + text.encode() + b"]", day)
    except reading.NotReadable:
        return "not_json"
    except reading.Broken as broken:
        return broken.found[0][1].reason
    return None


def assert_same_refusals(lines):
    """lines: (day, text)."""
    found = {(text, refusal(text, day), judged(FEED, text, day, CURRENCIES)[0]) for day, text in lines}
    assert [row for row in sorted(found, key=repr) if row[1] != row[2]] == []
    assert {reason for *_, reason in found} > {None, "not_json", "bad_parts", "missing_currency", "in_the_future"}


def test_random_lines_are_refused_for_the_lakes_reasons():
    landings = [Garage(seed).landing() for seed in range(12)]
    assert_same_refusals(
        (day_of(path), line.text) for landing in landings for path, lines in landing.lines.items() for line in lines
    )


def test_generated_lines_are_refused_for_the_lakes_reasons(tmp_path):
    command = [sys.executable, "-m", "generator", "generate", "--output", tmp_path, "--count", "600", "--dirty", "0.4"]
    subprocess.run([*command, "--end", "2026-02-15"], cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
    files = list((tmp_path / FEED).glob("dt=*/*.jsonl"))
    assert_same_refusals(
        (date.fromisoformat(path.parent.name[3:]), line)
        for path in files
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    )


def test_of_what_was_acknowledged_the_lake_refuses_nothing_and_misses_nothing(dbt, tmp_path):
    lake, landing = Lake(tmp_path / "lake"), Garage(99).landing()
    lake.land({"dt=2026-11-01/a.jsonl": file_of(ticket_line())})
    acknowledged = set()
    zone = OnDay(lake.raw)
    with receiver(lake.raw, zone) as http:
        for path, lines in sorted(landing.lines.items()):
            zone.day = day_of(path)
            for line in lines:
                answer = http.post(b"[" + line.text.encode() + b"]")
                wanted = judged(FEED, line.text, zone.day, CURRENCIES)[0]
                assert (answer.status in (202, 409)) == (wanted is None), (line.text, answer)
                if answer.status == 202:
                    acknowledged |= {record[ID] for record in answer.body["records"]}
        # Strange ones, but good.
        for name in ("\x00", "../../etc/passwd", "dt=2026-01-01/_x", "a\u2028b", "x" * 100_000, "\U0001f697"):
            assert http.post(json.loads(service_line(service_record_id=name))).status == 202
            acknowledged.add(name)
    dbt.build(lake)
    assert lake.query("select line, reason from quarantined_lines") == []
    assert {name for (name,) in lake.query("select service_record_id from fct_service_records")} == acknowledged
    assert lake.query(f"select sum(duplicates) from ingestion_state where feed = '{FEED}'") == [(0,)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("city", True),
        ("notes", 1.5),
        ("service_record_id", [1]),
        ("vehicle_id", {}),
        ("city", 2**63),
        ("currency", 1.0),
    ],
)
def test_what_the_contract_leaves_open_is_refused(field, value):
    record = json.loads(service_line(**{field: value}))
    with pytest.raises(NotDefinedError):
        judged(FEED, json.dumps(record), DAY, CURRENCIES)
    assert [reason.reason for reason in reasons(record, DAY)] == [f"bad_{field}"]


def test_all_reasons_are_given_in_the_lakes_order():
    record = {
        "service_record_id": " ",
        "serviced_at": "2026-03-04T00:00:00Z",
        "service_type": "wash",
        "odometer_km": -1,
        "labor_hours": "2",
        "labor_cost": -1,
        "parts": [{"unit_price": 1}, None, {"part_code": "p", "quantity": 0}],
        "failure_codes": ["P1", None, 1.5],
        "is_warranty": 1,
    }
    assert [(found.reason, found.field) for found in reasons(record, DAY)] == [
        ("missing_service_record_id", "service_record_id"),
        ("missing_dealership_id", "dealership_id"),
        ("missing_vehicle_id", "vehicle_id"),
        ("bad_labor_hours", "labor_hours"),
        ("bad_is_warranty", "is_warranty"),
        ("unknown_service_type", "service_type"),
        ("out_of_range_odometer_km", "odometer_km"),
        ("out_of_range_labor_cost", "labor_cost"),
        ("bad_parts", "parts.0.part_code"),
        ("bad_parts", "parts.0.quantity"),
        ("bad_parts", "parts.1"),
        ("bad_parts", "parts.2.quantity"),
        ("bad_failure_codes", "failure_codes.2"),
        ("missing_currency", "currency"),
        ("in_the_future", "serviced_at"),
    ]


def test_a_moment_just_before_the_second_day_is_good():
    record = json.loads(service_line(serviced_at="2026-03-04T13:59:59.999999+14:00"))
    assert reasons(record, DAY) == []
    assert [found.reason for found in reasons(record, date(2026, 3, 1))] == ["in_the_future"]
