"""The generator: what it lands, that it lands it again, and what it says when it cannot."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from lakes import seed_rows
from refusals import Landed, moment, reason_to_refuse, reasons

from generator.calendars import DAY, Calendar, Desks, day_number
from generator.cli import FEEDS as FEED_CLASSES
from generator.cli import WINDOW, main
from generator.defects import broken
from generator.draws import Draws
from generator.lake import Lake
from generator.money import CURRENCIES, Money
from generator.ticket_lives import TicketLives
from generator.world import World

PROJECT = Path(__file__).resolve().parents[2]
SEEDS = PROJECT / "seeds"
FEED = "ticket_updates"
FEEDS = tuple(feed.name for feed in FEED_CLASSES)
LIFE_AND_DELAY = 59


# ---------- a lake and what is in it


def generate(output, *arguments):
    return main(["generate", "--output", str(output), *map(str, arguments)])


def simulate(output, *arguments):
    return main(["simulate", "--output", str(output), *map(str, arguments)])


def files(output):
    """The bytes of every landed file, by its path."""
    return {str(path.relative_to(output)): path.read_bytes() for path in sorted(output.glob("*/dt=*/*"))}


def landed(output, feed=FEED):
    """Every landed line of a feed."""
    return [
        Landed(date.fromisoformat(path.parent.name[len("dt=") :]), text)
        for path in sorted(output.glob(f"{feed}/dt=*/*.jsonl"))
        for text in path.read_text(encoding="utf-8").split("\n")[:-1]
    ]


def updates_by_ticket(output):
    """The distinct updates of each ticket, in the order of the contract."""
    tickets = defaultdict(list)
    for text in dict.fromkeys(line.text for line in landed(output) if reason_to_refuse(FEED, line, SEEDS) is None):
        update = json.loads(text)
        tickets[update.get("source"), update["ticket_id"]].append(update)
    for updates in tickets.values():
        updates.sort(key=lambda update: (moment(update["updated_at"]), update.get("sequence", 0)))
    return tickets


def records_of(output, feed):
    """The distinct lines of a feed, read."""
    return [json.loads(text) for text in dict.fromkeys(line.text for line in landed(output, feed))]


def feed_of(output, name):
    """The feed that landed in a lake."""
    parameters = Lake(output).parameters()
    world = World(parameters.seeds, parameters.start, date(2026, 5, 31), WINDOW)
    feed = next(feed for feed in FEED_CLASSES if feed.name == name)
    return feed(world, parameters, TicketLives(world, parameters))


def complete(tickets):
    """Those that were opened long enough before the lake's end for every late line to have landed."""
    end = datetime(2026, 5, 31, tzinfo=timezone.utc) - timedelta(days=LIFE_AND_DELAY)
    return [updates for updates in tickets.values() if moment(updates[0]["created_at"]) < end]


@pytest.fixture(autouse=True, scope="module")
def no_waiting_for_the_disk():
    """What a crash of the machine leaves behind is not tested, and most of the time would go there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


SPAN = ("--count", 1500, "--start", "2026-02-01", "--end", "2026-05-31", "--late", 0.05, "--duplicates", 0.05)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    output = tmp_path_factory.mktemp("lake") / "raw"
    assert generate(output, *SPAN, "--dirty", 0.05) == 0
    return output


@pytest.fixture(scope="module")
def clean_lake(tmp_path_factory):
    output = tmp_path_factory.mktemp("clean") / "raw"
    assert generate(output, *SPAN, "--dirty", 0) == 0
    return output


@pytest.fixture(scope="module")
def tickets(clean_lake):
    return updates_by_ticket(clean_lake)


# ---------- the same bytes


def test_a_seed_gives_the_same_bytes_in_every_process(tmp_path):
    outputs = {}
    for name, seed, hashes in (("one", 5, "1"), ("two", 5, "2"), ("other", 6, "1")):
        output = tmp_path / name
        command = [sys.executable, "-m", "generator", "generate", "--count", "200", "--seed", str(seed)]
        command += ["--end", "2026-01-20", "--output", str(output)]
        subprocess.run(command, cwd=PROJECT, env=os.environ | {"PYTHONHASHSEED": hashes}, check=True)
        outputs[name] = files(output)
    assert outputs["one"] == outputs["two"]
    assert outputs["one"] != outputs["other"]


def test_backfill_and_simulated_days_are_one_longer_backfill(tmp_path):
    """Long enough for the first simulated day to need nothing of the lake's first days."""
    start, middle, end = date(2025, 11, 25), date(2026, 3, 20), date(2026, 3, 26)
    rate = ("--per-day", 11.3, "--start", start, "--late", 0.1, "--duplicates", 0.1, "--dirty", 0.05)
    assert generate(tmp_path / "whole", *rate, "--end", end) == 0
    assert generate(tmp_path / "parts", *rate, "--end", middle) == 0
    assert simulate(tmp_path / "parts") == 0
    assert simulate(tmp_path / "parts", "--days", 2) == 0
    assert simulate(tmp_path / "parts", "--date", end) == 0
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


def test_a_later_end_at_the_same_rate_adds_days(tmp_path):
    rate = ("--per-day", 20, "--start", "2026-01-01")
    assert generate(tmp_path / "whole", *rate, "--end", "2026-01-20") == 0
    for end in ("2026-01-12", "2026-01-20"):
        assert generate(tmp_path / "parts", *rate, "--end", end) == 0
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


def test_the_rate_of_a_count_gives_the_same_bytes(tmp_path, capsys):
    assert generate(tmp_path / "count", "--count", 123, "--end", "2026-01-31") == 0
    rate = re.search(r"--per-day (\S+)", capsys.readouterr().out)[1]
    assert generate(tmp_path / "rate", "--per-day", rate, "--end", "2026-01-31") == 0
    assert files(tmp_path / "count") == files(tmp_path / "rate")


