"""The Glue catalog: moto's, with what moto lacks or gets wrong for Trino and dbt."""

from __future__ import annotations

import base64
import copy
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.glue.models import FakeTable, glue_backends

from infra.local.datatypes import trino_type
from infra.local.tokens import StatementError

_VIEW_START, _VIEW_END = "/* Presto View: ", " */"
_WRITES = ("Create", "Update", "Delete", "BatchCreate", "BatchUpdate", "BatchDelete")


class GlueError(Exception):
    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class Glue:
    def __init__(self, region: str):
        self.backend = glue_backends[DEFAULT_ACCOUNT_ID][region]
        self.lock = threading.RLock()
        self.maintenance: dict[tuple[str, str], dict[str, str]] = {}
        self._statistics: dict[tuple[str, str, tuple[str, ...]], dict[str, dict]] = {}

    # ---------- what the Athena API needs of it

    def table(self, database: str, name: str) -> dict[str, Any] | None:
        found = self._find(database, name)
        return None if found is None else copy.deepcopy(found.as_dict())

    def _find(self, database: str, name: str) -> FakeTable | None:
        found = self.backend.databases.get(database)
        return None if found is None else found.tables.get(name)

    def is_iceberg(self, database: str, name: str) -> bool:
        parameters = (self.table(database, name) or {}).get("Parameters") or {}
        return parameters.get("table_type", "").upper() == "ICEBERG"

    def tables(self, database: str) -> list[dict[str, Any]]:
        if database not in self.backend.databases:
            raise StatementError(f"SCHEMA_NOT_FOUND: Schema '{database}' does not exist")
        return [self.table(database, name) for name in sorted(self.backend.databases[database].tables)]

    def create_database(self, name: str, if_not_exists: bool, comment: str = "", location: str = "") -> None:
        with self.lock:
            if name in self.backend.databases:
                if not if_not_exists:
                    raise StatementError(f"Database {name} already exists")
                return
            given = {"Name": name, "Description": comment, "LocationUri": location}
            self.backend.create_database(name, {k: v for k, v in given.items() if v})

    def drop_database(self, name: str, if_exists: bool, cascade: bool) -> None:
        with self.lock:
            if name not in self.backend.databases:
                if not if_exists:
                    raise StatementError(f"Database does not exist: {name}")
                return
            if self.backend.databases[name].tables and not cascade:
                raise StatementError(f"Database {name} is not empty. One or more tables exist.")
            self.backend.delete_database(name)

    def create_table(self, database: str, table: dict[str, Any], if_not_exists: bool) -> None:
        with self.lock:
            if database not in self.backend.databases:
                raise StatementError(f"Database does not exist: {database}")
            if table["Name"] in self.backend.databases[database].tables:
                if not if_not_exists:
                    raise StatementError(f"Table {database}.{table['Name']} already exists")
                return
            self.backend.create_table(database, table["Name"], table)

    def change_table(self, database: str, name: str, change: Callable[[dict[str, Any]], None]) -> None:
        with self.lock:
            found = self._find(database, name)
            if found is None:
                raise StatementError(f"Table not found {database}.{name}")
            table_input = copy.deepcopy(found.get_version(str(found._current_version)))
            change(table_input)
            found.update(table_input)

    def drop_table(self, database: str, name: str, if_exists: bool) -> None:
        with self.lock:
            if self._find(database, name) is None:
                if not if_exists:
                    raise StatementError(f"Table not found {database}.{name}")
                return
            self.backend.delete_table(database, name)

    def partitions(self, database: str, name: str) -> list[dict[str, Any]]:
        found = self._find(database, name)
        if found is None:
            raise StatementError(f"Table not found {database}.{name}")
        return [partition.as_dict() for partition in found.partitions.values()]

    def add_partition(
        self, database: str, name: str, values: dict[str, str], location: str, if_not_exists: bool
    ) -> None:
        with self.lock:
            table = self.table(database, name)
            if table is None:
                raise StatementError(f"Table not found {database}.{name}")
            keys = [column["Name"] for column in table.get("PartitionKeys", [])]
            if set(values) != set(keys):
                raise StatementError(f"Partition keys of {database}.{name} are {', '.join(keys) or 'none'}")
            ordered = [values[key] for key in keys]
            storage = copy.deepcopy(table["StorageDescriptor"])
            folder = "/".join(f"{key}={values[key]}" for key in keys)
            storage["Location"] = location or f"{storage['Location'].rstrip('/')}/{folder}"
            found = self._find(database, name)
            if str(ordered) in found.partitions:
                if not if_not_exists:
                    raise StatementError(f"Partition already exists: {ordered}")
                return
            found.create_partition({"Values": ordered, "StorageDescriptor": storage, "Parameters": {}})

    def drop_partition(self, database: str, name: str, values: dict[str, str], if_exists: bool) -> None:
        with self.lock:
            keys = [column["Name"] for column in (self.table(database, name) or {}).get("PartitionKeys", [])]
            matching = [
                p["Values"]
                for p in self.partitions(database, name)
                if all(dict(zip(keys, p["Values"], strict=True)).get(k) == v for k, v in values.items())
            ]
            if not matching and not if_exists:
                raise StatementError(f"Partition not found: {values}")
            for partition in matching:
                self.backend.delete_partition(database, name, partition)

    # ---------- requests that come over the wire

    def locks(self, action: str) -> bool:
        return action.startswith(_WRITES)

    def before(self, action: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """Checks and completes a request; an answer where moto has none."""
        if action == "UpdateTable":
            self._check_version(request)
        if action in ("CreateTable", "UpdateTable"):
            _complete_view(request["TableInput"])
        if action == "DeleteTable":
            self.maintenance.pop((request["DatabaseName"], request["Name"]), None)
        if action == "GetUserDefinedFunctions":
            return {"UserDefinedFunctions": []}
        if "ColumnStatistics" in action:
            return self._column_statistics(action, request)
        return None

    def after(self, action: str, answer: dict[str, Any], reader_is_trino: bool) -> dict[str, Any]:
        """Views as Trino knows them, whatever dbt has written over their comment."""
        if reader_is_trino:
            tables = answer.get("TableList", []) + ([answer["Table"]] if "Table" in answer else [])
            for table in tables:
                if (table.get("ViewOriginalText") or "").startswith(_VIEW_START):
                    table["Parameters"] = (table.get("Parameters") or {}) | {"comment": "Presto View"}
                    table.pop("Description", None)
        return answer

    def _check_version(self, request: dict[str, Any]) -> None:
        found = self._find(request["DatabaseName"], request["TableInput"]["Name"])
        expected = request.get("VersionId")
        if found is not None and expected is not None and str(found._current_version) != str(expected):
            raise GlueError("ConcurrentModificationException", "Update table failed due to concurrent modifications.")

    def _column_statistics(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        values = tuple(request.get("PartitionValues") or ())
        stored = self._statistics.setdefault((request["DatabaseName"], request["TableName"], values), {})
        if action.startswith("Update"):
            stored.update({s["ColumnName"]: s for s in request["ColumnStatisticsList"]})
            return {"Errors": []}
        if action.startswith("Delete"):
            stored.pop(request["ColumnName"], None)
            return {}
        return {"ColumnStatisticsList": [stored[c] for c in request["ColumnNames"] if c in stored], "Errors": []}


def _complete_view(table: dict[str, Any]) -> None:
    """Athena lists a view's own columns in Glue, Trino a dummy."""
    text = table.get("ViewOriginalText") or ""
    if not text.startswith(_VIEW_START):
        return
    view = json.loads(base64.b64decode(text.removeprefix(_VIEW_START).removesuffix(_VIEW_END)))
    columns = []
    for column in view["columns"]:
        try:
            columns.append({"Name": column["name"].lower(), "Type": trino_type(column["type"]).hive})
        except StatementError as error:
            raise GlueError("InvalidInputException", f"Column {column['name']}: {error}") from error
    storage = table.setdefault("StorageDescriptor", {})
    if [c["Name"] for c in storage.get("Columns", [])] != [c["Name"] for c in columns]:
        storage["Columns"] = columns


def now() -> str:
    return str(int(time.time()))
