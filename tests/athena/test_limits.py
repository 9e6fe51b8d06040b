"""Athena's limits hold on the stand-in, too."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from conftest import QueryFailed
from scratch import RESULTS_BUCKET

DAYS = "select n, cast(date_add('day', n, date '2026-01-01') as varchar) as dt from unnest(sequence(1, {})) as t (n)"


@pytest.mark.parametrize("kind", ["hive", "iceberg"])
def test_a_hundred_partitions_are_written_and_one_more_is_refused(desk, kind):
    create = getattr(desk, kind)
    create("enough", DAYS.format(100), "'dt'")
    assert desk.rows("select count(*) from enough") == [["100"]]
    with pytest.raises(QueryFailed, match="TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open writers"):
        create("too_many", DAYS.format(101), "'dt'")


def test_a_long_statement_is_refused(desk):
    head, tail = "select 1 as n -- ", ""
    longest = head + "x" * (262_144 - len(head)) + tail
    assert desk.rows(longest) == [["1"]]
    with pytest.raises(ClientError, match="less than or equal to 262144"):
        desk.start(longest + "x")
    # The limit counts bytes.
    with pytest.raises(ClientError, match="less than or equal to 262144"):
        desk.start(head + "é" * 131_072)


@pytest.mark.parametrize("statement", ["select 1; select 2", "   ", "-- nothing"])
def test_a_call_runs_one_statement(desk, statement):
    with pytest.raises(ClientError):
        desk.start(statement)


def test_a_semicolon_may_end_it(desk):
    assert desk.rows("select ';' as s;\n-- the end\n") == [[";"]]


def test_a_work_group_limits_the_bytes_scanned(desk):
    # 490,000 hashes of 32 bytes cannot be compressed below Athena's least limit of 10 MB.
    numbers = "unnest(sequence(1, 700)) a (x), unnest(sequence(1, 700)) b (y)"
    desk.hive("wide", f"select sha256(to_utf8(cast(x * 1000 + y as varchar))) as hash from {numbers}")
    desk.athena.create_work_group(
        Name=desk.database,
        Configuration={
            "ResultConfiguration": {"OutputLocation": f"s3://{RESULTS_BUCKET}/enforced/"},
            "EnforceWorkGroupConfiguration": True,
            "BytesScannedCutoffPerQuery": 10_000_000,
        },
    )
    with pytest.raises(QueryFailed, match="Bytes scanned limit was exceeded") as failed:
        desk.run("select max(hash) from wide", WorkGroup=desk.database)
    assert failed.value.state == "CANCELLED"
    done = desk.run("select 1", WorkGroup=desk.database)
    assert done["ResultConfiguration"]["OutputLocation"].startswith(f"s3://{RESULTS_BUCKET}/enforced/")
    updates = {"BytesScannedCutoffPerQuery": 100_000_000}
    desk.athena.update_work_group(WorkGroup=desk.database, ConfigurationUpdates=updates)
    desk.run("select max(hash) from wide", WorkGroup=desk.database)


def test_a_query_without_an_output_location_is_refused(desk):
    with pytest.raises(ClientError, match="No output location provided"):
        desk.athena.start_query_execution(QueryString="select 1")


def test_a_query_that_runs_too_long_is_ended(desk, local, monkeypatch):
    monkeypatch.setattr(local.athena, "max_run_time", "1s")
    endless = (
        "select count(*) from unnest(sequence(1, 10000)) a (x), unnest(sequence(1, 10000)) b (y), "
        "unnest(sequence(1, 10000)) c (z) where x * y % 7 = z"
    )
    with pytest.raises(QueryFailed, match="Query timeout"):
        desk.run(endless)


def test_views_refuse_a_timestamp_with_time_zone(desk):
    with pytest.raises(QueryFailed, match="Unsupported Hive type: timestamp"):
        desk.run("create view v as select current_timestamp as at")
