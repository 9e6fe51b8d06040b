from __future__ import annotations

import sys
import time
import uuid
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from scratch import LAKE_BUCKET, RESULTS_BUCKET

from infra.local import LocalAthena

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "python"))  # What builds lakes on DuckDB, and lands files in them.

from lakes import Dbt, exact_part_first  # noqa: E402


class QueryFailed(Exception):
    def __init__(self, execution: dict):
        status = execution["Status"]
        super().__init__(status.get("StateChangeReason"))
        self.state = status["State"]
        self.error = status.get("AthenaError", {})


class Desk:
    """A caller of the stand-in's AWS services, in a database of its own."""

    def __init__(self, local: LocalAthena, database: str | None = None):
        self.local = local
        self.athena, self.glue, self.s3 = (local.client(name) for name in ("athena", "glue", "s3"))
        self.database = database or "t_" + uuid.uuid4().hex[:12]
        if database is None:
            self.glue.create_database(DatabaseInput={"Name": self.database})

    def start(self, statement: str, **more) -> str:
        return self.athena.start_query_execution(
            QueryString=statement,
            QueryExecutionContext={"Catalog": "awsdatacatalog", "Database": self.database},
            ResultConfiguration={"OutputLocation": f"s3://{RESULTS_BUCKET}"},
            **more,
        )["QueryExecutionId"]

    def finish(self, query: str) -> dict:
        while True:
            execution = self.athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
            if execution["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
                return execution
            time.sleep(0.05)

    def run(self, statement: str, **more) -> dict:
        execution = self.finish(self.start(statement, **more))
        if execution["Status"]["State"] != "SUCCEEDED":
            raise QueryFailed(execution)
        return execution

    def rows(self, statement: str) -> list[list[str | None]]:
        """The rows of a query, without the header."""
        return self.typed_rows(statement)[1]

    def typed_rows(self, statement: str) -> tuple[list[tuple[str, str]], list[list[str | None]]]:
        """Name and type of each column, and the rows as text."""
        query = self.run(statement)["QueryExecutionId"]
        pages = list(self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=query))
        columns = [(c["Name"], c["Type"]) for c in pages[0]["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]
        lines = [[d.get("VarCharValue") for d in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
        return columns, lines[1:]

    def table(self, name: str) -> dict:
        return self.glue.get_table(DatabaseName=self.database, Name=name)["Table"]

    def location(self, name: str) -> str:
        return f"s3://{LAKE_BUCKET}/{self.database}/{name}"

    def put(self, key: str, text: str) -> None:
        self.s3.put_object(Bucket=LAKE_BUCKET, Key=f"{self.database}/{key}", Body=text.encode())

    def iceberg(self, name: str, query: str, partitioning: str = "") -> None:
        partitioned = f"partitioning = array[{partitioning}], " if partitioning else ""
        self.run(
            f"create table {name} with (table_type = 'iceberg', is_external = false, {partitioned}"
            f"location = '{self.location(name)}', format = 'parquet') as {query}"
        )

    def hive(self, name: str, query: str, partitioned_by: str = "") -> None:
        partitioned = f"partitioned_by = array[{partitioned_by}], " if partitioned_by else ""
        self.run(
            f"create table {name} with (table_type = 'hive', is_external = true, {partitioned}"
            f"external_location = '{self.location(name)}', format = 'parquet') as {query}"
        )


class AthenaLake:
    """The lake of a stand-in: files in its bucket, tables in its catalog. There is one, emptied for each test."""

    def __init__(self, local: LocalAthena):
        environment = local.environment
        self.raw = environment.get("TICKETLAKE_RAW") or environment["LAKE"] + "/raw"
        self.curated = environment.get("TICKETLAKE_CURATED") or environment["LAKE"] + "/tables"
        self.schema = environment.get("TICKETLAKE_SCHEMA", "ticketlake")
        self.raw_schema = environment.get("TICKETLAKE_RAW_SCHEMA", "raw")
        self.desk = Desk(local, self.schema)

    def clear(self) -> None:
        """Leaves no file that has landed, and no table."""
        databases = {database["Name"] for database in self.desk.glue.get_databases()["DatabaseList"]}
        if self.schema in databases:
            self.desk.glue.delete_database(Name=self.schema)
        if self.raw_schema not in databases:
            self.desk.glue.create_database(DatabaseInput={"Name": self.raw_schema})
        for prefix in (self.raw, self.curated):
            bucket, _, key = prefix.removeprefix("s3://").partition("/")
            for page in self.desk.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key):
                if objects := [{"Key": found["Key"]} for found in page.get("Contents", [])]:
                    self.desk.s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})

    def land(self, files: dict[str, bytes], feed: str = "ticket_updates") -> None:
        """Writes files: bytes by path below raw/<feed>."""
        bucket, _, key = f"{self.raw.rstrip('/')}/{feed}".removeprefix("s3://").partition("/")
        for path, content in files.items():
            self.desk.s3.put_object(Bucket=bucket, Key=f"{key}/{path}", Body=content)

    def texts(self, query: str) -> list[tuple[str | None, ...]]:
        """The rows of a query, each value as text."""
        return [tuple(row) for row in self.desk.rows(query)]

    def query(self, sql: str) -> list[tuple]:
        columns, rows = self.desk.typed_rows(sql)
        return [
            tuple(
                None if text is None else _READ.get(kind, str)(text)
                for text, (_, kind) in zip(row, columns, strict=True)
            )
            for row in rows
        ]

    def read(self, tables: list[str]) -> dict[str, list[tuple]]:
        """The rows of each table, sorted, its columns and their types first."""
        found = {}
        for table in tables:
            columns, _ = self.desk.typed_rows(f"select * from {table} where false")
            rows = self.query(f"select * from {table}")
            found[table] = [tuple(columns), *sorted(rows, key=exact_part_first)]
        return found


def _map(text: str) -> dict[str, float]:
    """A map of texts to doubles, which Athena writes as {EUR=1.5, USD=2.0}."""
    entries = (entry.rsplit("=", 1) for entry in text[1:-1].split(", ") if entry)
    return {key: float(value) for key, value in entries}


_READ = {
    "boolean": {"true": True, "false": False}.get,
    "integer": int,
    "bigint": int,
    "double": float,
    "decimal": Decimal,
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "map": _map,
}


class AthenaDbt(Dbt):
    """Runs dbt on the project, against a stand-in."""

    adapter = "athena"

    def __init__(self, home: Path, local: LocalAthena, project: Path = ROOT):
        super().__init__(home, project)
        self.environment |= local.environment

    def start(self, lake, *arguments):
        return super().start(lake, *arguments, "--target", "athena")

    def point_at(self, lake) -> None:
        """There is one lake."""


@pytest.fixture(scope="session")
def local():
    with LocalAthena() as started:
        for bucket in (LAKE_BUCKET, RESULTS_BUCKET):
            where = {"LocationConstraint": started.environment["AWS_REGION"]}
            started.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        yield started


@pytest.fixture
def desk(local) -> Desk:
    return Desk(local)


@pytest.fixture(scope="session")
def athena_dbt(local, tmp_path_factory) -> AthenaDbt:
    runner = AthenaDbt(tmp_path_factory.mktemp("athena_dbt"), local)
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def athena_lake(local) -> AthenaLake:
    lake = AthenaLake(local)
    lake.clear()
    return lake
