"""Support logs, calls and service records: every table holds what its lines say, in any split of the landed days."""

import random

import expected_feeds
import pytest
from expected_feeds import KEYS
from feed_landings import random_feed_landings, service_line, ticket_moments
from lakes import Lake, differences, seed_rows
from landings import file_of, random_landing, ticket_line

CASES = 3


def rows(lake, sql):
    """What a query says, as dicts."""
    with lake.connect() as database:
        result = database.execute(sql)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def built_tickets(lake):
    """What the expectation has to know of tickets: when first replied to, of which vehicle, when open."""
    tickets = {
        row.pop("ticket_key"): row | {"open_spans": []}
        for row in rows(lake, "select ticket_key, first_reply_at, vehicle_id, is_open from fct_tickets")
    }
    for row in rows(lake, "select ticket_key, valid_from, valid_to, status from fct_ticket_periods"):
        if row["status"] not in ("resolved", "closed", "cancelled"):
            tickets[row["ticket_key"]]["open_spans"].append((row["valid_from"], row["valid_to"]))
    return tickets


def unexpected(lake, feeds):
    """Where the tables of a lake differ from what the landed lines of these feeds say."""
    currencies = [row["currency"] for row in seed_rows("currencies")]
    wanted = expected_feeds.expected(feeds, seed_rows("agents"), currencies, built_tickets(lake))
    found = {}
    for table, key in KEYS.items():
        actual = [row for row in rows(lake, f"from {table}") if row.get("feed") != "ticket_updates"]
        if difference := expected_feeds.differences(wanted[table], actual, key):
            found[table] = difference
    return found


@pytest.mark.parametrize("seed", range(CASES))
def test_every_table_holds_what_the_lines_say(dbt, tmp_path, seed):
    rng, tickets = random.Random(seed), random_landing(seed)
    landings = {"ticket_updates": tickets, **random_feed_landings(seed, ticket_moments(tickets))}
    days = sorted({day for landing in landings.values() for day in landing.days()})
    starts = sorted(rng.sample(days[1:], rng.choice((1, 2))))
    parts = {feed: landing.split(starts) for feed, landing in landings.items()}
    lake, landed = Lake(tmp_path / "lake"), {feed: {} for feed in landings}
    for number in range(len(starts) + 1):
        for feed, files in parts.items():
            lake.land(files[number], feed)
            landed[feed] |= files[number]
        dbt.build(lake)
        assert not unexpected(lake, landed)
    fresh = Lake(tmp_path / "fresh")
    for feed, landing in landings.items():
        fresh.land(landing.contents, feed)
    dbt.build(fresh, "--full-refresh")
    assert not differences(dbt.read(lake), dbt.read(fresh))


def test_a_late_failure_makes_one_a_repeat_that_came_four_months_after(dbt, tmp_path):
    """90 days after 31 January is 1 May, if February has 28."""
    lake = Lake(tmp_path / "lake")
    lake.land({"dt=2026-05-02/a.jsonl": file_of(ticket_line())})
    for landed_on, day in (("2026-05-02", "2026-05-01"), ("2026-05-03", "2026-01-31")):
        line = service_line(service_record_id=day, serviced_at=f"{day}T00:00:00Z", failure_codes=["BAT-F01"])
        lake.land({f"dt={landed_on}/a.jsonl": file_of(line)}, "service_records")
        dbt.build(lake)
    shares = lake.query("select cast(month as varchar), repeat_share from failures_monthly order by month")
    assert shares == [("2026-01-01", 0), ("2026-05-01", 1)]
