"""Athena's DDL, and what it leaves in Glue."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from conftest import QueryFailed


def columns(desk, name: str) -> list[tuple[str, str]]:
    return [(c["Name"], c["Type"]) for c in desk.table(name)["StorageDescriptor"]["Columns"]]


def test_json_lines_are_read_by_the_days_that_projection_names(desk):
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        desk.put(f"raw/dt={day}/a.jsonl", json.dumps({"id": f"T-{day}", "nested": {"n": 1}}) + "\n")
    desk.run(
        f"""
        create external table `{desk.database}`.`raw` (`id` string, `nested` struct<n:int>)
        partitioned by (`dt` string)
        row format serde 'org.openx.data.jsonserde.JsonSerDe' with serdeproperties ('ignore.malformed.json' = 'true')
        location '{desk.location("raw")}/'
        tblproperties (
            'projection.enabled' = 'true',
            'projection.dt.type' = 'date',
            'projection.dt.format' = 'yyyy-MM-dd',
            'projection.dt.range' = '2026-01-01,2026-12-31',
            'storage.location.template' = '{desk.location("raw")}/dt=${{dt}}/'
        )
        """
    )
    assert desk.glue.get_partitions(DatabaseName=desk.database, TableName="raw")["Partitions"] == []
    assert desk.rows("select id, nested.n, dt from raw where dt between '2026-01-02' and '2026-02-01' order by id") == [
        ["T-2026-01-02", "1", "2026-01-02"],
        ["T-2026-01-03", "1", "2026-01-03"],
    ]
    # A file that lands is seen by the next query.
    desk.put("raw/dt=2026-01-03/b.jsonl", '{"id": "T-late"}\n')
    desk.put("raw/dt=2026-01-04/a.jsonl", '{"id": "T-next"}\n')
    assert desk.rows("select count(*) from raw where dt >= '2026-01-03'") == [["3"]]
    one, all_ = (
        desk.run(f"select count(id) from raw{where}")["Statistics"]["DataScannedInBytes"]
        for where in (" where dt = '2026-01-01'", "")
    )
    assert 0 < one < all_


def test_whole_lines_are_read_as_text(desk):
    lines = ['{"a": "x, y", "b": 1}', "broken {", 'quo"te', "back\\slash", "tab\there"]
    desk.put("lines/a.jsonl", "\n".join(lines) + "\n")
    desk.run(
        f"create external table lines (line string) row format delimited fields terminated by '\\001' "
        f"stored as textfile location '{desk.location('lines')}/'"
    )
    assert desk.table("lines")["StorageDescriptor"]["SerdeInfo"]["Parameters"]["field.delim"] == "\x01"
    assert sorted(row[0] for row in desk.rows("select line from lines")) == sorted(lines)


def test_csv_with_header(desk):
    desk.put("csv/a.csv", 'id,name\n"1","a, b"\n')
    desk.run(
        "create external table c (id string, name string) "
        "row format serde 'org.apache.hadoop.hive.serde2.OpenCSVSerde' "
        f"location '{desk.location('csv')}' tblproperties ('skip.header.line.count' = '1')"
    )
    assert desk.rows("select * from c") == [["1", "a, b"]]


def test_partitions_are_added_found_and_dropped(desk):
    for day in ("1", "2"):
        desk.put(f"p/day={day}/a.txt", f"line {day}\n")
    desk.run(f"create external table p (line string) partitioned by (day int) location '{desk.location('p')}'")
    assert desk.rows("select count(*) from p") == [["0"]]
    desk.run("alter table p add if not exists partition (day = 1)")
    assert desk.rows("select line from p") == [["line 1"]]
    desk.run("msck repair table p")
    assert desk.rows("select line from p order by 1") == [["line 1"], ["line 2"]]
    desk.run("alter table p drop partition (day = '1')")
    assert desk.rows("select line from p") == [["line 2"]]


def test_hive_columns_change_in_glue(desk):
    desk.hive("h", "select 1 as a, 'x' as b")
    desk.run(f"alter table `{desk.database}`.`h` add columns (`c` string, d array<int>)")
    assert [name for name, _ in columns(desk, "h")] == ["a", "b", "c", "d"]
    assert desk.rows("select a, c, d from h") == [["1", None, None]]
    desk.run("alter table h replace columns (a int)")
    assert columns(desk, "h") == [("a", "int")]
    desk.run("alter table h set tblproperties ('classification' = 'parquet')")
    assert desk.table("h")["Parameters"]["classification"] == "parquet"
    for refused in ("drop column a", "rename to other", "add columns (z timestamp(6))"):
        with pytest.raises(QueryFailed):
            desk.run(f"alter table h {refused}")


def test_iceberg_columns_change_in_place(desk):
    desk.iceberg("i", "select 1 as a, 'x' as b, timestamp '2026-01-01 00:00:00.000001' as t")
    desk.run("alter table i add columns (`c` string, u timestamp)")
    desk.run("alter table i drop column b")
    desk.run("alter table i change column a key bigint")
    assert columns(desk, "i")[:4] == [("key", "bigint"), ("t", "timestamp"), ("c", "string"), ("u", "timestamp")]
    desk.run("alter table i rename to `renamed`")
    assert desk.rows("select key, cast(t as varchar), c from renamed") == [["1", "2026-01-01 00:00:00.000001", None]]


def test_iceberg_by_ddl_with_transforms(desk):
    desk.run(
        f"create table e (id bigint, at timestamp, tags array<string>) partitioned by (day(at), bucket(4, id)) "
        f"location '{desk.location('e')}' tblproperties ('table_type' = 'ICEBERG', 'format' = 'parquet')"
    )
    desk.run("insert into e values (1, timestamp '2026-01-01 00:00:00.000001', array['x'])")
    assert desk.rows('select partition.at_day, record_count from "e$partitions"') == [["2026-01-01", "1"]]


def test_optimize_and_vacuum(desk):
    desk.iceberg("o", "select 1 as n")
    for n in (2, 3):
        desk.run(f"insert into o values {n}")
    assert desk.rows('select count(*) from "o$files"') == [["3"]]
    desk.run(f"optimize {desk.database}.o rewrite data using bin_pack")
    assert desk.rows('select count(*) from "o$files"') == [["1"]]
    desk.run("alter table o set tblproperties ('vacuum_max_snapshot_age_seconds' = '1')")
    assert int(desk.rows('select count(*) from "o$snapshots"')[0][0]) >= 4
    time.sleep(1.2)
    desk.run("vacuum o")
    assert desk.rows('select count(*) from "o$snapshots"') == [["1"]]
    assert desk.rows("select sum(n) from o") == [["6"]]


def test_a_views_columns_stand_in_glue_and_its_comment_can_change(desk):
    desk.run("create or replace view v as select 1 as a, 'x' as b, cast(row(1) as row(n bigint)) as r")
    assert columns(desk, "v") == [("a", "int"), ("b", "varchar(1)"), ("r", "struct<n:bigint>")]
    table = desk.table("v")
    allowed = ("Name", "StorageDescriptor", "ViewOriginalText", "ViewExpandedText", "TableType", "PartitionKeys")
    table_input = {k: table[k] for k in allowed if k in table}
    documented = table_input | {
        "Description": "documented",
        "Parameters": table["Parameters"] | {"comment": "documented"},
    }
    desk.glue.update_table(DatabaseName=desk.database, TableInput=documented)
    assert desk.table("v")["Parameters"]["comment"] == "documented"
    assert desk.rows("select a, b from v") == [["1", "x"]]


def test_an_update_of_an_old_version_is_refused(desk):
    desk.hive("h", "select 1 as n")
    table = desk.table("h")
    table_input = {"Name": "h", "StorageDescriptor": table["StorageDescriptor"]}
    desk.glue.update_table(DatabaseName=desk.database, TableInput=table_input, VersionId=table["VersionId"])
    with pytest.raises(ClientError, match="ConcurrentModificationException"):
        desk.glue.update_table(DatabaseName=desk.database, TableInput=table_input, VersionId=table["VersionId"])


def test_of_merges_at_once_one_wins_and_inserts_all_stay(desk):
    desk.iceberg("m", "select 1 as k, bigint '0' as v")
    # A source that takes its time, so that all three have begun before one ends.
    slow = "unnest(sequence(1, 3000)) a (x), unnest(sequence(1, 3000)) b (y) where x * y % 7 = 3"
    merges = [
        f"merge into m t using (select 1 as k, {n} + 0 * count(*) as v from {slow}) s on t.k = s.k "
        "when matched then update set v = s.v"
        for n in range(3)
    ]
    queries = [desk.start(statement) for statement in merges]
    ended = [desk.finish(query)["Status"] for query in queries]
    (won,) = [n for n, status in enumerate(ended) if status["State"] == "SUCCEEDED"]
    for status in ended[:won] + ended[won + 1 :]:
        assert status["AthenaError"]["ErrorType"] == 233
        assert "ICEBERG_COMMIT_ERROR" in status["AthenaError"]["ErrorMessage"]
    assert desk.rows("select k, v from m") == [["1", str(won)]]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: desk.run(f"insert into m values ({n}, 0)"), range(10, 14)))
    assert desk.rows("select count(*) from m") == [["5"]]


def test_column_statistics_are_kept(desk):
    desk.hive("h", "select 1 as n")
    key = {"DatabaseName": desk.database, "TableName": "h"}
    statistics = {
        "ColumnName": "n",
        "ColumnType": "int",
        "AnalyzedTime": 0,
        "StatisticsData": {
            "Type": "LONG",
            "LongColumnStatisticsData": {
                "MinimumValue": 1,
                "MaximumValue": 1,
                "NumberOfNulls": 0,
                "NumberOfDistinctValues": 1,
            },
        },
    }
    desk.glue.update_column_statistics_for_table(**key, ColumnStatisticsList=[statistics])
    found = desk.glue.get_column_statistics_for_table(**key, ColumnNames=["n"])["ColumnStatisticsList"]
    assert [f["ColumnName"] for f in found] == ["n"]
    desk.glue.delete_column_statistics_for_table(**key, ColumnName="n")
    assert desk.glue.get_column_statistics_for_table(**key, ColumnNames=["n"])["ColumnStatisticsList"] == []


def test_databases_come_and_go(desk):
    name = desk.database + "_new"
    desk.run(f"create schema if not exists `{name}`")
    desk.run(f"create schema if not exists `{name}`")
    with pytest.raises(QueryFailed, match="already exists"):
        desk.run(f"create database {name}")
    desk.run(f"create external table {name}.t (a int) location '{desk.location('t')}'")
    with pytest.raises(QueryFailed, match="not empty"):
        desk.run(f"drop database {name}")
    desk.run(f"drop database {name} cascade")
    assert [name] not in desk.rows("select schema_name from information_schema.schemata")


@pytest.mark.parametrize(
    "statement",
    [
        "create table t (a int) location 's3://scratch/t'",
        "create external table t (a varchar) partitioned by (dt) location 's3://scratch/t'",
        "create external table t (a integr) location 's3://scratch/t'",
        "create external table t (a int)",
        "create table t with (table_type = 'iceberg', is_external = false) as select 1 as a",
        "create table t with (external_location = 's3://scratch/t', made_up = 1) as select 1 as a",
        "create table t with (external_location = 's3://scratch/t', partitioning = array['a']) as select 1 as a",
        "grant select on t to me",
        "alter table nowhere add columns (a int)",
    ],
)
def test_what_athena_does_not_do_is_refused(desk, statement):
    with pytest.raises(QueryFailed):
        desk.run(statement)