def test_a_landed_day_is_left_as_it_is(tmp_path, capsys):
    assert generate(tmp_path, "--count", 50, "--end", "2026-01-10") == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("**/*")}
    capsys.readouterr()
    assert simulate(tmp_path, "--date", "2026-01-10") == 0
    assert "2026-01-10 has already landed; nothing changed" in capsys.readouterr().out
    assert generate(tmp_path, "--count", 50, "--end", "2026-01-10") == 0
    assert "10 of 10 days had already landed" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("**/*")} == before


def test_a_day_that_was_removed_comes_back_alone(tmp_path):
    assert generate(tmp_path, "--count", 300, "--end", "2026-01-20") == 0
    before = files(tmp_path)
    for feed in FEEDS:
        for day in ("2026-01-08", "2026-01-11"):
            shutil.rmtree(tmp_path / feed / f"dt={day}")
    assert simulate(tmp_path, "--date", "2026-01-11") == 0
    assert set(before) - set(files(tmp_path)) == {f"{feed}/dt=2026-01-08/{feed}.jsonl" for feed in FEEDS}
    assert generate(tmp_path, "--count", 300, "--end", "2026-01-20") == 0
    assert files(tmp_path) == before


def test_a_day_that_landed_in_some_feeds_is_completed(tmp_path):
    """What a run leaves behind that was stopped within a day."""
    rate = ("--per-day", 30, "--start", "2026-01-05")
    assert generate(tmp_path / "whole", *rate, "--end", "2026-01-16") == 0
    assert generate(tmp_path / "parts", *rate, "--end", "2026-01-15") == 0
    for command in (["simulate"], ["generate", *rate, "--end", "2026-01-16"]):
        for feed, day in (("calls", 15), ("service_records", 15), ("support_logs", 6)):
            shutil.rmtree(tmp_path / "parts" / feed / f"dt=2026-01-{day:02}")
        assert main([*map(str, command), "--output", str(tmp_path / "parts")]) == 0
        assert files(tmp_path / "parts") == files(tmp_path / "whole")


def test_a_lake_that_began_with_tickets_alone_gets_the_other_feeds(tmp_path):
    rate = ("--per-day", 9, "--start", "2026-01-05")
    assert generate(tmp_path / "whole", *rate, "--end", "2026-01-16") == 0
    assert generate(tmp_path / "old", *rate, "--end", "2026-01-15") == 0
    for feed in FEEDS[1:]:
        shutil.rmtree(tmp_path / "old" / feed)
    kept = tmp_path / "old" / "_generator.json"
    content = json.loads(kept.read_text(encoding="utf-8"))
    del content["seeds"]["parts"], content["seeds"]["failure_codes"]
    kept.write_text(json.dumps(content), encoding="utf-8")
    assert simulate(tmp_path / "old") == 0
    assert files(tmp_path / "old") == files(tmp_path / "whole")
    assert kept.read_bytes() == (tmp_path / "whole" / "_generator.json").read_bytes()


def test_simulate_keeps_to_the_seeds_of_the_lake(tmp_path, capsys):
    seeds = tmp_path / "seeds"
    shutil.copytree(SEEDS, seeds)
    for output in ("changed", "same"):
        assert generate(tmp_path / output, "--per-day", 30, "--end", "2026-01-08", "--seeds", seeds) == 0
    assert simulate(tmp_path / "same", "--seeds", seeds) == 0
    (seeds / "agents.csv").write_text("agent_id,agent_name,region,team\nx,X,DE,tier1\n", encoding="utf-8")
    assert simulate(tmp_path / "changed") == 0
    assert files(tmp_path / "changed") == files(tmp_path / "same")
    assert simulate(tmp_path / "changed", "--seeds", seeds) == 1
    assert "leave --seeds out" in capsys.readouterr().err


# ---------- whole files or none


def test_a_killed_run_leaves_whole_files_and_goes_on(tmp_path):
    arguments = ["--count", "10000", "--end", "2026-02-10"]
    assert generate(tmp_path / "whole", *arguments) == 0
    whole, output = files(tmp_path / "whole"), tmp_path / "killed"
    command = [sys.executable, "-m", "generator", "generate", *arguments, "--output", str(output)]
    process = subprocess.Popen(command, cwd=PROJECT)
    while process.poll() is None and len(list(output.glob(f"{FEED}/dt=*/{FEED}.jsonl"))) < 5:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = {path: content for path, content in files(output).items() if "/_" not in path}
    assert 5 <= len(left) < len(whole)
    assert left.items() <= whole.items()
    assert generate(output, *arguments) == 0
    assert files(output) == whole


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch, capsys):
    assert generate(tmp_path, "--per-day", 9, "--end", "2026-01-03") == 0
    before = files(tmp_path)

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    assert simulate(tmp_path) == 1
    error = capsys.readouterr().err
    assert str(tmp_path) in error and "No space left on device" in error
    assert files(tmp_path) == before


# ---------- how many, and when


@pytest.mark.parametrize("count", [1, 10, 777])
def test_count_is_exact(tmp_path, count):
    assert generate(tmp_path, "--count", count, "--end", "2026-02-15") == 0
    assert len(files(tmp_path)) == 46 * len(FEEDS)
    tickets = updates_by_ticket(tmp_path)
    assert len(tickets) == count
    assert len({ticket_id for _, ticket_id in tickets}) == count


def test_a_ticket_is_heard_of_on_the_day_on_which_it_is_opened(clean_lake):
    first_heard = {}
    for line in landed(clean_lake):
        update = json.loads(line.text)
        first_heard.setdefault(update["ticket_id"], (line.day, moment(update["created_at"]).date()))
    assert all(heard == opened for heard, opened in first_heard.values())


