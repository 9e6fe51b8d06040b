"""Athena's API: statements run on Trino, their states, results and costs told as Athena tells them."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests
import trino
from moto.athena.models import athena_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from infra.local import results
from infra.local.datatypes import DataType, trino_type
from infra.local.glue import Glue
from infra.local.statements import HIVE_CATALOG, Plan, plan, single_statement
from infra.local.tokens import StatementError

MAX_STATEMENT_BYTES = 262_144
MAX_ROWS_A_PAGE = 1_000
MAX_RUN_TIME = "30m"
MAX_ACTIVE = 20
# A caller that asks for the state waits up to this long for the end: dbt sleeps a second between two questions.
_PATIENCE_S = 10

_SYSTEM, _USER = 1, 2
_ICEBERG_ERROR, _USER_ERROR, _ENGINE_ERROR, _TIMEOUT = 233, 1006, 200, 210


class AthenaError(Exception):
    """An error of a call, as distinct from one of a query."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


@dataclass
class _Failure(Exception):
    """Why a query failed or was ended."""

    message: str
    type: int = _USER_ERROR
    category: int = _USER
    retryable: bool = False
    state: str = "FAILED"


@dataclass
class Query:
    statement: str
    context: dict[str, str]
    work_group: str
    output: str
    parameters: list[str]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    type: str = "DML"
    subtype: str | None = None
    state: str = "QUEUED"
    failure: _Failure | None = None
    submitted: float = field(default_factory=time.time)
    started: float | None = None
    completed: float | None = None
    bytes_scanned: int = 0
    engine_ms: int = 0
    columns: list[tuple[str, DataType]] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    update_count: int | None = None
    done: threading.Event = field(default_factory=threading.Event)
    running: Any = None
    stopped: bool = False

    @property
    def plain(self) -> bool:
        """Whether the result has no header row."""
        return self.type != "DML" or self.subtype == "EXPLAIN"


