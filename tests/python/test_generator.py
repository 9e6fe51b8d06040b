"""The generator: what it lands, that it lands it again, and what it says when it cannot."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from generator.calendars import DAY, Calendar, Desks, day_number
from generator.cli import main
from generator.draws import Draws

PROJECT = Path(__file__).resolve().parents[2]
SEEDS = PROJECT / "seeds"
FEED = "ticket_updates"
LIFE_AND_DELAY = 59
REASONS = {
    "not_json",
    *(f"missing_{key}" for key in ("ticket_id", "updated_at", "created_at", "status", "severity", "market")),
    *(f"bad_{key}" for key in ("updated_at", "created_at", "sla_due_at", "sequence", "satisfaction")),
    *(f"unknown_{key}" for key in ("status", "severity", "market")),
    "in_the_future",
}


# ---------- the contract, read anew


@dataclass(frozen=True)
class Landed:
    day: date
    text: str


@cache
def rows(seeds, name):
    with open(seeds / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def moment(value):
    """A moment in UTC; ValueError if the value is not what the contract calls a timestamp."""
    if not isinstance(value, str) or not re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", value
    ):
        raise ValueError(value)
    wall, fraction, zone = re.fullmatch(r"(.{19})(?:\.(\d+))?(.+)", value).groups()
    local = datetime.fromisoformat(wall).replace(microsecond=int((fraction or "0").ljust(6, "0")), tzinfo=timezone.utc)
    if zone == "Z":
        return local
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
    return local + offset if zone[0] == "-" else local - offset


@cache
def known_names(seeds):
    return {
        "status": {row["status"] for row in rows(seeds, "ticket_statuses")},
        "severity": {"P1", "P2", "P3", "P4"},
        "market": {row["market"] for row in rows(seeds, "markets")},
    }


def no_constant(name):
    raise ValueError(name)


def reason_to_refuse(line, seeds=SEEDS):
    """Why the contract refuses a line, None if it does not."""
    try:
        update = json.loads(line.text, parse_constant=no_constant)
    except ValueError:
        return "not_json"
    if not isinstance(update, dict):
        return "not_json"
    given = {key: value for key, value in update.items() if value is not None and str(value).strip()}
    for key in ("ticket_id", "updated_at", "created_at", "status", "severity", "market"):
        if key not in given:
            return f"missing_{key}"
    for key in ("updated_at", "created_at", "sla_due_at"):
        try:
            moment(given.get(key, "2026-01-01T00:00:00Z"))
        except ValueError:
            return f"bad_{key}"
    for key in ("sequence", "satisfaction"):
        value = given.get(key, 1)
        if type(value) is not int or (key == "satisfaction" and value not in range(1, 6)):
            return f"bad_{key}"
    for key, names in known_names(seeds).items():
        if given[key] not in names:
            return f"unknown_{key}"
    end = datetime.combine(line.day + timedelta(days=2), datetime.min.time(), timezone.utc)
    return "in_the_future" if max(moment(given["updated_at"]), moment(given["created_at"])) >= end else None


# ---------- a lake and what is in it


def generate(output, *arguments):
    return main(["generate", "--output", str(output), *map(str, arguments)])


def simulate(output, *arguments):
    return main(["simulate", "--output", str(output), *map(str, arguments)])


def files(output):
    """The bytes of every landed file, by its path."""
    return {str(path.relative_to(output)): path.read_bytes() for path in sorted(output.glob("*/dt=*/*"))}


def landed(output):
    """Every landed line."""
    return [
        Landed(date.fromisoformat(path.parent.name[len("dt=") :]), text)
        for path in sorted(output.glob(f"{FEED}/dt=*/*.jsonl"))
        for text in path.read_text(encoding="utf-8").split("\n")[:-1]
    ]


def updates_by_ticket(output):
    """The distinct updates of each ticket, in the order of the contract."""
    tickets = defaultdict(list)
    for text in dict.fromkeys(line.text for line in landed(output) if reason_to_refuse(line) is None):
        update = json.loads(text)
        tickets[update.get("source"), update["ticket_id"]].append(update)
    for updates in tickets.values():
        updates.sort(key=lambda update: (moment(update["updated_at"]), update.get("sequence", 0)))
    return tickets


def complete(tickets):
    """Those that were opened long enough before the lake's end for every late line to have landed."""
    end = datetime(2026, 5, 31, tzinfo=timezone.utc) - timedelta(days=LIFE_AND_DELAY)
    return [updates for updates in tickets.values() if moment(updates[0]["created_at"]) < end]


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
    start, middle, end = date(2026, 1, 5), date(2026, 3, 20), date(2026, 3, 26)
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
    for day in ("2026-01-08", "2026-01-11"):
        shutil.rmtree(tmp_path / FEED / f"dt={day}")
    assert simulate(tmp_path, "--date", "2026-01-11") == 0
    assert set(before) - set(files(tmp_path)) == {f"{FEED}/dt=2026-01-08/{FEED}.jsonl"}
    assert generate(tmp_path, "--count", 300, "--end", "2026-01-20") == 0
    assert files(tmp_path) == before


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
    arguments = ["--count", "30000", "--end", "2026-02-10"]
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
    assert len(files(tmp_path)) == 46
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
    zone_of = {row["calendar"]: ZoneInfo(row["timezone"]) for row in rows(SEEDS, "calendars")}
    calendar_of = {row["market"]: row["calendar"] for row in rows(SEEDS, "markets")}
    shut = {(row["calendar"], row["holiday"]) for row in rows(SEEDS, "holidays")}
    hours = defaultdict(list)
    for row in rows(SEEDS, "business_hours"):
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