def test_lines_land_late_and_twice_in_the_shares_asked_for(clean_lake, tickets):
    lags = defaultdict(list)
    for line in landed(clean_lake):
        update = json.loads(line.text)
        lags[line.text].append((line.day - moment(update["updated_at"]).date()).days)
    updates = sum(map(len, tickets.values()))
    assert {lag for landings in lags.values() for lag in landings} == set(range(15))
    cut_off = date(2026, 5, 31) - timedelta(days=14)
    early = [landings for text, landings in lags.items() if moment(json.loads(text)["updated_at"]).date() < cut_off]
    assert 0.03 < sum(min(landings) > 0 for landings in early) / updates < 0.055
    assert 0.035 < sum(len(landings) == 2 for landings in early) / updates < 0.065
    assert max(map(len, lags.values())) == 2
    assert any(len(landings) == 2 and landings[0] == landings[1] for landings in early)


def test_nothing_happens_or_lands_beyond_the_window(clean_lake):
    for line in landed(clean_lake):
        update = json.loads(line.text)
        assert moment(update["updated_at"]) - moment(update["created_at"]) < timedelta(days=46)
        assert (line.day - moment(update["created_at"]).date()).days <= LIFE_AND_DELAY


def test_tickets_are_opened_mostly_while_the_desk_is_open(tickets):
    zone_of = {row["calendar"]: ZoneInfo(row["timezone"]) for row in seed_rows("calendars")}
    calendar_of = {row["market"]: row["calendar"] for row in seed_rows("markets")}
    shut = {(row["calendar"], row["holiday"]) for row in seed_rows("holidays")}
    hours = defaultdict(list)
    for row in seed_rows("business_hours"):
        hours[row["calendar"], int(row["iso_weekday"])].append((row["opens_at"], row["closes_at"]))
    is_open, on_holidays = defaultdict(list), 0
    for updates in tickets.values():
        calendar = calendar_of[updates[0]["market"]]
        local = moment(updates[0]["created_at"]).astimezone(zone_of[calendar])
        is_holiday = (calendar, local.date().isoformat()) in shut
        spans = [] if is_holiday else hours[calendar, local.isoweekday()]
        is_open[updates[0]["market"]].append(any(opens <= f"{local:%H:%M}" < closes for opens, closes in spans))
        on_holidays += is_holiday
    assert set(is_open) == set(calendar_of)
    for market, values in is_open.items():
        assert sum(values) / len(values) > 0.75, market
    assert sum(map(sum, is_open.values())) / len(tickets) > 0.85
    assert on_holidays / len(tickets) < 0.01


# ---------- lines


@pytest.mark.parametrize("feed", FEEDS)
def test_every_line_is_accepted_unless_broken_ones_are_asked_for(clean_lake, feed):
    assert {reason_to_refuse(feed, line, SEEDS) for line in landed(clean_lake, feed)} == {None}


@pytest.mark.parametrize("feed", FEEDS)
def test_broken_lines_are_added_and_no_good_line_is_lost(lake, clean_lake, feed):
    found = [reason_to_refuse(feed, line, SEEDS) for line in landed(lake, feed)]
    good = [line for line, reason in zip(landed(lake, feed), found, strict=True) if reason is None]
    assert good == landed(clean_lake, feed)
    assert 0.035 < sum(reason is not None for reason in found) / len(good) < 0.065


@pytest.mark.parametrize("feed", FEEDS)
def test_lines_are_broken_for_every_reason_to_refuse_them(clean_lake, feed):
    """Any line can be broken in any way, and is then refused for that reason."""
    day = date(2026, 4, 1)
    defects = feed_of(clean_lake, feed).defects(day_number(day))
    lines = [line.text for line in landed(clean_lake, feed) if line.day == day]
    assert {defect.reason for defect in defects} == reasons(feed)
    for defect in defects:
        count, text = broken(pa.array([f"{line}\n" for line in lines]), [defect], 1, Draws("all of them"))
        assert count == len(lines) > 0
        found = {reason_to_refuse(feed, Landed(day, line), SEEDS) for line in text.decode().split("\n")[:-1]}
        assert found == {defect.reason}, (defect, text)


def test_values_are_of_the_types_and_names_of_the_contract(clean_lake):
    known = {
        "ticket_id", "updated_at", "created_at", "status", "severity", "market", "source", "update_id", "sequence",
        "event", "category", "channel", "product", "team", "agent_id", "customer_id", "vehicle_id", "subject",
        "satisfaction", "sla_due_at",
    }  # fmt: skip
    events = {
        "created", "assigned", "agent_reply", "customer_reply", "internal_note", "status_changed", "severity_changed",
        "escalated", "rated",
    }  # fmt: skip
    agents = {(row["agent_id"], row["region"], row["team"]) for row in seed_rows("agents")}
    seen, found = Counter(), set()
    updates = [json.loads(line.text) for line in landed(clean_lake)]
    for update in updates:
        assert all(
            type(value) is (int if key in ("sequence", "satisfaction") else str) for key, value in update.items()
        )
        assert update["event"] in events
        if "agent_id" in update:
            assert (update["agent_id"], update["market"], update["team"]) in agents
        seen.update(update.keys())
        found.add(update["event"])
    assert set(seen) == known
    assert found == events
    assert 0.85 < seen["update_id"] / len(updates) < 1
    assert 0.005 < seen["sequence"] / len(updates) < 0.1
    assert 0.01 < seen["sla_due_at"] / len(updates) < 0.08
    assert 0.05 < seen["source"] / len(updates) < 0.25
    assert any(re.search(r"\.\d{6}Z$", update["updated_at"]) for update in updates)
    assert any(re.search(r"[+-]\d\d:\d\d$", update["updated_at"]) for update in updates)


