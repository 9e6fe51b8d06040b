"""Results, states, costs and errors as Athena tells them."""

from __future__ import annotations

import time

import pytest
from conftest import QueryFailed
from scratch import RESULTS_BUCKET


def result(desk, statement: str) -> dict:
    return desk.athena.get_query_results(QueryExecutionId=desk.run(statement)["QueryExecutionId"])


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("1", "integer", "1"),
        ("bigint '1'", "bigint", "1"),
        ("decimal '1.50'", "decimal", "1.50"),
        ("1.5e0", "double", "1.5"),
        ("1.5e10", "double", "1.5E10"),
        ("real '0.5'", "float", "0.5"),
        ("true", "boolean", "true"),
        ("'a ''b'''", "varchar", "a 'b'"),
        ("cast(null as varchar)", "varchar", None),
        ("date '2026-01-02'", "date", "2026-01-02"),
        ("timestamp '2026-01-02 03:04:05.123456'", "timestamp", "2026-01-02 03:04:05.123456"),
        ("timestamp '2026-01-02 03:04:05.678 UTC'", "timestamp with time zone", "2026-01-02 03:04:05.678 UTC"),
        ("x'6162'", "varbinary", "61 62"),
        ("array[1, null]", "array", "[1, null]"),
        ("map(array['k'], array[date '2026-01-02'])", "map", "{k=2026-01-02}"),
        ("cast(row(1, 'x') as row(a integer, b varchar))", "row", "{a=1, b=x}"),
        ("json '{\"a\": 1}'", "json", '{"a":1}'),
    ],
)
def test_values_and_types(desk, expression, kind, value):
    given = result(desk, f"select {expression} as v")["ResultSet"]
    assert [c["Type"] for c in given["ResultSetMetadata"]["ColumnInfo"]] == [kind]
    header, row = given["Rows"]
    assert header["Data"] == [{"VarCharValue": "v"}]
    assert row["Data"] == [{} if value is None else {"VarCharValue": value}]


def test_the_result_lies_in_s3(desk):
    done = desk.run("select 1 as n, 'a \"b\"' as s, cast(null as varchar) as nothing")
    location = done["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{RESULTS_BUCKET}/{done['QueryExecutionId']}.csv"
    body = desk.s3.get_object(Bucket=RESULTS_BUCKET, Key=location.rsplit("/", 1)[1])["Body"].read().decode()
    assert body == '"n","s","nothing"\n"1","a ""b""",\n'


def test_pages_have_a_thousand_rows(desk):
    query = desk.run("select n from unnest(sequence(1, 1500)) as t (n)")["QueryExecutionId"]
    first = desk.athena.get_query_results(QueryExecutionId=query)
    assert len(first["ResultSet"]["Rows"]) == 1000
    second = desk.athena.get_query_results(QueryExecutionId=query, NextToken=first["NextToken"])
    assert len(second["ResultSet"]["Rows"]) == 501
    assert "NextToken" not in second


def test_ddl_answers_without_header(desk):
    desk.hive("h", "select 1 as n")
    done = desk.run("show tables")
    assert done["StatementType"] == "UTILITY"
    rows = desk.athena.get_query_results(QueryExecutionId=done["QueryExecutionId"])["ResultSet"]["Rows"]
    assert rows == [{"Data": [{"VarCharValue": "h"}]}]
    assert desk.run("create view v as select 1 as n")["StatementType"] == "DDL"


def test_written_rows_are_counted(desk):
    desk.iceberg("i", "select 1 as n union all select 2")
    assert result(desk, "insert into i values 3, 4, 5")["UpdateCount"] == 3
    assert result(desk, "delete from i where n > 1")["UpdateCount"] == 4
    assert (
        result(desk, "merge into i using (values 1, 7) s (n) on i.n = s.n when not matched then insert values (s.n)")[
            "UpdateCount"
        ]
        == 1
    )


def test_bytes_scanned_follow_the_partitions_read(desk):
    months = "select sha256(to_utf8(cast(n as varchar))) as hash, n % 4 as part from unnest(sequence(1, 8000)) as t (n)"
    for kind in ("hive", "iceberg"):
        getattr(desk, kind)(f"{kind}_t", months, "'part'")
        whole, one = (
            desk.run(f"select max(hash) from {kind}_t{where}")["Statistics"]["DataScannedInBytes"]
            for where in ("", " where part = 1")
        )
        assert whole > 200_000
        assert 0.2 < one / whole < 0.3
    assert desk.run("select 1")["Statistics"]["DataScannedInBytes"] == 0


def test_errors_have_their_type(desk):
    with pytest.raises(QueryFailed, match="TABLE_NOT_FOUND") as failed:
        desk.run("select * from nowhere")
    assert (failed.value.state, failed.value.error["ErrorCategory"], failed.value.error["Retryable"]) == (
        "FAILED",
        2,
        False,
    )
    desk.iceberg("twice", "select 1 as k, 1 as v")
    with pytest.raises(QueryFailed, match="MERGE_TARGET_ROW_MULTIPLE_MATCHES"):
        desk.run(
            "merge into twice t using (values (1, 2), (1, 3)) s (k, v) on t.k = s.k "
            "when matched then update set v = s.v"
        )


def test_a_running_query_can_be_stopped(desk):
    query = desk.start(
        "select count(*) from unnest(sequence(1, 10000)) a (x), unnest(sequence(1, 10000)) b (y), "
        "unnest(sequence(1, 10000)) c (z) where x * y % 7 = z"
    )
    time.sleep(1)
    desk.athena.stop_query_execution(QueryExecutionId=query)
    assert desk.finish(query)["Status"]["State"] == "CANCELLED"


def test_queries_are_listed_with_their_cost(desk):
    desk.hive("h", "select 1 as n")
    query = desk.start("select sum(n) from h")
    desk.finish(query)
    assert query in desk.athena.list_query_executions(WorkGroup="primary")["QueryExecutionIds"]
    (listed,) = desk.athena.batch_get_query_execution(QueryExecutionIds=[query])["QueryExecutions"]
    assert listed["Statistics"]["DataScannedInBytes"] > 0


def test_parameters_fill_question_marks(desk):
    done = desk.run("select ? as a, ? as b", ExecutionParameters=["'x'", "2"])
    rows = desk.athena.get_query_results(QueryExecutionId=done["QueryExecutionId"])["ResultSet"]["Rows"]
    assert [d["VarCharValue"] for d in rows[1]["Data"]] == ["x", "2"]
