"""What the tables of the other feeds must hold, reckoned by hand; and that landings agree about their lines."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from expected_feeds import FIELDS, KEYS, OUTCOMES, differences, expected
from feed_landings import call_line, log_line, random_feed_landings, service_line, ticket_moments
from lakes import seed_rows
from landings import file_of, random_landing

AGENTS = seed_rows("agents")
LINES = {"support_logs": log_line, "calls": call_line, "service_records": service_line}


def tables(feed, *facts, tickets=None, path="dt=2026-09-30/a.jsonl"):
    """The tables after lines with these fields, each with an id of its own unless it states one."""
    lines = [LINES[feed](**{next(iter(FIELDS[feed])): f"i{place:03}"} | fact) for place, fact in enumerate(facts)]
    return expected({feed: {path: file_of(*lines)}}, AGENTS, ["EUR", "USD"], tickets or {})


def column(rows, *names):
    return [tuple(row[name] for name in names) if len(names) > 1 else row[names[0]] for row in rows]


@pytest.mark.parametrize("seed", range(5))
def test_landings_say_the_same_of_their_lines(seed):
    landings = random_feed_landings(seed, ticket_moments(random_landing(seed)))
    found = expected(landings, AGENTS, ["EUR", "USD", "JPY"], {})
    lines, states = found["quarantined_lines"], found["ingestion_state"]
    for feed, landing in landings.items():
        names = ("landed_on", "file", "line_id", "line", "reason", "occurrences")
        own = [row for row in lines if row["feed"] == feed]
        assert sorted(column(own, *names)) == landing.quarantined_lines()
        own = [row for row in states if row["feed"] == feed]
        assert sorted(column(own, "landed_on", "files", "lines", *OUTCOMES)) == landing.ingestion_state()
        assert all(sum(column(own, outcome)) > 10 for outcome in OUTCOMES)
    assert len({(row["feed"], row["reason"]) for row in lines}) == 12 + 11 + 20
    assert all(found.values())


@pytest.mark.parametrize(
    ("feed", "fields", "reason"),
    [
        ("support_logs", {"log_level": "FATAL", "cpu_percent": 101}, "unknown_log_level"),
        ("support_logs", {"log_id": " ", "logged_at": "x"}, "missing_log_id"),
        ("support_logs", {"cpu_percent": "5", "log_level": "info"}, "bad_cpu_percent"),
        ("support_logs", {"response_time_ms": -0.0, "cpu_percent": ""}, None),
        ("support_logs", {"x": float("nan")}, "not_json"),
        ("support_logs", {"response_time_ms": 10**308}, None),
        ("support_logs", {"response_time_ms": 10**309}, "bad_response_time_ms"),
        ("support_logs", {"logged_at": "2026-10-01T23:59:59.999999Z"}, None),
        ("support_logs", {"logged_at": "2026-10-02T01:00:00+01:00"}, "in_the_future"),
        ("calls", {"end_time": "2026-03-02T10:00:00+01:00", "rating": 0}, "not_positive_duration"),
        ("calls", {"start_time": "2036-03-02T10:00:00Z", "end_time": "2036-03-02T10:00:00.000001Z"}, None),
        ("calls", {"rating": 5.5, "end_time": "2026-03-02T24:00:00Z"}, "bad_end_time"),
        ("service_records", {"currency": "eur", "odometer_km": True}, "bad_odometer_km"),
        ("service_records", {"currency": "eur", "service_type": "wash"}, "bad_currency"),
        ("service_records", {"labor_cost": 0}, "missing_currency"),
        ("service_records", {"parts": [{"part_code": 1, "quantity": 1, "unit_price": ""}]}, None),
        ("service_records", {"parts": [{"part_code": 1, "quantity": 1, "unit_price": 0}]}, "missing_currency"),
        ("service_records", {"parts": [{"part_code": 1, "quantity": 0}], "labor_cost": 1}, "bad_parts"),
        ("service_records", {"parts": [None], "failure_codes": 1}, "bad_parts"),
        ("service_records", {"parts": [], "failure_codes": ["", None, 7, "x"]}, None),
        ("service_records", {"failure_codes": [7.0]}, "bad_failure_codes"),
    ],
)
def test_the_first_reason_counts(feed, fields, reason):
    assert column(tables(feed, fields)["quarantined_lines"], "reason") == ([reason] if reason else [])


def test_the_first_landed_wins():
    """Lowest day, then file, then text, by code point."""
    files = {
        "dt=2026-03-03/A.jsonl": file_of(call_line(resolution="next day")),
        "dt=2026-03-02/a.jsonl": file_of(call_line(resolution="a")),
        "dt=2026-03-02/B.jsonl": file_of(call_line(resolution="c"), call_line(resolution="b"), call_line(rating=9)),
    }
    found = expected({"calls": files}, AGENTS, [], {})
    assert column(found["fct_calls"], "resolution") == ["b"]
    state = [(date(2026, 3, 2), 2, 4, 1, 2, 1), (date(2026, 3, 3), 1, 1, 0, 1, 0)]
    assert column(found["ingestion_state"], "landed_on", "files", "lines", *OUTCOMES) == state


def test_errors_are_counted_in_the_life_of_their_ticket():
    """Opened at 9, answered at 10, closed from 11 to 12; the errors lie at each hour and just before it."""
    hours = [datetime(2026, 3, 2, hour) for hour in (9, 10, 11, 12)]
    moments = [f"{moment.isoformat()}Z" for hour in hours for moment in (hour - timedelta(microseconds=1), hour)]
    facts = [{"log_level": "ERROR", "logged_at": moment} for moment in moments]
    spans = [(hours[0], hours[2]), (hours[3], None)]
    ticket = {"first_reply_at": hours[1], "vehicle_id": None, "is_open": True, "open_spans": spans}
    (row,) = tables("support_logs", *facts, {}, tickets={"helpdesk:T-1": ticket})["ticket_log_health"]
    assert (row["log_count"], row["error_count"], row["error_rate"]) == (9, 8, 8 / 9)
    assert (row["errors_before_first_reply"], row["errors_while_open"]) == (3, 5)
    unanswered = {"helpdesk:T-1": ticket | {"first_reply_at": None}}
    (row,) = tables("support_logs", *facts, tickets=unanswered)["ticket_log_health"]
    assert row["errors_before_first_reply"] == 8
    (row,) = tables("support_logs", *facts)["ticket_log_health"]
    assert (row["errors_before_first_reply"], row["errors_while_open"]) == (None, None)


def test_percentiles_are_the_nearest_rank():
    (row,) = tables("support_logs", *({"response_time_ms": value} for value in range(1, 21)))["log_health_daily"]
    assert (row["response_time_ms_p50"], row["response_time_ms_p95"]) == (10, 19)
    (row,) = tables("support_logs", {}, *({"response_time_ms": value} for value in (1, 2, 3)))["log_health_daily"]
    assert (row["response_time_ms_p50"], row["response_time_ms_p95"], row["cpu_percent_avg"]) == (2, 3, None)


def test_minutes_are_rounded_half_up():
    minutes = {"00.299999": "0.00", "00.3": "0.01", "00.9": "0.02", "01.5": "0.03", "17.1": "0.29", "17.099999": "0.28"}
    facts = [{"end_time": f"2026-03-02T09:00:{seconds}Z"} for seconds in minutes]
    found = tables("calls", *facts)
    assert column(found["fct_calls"], "call_duration_minutes") == [Decimal(value) for value in minutes.values()]
    (row,) = found["call_kpis_daily"]
    assert (row["minutes"], row["minutes_median"], row["minutes_p90"]) == (Decimal("0.63"), 0.02, 0.29)


def test_equal_agents_share_the_better_rank():
    """Of a and b each call took 5 minutes, of c 4; d called too seldom; c alone has no rating."""
    counts = {"a": 20, "b": 60, "c": 20, "d": 19}
    facts = [
        {"agent_id": agent, "rating": None if agent == "c" else 4.1, "resolution": "resolved" if call < 10 else "x"}
        | {"end_time": f"2026-03-02T09:0{4 if agent == 'c' else 5}:00Z"}
        for agent, count in counts.items()
        for call in range(count)
    ]
    found = tables("calls", *facts)["agent_call_ranking"]
    ranks = {row["agent_id"]: [row[name] for name in row if name.startswith("rank_")] for row in found}
    # Of calls, minutes_avg, rating_avg, rated_calls, resolved_share, escalated_share.
    assert ranks == {"a": [2, 2, 1, 2, 1, 1], "b": [1, 2, 1, 1, 3, 1], "c": [2, 1, None, 3, 1, 1], "d": [None] * 6}


def test_a_failure_is_a_repeat_within_90_days():
    """P1 comes back after exactly 90 days, then twice a microsecond after that; P2 changes vehicles."""
    moments = ["2026-01-02T00:00:00Z", "2026-04-02T00:00:00Z", *["2026-07-01T00:00:00.000001Z"] * 2]
    facts = [{"serviced_at": moment, "failure_codes": ["P1", "P1", ""]} for moment in moments]
    facts += [{"serviced_at": moments[place], "vehicle_id": f"V-{place}", "failure_codes": ["P2"]} for place in (0, 1)]
    found = tables("service_records", *facts, {"serviced_at": moments[3], "failure_codes": ["P2"], "is_warranty": True})
    names = ("failure_code", "month", "records", "vehicles", "repeat_share", "warranty_share")
    assert sorted(column(found["failures_monthly"], *names)) == [
        ("P1", date(2026, 1, 1), 1, 1, 0, 0),
        ("P1", date(2026, 4, 1), 1, 1, 1, 0),
        ("P1", date(2026, 7, 1), 2, 1, 0, 0),
        ("P2", date(2026, 1, 1), 1, 1, 0, 0),
        ("P2", date(2026, 4, 1), 1, 1, 0, 0),
        ("P2", date(2026, 7, 1), 1, 1, 0, 1),
    ]


def test_an_odometer_runs_back_only_later():
    def told(*readings):
        facts = [{"serviced_at": f"2026-03-0{day}T00:00:00Z", "odometer_km": km} for day, km in readings]
        (row,) = tables("service_records", *facts)["vehicle_service_history"]
        return row["odometer_ran_back"], row["last_odometer_km"]

    assert told((2, 50), (1, 40), (2, 45), (3, None)) == (False, 45)
    assert told((3, 50), (1, 40), (2, 51)) == (True, 50)
    assert told((1, 50), (2, None), (3, 49.5)) == (True, 49.5)
    assert told((1, None)) == (False, None)


def test_parts_are_compared_with_the_months_before():
    """3 pieces in December, 6 in February, 4 in March, 1 in the next January."""
    quantities = {
        "2025-12-31T23:59:59Z": 3,
        "2026-02-01T00:00:00Z": 6,
        "2026-03-01T00:00:00Z": 4,
        "2027-01-01T00:00:00Z": 1,
    }
    facts = [
        {"serviced_at": moment, "parts": [{"part_code": "A", "quantity": quantity}, {"part_code": "B", "quantity": 1}]}
        for moment, quantity in quantities.items()
    ]
    facts[1] |= {
        "currency": "EUR",
        "parts": [{"part_code": "A", "quantity": 3, "unit_price": price} for price in (2, None)],
    }
    found = tables("service_records", *facts, path="dt=2027-01-01/a.jsonl")["part_usage_monthly"]
    names = ("month", "records", "quantity", "quantity_previous_month", "trend", "cost_by_currency")
    assert column([row for row in found if row["part_code"] == "A"], *names) == [
        (date(2025, 12, 1), 1, 3, 0, None, {}),
        (date(2026, 2, 1), 1, 6, 0, 6, {"EUR": 6}),
        (date(2026, 3, 1), 1, 4, 6, 4 / 3, {}),
        (date(2027, 1, 1), 1, 1, 0, None, {}),
    ]


def test_money_stays_in_its_currency():
    part = {"part_code": "A", "quantity": 2.5, "unit_price": 4}
    facts = [{"labor_cost": 7, "currency": "USD"}, {"parts": [part, part | {"unit_price": 0}], "currency": "EUR"}, {}]
    found = tables("service_records", *facts, {"currency": "EUR", "parts": [part], "labor_cost": 5})
    assert found["vehicle_service_history"][0]["total_cost_by_currency"] == {"USD": 7, "EUR": 25}
    names = ("currency", "records", "parts_cost", "labor_cost", "total_cost_avg", "total_cost_median", "total_cost_p90")
    assert sorted(column(found["service_costs_monthly"], *names)) == [
        ("(none)", 1, 0, 0, 0, 0, 0),
        ("EUR", 2, 20, 5, 12.5, 10, 15),
        ("USD", 1, 0, 7, 7, 7, 7),
    ]
    names = ("parts_count", "parts_cost", "total_cost", "failure_count")
    assert column(found["fct_service_records"], *names) == [(0, 0, 7, 0), (2, 10, 10, 0), (0, 0, 0, 0), (1, 10, 15, 0)]


def test_a_difference_is_found():
    rows = tables("service_records", {"labor_cost": 7, "currency": "USD"}, {})["vehicle_service_history"]
    zoned = [row | {"last_serviced_at": datetime.fromisoformat("2026-03-02T10:00:00+01:00"), "more": 1} for row in rows]
    keys = KEYS["vehicle_service_history"]
    assert differences(rows, zoned, keys) == ""
    changes = [{"services": 3}, {"odometer_ran_back": 0}, {"last_odometer_km": 0.0}, {"vehicle_id": "V-2"}]
    changes += [{"total_cost_by_currency": value} for value in (None, {}, {"USD": 7.0001}, {"EUR": 7.0})]
    changes += [{"last_serviced_at": datetime(2026, 3, 2, 9, 0, 0, 1)}]
    for change in changes:
        assert differences(rows, [row | change for row in rows], keys) != "", change
    assert "lacks ('V-1',)" in differences(rows, [], keys)
    assert "should not have ('V-1',)" in differences([], rows, keys)
    assert "2 times, not 1 times" in differences(rows, rows * 2, keys)
    assert "has no column services" in differences(rows, [{"vehicle_id": "V-1"}], keys)