def test_subjects_are_in_the_language_of_the_market(tickets):
    subjects = defaultdict(set)
    for updates in tickets.values():
        subjects[updates[0]["market"]].add(updates[0]["subject"])
    assert all(re.search("[\u3040-\u30ff\u4e00-\u9fff]", subject) for subject in subjects["JP"])
    assert any("Rechnung" in subject for subject in subjects["DE"] | subjects["AT"])
    assert not any("Rechnung" in subject for subject in subjects["US"] | subjects["UK"])
    assert len(subjects["DE"]) > 200


# ---------- lives


def test_updates_of_a_ticket_tell_a_life(tickets):
    constant = (
        "created_at",
        "market",
        "source",
        "category",
        "channel",
        "product",
        "customer_id",
        "vehicle_id",
        "subject",
    )
    done = {"resolved", "closed", "cancelled"}
    for updates in complete(tickets):
        first = updates[0]
        assert (first["event"], first["status"]) == ("created", "new")
        assert first["updated_at"] == first["created_at"] and "agent_id" not in first
        for key in constant:
            assert len({update.get(key) for update in updates}) == 1
        places = [(moment(update["updated_at"]), update.get("sequence", 0)) for update in updates]
        assert len(set(places)) == len(places)
        for (before, _), (after, sequence) in pairwise(places):
            assert (before == after) == (sequence > 0)
        for before, update in pairwise(updates):
            assert update["event"] != "created"
            if update["status"] == "closed":
                assert before["status"] == "resolved"
            if before["status"] in done and update["status"] not in done:
                assert update["event"] == "customer_reply"
            if update["event"] == "agent_reply":
                assert update["agent_id"]
            if update["event"] == "severity_changed":
                assert update["severity"] != before["severity"]
            assert ("satisfaction" in update) == (update["event"] == "rated")
    updates = [update for updates in tickets.values() for update in updates]
    ids = [update["update_id"] for update in updates if "update_id" in update]
    assert len(set(ids)) == len(ids)


def test_the_mix_is_that_of_a_support_desk(tickets):
    lives = complete(tickets)
    first, last = ([updates[n] for updates in lives] for n in (0, -1))
    severity = Counter(update["severity"] for update in first)
    for name, share in (("P1", 0.03), ("P2", 0.15), ("P3", 0.55), ("P4", 0.27)):
        assert abs(severity[name] / len(first) - share) < 0.04
    assert 4.5 < sum(map(len, lives)) / len(lives) < 6
    status = Counter(update["status"] for update in last)
    assert set(status) >= {"resolved", "closed", "cancelled", "open"}
    assert 0.8 < (status["resolved"] + status["closed"]) / len(last) < 0.99
    handed_over = sum(len({u["agent_id"] for u in updates if "agent_id" in u}) > 1 for updates in lives)
    assert 0.03 < handed_over / len(lives) < 0.2
    assert {update["status"] for updates in lives for update in updates} >= {
        "pending",
        "on_hold",
        "escalated",
    }


# ---------- what there is around tickets


OWN_ID = {"support_logs": "log_id", "calls": "call_id", "service_records": "service_record_id"}
OWN_MOMENT = {"support_logs": "logged_at", "calls": "end_time", "service_records": "serviced_at"}


def key_of(record):
    return record.get("source"), record.get("ticket_id")


@pytest.mark.parametrize(
    ("feed", "fewest", "most"), [("support_logs", 3, 4), ("calls", 0.65, 0.95), ("service_records", 0.3, 0.7)]
)
def test_so_much_happens_around_a_ticket(clean_lake, tickets, feed, fewest, most):
    assert fewest < len(records_of(clean_lake, feed)) / len(tickets) < most


@pytest.mark.parametrize("feed", OWN_ID)
def test_lines_of_every_feed_have_identities_and_land_late_and_twice(clean_lake, feed):
    landings = defaultdict(list)
    for line in landed(clean_lake, feed):
        landings[line.text].append((line.day - moment(json.loads(line.text)[OWN_MOMENT[feed]]).date()).days)
    ids = [json.loads(text)[OWN_ID[feed]] for text in landings]
    assert len(set(ids)) == len(ids)
    assert all(lag in range(16) for lags in landings.values() for lag in lags)
    assert 0.02 < sum(min(lags) > 0 for lags in landings.values()) / len(landings) < 0.1
    assert 0.03 < sum(len(lags) == 2 for lags in landings.values()) / len(landings) < 0.07


@pytest.mark.parametrize("feed", FEED_CLASSES[1:], ids=FEEDS[1:])
def test_nothing_around_a_ticket_lands_beyond_the_window(clean_lake, tickets, feed):
    """Each line has the number of the ticket that led to it in its identity."""
    opened_on = {ticket_id[3:]: moment(updates[0]["created_at"]).date() for (_, ticket_id), updates in tickets.items()}
    for line in landed(clean_lake, feed.name):
        number = json.loads(line.text)[OWN_ID[feed.name]].split("-")[1]
        assert 0 <= (line.day - opened_on[number]).days <= feed.window


