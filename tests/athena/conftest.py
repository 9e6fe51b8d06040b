from __future__ import annotations

import time
import uuid

import pytest
from scratch import LAKE_BUCKET, RESULTS_BUCKET

from infra.local import LocalAthena


class QueryFailed(Exception):
    def __init__(self, execution: dict):
        status = execution["Status"]
        super().__init__(status.get("StateChangeReason"))
        self.state = status["State"]
        self.error = status.get("AthenaError", {})


class Desk:
    """A caller of the stand-in's AWS services, in a database of its own."""

    def __init__(self, local: LocalAthena):
        self.local = local
        self.athena, self.glue, self.s3 = (local.client(name) for name in ("athena", "glue", "s3"))
        self.database = "t_" + uuid.uuid4().hex[:12]
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
        pages = self.athena.get_paginator("get_query_results").paginate(
            QueryExecutionId=self.run(statement)["QueryExecutionId"]
        )
        lines = [[d.get("VarCharValue") for d in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
        return lines[1:]

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
