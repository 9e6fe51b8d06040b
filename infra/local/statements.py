"""What a statement of Athena's is, and what to run for it on Trino and Glue.

Athena has two languages: queries, CTAS and views are Trino's own and pass as they are, but for the properties of a
CTAS; the DDL of tables and databases is Hive's, with backticks and types of its own, and works on Glue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from infra.local.datatypes import DataType, hive_type, iceberg_type
from infra.local.glue import Glue, now
from infra.local.tokens import Reader, StatementError, Token, tokenize

HIVE_CATALOG, ICEBERG_CATALOG = "awsdatacatalog", "iceberg"

_QUERIES = ("select", "with", "values", "insert", "merge", "update", "delete", "table", "(", "explain", "execute")
_HIVE_WORDS = ("alter", "create", "drop", "msck", "show", "describe", "desc")
# Properties of Athena's Iceberg tables that steer its OPTIMIZE and VACUUM.
_MAINTENANCE = ("vacuum_", "optimize_")
_SNAPSHOT_AGE = ("vacuum_max_snapshot_age_seconds", 432_000)

_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_FORMATS = {
    "textfile": (_INPUT, _OUTPUT, _LAZY),
    "parquet": (
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    ),
    "orc": (
        "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat",
        "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat",
        "org.apache.hadoop.hive.ql.io.orc.OrcSerde",
    ),
    "avro": (
        "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat",
        "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat",
        "org.apache.hadoop.hive.serde2.avro.AvroSerDe",
    ),
}


@dataclass
class Plan:
    type: str
    subtype: str | None
    trino: list[str] = field(default_factory=list)
    session: dict[str, str] = field(default_factory=dict)
    glue: Callable[[Glue], list[str] | None] | None = None

    @property
    def returns_rows(self) -> bool:
        return self.type == "DML" and self.subtype not in ("INSERT", "MERGE", "UPDATE", "DELETE")


def single_statement(sql: str) -> str:
    """The statement without the semicolon that may end it."""
    tokens = tokenize(sql)
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    if not tokens:
        raise StatementError("Query string is empty")
    if any(token.text == ";" for token in tokens):
        raise StatementError(f"Only one sql statement is allowed. Got: {sql}")
    return sql[: tokens[-1].end]


def plan(sql: str, database: str, glue: Glue) -> Plan:
    sql = single_statement(sql)
    first = tokenize(sql)[0]
    word = first.word or first.text
    reader = Reader(sql, tokenize(sql))
    if word == "create" and (reader.looks_at("create", "view") or reader.looks_at("create", "or", "replace", "view")):
        return Plan("DDL", "CREATE_VIEW", [sql])
    if reader.looks_at("drop", "view"):
        return Plan("DDL", "DROP_VIEW", [sql])
    if reader.looks_at("create", "table") and (ctas := _create_table_as(reader, sql, database)):
        return ctas
    if word in ("optimize", "vacuum"):
        return _maintain(reader, database, glue)
    if word in _QUERIES:
        subtype = {"with": "SELECT", "(": "SELECT", "table": "SELECT", "values": "SELECT"}.get(word, word.upper())
        return Plan("DML", subtype, [sql])
    if word in _HIVE_WORDS:
        return _Ddl(sql, first, database, glue).plan()
    raise StatementError(f"{word.upper()} is no statement that this stand-in for Athena knows")


def _table(parts: list[str], database: str) -> tuple[str, str]:
    if len(parts) == 3:
        if parts[0] != HIVE_CATALOG:
            raise StatementError(f"Catalog '{parts[0]}' does not exist")
        parts = parts[1:]
    return (parts[0], parts[1]) if len(parts) == 2 else (database, parts[0])


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _in_catalog(catalog: str, table: tuple[str, str]) -> str:
    return ".".join(quote(part) for part in (catalog, *table))


# ---------- CTAS


def _create_table_as(reader: Reader, sql: str, database: str) -> Plan | None:
    """`create table … as`; nothing if it is DDL with columns."""
    reader.expect("create", "table")
    exists = "if not exists " if reader.accept("if", "not", "exists") else ""
    table = _table(reader.qualified_name(), database)
    properties: dict[str, str] = {}
    if reader.accept("with"):
        reader.expect("(")
        while not reader.accept(")"):
            key = reader.name()
            reader.expect("=")
            properties[key] = reader.until(",", ")")
            reader.accept(",")
    if not reader.accept("as"):
        return None
    query = reader.rest()
    kind = _literal(properties.pop("table_type", "'hive'")).lower()
    external = properties.pop("is_external", "true").lower() == "true"
    codec = properties.pop("write_compression", None)
    if kind == "iceberg":
        if external or "location" not in properties:
            raise StatementError("An Iceberg table is created with is_external = false and a location")
        if "external_location" in properties or "partitioned_by" in properties:
            raise StatementError(
                "An Iceberg table has location and partitioning, not external_location and partitioned_by"
            )
        catalog, known = ICEBERG_CATALOG, ("format", "location", "partitioning")
    elif kind == "hive":
        if "location" in properties or "partitioning" in properties:
            raise StatementError("A Hive table has external_location and partitioned_by, not location and partitioning")
        if "external_location" not in properties:
            raise StatementError("This stand-in has no default location for tables: state external_location")
        catalog = HIVE_CATALOG
        known = ("format", "external_location", "partitioned_by", "bucketed_by", "bucket_count")
        for old in ("parquet_compression", "orc_compression"):
            codec = properties.pop(old, codec)
        if "field_delimiter" in properties:
            properties["textfile_field_separator"] = properties.pop("field_delimiter")
            known += ("textfile_field_separator",)
    else:
        raise StatementError(f"table_type '{kind}' is neither hive nor iceberg")
    maintenance = {k: properties.pop(k) for k in list(properties) if k.startswith(_MAINTENANCE)}
    unknown = set(properties) - set(known)
    if unknown:
        raise StatementError(f"Table properties unknown to Athena: {', '.join(sorted(unknown))}")
    if "format" in properties:
        properties["format"] = properties["format"].upper()
    with_ = ", ".join(f"{key} = {value}" for key, value in properties.items())
    statement = f"create table {exists}{_in_catalog(catalog, table)} with ({with_}) as {query}"
    session = {f"{catalog}.compression_codec": _literal(codec).upper()} if codec else {}
    result = Plan("DDL", "CREATE_TABLE_AS_SELECT", [statement], session)
    if maintenance:
        values = {k: _literal(v) for k, v in maintenance.items()}
        result.glue = lambda glue: glue.maintenance.update({table: values})
    return result


def _literal(value: str) -> str:
    return value.strip().strip("'")


# ---------- OPTIMIZE and VACUUM


def _maintain(reader: Reader, database: str, glue: Glue) -> Plan:
    word = reader.next().word
    table = _table(reader.qualified_name(), database)
    if not glue.is_iceberg(*table):
        raise StatementError(f"{word.upper()} is for Iceberg tables, {'.'.join(table)} is none")
    name = _in_catalog(ICEBERG_CATALOG, table)
    if word == "optimize":
        reader.expect("rewrite", "data", "using", "bin_pack")
        where = f" {reader.rest()}" if reader.looks_at("where") else ""
        if not where:
            reader.expect_end()
        return Plan("UTILITY", "OPTIMIZE", [f"alter table {name} execute optimize{where}"])
    reader.expect_end()
    age = int(glue.maintenance.get(table, {}).get(*_SNAPSHOT_AGE))
    steps = [f"alter table {name} execute {step}(retention_threshold => '{age}s')" for step in _VACUUM]
    return Plan("UTILITY", "VACUUM", steps)


_VACUUM = ("expire_snapshots", "remove_orphan_files")


# ---------- Hive's DDL


class _Ddl:
    def __init__(self, sql: str, first: Token, database: str, glue: Glue):
        self.reader = Reader(sql, tokenize(sql, hive=True))
        self.database = database
        self.glue = glue
        self.verb = first.word

    def plan(self) -> Plan:
        read = getattr(self, "_" + {"desc": "describe"}.get(self.verb, self.verb))
        self.reader.next()
        found = read()
        self.reader.expect_end()
        return found

    def _name(self) -> tuple[str, str]:
        return _table(self.reader.qualified_name(), self.database)

    # ---------- create

    def _create(self) -> Plan:
        reader = self.reader
        if reader.accept("schema") or reader.accept("database"):
            exists = reader.accept("if", "not", "exists")
            name = reader.qualified_name()[-1]
            comment = reader.string() if reader.accept("comment") else ""
            location = reader.string() if reader.accept("location") else ""
            return Plan("DDL", "CREATE_DATABASE", glue=lambda g: g.create_database(name, exists, comment, location))
        external = reader.accept("external")
        reader.expect("table")
        exists = reader.accept("if", "not", "exists")
        table = self._name()
        columns = self._columns()
        comment = reader.string() if reader.accept("comment") else ""
        partitions = self._partitioned_by()
        input_format, output_format, serde, serde_properties = self._row_format()
        location = reader.string() if reader.accept("location") else ""
        properties = self._properties() if reader.accept("tblproperties") else {}
        if not location:
            reader.fail("a LOCATION is needed")
        if not location.startswith("s3://"):
            raise StatementError(f"LOCATION '{location}' is not in S3")
        if properties.get("table_type", "").lower() == "iceberg":
            if external:
                raise StatementError("An Iceberg table is no external table")
            return self._create_iceberg(table, exists, columns, partitions, location, properties)
        if not external:
            raise StatementError("Only external tables can be created, or Iceberg tables by TBLPROPERTIES")
        keys = []
        for part in partitions:
            if isinstance(part, str):
                raise StatementError(f"PARTITIONED BY {part}: an external table states name and type")
            keys.append(part)
        table_input = {
            "Name": table[1],
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "transient_lastDdlTime": now()} | properties,
            "PartitionKeys": [_glue_column(*key) for key in keys],
            "StorageDescriptor": {
                "Columns": [_glue_column(*column) for column in columns],
                "Location": location,
                "InputFormat": input_format,
                "OutputFormat": output_format,
                "SerdeInfo": {"SerializationLibrary": serde, "Parameters": serde_properties},
                "NumberOfBuckets": -1,
                "Compressed": False,
                "BucketColumns": [],
                "SortColumns": [],
                "StoredAsSubDirectories": False,
            },
        }
        if comment:
            table_input["Description"] = comment
        return Plan("DDL", "CREATE_TABLE", glue=lambda g: g.create_table(table[0], table_input, exists))

    def _create_iceberg(self, table, exists, columns, partitions, location, properties) -> Plan:
        partitioning = [part if isinstance(part, str) else part[0] for part in partitions]
        with_ = {
            "format": text(properties.get("format", "parquet").upper()),
            "location": text(location),
            "partitioning": f"array[{', '.join(map(text, partitioning))}]",
        }
        listed = ", ".join(
            f"{quote(name)} {iceberg_type(kind)}" + (f" comment {text(comment)}" if comment else "")
            for name, kind, comment in columns
        )
        head = f"create table {'if not exists ' if exists else ''}{_in_catalog(ICEBERG_CATALOG, table)}"
        maintenance = {k: v for k, v in properties.items() if k.startswith(_MAINTENANCE)}
        return Plan(
            "DDL",
            "CREATE_TABLE",
            [f"{head} ({listed}) with ({', '.join(f'{k} = {v}' for k, v in with_.items())})"],
            glue=lambda g: g.maintenance.update({table: maintenance}),
        )

    def _columns(self) -> list[tuple[str, DataType, str]]:
        reader = self.reader
        reader.expect("(")
        columns = []
        while not reader.accept(")"):
            name = reader.name()
            if reader.accept(":"):
                reader.fail("expecting a type")
            kind = hive_type(reader)
            comment = reader.string() if reader.accept("comment") else ""
            columns.append((name, kind, comment))
            if not reader.looks_at(")"):
                reader.expect(",")
        return columns

    def _partitioned_by(self) -> list:
        """Columns with their types, or Iceberg's partition transforms in Trino's words."""
        reader = self.reader
        if not reader.accept("partitioned", "by"):
            return []
        reader.expect("(")
        parts: list = []
        while not reader.accept(")"):
            if reader.peek(1).text == "(":
                transform = reader.next().word
                inner = [part.strip() for part in reader.until(",", ")").strip("()").split(",")]
                if len(inner) == 2 and inner[0].isdigit():
                    inner.reverse()
                parts.append(f"{transform}({', '.join(part.strip('`').lower() for part in inner)})")
            elif reader.peek(1).text in (",", ")"):
                parts.append(reader.name())
            else:
                name = reader.name()
                kind = hive_type(reader)
                parts.append((name, kind, reader.string() if reader.accept("comment") else ""))
            if not reader.looks_at(")"):
                reader.expect(",")
        return parts

    def _row_format(self) -> tuple[str, str, str, dict[str, str]]:
        reader = self.reader
        input_format, output_format, serde = _FORMATS["textfile"]
        properties: dict[str, str] = {}
        row_format = False
        if reader.accept("row", "format"):
            row_format = True
            if reader.accept("serde"):
                serde = reader.string()
                if reader.accept("with", "serdeproperties"):
                    properties = self._properties()
            else:
                reader.expect("delimited")
                while True:
                    if reader.accept("fields", "terminated", "by"):
                        properties["field.delim"] = reader.string()
                        if reader.accept("escaped", "by"):
                            properties["escape.delim"] = reader.string()
                    elif reader.accept("collection", "items", "terminated", "by"):
                        properties["collection.delim"] = reader.string()
                    elif reader.accept("map", "keys", "terminated", "by"):
                        properties["mapkey.delim"] = reader.string()
                    elif reader.accept("lines", "terminated", "by"):
                        properties["line.delim"] = reader.string()
                    elif reader.accept("null", "defined", "as"):
                        properties["serialization.null.format"] = reader.string()
                    else:
                        break
        if reader.accept("stored", "as"):
            if reader.accept("inputformat"):
                input_format = reader.string()
                reader.expect("outputformat")
                output_format = reader.string()
            else:
                name = reader.name()
                if name not in _FORMATS:
                    raise StatementError(f"STORED AS {name}: known are {', '.join(_FORMATS)}")
                input_format, output_format, usual = _FORMATS[name]
                serde = serde if row_format else usual
        if serde == _LAZY:
            properties.setdefault("serialization.format", properties.get("field.delim", "1"))
        return input_format, output_format, serde, properties

    def _properties(self) -> dict[str, str]:
        reader = self.reader
        reader.expect("(")
        properties = {}
        while not reader.accept(")"):
            key = reader.string()
            reader.expect("=")
            properties[key] = reader.string()
            reader.accept(",")
        return properties

    # ---------- alter

    def _alter(self) -> Plan:
        reader = self.reader
        reader.expect("table")
        table = self._name()
        if self.glue.table(*table) is None:
            raise StatementError(f"Table not found {'.'.join(table)}")
        if reader.accept("set", "tblproperties"):
            properties = self._properties()
            return Plan("DDL", "ALTER_TABLE", glue=lambda g: self._set_properties(g, table, properties))
        return self._alter_iceberg(table) if self.glue.is_iceberg(*table) else self._alter_hive(table)

    def _set_properties(self, glue: Glue, table: tuple[str, str], properties: dict[str, str]) -> None:
        if glue.is_iceberg(*table):
            glue.maintenance.setdefault(table, {}).update(properties)
        else:
            glue.change_table(*table, lambda t: t.setdefault("Parameters", {}).update(properties))

    def _alter_iceberg(self, table: tuple[str, str]) -> Plan:
        reader = self.reader
        head = f"alter table {_in_catalog(ICEBERG_CATALOG, table)}"
        if reader.accept("rename", "to"):
            new = self._name()
            return Plan(
                "DDL",
                "ALTER_TABLE_RENAME",
                [f"{head} rename to {_in_catalog(ICEBERG_CATALOG, new)}"],
                glue=lambda g: g.maintenance.update({new: g.maintenance.pop(table, {})}),
            )
        if reader.accept("add", "columns"):
            steps = [f"{head} add column {quote(n)} {iceberg_type(t)}" for n, t, _ in self._columns()]
            return Plan("DDL", "ALTER_TABLE_ADD_COLUMNS", steps)
        if reader.accept("drop", "column"):
            return Plan("DDL", "ALTER_TABLE_DROP_COLUMN", [f"{head} drop column {quote(reader.name())}"])
        if reader.accept("change"):
            reader.accept("column")
            old, new = reader.name(), reader.name()
            kind = iceberg_type(hive_type(reader))
            steps = [] if old == new else [f"{head} rename column {quote(old)} to {quote(new)}"]
            return Plan(
                "DDL", "ALTER_TABLE_CHANGE_COLUMN", [*steps, f"{head} alter column {quote(new)} set data type {kind}"]
            )
        return reader.fail("which Athena does not do to an Iceberg table")

    def _alter_hive(self, table: tuple[str, str]) -> Plan:
        reader = self.reader
        if reader.accept("add", "columns"):
            new = [_glue_column(*column) for column in self._columns()]
            return Plan("DDL", "ALTER_TABLE_ADD_COLUMNS", glue=lambda g: self._set_columns(g, table, new, keep=True))
        if reader.accept("replace", "columns"):
            new = [_glue_column(*column) for column in self._columns()]
            return Plan(
                "DDL", "ALTER_TABLE_REPLACE_COLUMNS", glue=lambda g: self._set_columns(g, table, new, keep=False)
            )
        if reader.accept("change"):
            reader.accept("column")
            old, name = reader.name(), reader.name()
            column = _glue_column(name, hive_type(reader), reader.string() if reader.accept("comment") else "")
            return Plan("DDL", "ALTER_TABLE_CHANGE_COLUMN", glue=lambda g: self._change_column(g, table, old, column))
        if reader.accept("set", "location"):
            location = reader.string()
            return Plan(
                "DDL",
                "ALTER_TABLE_SET_LOCATION",
                glue=lambda g: g.change_table(*table, lambda t: t["StorageDescriptor"].update(Location=location)),
            )
        if reader.accept("add"):
            exists = reader.accept("if", "not", "exists")
            added = []
            while reader.accept("partition"):
                values = self._partition_values()
                added.append((values, reader.string() if reader.accept("location") else ""))

            def add(glue: Glue) -> None:
                for values, location in added:
                    glue.add_partition(*table, values, location, exists)

            return Plan("DDL", "ALTER_TABLE_ADD_PARTITION", glue=add)
        if reader.accept("drop"):
            exists = reader.accept("if", "exists")
            dropped = []
            while reader.accept("partition"):
                dropped.append(self._partition_values())
                reader.accept(",")
            if not dropped:
                reader.fail("expecting a PARTITION: a Hive table's columns cannot be dropped")

            def drop(glue: Glue) -> None:
                for values in dropped:
                    glue.drop_partition(*table, values, exists)

            return Plan("DDL", "ALTER_TABLE_DROP_PARTITION", glue=drop)
        return reader.fail("which Athena does not do to a Hive table")

    def _partition_values(self) -> dict[str, str]:
        reader = self.reader
        reader.expect("(")
        values = {}
        while not reader.accept(")"):
            key = reader.name()
            reader.expect("=")
            token = reader.peek()
            values[key] = reader.string() if token.kind == "string" else reader.next().text
            reader.accept(",")
        return values

    def _set_columns(self, glue: Glue, table: tuple[str, str], columns: list[dict], keep: bool) -> None:
        def change(found: dict) -> None:
            storage = found["StorageDescriptor"]
            old = storage["Columns"] if keep else []
            repeated = {c["Name"] for c in old} & {c["Name"] for c in columns}
            if repeated:
                raise StatementError(f"Duplicate column name: {', '.join(sorted(repeated))}")
            storage["Columns"] = old + columns

        glue.change_table(*table, change)

    def _change_column(self, glue: Glue, table: tuple[str, str], old: str, column: dict) -> None:
        def change(found: dict) -> None:
            columns = found["StorageDescriptor"]["Columns"]
            if old not in [c["Name"] for c in columns]:
                raise StatementError(f"Column not found: {old}")
            found["StorageDescriptor"]["Columns"] = [column if c["Name"] == old else c for c in columns]

        glue.change_table(*table, change)

    # ---------- drop, show and the like

    def _drop(self) -> Plan:
        reader = self.reader
        if reader.accept("schema") or reader.accept("database"):
            exists = reader.accept("if", "exists")
            name = reader.qualified_name()[-1]
            cascade = reader.accept("cascade")
            reader.accept("restrict")
            return Plan("DDL", "DROP_DATABASE", glue=lambda g: g.drop_database(name, exists, cascade))
        reader.expect("table")
        exists = reader.accept("if", "exists")
        table = self._name()
        if self.glue.is_iceberg(*table):
            return Plan("DDL", "DROP_TABLE", [f"drop table {_in_catalog(ICEBERG_CATALOG, table)}"])
        return Plan("DDL", "DROP_TABLE", glue=lambda g: g.drop_table(*table, exists))

    def _msck(self) -> Plan:
        self.reader.expect("repair", "table")
        database, name = self._name()
        call = f"call {HIVE_CATALOG}.system.sync_partition_metadata({text(database)}, {text(name)}, 'ADD')"
        return Plan("DDL", "MSCK_REPAIR_TABLE", [call])

    def _describe(self) -> Plan:
        self.reader.accept("extended") or self.reader.accept("formatted")
        table = self._name()
        return Plan("UTILITY", "DESCRIBE_TABLE", glue=lambda g: _described(g, table))

    def _show(self) -> Plan:
        reader = self.reader
        if reader.accept("databases") or reader.accept("schemas"):
            return Plan("UTILITY", "SHOW_DATABASES", glue=lambda g: sorted(g.backend.databases))
        if reader.accept("tables") or reader.accept("views"):
            views = reader.tokens[reader.at - 1].word == "views"
            database = reader.name() if reader.accept("in") or reader.accept("from") else self.database
            return Plan(
                "UTILITY",
                "SHOW_VIEWS" if views else "SHOW_TABLES",
                glue=lambda g: [
                    t["Name"] for t in g.tables(database) if not views or t.get("TableType") == "VIRTUAL_VIEW"
                ],
            )
        if reader.accept("partitions"):
            table = self._name()
            return Plan("UTILITY", "SHOW_PARTITIONS", glue=lambda g: _partition_names(g, table))
        if reader.accept("tblproperties"):
            table = self._name()
            return Plan("UTILITY", "SHOW_TBLPROPERTIES", glue=lambda g: _property_lines(g, table))
        if reader.accept("columns"):
            reader.accept("in") or reader.expect("from")
            table = self._name()
            return Plan("UTILITY", "SHOW_COLUMNS", glue=lambda g: [c["Name"] for c in _columns_of(g, table)])
        return reader.fail("which this stand-in for Athena does not show")


def _glue_column(name: str, kind: DataType, comment: str) -> dict[str, str]:
    return {"Name": name, "Type": kind.hive} | ({"Comment": comment} if comment else {})


def _existing(glue: Glue, table: tuple[str, str]) -> dict:
    found = glue.table(*table)
    if found is None:
        raise StatementError(f"Table not found {'.'.join(table)}")
    return found


def _columns_of(glue: Glue, table: tuple[str, str]) -> list[dict]:
    found = _existing(glue, table)
    return found["StorageDescriptor"]["Columns"] + found.get("PartitionKeys", [])


def _described(glue: Glue, table: tuple[str, str]) -> list[str]:
    return [f"{c['Name']:<20}\t{c['Type']:<20}\t{c.get('Comment', ''):<20}" for c in _columns_of(glue, table)]


def _partition_names(glue: Glue, table: tuple[str, str]) -> list[str]:
    keys = [c["Name"] for c in _existing(glue, table).get("PartitionKeys", [])]
    return sorted("/".join(f"{k}={v}" for k, v in zip(keys, p["Values"], strict=True)) for p in glue.partitions(*table))


def _property_lines(glue: Glue, table: tuple[str, str]) -> list[str]:
    found = _existing(glue, table).get("Parameters") or {}
    return [f"{key}\t{value}" for key, value in sorted((found | glue.maintenance.get(table, {})).items())]