def test_logs_are_of_tickets_or_of_none_that_is_known(clean_lake, tickets):
    logs = records_of(clean_lake, "support_logs")
    known = [log for log in logs if key_of(log) in tickets]
    assert 0.001 < 1 - len(known) / len(logs) < 0.015
    assert 0.1 < 1 - len({key_of(log) for log in known}) / len(tickets) < 0.35
    opened_at = {key: moment(updates[0]["created_at"]) for key, updates in tickets.items()}
    heard_of = defaultdict(lambda: date.max)
    for line in landed(clean_lake, FEED):
        key = key_of(json.loads(line.text))
        heard_of[key] = min(heard_of[key], line.day)
    named = [(line.day, heard_of[key_of(json.loads(line.text))]) for line in landed(clean_lake, "support_logs")]
    assert any(named_on < heard_on < date.max for named_on, heard_on in named)
    own = [log for log in known if re.search(r"(\d+)-", log["log_id"])[1] in log["ticket_id"]]
    assert len(own) / len(known) > 0.99
    lead = [opened_at[key_of(log)] - moment(log["logged_at"]) for log in own]
    assert max(lead) <= timedelta(hours=3) and sum(each > timedelta(0) for each in lead) / len(lead) > 0.3


def test_errors_come_in_bursts_before_time_is_up(clean_lake, tickets):
    """By the deadline that the source states, or eight hours for a P1 that never waits for its customer."""
    done, errors, logs = {"resolved", "closed", "cancelled"}, defaultdict(list), Counter()
    for log in records_of(clean_lake, "support_logs"):
        logs[key_of(log)] += 1
        if log["log_level"] == "ERROR":
            errors[key_of(log)].append(moment(log["logged_at"]))
    late, hard, easy = {}, [], []
    for key, updates in tickets.items():
        first, last = updates[0], updates[-1]
        opened_at, is_p1 = moment(first["created_at"]), first["severity"] == "P1"
        due_at = moment(first["sla_due_at"]) if "sla_due_at" in first else opened_at + timedelta(hours=8)
        so_far = [update["status"] for update in updates if moment(update["updated_at"]) <= due_at]
        if so_far[-1] not in done and ("sla_due_at" in first or (is_p1 and not {*done, "pending"} & {*so_far})):
            late[key] = due_at
        if is_p1 or any(update["event"] == "escalated" for update in updates):
            hard.append(key)
        elif moment(last["updated_at"]) < opened_at + timedelta(days=1):
            easy.append(key)
    in_time = [due_at - timedelta(hours=6) <= at <= due_at for key, due_at in late.items() for at in errors[key]]
    assert len(late) > 8 and sum(in_time) / len(in_time) > 0.7
    of_hard, of_easy = (sum(len(errors[key]) for key in some) / sum(logs[key] for key in some) for some in (hard, easy))
    assert of_hard > 4 * of_easy


def test_errors_are_slow_and_busy(clean_lake):
    seen = defaultdict(lambda: defaultdict(list))
    for log in records_of(clean_lake, "support_logs"):
        for key in ("response_time_ms", "cpu_percent"):
            if key in log:
                seen[key][log["log_level"]].append(log[key])
    for levels in seen.values():
        means = [np.mean(levels[level]) for level in ("DEBUG", "INFO", "WARN", "ERROR")]
        assert means == sorted(means) and means[-1] > 1.5 * means[1]
    components = Counter(log.get("component") for log in records_of(clean_lake, "support_logs"))
    assert len(components) > 8 and 0 < components[None] < sum(components.values()) / 20


def test_calls_are_with_agents_of_the_market_about_the_ticket(clean_lake, tickets):
    agents = {row["agent_id"]: row["region"] for row in seed_rows("agents")}
    calls = records_of(clean_lake, "calls")
    for call in calls:
        assert timedelta(seconds=5) < moment(call["end_time"]) - moment(call["start_time"]) < timedelta(hours=2)
        if "ticket_id" in call:
            first = tickets[key_of(call)][0]
            assert call["customer_id"] == first["customer_id"]
            assert call.get("issue_type", first.get("category")) == first.get("category")
            assert agents.get(call["agent_id"], first["market"]) == first["market"]
    seen = Counter(key for call in calls for key in call)
    assert 0.9 < seen["ticket_id"] / len(calls) < 1 and 0.1 < seen["rating"] / len(calls) < 0.3
    assert 0.9 < sum(call["agent_id"] in agents for call in calls) / len(calls) < 1
    found = Counter(call.get("resolution") for call in calls)
    assert min(found[each] for each in ("resolved", "escalated", "follow_up", "voicemail", None)) > 10
    heard = [call["rating"] for call in calls if "rating" in call]
    assert set(heard) >= {1, 2, 3, 4, 5} and any(rating % 1 for rating in heard)


def test_vehicles_of_tickets_have_a_history(clean_lake, tickets):
    of_tickets = {updates[0].get("vehicle_id") for updates in tickets.values()}
    history = defaultdict(list)
    for record in records_of(clean_lake, "service_records"):
        history[record["vehicle_id"]].append(record)
    assert set(history) <= of_tickets
    assert sum(len(records) > 1 for records in history.values()) / len(history) > 0.1
    steps = ran_back = again = 0
    for records in history.values():
        assert len({record["vehicle_model"] for record in records if "vehicle_model" in record}) <= 1
        records.sort(key=lambda record: moment(record["serviced_at"]))
        driven = [record["odometer_km"] for record in records if "odometer_km" in record]
        steps += len(driven) - 1 if driven else 0
        ran_back += sum(later < earlier for earlier, later in pairwise(driven))
        for before, after in pairwise(records):
            within = moment(after["serviced_at"]) - moment(before["serviced_at"]) < timedelta(days=90)
            again += within and bool({*before.get("failure_codes", [])} & {*after.get("failure_codes", [])})
    assert ran_back < steps / 20
    assert again > 5


