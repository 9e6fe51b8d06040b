"""The look-up in a DynamoDB table, on moto: whatever became of loads on the way, it holds what was published last."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from services import Services, record

import lookup
from lookup import dynamodb, loading
from lookup.dynamodb import DynamoDB
from lookup.loading import load
from lookup.stores import default_store

PROJECT = loading.__file__.rpartition("/lookup/")[0]
KILLS = 6


@pytest.fixture
def store(aws, monkeypatch):
    """A table, as the environment names it."""
    monkeypatch.setenv("TICKETLAKE_LOOKUP_TABLE", f"t-{uuid.uuid4().hex}")
    made = default_store()
    assert isinstance(made, DynamoDB) and made.create()
    return made


@pytest.fixture
def services(tmp_path):
    return Services(tmp_path)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(loading, "BATCH", 40)


def records(count, seed=1, first=0):
    return {name: record(name, seed) for name in (f"S-{number}" for number in range(first, first + count))}


def content(store):
    """Every document of the table, by id; nothing but the state stands beside them, and no load is going on."""
    items = store.client.get_paginator("scan").paginate(TableName=store.table).search("Items")
    found = {item.pop("service_record_id")["S"]: item for item in items}
    assert found.pop(" ").keys() == {"state"}
    assert all(item.keys() == {"document"} for item in found.values())
    return {name: json.loads(item["document"]["S"]) for name, item in found.items()}


def counts(outcome):
    return outcome.written, outcome.deleted


def counted_calls(store, name):
    """A list that grows by each call of that name."""
    calls = []
    store.client.meta.events.register(f"before-call.dynamodb.{name}", lambda **_: calls.append(name))
    return calls


def test_records_are_found_as_they_were_published(services, store):
    published = records(230) | {"ß 'é\u2028\U0001f697\x00": record("ß 'é\u2028\U0001f697\x00", 2)}
    services.publish(published.values())
    assert counts(load(store, services.place)) == (231, 0)
    assert content(store) == published
    assert lookup.get("S-7") == published["S-7"]
    asked = [*reversed(published), "unknown", "S-1", " ", ""]
    assert list(lookup.get_many(asked).items()) == list(reversed(published.items()))
    with pytest.raises(lookup.UnknownRecord, match=r"DynamoDB table t-.* has version 1, as of 2026-03-20 13:00 UTC"):
        lookup.get("S-")
    # The state stands there, and is no record.
    with pytest.raises(lookup.UnknownRecord, match="is no id"):
        lookup.get(" ")


def test_loading_again_changes_nothing_and_a_version_only_what_differs(services, store):
    published = records(100)
    services.publish(published.values())
    load(store, services.place)
    writes = counted_calls(store, "BatchWriteItem")
    before = store.client.scan(TableName=store.table)["Items"]
    assert counts(load(store, services.place)) == (0, 0)
    assert store.client.scan(TableName=store.table)["Items"] == before
    published["S-3"] = record("S-3", 2)
    del published["S-4"]
    services.publish(published.values())
    scans = counted_calls(store, "Scan")
    assert counts(load(store, services.place)) == (1, 1)
    assert len(writes) == 1 and not scans
    assert content(store) == published


def test_a_version_that_is_gone_is_compared_with_the_table_itself(services, store):
    services.publish(records(60).values())
    load(store, services.place)
    services.publish(records(60, seed=2).values())
    published = records(60) | {"S-5": record("S-5", 3)}
    services.publish(published.values(), kept=0)
    assert counts(load(store, services.place)) == (1, 0)
    assert content(store) == published
    store.client.delete_item(TableName=store.table, Key={"service_record_id": {"S": "S-6"}})
    assert counts(load(store, services.place)) == (0, 0)
    assert counts(load(store, services.place, compare=True)) == (1, 0)
    assert content(store) == published


def test_ids_that_are_too_long_are_left_out_and_documents_that_are_say_so(services, store):
    longest, longer = "é" * 1024, "é" * 1024 + "e"
    published = {longest: record(longest, 1), "long": record("long", 1, notes="n" * 390_000)}
    too_much = record("too much", 1, notes="n" * 420_000)
    services.publish([*published.values(), record(longer, 1), too_much])
    outcome = load(store, services.place)
    assert (outcome.records, outcome.left_out) == (3, 1)
    assert lookup.get_many(published) == published
    with pytest.raises(lookup.UnknownRecord, match="an id is a text of up to 2,048 bytes"):
        lookup.get(longer)
    with pytest.raises(lookup.TooLong, match=r"too much is 42\d,\d{3} bytes long.*takes 406,528"):
        lookup.get("too much")


def test_what_dynamodb_leaves_unprocessed_is_sent_again(services, store, monkeypatch):
    published = records(130)
    services.publish(published.values())
    put, got = store.client.batch_write_item, store.client.batch_get_item

    def some(requests, limit):
        return (requests[:limit], requests[limit:]) if random.random() < 0.7 else (requests, [])

    def put_some(RequestItems):
        now, later = some(RequestItems[store.table], 3)
        put(RequestItems={store.table: now})
        return {"UnprocessedItems": {store.table: later} if later else {}}

    def get_some(RequestItems):
        keys = RequestItems[store.table]
        now, later = some(keys["Keys"], 30)
        answer = got(RequestItems={store.table: {**keys, "Keys": now}})
        return answer | {"UnprocessedKeys": {store.table: {**keys, "Keys": later}} if later else {}}

    monkeypatch.setattr(store.client, "batch_write_item", put_some)
    monkeypatch.setattr(store.client, "batch_get_item", get_some)
    monkeypatch.setattr(dynamodb, "_pauses", lambda: iter(lambda: 0, 1))
    load(store, services.place)
    assert content(store) == published
    assert lookup.get_many(published) == published


def test_while_a_load_goes_on_each_record_is_of_one_version_or_the_other(services, store, monkeypatch):
    before, after = records(200), records(200, seed=2, first=50)
    services.publish(before.values())
    load(store, services.place)
    services.publish(after.values())
    seen, write = [], dynamodb._Load.write

    def looked_at(going, changes):
        write(going, changes)
        found = lookup.get_many({**before, **after}, store)
        for name in {**before, **after}:
            assert found.get(name) in (before.get(name), after.get(name))
        seen.append(sum(found.get(name) == after.get(name) for name in {**before, **after}))
        with pytest.raises(lookup.UnknownRecord, match=r"version 1, .*, and in part version 2, .*: a load is going on"):
            lookup.get("nobody", store)

    monkeypatch.setattr(dynamodb._Load, "write", looked_at)
    load(store, services.place)
    assert len(set(seen)) > 3 and content(store) == after


def killed(services, call):
    driver = f"{PROJECT}/tests/python/killed_load.py"
    return subprocess.run([sys.executable, driver, services.place, str(call)], capture_output=True, text=True)


def test_killed_loads_are_completed_by_the_next(services, store, monkeypatch):
    """Also by one of a later version, on top of several that were killed, and when those are not kept any more."""
    published = records(250)
    services.publish(published.values())
    whole = killed(services, 0)
    assert whole.returncode == 0, whole.stderr
    calls = int(whole.stdout)
    assert content(store) == published

    monkeypatch.setattr(dynamodb, "_LEASE", 1.0)
    versions = [published]
    for kill in range(KILLS):
        published = records(250, seed=kill + 2, first=random.choice([0, 100, 300]))
        published |= {name: one for name, one in versions[-1].items() if name.endswith(("1", "2", "3"))}
        services.publish(published.values(), kept=random.choice([0, 3]))
        versions.append(published)
        call = random.randrange(1, calls + 1)
        outcome = killed(services, call)
        assert outcome.returncode in (0, -signal.SIGKILL), outcome.stderr
        every = {name: None for version in versions for name in version}
        found = lookup.get_many(every, store)
        for name in every:
            assert found.get(name) in [version.get(name) for version in versions], (call, name)
        if random.random() < 0.4:
            load(store, services.place)
            assert content(store) == published, call
            versions = [published]
    load(store, services.place)
    assert content(store) == published


def test_a_load_that_was_ended_goes_on_where_it_was(services, store, monkeypatch):
    published = records(200)
    services.publish(published.values())
    write, batches = dynamodb._Load.write, []

    def write_three(going, changes):
        if len(batches) == 3:
            raise KeyboardInterrupt
        batches.append(changes)
        write(going, changes)

    monkeypatch.setattr(dynamodb._Load, "write", write_three)
    with pytest.raises(KeyboardInterrupt):
        load(store, services.place)
    assert len(content(store)) == 120
    monkeypatch.setattr(dynamodb._Load, "write", write)
    assert counts(load(store, services.place)) == (80, 0)
    assert content(store) == published


def test_of_two_loads_the_second_says_so(services, store, monkeypatch, capsys):
    monkeypatch.setattr(dynamodb, "_BEAT", 0.05)
    services.publish(records(10).values())
    with store.loading():
        with pytest.raises(lookup.Refused, match="another load is going on"):
            load(store, services.place)
        assert "Waiting up to 60 s" in capsys.readouterr().err
    assert counts(load(store, services.place)) == (10, 0)


def test_a_load_that_waits_goes_on_when_the_other_has_ended(services, store, monkeypatch):
    monkeypatch.setattr(dynamodb, "_BEAT", 60)
    waiting, wait = threading.Event(), dynamodb._Load._after_silence

    def announced(load, before):
        waiting.set()
        return wait(load, before)

    monkeypatch.setattr(dynamodb._Load, "_after_silence", announced)
    services.publish(records(10).values())
    with ThreadPoolExecutor() as pool:
        with store.loading():
            second = pool.submit(load, store, services.place)
            assert waiting.wait(50)
        assert counts(second.result()) == (10, 0)


def test_a_load_that_was_silent_for_too_long_writes_no_more(services, store, monkeypatch):
    monkeypatch.setattr(dynamodb, "_LEASE", 0.2)
    published = records(10)
    services.publish(published.values())
    with store.loading() as silent:
        assert counts(load(store, services.place)) == (10, 0)
        with pytest.raises(lookup.Refused, match="another load is going on"):
            silent.note(silent.state())
        # It may not have noticed.
        monkeypatch.setattr(dynamodb, "_TRUSTED", 0)
        with pytest.raises(lookup.Refused, match=r"this load could not say.*Load again"):
            silent.write([("S-1", "{}")])
    assert content(store) == published


def test_a_silent_load_that_ends_leaves_the_mark_of_the_one_that_took_over(store, monkeypatch):
    monkeypatch.setattr(dynamodb, "_LEASE", 0.2)
    with store.loading():
        second = store.loading()
        second.__enter__()
        owner = store.state_item()["owner"]
    assert store.state_item()["owner"] == owner
    second.__exit__(None, None, None)
    assert "owner" not in store.state_item()


def test_a_load_tells_that_it_goes_on_until_another_takes_over(store, monkeypatch):
    monkeypatch.setattr(dynamodb, "_BEAT", 0.01)
    with store.loading() as going:
        first, heard = store.state_item()["beat"], going._heard
        while store.state_item()["beat"] == first or going._heard == heard:
            pass
        store.client.update_item(
            TableName=store.table,
            Key=dynamodb._STATE,
            UpdateExpression="set #owner = :other",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":other": {"S": "another"}},
        )
        going._beating.join()
        with pytest.raises(lookup.Refused, match="Load again"):
            going.write([("S-1", "{}")])


def test_the_table_is_made_once_and_is_asked_for_where_it_is_not(services, store, monkeypatch):
    assert not store.create()
    services.publish(records(1).values())
    missing = DynamoDB("missing")
    for act in (missing.state, lambda: lookup.get("S-0", missing), lambda: load(missing, services.place)):
        with pytest.raises(lookup.Refused, match=r"There is no DynamoDB table missing.*create-table"):
            act()
    store.client.create_table(
        TableName="other",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(lookup.Refused, match="is there with other keys"):
        DynamoDB("other").create()


def test_on_the_command_line(services, store, monkeypatch):
    monkeypatch.setenv("TICKETLAKE_LOOKUP_TABLE", "commanded")
    monkeypatch.setenv("TICKETLAKE_CURATED", services.place)
    services.publish([record("S-1", 1)])

    def run(*arguments):
        done = subprocess.run([sys.executable, "-m", "lookup", *arguments], cwd=PROJECT, capture_output=True, text=True)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    assert "Make it: python -m lookup create-table" in run("load").stderr
    assert "made" in run("create-table").stdout and "it is there" in run("create-table").stdout
    nothing = run("get", "S-1")
    assert nothing.returncode == 1 and "which has nothing yet: python -m lookup load" in nothing.stderr
    assert "1 records, 1 written" in run("load").stdout
    assert json.loads(run("get", "S-1").stdout) == record("S-1", 1)
    assert run("get", "S-2").returncode == 1
    assert run("status").returncode == 0
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert "AWS_ENDPOINT_URL" in run("get", "S-1").stderr