def test_every_line_is_accepted_unless_broken_ones_are_asked_for(clean_lake):
    assert {reason_to_refuse(line) for line in landed(clean_lake)} == {None}


def test_every_reason_to_refuse_a_line_appears_and_no_good_line_is_lost(lake, clean_lake):
    reasons = [reason_to_refuse(line) for line in landed(lake)]
    assert set(reasons) == REASONS | {None}
    good = [line for line, reason in zip(landed(lake), reasons, strict=True) if reason is None]
    assert good == landed(clean_lake)
    assert 0.04 < sum(reason is not None for reason in reasons) / len(good) < 0.06


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
    agents = {(row["agent_id"], row["region"], row["team"]) for row in rows(SEEDS, "agents")}
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
    assert {reason_to_refuse(line, seeds) for line in lines} == {None}
    updates = [json.loads(line.text) for line in lines]
    assert {update["market"] for update in updates} == {"FR", "IN", "XX"}
    assert {update["status"] for update in updates} == {row["status"] for row in rows(seeds, "ticket_statuses")}
    assert {update["status"] for update in updates if update["event"] == "created"} == {"neu"}
    agents = {(update["market"], update["agent_id"]) for update in updates if "agent_id" in update}
    assert agents == {("FR", "a1"), ("FR", "a2"), ("IN", "a1"), ("XX", "a1")}


def test_broken_lines_are_refused_with_other_seeds_too(tmp_path):
    seeds, output = write_seeds(tmp_path / "seeds"), tmp_path / "raw"
    assert generate(output, "--count", 400, "--end", "2026-02-28", "--dirty", 0.3, "--seeds", seeds) == 0
    assert {reason_to_refuse(line, seeds) for line in landed(output)} == REASONS | {None}


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
    (tmp_path / "raw" / "_generator.json").write_text("{")
    assert simulate(tmp_path / "raw") == 1
    assert "_generator.json cannot be read" in capsys.readouterr().err


def test_the_lake_is_that_of_the_environment(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LAKE", str(tmp_path / "here"))
    assert main(["generate", "--count", "5", "--end", "2026-01-03"]) == 0
    assert main(["simulate"]) == 0
    assert len(files(tmp_path / "here" / "raw")) == 4


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