def test_service_records_keep_to_the_seeds_and_their_market(clean_lake):
    prices = {row["part_code"]: (row["part_name"], float(row["unit_price_eur"])) for row in seed_rows("parts")}
    failures = {row["failure_code"] for row in seed_rows("failure_codes")}
    currencies = {"DE": "EUR", "AT": "EUR", "UK": "GBP", "US": "USD", "JP": "JPY", "AU": "AUD"}
    cities, services = defaultdict(set), Counter()
    for record in records_of(clean_lake, "service_records"):
        market = record["dealership_id"].split("-")[0]
        assert record.get("currency", currencies[market]) == currencies[market]
        assert set(record.get("failure_codes", [])) <= failures
        assert ("currency" in record) == ("labor_cost" in record or "unit_price" in str(record.get("parts"))) or (
            "currency" in record and not record.get("parts")
        )
        for part in record.get("parts", []):
            assert prices[part["part_code"]][0] == part["part_name"]
            if "unit_price" in part:
                assert record["currency"] != "EUR" or part["unit_price"] == prices[part["part_code"]][1]
                assert record["currency"] != "JPY" or type(part["unit_price"]) is int
        cities[record["dealership_id"]].add(record.get("city"))
        services[record["service_type"]] += 1
        local = datetime.fromisoformat(record["serviced_at"][:19])
        assert local.weekday() < 5 and 8 <= local.hour < 17
    assert set(services) == {"maintenance", "repair", "recall", "inspection", "warranty"}
    assert all(len(some - {None}) <= 1 for some in cities.values())


def test_currencies_are_those_of_the_seed():
    minor_units = {row["currency"]: row["minor_units"] for row in seed_rows("currencies")}
    assert all(minor_units[name] == str(decimals) for name, (_, decimals, _) in CURRENCIES.items())


@pytest.mark.parametrize(
    ("market", "cents", "currency", "price"),
    [("DE", 1420, "EUR", "14.20"), ("UK", 1250, "GBP", "10.75"), ("JP", 5, "JPY", "8"), ("Nowhere", 7, "EUR", "0.07")],
)
def test_prices_are_in_the_currency_of_the_market(market, cents, currency, price):
    money = Money.of(market)
    assert (money.currency, money.text(money.units(cents))) == (currency, price)


# ---------- other seeds


def write_seeds(folder, **changes):
    """Small seeds that have nothing of the project's; `changes` replaces the text of some, None leaves one out."""
    folder.mkdir()
    texts = {
        "ticket_statuses": "status,phase,is_open,clock_runs\nneu,working,true,true\nin Arbeit,working,true,true\n"
        'wartet,pending,true,false\nruht,on_hold,true,true\nfertig,done,false,false\n"Zu ""ß""",done,false,false\n',
        "markets": "market,market_name,calendar\nFR,France,paris\nIN,India,delhi\nXX,Elsewhere,never\n",
        "calendars": "calendar,timezone\nparis,Europe/Paris\ndelhi,Asia/Kolkata\nnever,Pacific/Apia\n",
        "business_hours": "calendar,iso_weekday,opens_at,closes_at\n"
        "paris,1,09:00,17:30\nparis,3,22:00,24:00\ndelhi,2,10:07,19:00\n",
        "holidays": "calendar,holiday,holiday_name\nparis,2026-07-14,Fête nationale\n",
        "agents": "agent_id,agent_name,region,team\na1,A,Europe,care\na2,B,FR,care\n",
        "parts": 'part_code,part_name,system,unit_price_eur\n7,"Fuse, 5 A",cabin,0.5\n"""x]""",Motor,axle,1200\n',
        "failure_codes": 'failure_code,failure_name,system\n"a""b",Does nothing,cabin\nF2,Noise,axle\n',
        "currencies": "currency,currency_name,minor_units\nEUR,Euro,2\nINR,Rupee,2\n",
    } | changes
    for name, text in texts.items():
        if text is not None:
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


OTHER = ("--count", 400, "--end", "2026-02-28", "--dirty", 0)


def test_other_seeds_are_kept_to(tmp_path):
    seeds, output = write_seeds(tmp_path / "seeds"), tmp_path / "raw"
    assert generate(output, *OTHER, "--seeds", seeds) == 0
    lines = landed(output)
    assert {reason_to_refuse(FEED, line, seeds) for line in lines} == {None}
    updates = [json.loads(line.text) for line in lines]
    assert {update["market"] for update in updates} == {"FR", "IN", "XX"}
    assert {update["status"] for update in updates} == {row["status"] for row in seed_rows("ticket_statuses", seeds)}
    assert {update["status"] for update in updates if update["event"] == "created"} == {"neu"}
    agents = {(update["market"], update["agent_id"]) for update in updates if "agent_id" in update}
    assert agents == {("FR", "a1"), ("FR", "a2"), ("IN", "a1"), ("XX", "a1")}
    for feed in FEEDS[1:]:
        assert {reason_to_refuse(feed, line, seeds) for line in landed(output, feed)} == {None}
    services = records_of(output, "service_records")
    assert {code for record in services for code in record.get("failure_codes", [])} == {'a"b', "F2"}
    parts = {(part["part_code"], part["part_name"]) for record in services for part in record.get("parts", [])}
    assert parts == {("7", "Fuse, 5 A"), ('"x]"', "Motor")}
    currencies = {(record["dealership_id"][:2], record.get("currency", "-")) for record in services}
    assert currencies >= {("FR", "EUR"), ("IN", "INR"), ("XX", "EUR")}


def test_parts_and_failures_of_the_project_are_borrowed(tmp_path, capsys):
    seeds = write_seeds(tmp_path / "seeds", parts=None, failure_codes=None)
    assert generate(tmp_path / "raw", *OTHER, "--seeds", seeds) == 0
    error = capsys.readouterr().err
    assert "no parts.csv; the project's is used" in error and "no failure_codes.csv" in error
    services = records_of(tmp_path / "raw", "service_records")
    codes = {code for record in services for code in record.get("failure_codes", [])}
    assert codes and codes <= {row["failure_code"] for row in seed_rows("failure_codes")}
    assert simulate(tmp_path / "raw", "--seeds", seeds) == 0


