"""A query's result as Athena gives it: by GetQueryResults and as a file in S3."""

from __future__ import annotations

import base64
import math
from typing import Any

from infra.local.datatypes import DataType

_PRECISION = {"varchar": 2147483647, "integer": 10, "bigint": 19, "double": 17, "boolean": 0, "timestamp": 3}


def column_info(name: str, kind: DataType) -> dict[str, Any]:
    if kind.base == "decimal":
        precision, scale = kind.arguments
    else:
        precision = (
            kind.arguments[0] if kind.base in ("varchar", "char") and kind.arguments else _PRECISION.get(kind.base, 0)
        )
        scale = 0
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": kind.athena,
        "Precision": precision,
        "Scale": scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": kind.base in ("varchar", "char"),
    }


def shown(value: Any, kind: DataType) -> str | None:
    """A value, as Trino's protocol has it, in Athena's words."""
    if value is None:
        return None
    if kind.base == "boolean":
        return "true" if value else "false"
    if kind.base in ("double", "real"):
        return _number(value)
    if kind.base == "varbinary":
        return base64.b64decode(value).hex(" ")
    if kind.base == "array":
        return "[" + ", ".join(_inner(item, kind.within[0]) for item in value) + "]"
    if kind.base == "map":
        return "{" + ", ".join(f"{k}={_inner(v, kind.within[1])}" for k, v in value.items()) + "}"
    if kind.base == "row":
        parts = zip(kind.fields, value, kind.within, strict=True)
        return "{" + ", ".join(f"{name}={_inner(item, inner)}" for name, item, inner in parts) + "}"
    return str(value)


def _inner(value: Any, kind: DataType) -> str:
    return "null" if value is None else shown(value, kind) or ""


def _number(value: Any) -> str:
    """As Java writes a double."""
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    digits, _, exponent = f"{value:e}".partition("e")
    for places in range(1, 18):
        digits, _, exponent = f"{value:.{places}e}".partition("e")
        if float(f"{digits}e{exponent}") == value:
            break
    return f"{digits}E{int(exponent)}"


def csv_file(names: list[str], rows: list[list[str | None]]) -> bytes:
    lines = [names, *rows]
    return "".join(",".join("" if v is None else _cell(v) for v in line) + "\n" for line in lines).encode()


def _cell(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def datum(value: str | None) -> dict[str, str]:
    return {} if value is None else {"VarCharValue": value}
