"""The rows that the seeds lack for a source are proposed, and rows that are there stay as they are."""

import csv
import json
import subprocess
import sys

import pytest
from lakes import PROJECT

TICKETS = """\
id,opened,done,state,prio,country,who,team
1,2026-03-01T09:00:00Z,2026-03-02T09:00:00Z,Closed,P1,DE,ann,tier1
2,2026-03-03T09:00:00Z,,Awaiting parts,P2,FR,ann,tier2
3,2026-03-04T09:00:00Z,,Waiting for customer,P5,FR,bob,
4,2026-03-05T09:00:00Z,,new,P3,FR,,
"""
FIELDS = {
    "source": {"constant": "desk"},
    "ticket_id": {"column": "id"},
    "created_at": {"column": "opened"},
    "resolved_at": {"column": "done"},
    "status": {"column": "state", "map": {"Closed": "resolved"}},
    "severity": {"column": "prio"},
    "market": {"column": "country"},
    "agent_id": {"column": "who"},
    "team": {"column": "team"},
}
SEEDS = {
    "ticket_statuses": "status,phase,is_open,clock_runs\nnew,working,true,true\nresolved,done,false,false\n",
    "markets": "market,market_name,calendar\nDE,Germany,de_service\n",
    "calendars": "calendar,timezone\nde_service,Europe/Berlin\n",
    "business_hours": "calendar,iso_weekday,opens_at,closes_at\nde_service,1,08:00,18:00",
    "agents": "agent_id,agent_name,region,team\nann,Ann,DE,tier1\n",
}


@pytest.fixture
def seeds(tmp_path):
    folder = tmp_path / "seeds"
    folder.mkdir()
    for name, content in SEEDS.items():
        (folder / f"{name}.csv").write_text(content)
    return folder


@pytest.fixture
def mapping(tmp_path):
    path = tmp_path / "map.yml"
    path.write_text(json.dumps({"rows": "tickets", "fields": FIELDS}))
    (tmp_path / "tickets.csv").write_text(TICKETS)
    return path


def landing(*arguments):
    command = [sys.executable, "-m", "landing", *map(str, arguments)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)


def rows(folder, seed):
    with (folder / f"{seed}.csv").open(newline="") as file:
        return list(csv.reader(file))[1:]


def test_rows_for_a_file_are_proposed_and_added_once(seeds, mapping, tmp_path):
    asked = ("--seeds", seeds, "seeds", "csv", tmp_path / "tickets.csv", "--mapping", mapping)
    proposed = landing(*asked)
    assert proposed.returncode == 0, proposed.stderr
    assert {name: (seeds / f"{name}.csv").read_text() for name in SEEDS} == SEEDS
    assert "Awaiting parts,on_hold,true,true\n" in proposed.stdout
    assert "Waiting for customer,pending,true,false\n" in proposed.stdout
    assert "severity 'P5' (2 updates) has to be mapped to one of P1, P2, P3, P4" in proposed.stderr
    assert "always open" in proposed.stderr and "by its name" in proposed.stderr

    added = landing(*asked, "--to", seeds)
    assert added.returncode == 0, added.stderr
    assert rows(seeds, "ticket_statuses") == [
        ["new", "working", "true", "true"],
        ["resolved", "done", "false", "false"],
        ["Awaiting parts", "on_hold", "true", "true"],
        ["Waiting for customer", "pending", "true", "false"],
    ]
    assert rows(seeds, "markets") == [["DE", "Germany", "de_service"], ["FR", "FR", "always_utc"]]
    assert rows(seeds, "calendars") == [["de_service", "Europe/Berlin"], ["always_utc", "UTC"]]
    hours = rows(seeds, "business_hours")
    assert hours == [["de_service", "1", "08:00", "18:00"]] + [
        ["always_utc", str(day), "00:00", "24:00"] for day in range(1, 8)
    ]
    assert rows(seeds, "agents") == [["ann", "Ann", "DE", "tier1"], ["bob", "bob", "FR", ""]]

    after = {path.name: path.read_text() for path in seeds.iterdir()}
    again = landing(*asked, "--to", seeds)
    assert again.returncode == 0 and "have all rows" in again.stdout
    assert {path.name: path.read_text() for path in seeds.iterdir()} == after


