"""Statements on Athena outside dbt: in the work group and the database that the environment names."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from infra import aws

_POLL_S = 0.5
_READ = {
    "bigint": int,
    "integer": int,
    "double": float,
    "boolean": lambda text: text == "true",
    "timestamp": datetime.fromisoformat,
}


def run(statement: str) -> list[tuple[Any, ...]]:
    """The rows that a statement returns, without their header."""
    athena, query = _succeeded(statement)
    rows, columns = [], []
    for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=query):
        columns = columns or [
            _READ.get(column["Type"], str) for column in page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        ]
        rows += page["ResultSet"]["Rows"]
    return [
        tuple(
            read(cell["VarCharValue"]) if "VarCharValue" in cell else None
            for read, cell in zip(columns, row["Data"], strict=True)
        )
        for row in rows[1:]
    ]


def download(statement: str, path: Path) -> None:
    """Writes what a statement returns as CSV with a header: what is null is empty, a text stands in quotes."""
    athena, query = _succeeded(statement)
    execution = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
    bucket, _, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
    aws.client("s3").download_file(bucket, key, str(path))


def _succeeded(statement: str) -> tuple[Any, str]:
    """A client of Athena, and the query that has run there."""
    athena = aws.client("athena")
    query = athena.start_query_execution(
        QueryString=statement,
        WorkGroup=aws.setting("TICKETLAKE_WORK_GROUP"),
        QueryExecutionContext={"Database": os.environ.get("TICKETLAKE_SCHEMA", "ticketlake")},
        ResultConfiguration={"OutputLocation": aws.setting("TICKETLAKE_RESULTS")},
    )["QueryExecutionId"]
    while _state(athena, query) in ("QUEUED", "RUNNING"):
        time.sleep(_POLL_S)
    return athena, query


def _state(athena: Any, query: str) -> str:
    status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
    if status["State"] in ("FAILED", "CANCELLED"):
        raise aws.Refused(
            f"Query {query} {status['State'].lower()}: {status.get('StateChangeReason', 'no reason is given')}"
        )
    return status["State"]