def test_broken_lines_are_refused_with_other_seeds_too(tmp_path):
    seeds, output = write_seeds(tmp_path / "seeds"), tmp_path / "raw"
    assert generate(output, "--count", 400, "--end", "2026-02-28", "--dirty", 0.3, "--seeds", seeds) == 0
    assert {reason_to_refuse(FEED, line, seeds) for line in landed(output)} == reasons(FEED) | {None}


def test_agents_of_no_market_serve_all_markets(tmp_path):
    seeds = write_seeds(tmp_path / "seeds", agents="agent_id,agent_name,region,team\na1,A,Europe,x\na2,B,Asia,y\n")
    assert generate(tmp_path / "raw", *OTHER, "--seeds", seeds) == 0
    updates = [json.loads(line.text) for line in landed(tmp_path / "raw")]
    served = {(update["market"], update["agent_id"]) for update in updates if "agent_id" in update}
    assert {market for market, _ in served} == {"FR", "IN", "XX"}
    assert {agent for _, agent in served} == {"a1", "a2"}


def test_without_agents_some_are_invented(tmp_path, capsys):
    seeds = write_seeds(tmp_path / "seeds", agents=None)
    assert generate(tmp_path / "raw", *OTHER, "--seeds", seeds) == 0
    assert "no agents.csv; 21 agents are invented" in capsys.readouterr().err
    updates = [json.loads(line.text) for line in landed(tmp_path / "raw")]
    assert all(update["agent_id"].startswith(update["market"].lower()) for update in updates if "agent_id" in update)
    assert simulate(tmp_path / "raw") == 0


def test_two_statuses_are_enough(tmp_path):
    statuses = "status,phase,is_open,clock_runs\non,working,true,true\noff,done,false,false\n"
    seeds = write_seeds(tmp_path / "seeds", ticket_statuses=statuses)
    assert generate(tmp_path / "raw", *OTHER, "--seeds", seeds) == 0
    assert {json.loads(line.text)["status"] for line in landed(tmp_path / "raw")} == {"on", "off"}


# ---------- what it says when it cannot


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"markets": None}, ["markets.csv", "--seeds"]),
        ({"markets": "market,name\nDE,Germany\n"}, ["markets.csv", "no column calendar"]),
        ({"markets": "market,calendar\nDE,berlin\n"}, ["berlin", "calendars.csv"]),
        ({"markets": "market,calendar\n"}, ["markets.csv", "no rows"]),
        ({"calendars": "calendar,timezone\nparis,Europe/Pari\n"}, ["Europe/Pari", "paris", "tzdata"]),
        ({"business_hours": "calendar,iso_weekday,opens_at,closes_at\nparis,1,17:00,09:00\n"}, ["business_hours.csv"]),
        ({"business_hours": "calendar,iso_weekday,opens_at,closes_at\nparis,Monday,09:00,17:00\n"}, ["Monday"]),
        ({"holidays": "calendar,holiday\nparis,14.7.2026\n"}, ["holidays.csv", "14.7.2026"]),
        ({"ticket_statuses": "status,phase,is_open,clock_runs\non,working,true,true\n"}, ["ticket_statuses.csv"]),
        ({"agents": "agent_id,name\na1,A\n"}, ["agents.csv", "region, team"]),
        ({"parts": "part_code,part_name,system,unit_price_eur\np1,Fuse,cabin,12 EUR\n"}, ["parts.csv", "p1", "12.50"]),
        ({"failure_codes": "failure_code,failure_name,system\n"}, ["failure_codes.csv", "no rows"]),
    ],
)
def test_seeds_that_do_not_fit_are_named(tmp_path, capsys, changes, words):
    seeds = write_seeds(tmp_path / "seeds", **changes)
    assert generate(tmp_path / "raw", *OTHER, "--seeds", seeds) == 1
    error = capsys.readouterr().err
    assert all(word in error for word in words), error
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--start", "2026-02-02", "--end", "2026-02-01"], ["--end 2026-02-01", "--start 2026-02-02"]),
        (["--seeds", "/no/such/folder"], ["--seeds /no/such/folder", "no such folder"]),
        (["--output", "s3://bucket/lake/raw"], ["s3://bucket/lake/raw", "aws s3 sync"]),
    ],
)
def test_arguments_that_do_not_fit_are_named(tmp_path, capsys, arguments, words):
    assert generate(tmp_path / "raw", *arguments) == 1
    error = capsys.readouterr().err
    assert all(word in error for word in words), error


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "--late", "1.5"],
        ["generate", "--dirty", "-0.1"],
        ["generate", "--duplicates", "nan"],
        ["generate", "--count", "0"],
        ["generate", "--count", "5000", "--per-day", "3"],
        ["generate", "--per-day", "0"],
        ["generate", "--start", "01.02.2026"],
        ["generate", "--end", "2026-02-30"],
        ["generate", "--seed", "-1"],
        ["simulate", "--days", "1", "--date", "2026-01-01"],
        ["simulate", "--days", "none"],
        [],
    ],
)
def test_wrong_usage_is_explained(capsys, arguments):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert not arguments or arguments[1] in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert generate(tmp_path / "file" / "raw", "--end", "2026-01-02") == 1
    assert f"--output {tmp_path}/file/raw: cannot write" in capsys.readouterr().err


