"""The look-up of one service record: the record that was published, whatever became of loads on the way."""

import json
import os
import random
import re
import resource
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
import yaml
from lakes import PROJECT
from services import PART, RECORD, Services, record

import lookup
from lookup import documents, loading
from lookup.loading import load
from lookup.sqlite import SQLite

KILLS = 5


@pytest.fixture
def services(tmp_path):
    return Services(tmp_path)


@pytest.fixture
def store(tmp_path):
    return SQLite(tmp_path / "lookup.sqlite")


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(loading, "BATCH", 40)


def records(count, seed=1, first=0):
    return {name: record(name, seed) for name in (f"S-{number}" for number in range(first, first + count))}


def content(store):
    """Every document of a store, by id."""
    with store.loading() as going:
        return {name: json.loads(document) for rows in going.stored() for name, document in rows}


def counts(outcome):
    return outcome.written, outcome.deleted


def columns(model):
    found = yaml.safe_load((PROJECT / "models" / "marts" / f"{model}.yml").read_text(encoding="utf-8"))
    return [column["name"] for column in found["models"][0]["columns"]]


def test_a_record_is_all_that_is_published_of_it(services, store):
    assert list(RECORD) == columns("fct_service_records")
    assert set(PART) == {*columns("fct_service_parts")} - {*RECORD, "landed_on"}
    published = [
        record("S-1", 1),
        record("ß 'é\u2028\U0001f697\x00", 2),
        record("bare", 3, parts=[], failure_codes=[], serviced_at="0987-01-01T00:00:00Z", currency=None, notes=None),
    ]
    services.publish(published)
    load(store, services.place)
    assert [lookup.get(one["service_record_id"], store) for one in published] == published
    assert list(lookup.get("S-1", store)) == [*RECORD, "parts", "failure_codes"]


def test_what_is_infinite_is_null_since_json_has_no_word_for_it(services, store):
    (part,) = record("S-1", 1, parts=[{**dict.fromkeys(PART), "line": 1, "cost": float("inf")}])["parts"]
    services.publish([record("S-1", 1, parts=[part], total_cost=float("inf"), labor_cost=-float("inf"))])
    load(store, services.place)
    document = store.find(["S-1"])["S-1"]
    assert not re.search("Infinity|NaN", document)
    assert json.loads(document) == record("S-1", 1, parts=[{**part, "cost": None}], total_cost=None, labor_cost=None)


@pytest.mark.parametrize("name", ["S-2", "s-1", "S-1 ", "S-", "S", "%", "12", "é" * 5000])
def test_an_unknown_id_is_told_of_which_version_it_is_unknown(services, store, name):
    services.publish([record("S-1", 1)])
    load(store, services.place)
    with pytest.raises(lookup.UnknownRecord, match=r"version 1, as of 2026-03-20 13:00 UTC.*python -m lookup status"):
        lookup.get(name, store)


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\udc80"])
def test_what_cannot_be_an_id_is_told_so(services, store, name):
    services.publish([record("S-1", 1)])
    load(store, services.place)
    with pytest.raises(lookup.UnknownRecord, match="is no id of a service record"):
        lookup.get(name, store)
    assert lookup.get_many([name, "S-1"], store) == {"S-1": record("S-1", 1)}


def test_many_are_found_each_once_in_the_order_in_which_they_were_asked_for(services, store):
    published = records(1_200)
    services.publish(published.values())
    load(store, services.place)
    asked = [*reversed(published), "unknown", "S-1"]
    assert list(lookup.get_many(asked, store).items()) == list(reversed(published.items()))
    assert lookup.get_many([], store) == {}


def test_nothing_loaded_or_nothing_published_says_what_to_do(services, store):
    with pytest.raises(lookup.Refused, match="python -m lookup load"):
        lookup.get("S-1", store)
    with pytest.raises(lookup.Refused, match="Nothing is published"):
        load(store, services.place)
    with pytest.raises(lookup.Refused, match="python -m lookup load"):
        lookup.get("S-1", store)


def test_loading_again_changes_no_byte(services, store, tmp_path):
    services.publish(records(100).values())
    assert counts(load(store, services.place)) == (100, 0)
    before = (tmp_path / "lookup.sqlite").read_bytes()
    assert counts(load(store, services.place)) == (0, 0)
    assert (tmp_path / "lookup.sqlite").read_bytes() == before
    # The same rows as a version of their own.
    services.publish(records(100).values())
    assert counts(load(store, services.place)) == (0, 0)
    assert store.state().complete.number == 2


def test_only_what_differs_is_written(services, store, small_batches):
    published = records(300)
    services.publish(published.values())
    load(store, services.place)
    for name in ("S-1", "S-150", "S-299"):
        published[name] = record(name, 2)
    for name in ("S-0", "S-151"):
        del published[name]
    published |= records(90, first=300)
    services.publish(published.values())
    outcome = load(store, services.place)
    assert (counts(outcome), outcome.records) == ((93, 2), len(published))
    assert content(store) == published
    services.publish([])
    assert counts(load(store, services.place)) == (0, len(published))
    assert content(store) == {}


