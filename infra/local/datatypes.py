"""Types as Trino, Hive and Athena's API spell them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from infra.local.tokens import Reader, StatementError, tokenize


@dataclass(frozen=True)
class DataType:
    """A type in Trino's terms, with the types within it."""

    base: str
    arguments: tuple[int, ...] = ()
    within: tuple[DataType, ...] = ()
    fields: tuple[str, ...] = field(default=())

    @property
    def athena(self) -> str:
        """The type of a column in a query's result."""
        return {"real": "float"}.get(self.base, self.base)

    @property
    def trino(self) -> str:
        if self.base == "row":
            return "row(" + ", ".join(f'"{n}" {t.trino}' for n, t in zip(self.fields, self.within, strict=True)) + ")"
        if self.within:
            return f"{self.base}({', '.join(t.trino for t in self.within)})"
        arguments = f"({','.join(map(str, self.arguments))})" if self.arguments else ""
        head, *zone = self.base.split(" ", 1)
        return " ".join([head + arguments, *zone])

    @property
    def hive(self) -> str:
        """The type of a column in Glue."""
        if self.base == "row":
            return "struct<" + ",".join(f"{n}:{t.hive}" for n, t in zip(self.fields, self.within, strict=True)) + ">"
        if self.within:
            return f"{self.base}<{','.join(t.hive for t in self.within)}>"
        if self.base == "varchar":
            return f"varchar({self.arguments[0]})" if self.arguments else "string"
        if self.base in ("decimal", "char"):
            return self.trino
        if self.base in _TRINO_TO_HIVE:
            return _TRINO_TO_HIVE[self.base]
        raise StatementError(f"Unsupported Hive type: {self.trino}")


_TRINO_TO_HIVE = {
    "boolean": "boolean",
    "tinyint": "tinyint",
    "smallint": "smallint",
    "integer": "int",
    "bigint": "bigint",
    "real": "float",
    "double": "double",
    "date": "date",
    "timestamp": "timestamp",
    "varbinary": "binary",
}
_HIVE_TO_TRINO = {hive: trino for trino, hive in _TRINO_TO_HIVE.items()} | {"string": "varchar", "integer": "integer"}


@lru_cache(maxsize=4096)
def trino_type(text: str) -> DataType:
    reader = Reader(text, tokenize(text))
    return _trino_type(reader)


def _trino_type(reader: Reader) -> DataType:
    base = reader.next().text.lower()
    arguments: list[int] = []
    within: list[DataType] = []
    names: list[str] = []
    if reader.accept("("):
        while not reader.accept(")"):
            if base == "row":
                # A field may have no name: then a type stands alone.
                if reader.peek().kind == "quoted" or reader.peek(1).kind == "word":
                    token = reader.next()
                    names.append(token.text[1:-1].replace('""', '"') if token.kind == "quoted" else token.text)
                else:
                    names.append(f"field{len(names)}")
                within.append(_trino_type(reader))
            elif reader.peek().kind == "number":
                arguments.append(int(reader.next().text))
            else:
                within.append(_trino_type(reader))
            reader.accept(",")
    for suffix in ("with time zone", "year to month", "day to second"):
        if reader.accept(*suffix.split()):
            base = f"{base} {suffix}"
    return DataType(base, tuple(arguments), tuple(within), tuple(names))


def hive_type(reader: Reader) -> DataType:
    """Reads a type as Athena's DDL has it."""
    token = reader.peek()
    base = reader.next().word
    if base in ("array", "map"):
        within = []
        reader.expect("<")
        while not reader.accept(">"):
            within.append(hive_type(reader))
            reader.accept(",")
        return DataType(base, within=tuple(within))
    if base == "struct":
        names, within = [], []
        reader.expect("<")
        while not reader.accept(">"):
            names.append(reader.name())
            reader.expect(":")
            within.append(hive_type(reader))
            reader.accept(",")
        return DataType("row", within=tuple(within), fields=tuple(names))
    arguments = []
    if base in ("varchar", "char", "decimal") and reader.accept("("):
        while not reader.accept(")"):
            arguments.append(int(reader.next().text))
            reader.accept(",")
    if base in ("varchar", "char", "decimal"):
        return DataType(base, tuple(arguments) or {"decimal": (10, 0)}.get(base, ()))
    if base not in _HIVE_TO_TRINO:
        reader.at -= 1
        reader.fail(f"'{token.text}' is no type of Athena's DDL")
    return DataType(_HIVE_TO_TRINO[base])


def iceberg_type(data_type: DataType) -> str:
    """The Trino type of an Iceberg column whose type Athena's DDL names."""
    if data_type.base == "timestamp":
        return "timestamp(6)"
    if data_type.base in ("tinyint", "smallint", "char"):
        raise StatementError(f"Type not supported for Iceberg: {data_type.trino}")
    if data_type.base == "varchar":
        return "varchar"
    if data_type.within:
        inner = [iceberg_type(t) for t in data_type.within]
        if data_type.base == "row":
            return "row(" + ", ".join(f'"{n}" {t}' for n, t in zip(data_type.fields, inner, strict=True)) + ")"
        return f"{data_type.base}({', '.join(inner)})"
    return data_type.trino