def test_landings_made_otherwise_are_not_touched(tmp_path, capsys):
    foreign = tmp_path / "foreign" / "calls" / "dt=2026-01-01" / "calls.jsonl"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("{}\n")
    assert generate(tmp_path / "foreign", "--end", "2026-01-02") == 1
    assert "landings that the generator did not make" in capsys.readouterr().err
    assert generate(tmp_path / "raw", "--per-day", 9, "--end", "2026-01-02") == 0
    before = files(tmp_path / "raw")
    for other in (["--per-day", 8], ["--per-day", 9, "--seed", 2], ["--per-day", 9, "--late", 0.5]):
        assert generate(tmp_path / "raw", *other, "--end", "2026-01-05") == 1
    error = capsys.readouterr().err
    assert "per_day (9.0 there, 8.0 here)" in error and "seed (1 there, 2 here)" in error and "`simulate`" in error
    assert files(tmp_path / "raw") == before


def test_if_empty_completes_what_it_began_and_leaves_all_else(tmp_path, capsys):
    raw = tmp_path / "raw"
    command = ("--count", 40, "--end", "2026-01-10", "--if-empty")
    assert generate(raw, *command) == 0
    whole = files(raw)
    shutil.rmtree(raw / FEED / "dt=2026-01-10")
    assert generate(raw, *command) == 0 and files(raw) == whole
    shutil.copytree(SEEDS, tmp_path / "seeds")
    (tmp_path / "seeds" / "markets.csv").write_text("no,such,columns\n")
    for otherwise in (("--seed", 2), ("--seeds", tmp_path / "seeds")):
        capsys.readouterr()
        assert generate(raw, *command, *otherwise) == 0 and files(raw) == whole
        assert f"{raw} has landings already; they are left as they are" in capsys.readouterr().out
    (raw / "_generator.json").unlink()
    assert generate(raw, *command) == 0 and files(raw) == whole


def test_simulate_needs_a_lake_of_the_generator(tmp_path, capsys):
    assert simulate(tmp_path / "nothing") == 1
    assert "_generator.json" in capsys.readouterr().err
    assert generate(tmp_path / "raw", "--per-day", 9, "--start", "2026-01-05", "--end", "2026-01-06") == 0
    assert simulate(tmp_path / "raw", "--date", "2026-01-04") == 1
    assert "2026-01-05 or later" in capsys.readouterr().err
    of_later = (tmp_path / "raw" / "_generator.json").read_text().replace('"version": 1', '"version": 2')
    (tmp_path / "raw" / "_generator.json").write_text(of_later)
    assert simulate(tmp_path / "raw") == 1
    error = capsys.readouterr().err
    assert "version 2 of the generator, this is version 1" in error and "generate it anew" in error
    (tmp_path / "raw" / "_generator.json").write_text("{")
    assert simulate(tmp_path / "raw") == 1
    assert "_generator.json cannot be read" in capsys.readouterr().err


def test_the_lake_is_that_of_the_environment(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LAKE", str(tmp_path / "here"))
    assert main(["generate", "--count", "5", "--end", "2026-01-03"]) == 0
    assert main(["simulate"]) == 0
    assert len(files(tmp_path / "here" / "raw")) == 4 * len(FEEDS)


def test_progress_is_shown_on_a_terminal_only(tmp_path, monkeypatch, capsys):
    assert generate(tmp_path / "quiet", "--count", 5, "--end", "2026-01-03") == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert generate(tmp_path / "shown", "--count", 5, "--end", "2026-01-03") == 0
    assert "3/3 days" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["generate", "simulate"])
def test_help_explains_with_examples(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"python -m generator {command}" in capsys.readouterr().out.split("examples:")[1]


# ---------- the parts that all of it rests on


def test_open_time_leads_where_counting_seconds_leads():
    """Against a walk through the open seconds, over two clock changes, a holiday and a night shift."""
    night = {6: [(18 * 3600, DAY)], 7: [(0, 6 * 3600)], 1: [(9 * 3600, 12 * 3600), (13 * 3600, 17 * 3600)]}
    for zone, first in (("Australia/Sydney", date(2026, 3, 28)), ("Europe/Berlin", date(2026, 10, 19))):
        calendar = Calendar("c", ZoneInfo(zone), night, frozenset({first + timedelta(days=9)}))
        always = Calendar("always", ZoneInfo("UTC"), {})
        start = day_number(first)
        desks = Desks([always, calendar], start, 15)
        starts, ends = calendar.open_intervals(start - 1, 17)
        seconds = np.concatenate([np.arange(opens, closes) for opens, closes in zip(starts, ends, strict=True)])
        draws = Draws("open time")
        moments = start * DAY + draws.below(300, 12 * DAY)
        delays = draws.below(300, 4 * 3600) + 1
        reached = desks.later(np.ones(300, np.int64), moments, delays)
        following = np.searchsorted(seconds, moments)
        inside = following + delays < len(seconds)
        assert inside.sum() > 100
        assert (reached[inside] == seconds[following + delays][inside]).all()
        assert (desks.later(np.zeros(300, np.int64), moments, delays) == moments + delays).all()


def test_local_time_follows_the_zone_through_a_clock_change():
    calendar = Calendar("c", ZoneInfo("Australia/Lord_Howe"), {})
    desks = Desks([calendar], day_number(date(2026, 4, 3)), 5)
    moments = day_number(date(2026, 4, 3)) * DAY + np.arange(0, 4 * DAY, 900)
    expected = [datetime.fromtimestamp(each, calendar.zone).utcoffset().total_seconds() for each in moments.tolist()]
    assert len(set(expected)) == 2
    assert (desks.offset(np.zeros(len(moments), np.int64), moments) == expected).all()


def test_draws_are_pinned():
    """Bytes of a lake rest on these; a numpy release that changed them would show here."""
    draws = Draws(1, "pinned", 20_454)
    assert draws.below(6, 1000).tolist() == [386, 93, 123, 260, 148, 688]
    assert draws.weighted(6, [1, 0, 3]).tolist() == [2, 2, 2, 0, 2, 0]