def test_what_the_seeds_then_have_lands(seeds, mapping, tmp_path):
    asked = ("csv", tmp_path / "tickets.csv", "--mapping", mapping)
    lands = ("--seeds", seeds, *asked, "--lake", tmp_path / "lake")
    assert landing(*lands).returncode == 2
    assert landing("--seeds", seeds, "seeds", *asked, "--to", seeds).returncode == 0
    refused = landing(*lands)
    assert refused.returncode == 2 and "'P5'" in refused.stderr and "status" not in refused.stderr
    mapping.write_text(mapping.read_text().replace('"prio"', '"prio", "map": {"P5": "P4"}'))
    landed = landing(*lands)
    assert landed.returncode == 0, landed.stderr


def test_redacted_agents_are_proposed_as_they_land(seeds, mapping, tmp_path, monkeypatch):
    monkeypatch.setenv("TICKETLAKE_REDACT_KEY", "k" * 32)
    asked = ("--seeds", seeds, "seeds", "csv", tmp_path / "tickets.csv", "--mapping", mapping)
    proposed = landing(*asked, "--redact", "agent_id=hash")
    assert proposed.returncode == 0, proposed.stderr
    assert "agents.csv" in proposed.stdout and "bob" not in proposed.stdout
    assert "agents.csv" not in landing(*asked, "--redact", "agent_id=drop").stdout


def test_the_issues_of_a_product_are_asked_too(seeds, tmp_path):
    issue = {
        "id": "1",
        "key": "SUP-1",
        "fields": {
            "created": "2026-03-01T10:00:00.000+0100",
            "updated": "2026-03-01T10:00:00.000+0100",
            "status": {"name": "Waiting for support", "statusCategory": {"key": "indeterminate"}},
            "priority": {"name": "High"},
            "assignee": {"accountId": "cleo", "displayName": "Cleo"},
        },
        "changelog": {"histories": []},
    }
    (tmp_path / "issues.json").write_text(json.dumps({"issues": [issue]}))
    (tmp_path / "own.yml").write_text("fields:\n  market: {constant: FR}\n")
    proposed = landing("--seeds", seeds, "seeds", "jira", tmp_path / "issues.json", "--mapping", tmp_path / "own.yml")
    assert proposed.returncode == 0, proposed.stderr
    assert "FR,FR,always_utc\n" in proposed.stdout and "agents.csv" in proposed.stdout


def test_a_table_is_asked_too(seeds, tmp_path, monkeypatch):
    sqlalchemy = pytest.importorskip("sqlalchemy")
    monkeypatch.setenv("TICKETLAKE_SQL_URL", f"sqlite:///{tmp_path / 'desk.db'}")
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'desk.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("create table tickets (id text, opened text, state text, who text)")
        connection.exec_driver_sql("insert into tickets values ('1', '2026-03-01 09:00:00', 'Parked', 'dora')")
    fields = {
        "ticket_id": {"column": "id"},
        "created_at": {"column": "opened", "format": "%Y-%m-%d %H:%M:%S"},
        "status": {"column": "state"},
        "severity": {"constant": "P3"},
        "market": {"constant": "DE"},
        "agent_id": {"column": "who"},
    }
    table = {"rows": "tickets", "zone": "UTC", "table": "tickets", "fields": fields}
    (tmp_path / "map.yml").write_text(json.dumps(table))
    proposed = landing("--seeds", seeds, "seeds", "mysql", "--mapping", tmp_path / "map.yml")
    assert proposed.returncode == 0, proposed.stderr
    assert "Parked,working,true,true\n" in proposed.stdout and "dora,dora,DE,\n" in proposed.stdout