class Athena:
    def __init__(self, region: str, glue: Glue, trino_port: Callable[[], int]):
        self.glue = glue
        self.queries: dict[str, Query] = {}
        self._moto = athena_backends[DEFAULT_ACCOUNT_ID][region]
        self._s3 = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        self._region = region
        self._trino_port = trino_port
        self._pool = ThreadPoolExecutor(MAX_ACTIVE, thread_name_prefix="athena")
        self._lock = threading.Lock()
        self._throttled = 0
        self._doomed: list[tuple[re.Pattern, _Failure]] = []
        self.max_run_time = MAX_RUN_TIME

    def close(self) -> None:
        for query in list(self.queries.values()):
            self._stop(query)
        self._pool.shutdown(wait=False, cancel_futures=True)

    # ---------- faults on demand, for tests

    def throttle_next(self, times: int) -> None:
        """Refuses the next statements as Athena does when too many arrive."""
        with self._lock:
            self._throttled += times

    def fail_next(
        self, pattern: str, message: str = "GENERIC_INTERNAL_ERROR: made to fail", retryable: bool = False
    ) -> None:
        """Fails the next statement in which the pattern is found, before it runs."""
        kind = _ICEBERG_ERROR if message.startswith("ICEBERG_") else _ENGINE_ERROR
        with self._lock:
            self._doomed.append((re.compile(pattern, re.I | re.S), _Failure(message, kind, _SYSTEM, retryable)))

    def bytes_scanned(self) -> int:
        return sum(query.bytes_scanned for query in list(self.queries.values()))

    # ---------- the API

    def knows(self, action: str) -> bool:
        return action in _ACTIONS

    def answer(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        return getattr(self, _ACTIONS[action])(request)

    def _start_query_execution(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            if self._throttled:
                self._throttled -= 1
                raise AthenaError("TooManyRequestsException", "Rate exceeded")
        statement = request["QueryString"]
        if len(statement.encode()) > MAX_STATEMENT_BYTES:
            raise _invalid(
                "1 validation error detected: Value at 'queryString' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_STATEMENT_BYTES}"
            )
        try:
            single_statement(statement)
        except StatementError as error:
            raise _invalid(str(error)) from error
        name = request.get("WorkGroup") or "primary"
        group = self._work_group(name)
        if group.state != "ENABLED":
            raise _invalid(f"WorkGroup {name} is disabled.")
        query = Query(
            statement,
            {k: v.lower() for k, v in (request.get("QueryExecutionContext") or {}).items()},
            name,
            self._output(group, request),
            request.get("ExecutionParameters") or [],
        )
        self.queries[query.id] = query
        self._pool.submit(self._run, query)
        return {"QueryExecutionId": query.id}

    def _output(self, group: Any, request: dict[str, Any]) -> str:
        own = (group.configuration.get("ResultConfiguration") or {}).get("OutputLocation")
        asked = (request.get("ResultConfiguration") or {}).get("OutputLocation")
        enforced = group.configuration.get("EnforceWorkGroupConfiguration")
        output = own if own and (enforced or not asked) else asked
        if not output:
            raise _invalid(
                "No output location provided. An output location is required either through the Workgroup result "
                "configuration setting or as an API input."
            )
        bucket = re.match(r"s3://([^/]+)", output)
        if not bucket or bucket[1] not in self._s3.buckets:
            raise _invalid(f"Unable to verify/create output bucket {bucket[1] if bucket else output}")
        return output.rstrip("/")

    def _get_query_execution(self, request: dict[str, Any]) -> dict[str, Any]:
        query = self._query(request)
        query.done.wait(_PATIENCE_S)
        return {"QueryExecution": self._execution(query)}

    def _batch_get_query_execution(self, request: dict[str, Any]) -> dict[str, Any]:
        asked = request["QueryExecutionIds"]
        return {
            "QueryExecutions": [self._execution(self.queries[i]) for i in asked if i in self.queries],
            "UnprocessedQueryExecutionIds": [
                {"QueryExecutionId": i, "ErrorCode": "INVALID_INPUT", "ErrorMessage": f"Query {i} does not exist"}
                for i in asked
                if i not in self.queries
            ],
        }

    def _list_query_executions(self, request: dict[str, Any]) -> dict[str, Any]:
        group = request.get("WorkGroup") or "primary"
        latest_first = [q.id for q in reversed(list(self.queries.values())) if q.work_group == group]
        start = int(request.get("NextToken") or 0)
        end = start + int(request.get("MaxResults") or 50)
        more = {"NextToken": str(end)} if end < len(latest_first) else {}
        return {"QueryExecutionIds": latest_first[start:end]} | more

    def _stop_query_execution(self, request: dict[str, Any]) -> dict[str, Any]:
        self._stop(self._query(request))
        return {}

    def _get_query_results(self, request: dict[str, Any]) -> dict[str, Any]:
        query = self._query(request)
        if query.state != "SUCCEEDED":
            raise _invalid(f"Query has not yet finished. Current state: {query.state}")
        lines = query.rows if query.plain else [[name for name, _ in query.columns], *query.rows]
        if query.plain is False and not query.columns:
            lines = []
        start = int(request.get("NextToken") or 0)
        end = start + min(int(request.get("MaxResults") or MAX_ROWS_A_PAGE), MAX_ROWS_A_PAGE)
        answer: dict[str, Any] = {
            "ResultSet": {
                "Rows": [{"Data": [results.datum(value) for value in line]} for line in lines[start:end]],
                "ResultSetMetadata": {"ColumnInfo": [results.column_info(*column) for column in query.columns]},
            },
        }
        if query.update_count is not None:
            answer["UpdateCount"] = query.update_count
        if end < len(lines):
            answer["NextToken"] = str(end)
        return answer

    def _get_query_runtime_statistics(self, request: dict[str, Any]) -> dict[str, Any]:
        query = self._query(request)
        rows = {"InputBytes": query.bytes_scanned, "OutputRows": len(query.rows)}
        timeline = {"EngineExecutionTimeInMillis": query.engine_ms, "TotalExecutionTimeInMillis": query.engine_ms}
        return {"QueryRuntimeStatistics": {"Rows": rows, "Timeline": timeline}}

    # ---------- work groups and catalogs

    def _work_group(self, name: str) -> Any:
        if name not in self._moto.work_groups:
            raise _invalid(f"WorkGroup {name} is not found.")
        return self._moto.work_groups[name]

    def _get_work_group(self, request: dict[str, Any]) -> dict[str, Any]:
        self._work_group(request["WorkGroup"])
        return {"WorkGroup": self._moto.get_work_group(request["WorkGroup"])}

    def _update_work_group(self, request: dict[str, Any]) -> dict[str, Any]:
        group = self._work_group(request["WorkGroup"])
        group.description = request.get("Description", group.description)
        group.state = request.get("State", group.state)
        for key, value in (request.get("ConfigurationUpdates") or {}).items():
            if key == "RemoveBytesScannedCutoffPerQuery":
                group.configuration.pop("BytesScannedCutoffPerQuery", None)
            elif key == "ResultConfigurationUpdates":
                kept = group.configuration.setdefault("ResultConfiguration", {})
                kept.update({k: v for k, v in value.items() if not k.startswith("Remove")})
                for k, v in value.items():
                    if k.startswith("Remove") and v:
                        kept.pop(k.removeprefix("Remove"), None)
            else:
                group.configuration[key] = value
        return {}

    def _list_data_catalogs(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"DataCatalogsSummary": [{"CatalogName": "AwsDataCatalog", "Type": "GLUE"}]}

    def _get_data_catalog(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["Name"].lower() != HIVE_CATALOG:
            raise _invalid(f"Catalog {request['Name']} does not exist")
        parameters = {"catalog-id": DEFAULT_ACCOUNT_ID}
        return {"DataCatalog": {"Name": "AwsDataCatalog", "Type": "GLUE", "Parameters": parameters}}

    def _list_databases(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"DatabaseList": [{"Name": name} for name in sorted(self.glue.backend.databases)]}

    def _get_database(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["DatabaseName"].lower() not in self.glue.backend.databases:
            raise AthenaError("MetadataException", f"Database {request['DatabaseName']} not found")
        return {"Database": {"Name": request["DatabaseName"].lower()}}

    def _list_table_metadata(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            tables = self.glue.tables(request["DatabaseName"].lower())
        except StatementError as error:
            raise AthenaError("MetadataException", str(error)) from error
        return {"TableMetadataList": [_metadata(table) for table in tables]}

    def _get_table_metadata(self, request: dict[str, Any]) -> dict[str, Any]:
        found = self.glue.table(request["DatabaseName"].lower(), request["TableName"].lower())
        if found is None:
            raise AthenaError("MetadataException", f"Table {request['TableName']} not found")
        return {"TableMetadata": _metadata(found)}

    # ---------- running a query

    def _query(self, request: dict[str, Any]) -> Query:
        query = self.queries.get(request["QueryExecutionId"])
        if query is None:
            raise _invalid(f"QueryExecution {request['QueryExecutionId']} was not found")
        return query

    def _stop(self, query: Query) -> None:
        query.stopped = True
        running = query.running
        if not query.done.is_set() and running is not None:
            running.cancel()

    def _run(self, query: Query) -> None:
        query.started = time.time()
        query.state = "RUNNING"
        try:
            if query.stopped:
                raise _Failure("Query was cancelled", state="CANCELLED")
            self._execute(query)
            self._write_result(query)
            state = "SUCCEEDED"
        except _Failure as failure:
            query.failure, state = failure, failure.state
        except StatementError as error:
            query.failure, state = _Failure(f"FAILED: {error}"), "FAILED"
        except Exception as error:
            query.failure = _Failure(f"GENERIC_INTERNAL_ERROR: {error!r}", _ENGINE_ERROR, _SYSTEM)
            state = "FAILED"
        query.running = None
        query.completed = time.time()
        query.engine_ms = round((query.completed - query.started) * 1000)
        query.state = state
        query.done.set()

    def _execute(self, query: Query) -> None:
        database = query.context.get("Database", "default")
        planned = plan(query.statement, database, self.glue)
        query.type, query.subtype = planned.type, planned.subtype
        with self._lock:
            doomed = next((d for d in self._doomed if d[0].search(query.statement)), None)
            if doomed:
                self._doomed.remove(doomed)
                raise doomed[1]
        for statement in planned.trino:
            self._on_trino(query, planned, statement, database)
        if planned.glue:
            lines = planned.glue(self.glue)
            if lines is not None:
                query.columns = [("result", DataType("varchar"))]
                query.rows = [[line] for line in lines]

    def _on_trino(self, query: Query, planned: Plan, statement: str, database: str) -> None:
        if query.parameters:
            escaped = statement.replace("'", "''")
            statement = f"execute immediate '{escaped}' using {', '.join(query.parameters)}"
        cutoff = self._work_group(query.work_group).configuration.get("BytesScannedCutoffPerQuery")
        properties = {"query_max_run_time": self.max_run_time} | planned.session
        if cutoff:
            properties["query_max_scan_physical_bytes"] = f"{cutoff}B"
        session = trino.client.ClientSession(
            user="athena", catalog=HIVE_CATALOG, schema=database, source="athena", properties=properties, encoding=None
        )
        scanned_before = query.bytes_scanned

        def count(stats: dict[str, Any]) -> None:
            query.bytes_scanned = scanned_before + stats.get("physicalInputBytes", 0)

        with requests.Session() as http:
            request = trino.client.TrinoRequest("127.0.0.1", self._trino_port(), session, http_session=http)
            running = trino.client.TrinoQuery(request, statement, legacy_primitive_types=True, stats_callback=count)
            query.running = running
            try:
                rows = list(running.execute())
            except trino.exceptions.TrinoQueryError as error:
                raise _told(query, error) from error
            if query.stopped and running.cancelled:
                raise _Failure("Query was cancelled", state="CANCELLED")
            # Trino itself looks now and then: a short query may be over before.
            if cutoff and query.bytes_scanned > cutoff:
                raise _scanned_too_much()
            columns = [(c["name"], trino_type(c["type"])) for c in running.columns or []]
        if planned.returns_rows:
            query.columns = columns
            query.rows = [[results.shown(v, kind) for v, (_, kind) in zip(row, columns, strict=True)] for row in rows]
        elif planned.subtype in ("CREATE_TABLE_AS_SELECT", "INSERT", "MERGE", "UPDATE", "DELETE"):
            query.columns = [("rows", DataType("bigint"))]
            query.update_count = running.update_count or 0
            query.rows = []

    def _write_result(self, query: Query) -> None:
        bucket, _, prefix = self._path(query).removeprefix("s3://").partition("/")
        if query.plain:
            body = "".join((row[0] or "") + "\n" for row in query.rows).encode()
        elif query.subtype in ("INSERT", "MERGE", "UPDATE", "DELETE"):
            return
        else:
            body = results.csv_file([name for name, _ in query.columns], query.rows)
        self._s3.put_object(bucket, prefix, body)

    def _path(self, query: Query) -> str:
        return f"{query.output}/{query.id}" + (".txt" if query.plain else ".csv")

    def _execution(self, query: Query) -> dict[str, Any]:
        status: dict[str, Any] = {"State": query.state, "SubmissionDateTime": query.submitted}
        if query.completed:
            status["CompletionDateTime"] = query.completed
        if query.failure:
            status["StateChangeReason"] = query.failure.message
            if query.state == "FAILED":
                status["AthenaError"] = {
                    "ErrorCategory": query.failure.category,
                    "ErrorType": query.failure.type,
                    "Retryable": query.failure.retryable,
                    "ErrorMessage": query.failure.message,
                }
        queued = round(((query.started or time.time()) - query.submitted) * 1000)
        execution = {
            "QueryExecutionId": query.id,
            "Query": query.statement,
            "StatementType": query.type,
            "ResultConfiguration": {"OutputLocation": self._path(query)},
            "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
            "QueryExecutionContext": query.context,
            "Status": status,
            "Statistics": {
                "EngineExecutionTimeInMillis": query.engine_ms,
                "DataScannedInBytes": query.bytes_scanned,
                "TotalExecutionTimeInMillis": queued + query.engine_ms,
                "QueryQueueTimeInMillis": queued,
                "ServiceProcessingTimeInMillis": 0,
                "ResultReuseInformation": {"ReusedPreviousResult": False},
            },
            "WorkGroup": query.work_group,
            "EngineVersion": {
                "SelectedEngineVersion": "AUTO",
                "EffectiveEngineVersion": "Athena engine version 3",
            },
        }
        return execution | ({"SubstatementType": query.subtype} if query.subtype else {})


def _invalid(message: str) -> AthenaError:
    return AthenaError("InvalidRequestException", message)


def _scanned_too_much() -> _Failure:
    return _Failure("Bytes scanned limit was exceeded", state="CANCELLED")


def _told(query: Query, error: trino.exceptions.TrinoQueryError) -> _Failure:
    """Trino's error as Athena's."""
    name, message = error.error_name or "GENERIC_INTERNAL_ERROR", error.message
    if query.stopped or name == "USER_CANCELED":
        return _Failure("Query was cancelled", state="CANCELLED")
    if name == "EXCEEDED_SCAN_LIMIT":
        return _scanned_too_much()
    if name == "EXCEEDED_TIME_LIMIT":
        return _Failure("Query timeout", _TIMEOUT, _SYSTEM)
    if name.startswith("ICEBERG_"):
        return _Failure(f"{name}: {message}", _ICEBERG_ERROR)
    if error.error_type == "USER_ERROR":
        return _Failure(f"{name}: {message}")
    return _Failure(f"{name}: {message}", _ENGINE_ERROR, _SYSTEM if error.error_type == "INTERNAL_ERROR" else _USER)


def _metadata(table: dict[str, Any]) -> dict[str, Any]:
    return {
        "Name": table["Name"],
        "TableType": table.get("TableType", ""),
        "Columns": (table.get("StorageDescriptor") or {}).get("Columns", []),
        "PartitionKeys": table.get("PartitionKeys", []),
        "Parameters": table.get("Parameters") or {},
    }


_ACTIONS = {
    "StartQueryExecution": "_start_query_execution",
    "GetQueryExecution": "_get_query_execution",
    "BatchGetQueryExecution": "_batch_get_query_execution",
    "ListQueryExecutions": "_list_query_executions",
    "StopQueryExecution": "_stop_query_execution",
    "GetQueryResults": "_get_query_results",
    "GetQueryRuntimeStatistics": "_get_query_runtime_statistics",
    "GetWorkGroup": "_get_work_group",
    "UpdateWorkGroup": "_update_work_group",
    "ListDataCatalogs": "_list_data_catalogs",
    "GetDataCatalog": "_get_data_catalog",
    "ListDatabases": "_list_databases",
    "GetDatabase": "_get_database",
    "ListTableMetadata": "_list_table_metadata",
    "GetTableMetadata": "_get_table_metadata",
}