def test_what_was_changed_by_others_is_mended_when_all_is_compared(services, store, tmp_path):
    published = records(50)
    services.publish(published.values())
    load(store, services.place)
    with closing(sqlite3.connect(tmp_path / "lookup.sqlite")) as connection, connection:
        connection.execute("update records set document = '{}' where service_record_id = 'S-1'")
        connection.execute("update records set service_record_id = 'T-2' where service_record_id = 'S-2'")
    assert counts(load(store, services.place)) == (0, 0)
    assert counts(load(store, services.place, compare=True)) == (2, 1)
    assert content(store) == published


def test_documents_that_the_code_makes_in_another_way_are_loaded_again(services, store, monkeypatch):
    services.publish(records(10).values())
    load(store, services.place)
    monkeypatch.setattr(documents, "_DOCUMENTS", re.sub(r"\bfailure_codes\b", "codes", documents._DOCUMENTS))
    assert counts(load(store, services.place)) == (10, 0)
    assert lookup.get("S-1", store)["codes"] == record("S-1", 1)["failure_codes"]


def test_readers_and_a_load_do_not_wait_for_each_other(services, store):
    services.publish(records(10).values())
    load(store, services.place)
    with store._reading() as reader:
        rows = reader.execute("select document from records")
        assert json.loads(rows.fetchone()[0]) == record("S-0", 1)
        services.publish(records(10, seed=2).values())
        with store.loading() as going:
            going.write([(f"S-{number}", "{}") for number in range(10)])
            assert lookup.get("S-5", store) == record("S-5", 1)
            with pytest.raises(lookup.Refused, match="another load is going on"):
                load(store, services.place)
            going.write([(name, json.dumps(one)) for name, one in records(10, seed=2).items()])
        # What it has begun to read, it reads to the end.
        assert [json.loads(row[0]) for row in rows] == [record(f"S-{number}", 1) for number in range(1, 10)]
    assert lookup.get("S-5", store) == record("S-5", 2)


def killed(services, call, file):
    return subprocess.run(
        [sys.executable, PROJECT / "tests" / "python" / "killed_load.py", services.place, str(call), file],
        capture_output=True,
        text=True,
    )


def test_a_killed_load_leaves_the_version_before_and_the_next_load_completes_it(services, store, tmp_path):
    file = tmp_path / "lookup.sqlite"
    published = records(200)
    services.publish(published.values())
    whole = killed(services, 0, tmp_path / "other.sqlite")
    assert whole.returncode == 0, whole.stderr
    calls = int(whole.stdout)
    assert calls > 200
    # In the first load, before there is anything; then with one version, or two, on top.
    assert killed(services, random.randrange(1, calls + 1), file).returncode == -signal.SIGKILL
    load(store, services.place)
    assert content(store) == published
    for kill in range(KILLS):
        before, published = published, records(200, seed=10 * kill + 2, first=100 * (kill % 2))
        services.publish(published.values(), kept=0)
        call = random.randrange(1, calls + 1)
        assert killed(services, call, file).returncode == -signal.SIGKILL, call
        assert lookup.get_many({**before, **published}, store) == before, call
        if kill % 3 == 0:
            published = records(100, seed=10 * kill + 3)
            services.publish(published.values(), kept=0)
        load(store, services.place)
        assert content(store) == published, call


def command(services, tmp_path, *arguments, **options):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TICKETLAKE_", "AWS_"))}
    environment |= {"LAKE": str(tmp_path), "TICKETLAKE_CURATED": services.place}
    done = subprocess.run(
        [sys.executable, "-m", "lookup", *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        **options,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_on_the_command_line(services, tmp_path):
    def run(*arguments):
        return command(services, tmp_path, *arguments)

    assert "python -m lookup load" in run("get", "S-1").stderr
    assert "Nothing is published" in run("load").stderr
    services.publish([record("S-1", 1), record("S-2", 1)])
    assert run("status").returncode == 1
    assert "version 1, as of 2026-03-20 13:00 UTC: 2 records, 2 written, 0 deleted" in run("load").stdout
    assert ": 2 records, 0 written, 0 deleted" in run("load").stdout
    assert run("status").returncode == 0

    found = run("get", "S-1")
    assert (found.returncode, json.loads(found.stdout), found.stderr) == (0, record("S-1", 1), "")
    found = run("get", "S-2", "nobody", "")
    assert (found.returncode, json.loads(found.stdout)) == (1, record("S-2", 1))
    assert "called 'nobody' in" in found.stderr and "'' is no id" in found.stderr

    services.publish([record("S-1", 2)])
    late = run("status")
    assert late.returncode == 1 and "Published: version 2. Load it" in late.stdout
    assert "TICKETLAKE_LOOKUP_TABLE" in run("create-table").stderr


def test_a_full_disk_leaves_the_version_before(services, store, tmp_path):
    services.publish(records(20).values())
    load(store, services.place)
    published = records(2_000, seed=2)
    services.publish(published.values())

    def of_little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))

    done = command(services, tmp_path, "load", preexec_fn=of_little_room)
    assert done.returncode == 1 and "What had been loaded before is unchanged" in done.stderr, done.stderr
    assert lookup.get("S-1", store) == record("S-1", 1)
    load(store, services.place)
    assert content(store) == published
