"""Which column of a file is which field: a YAML file, read and checked (docs/bring-your-own-tickets.md)."""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import yaml

from landing import Refused, counted
from landing.contract import BLANK, TYPES, Reference
from landing.redact import NEVER_DROPPED, REDACTABLE, WAYS
from landing.times import ISO, NUMBERED

ROWS = ("tickets", "changes")
# Moments in the life of a ticket of which a row per ticket tells, beside those of the contract.
MOMENTS = ("first_reply_at", "resolved_at", "closed_at")
FIELDS = {
    "tickets": tuple(name for name in TYPES if name not in ("update_id", "sequence", "event")) + MOMENTS,
    "changes": tuple(TYPES),
}
REQUIRED = {
    "tickets": ("ticket_id", "created_at", "severity", "market"),
    "changes": ("ticket_id", "updated_at", "status", "severity", "market"),
}
_CHOICES = {
    "rows": ROWS,
    "order": ("oldest_first", "newest_first"),
    "repeated_hour": ("reject", "first", "second"),
    "skipped_hour": ("reject", "later"),
}
_KEYS = (
    *_CHOICES,
    "delimiter",
    "quote",
    "encoding",
    "blanks",
    "zone",
    "time_format",
    "opening_status",
    "fields",
    "redact",
)
_FIELD_KEYS = ("column", "constant", "default", "map", "format")
_TODO = "TODO"
_SHOWN = 20  # values that are not mapped, of a field


@dataclass(frozen=True)
class Field:
    """Where a field comes from: a column, or a constant. `place` is where the mapping says so."""

    name: str
    place: str
    column: str | None = None
    constant: str | None = None
    default: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    formats: tuple[str, ...] = (ISO,)

    @property
    def is_time(self) -> bool:
        return self.name.endswith("_at")

    @property
    def is_result(self) -> bool:
        """Whether it is a column of what the source says of a ticket: whether its SLA was met, minutes, counts."""
        return self.name.startswith("source_") and self.column is not None


@dataclass(frozen=True)
class Mapping:
    path: str
    rows: str
    fields: dict[str, Field]
    zone: str | None = None
    repeated_hour: str = "reject"
    skipped_hour: str = "reject"
    order: str = "oldest_first"
    opening_status: str = "new"
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    blanks: tuple[str, ...] = ()
    redact: dict[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys(one.column for one in self.fields.values() if one.column is not None))


def read(path: Path, reference: Reference, redact: dict[str, str] | None = None) -> Mapping:
    """The mapping in a file. Refused with all that is wrong with it, each with its line and key.

    redact: more of it, field: drop or hash.
    """
    return Reader(str(path), reference).mapping(
        composed(path, " Write one: python -m landing suggest FILE"), redact or {}
    )


def composed(path: Path, advice: str = "") -> yaml.Node | None:
    """The nodes of a file of YAML, in which every scalar is a text. Refused if it cannot be read, with advice.

    Their marks have the file's path for a name.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            node = yaml.compose(file, Loader=yaml.BaseLoader)
    except UnicodeDecodeError:
        raise Refused(f"{path}: this is no UTF-8. Save it as that.") from None
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.{advice}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise Refused(f"{path}{where}: this is no YAML: {getattr(error, 'problem', None) or error}") from None
    _check_keys(path, node)
    return node


def _check_keys(path: Path, node: yaml.Node | None, above: tuple[yaml.Node, ...] = ()) -> None:
    """Refused if a key is no text, or a node is within itself."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    odd = next((key for key, _ in pairs if not isinstance(key, yaml.ScalarNode)), node if node in above else None)
    if odd is not None:
        raise Refused(f"{path}, line {odd.start_mark.line + 1}: keys have to be texts, and nothing is within itself.")
    for child in node.value if isinstance(node, yaml.SequenceNode) else [value for _, value in pairs]:
        _check_keys(path, child, (*above, node))


class Reader:
    """Goes through the nodes of the file, in which every scalar is a text, and gathers what is wrong."""

    def __init__(self, path: str, reference: Reference):
        self._path, self._reference, self._problems = path, reference, []

    def mapping(self, node: yaml.Node | None, redact: dict[str, str]) -> Mapping:
        if not isinstance(node, yaml.MappingNode):
            raise Refused(f"{self._path}: this is no mapping. Write one: python -m landing suggest FILE")
        top = self._members(node, "", _KEYS)
        self._decided(node, "")
        values = {}
        for key in ("delimiter", "quote", "encoding", "zone", "opening_status", *_CHOICES):
            if key in top:
                values[key] = self._text(top[key], key)
        for key, choices in _CHOICES.items():
            if key in values and values[key] not in choices and not _undecided(values[key]):
                self._wrong(top[key], key, f"is {values[key]!r}. Write {_or(choices)}.")
        if "rows" not in top:
            self._wrong(
                node, "rows", "is missing. Write rows: tickets if a row is a ticket, rows: changes if it is a change."
            )
        self._check_file(top, values)
        formats = tuple(self._texts(top["time_format"], "time_format")) if "time_format" in top else (ISO,)
        fields = self._fields(node, top.get("fields"), values.get("rows"), formats)
        self._check_status(top.get("opening_status"), "opening_status", "status", values.get("opening_status", "new"))
        if values.get("rows") == "tickets":
            for moment, status in (("resolved_at", "resolved"), ("closed_at", "closed")):
                if moment in fields and status not in self._reference.statuses:
                    self._problems.append(
                        f"{fields[moment].place}: tickets get status {status} by it, which seeds/ticket_statuses.csv "
                        "does not know. Add it there, or leave the field out."
                    )
        blanks = tuple(self._texts(top["blanks"], "blanks")) if "blanks" in top else ()
        redacted = self._redact(top.get("redact"), redact)
        if self._problems:
            raise Refused("\n".join(self._problems))
        return Mapping(path=self._path, fields=fields, blanks=blanks, redact=redacted, **values)

    # ---------- nodes

    def _wrong(self, node: yaml.Node | None, key: str, problem: str) -> None:
        self._problems.append(f"{self._place(node, key)}: {problem}")

    def _place(self, node: yaml.Node | None, key: str) -> str:
        line = f", line {node.start_mark.line + 1}" if node is not None else ""
        return f"{self._path}{line}, {key}" if key else f"{self._path}{line}"

    def _members(self, node: yaml.Node, key: str, known: tuple[str, ...] | None = None) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, key, "has to be keys with values, one a line, indented.")
            return {}
        found = {}
        for name_node, value in node.value:
            name, inner = name_node.value, f"{key}.{name_node.value}" if key else name_node.value
            if name in found:
                self._wrong(name_node, inner, "stands there twice. Keep one.")
            elif known is not None and name not in known:
                self._wrong(
                    name_node, inner, f"there is no such key.{meant(name, known)} Known are {', '.join(known)}."
                )
            else:
                found[name] = value
        return found

    def _decided(self, node: yaml.Node, key: str) -> None:
        """Everything that is still marked as to be decided is wrong."""
        if isinstance(node, yaml.ScalarNode) and _undecided(node.value):
            self._wrong(
                node, key, f"is {node.value!r}. Decide, and write it there; the comment beside it says what is known."
            )
        elif isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                self._decided(name, f"{key}.{name.value}" if key else str(name.value))
                self._decided(value, f"{key}.{name.value}" if key else str(name.value))
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                self._decided(value, key)

    def _text(self, node: yaml.Node, key: str) -> str:
        if isinstance(node, yaml.ScalarNode) and node.value != "":
            return node.value
        self._wrong(node, key, "has to be a text.")
        return ""

    def _texts(self, node: yaml.Node, key: str) -> list[str]:
        if isinstance(node, yaml.SequenceNode):
            return [self._text(one, key) for one in node.value]
        return [self._text(node, key)]

    # ---------- what they say

    def _check_file(self, top: dict[str, yaml.Node], values: dict[str, str]) -> None:
        for key in ("delimiter", "quote"):
            values[key] = values.get(key, {"delimiter": ",", "quote": '"'}[key]).replace("\\t", "\t")
            if key in top and not re.fullmatch(r"[\x00-\x7f]", values[key]):
                self._wrong(top[key], key, f"is {values[key]!r}. Write one character, \\t for a tab.")
        if "quote" in top and values["quote"] == values["delimiter"]:
            self._wrong(top["quote"], "quote", f"is {values['quote']!r}, as the delimiter is. Only one of them can be.")
        if "encoding" in values:
            try:
                "".encode(values["encoding"])  # which codecs of other things than texts, such as rot13, refuse
                values["encoding"] = codecs.lookup(values["encoding"]).name
            except (LookupError, ValueError):
                self._wrong(
                    top["encoding"],
                    "encoding",
                    f"there is no {values['encoding']!r}. Write utf-8, cp1252 or latin-1, for some.",
                )
        if (zone := values.get("zone")) is not None and not _undecided(zone) and zone not in zones():
            self._wrong(
                top["zone"],
                "zone",
                f"there is no zone {zone!r}.{meant(zone, tuple(zones()))} Write a name of the IANA "
                "database, such as Europe/Berlin, capitals and all.",
            )

    def _fields(
        self, node: yaml.Node, fields: yaml.Node | None, rows: str | None, formats: tuple[str, ...]
    ) -> dict[str, Field]:
        if fields is None:
            self._wrong(node, "fields", "is missing: it says which column is what.")
            return {}
        known = FIELDS.get(rows, tuple(TYPES) + MOMENTS)
        found = {}
        for name, value in self._members(fields, "fields", known).items():
            if one := self._field(name, value, formats):
                found[name] = one
        named = {name.value for name, _ in fields.value} if isinstance(fields, yaml.MappingNode) else set()
        for name in REQUIRED.get(rows, ()):
            if name not in named:
                self._wrong(fields, f"fields.{name}", "is missing. Name a column, or give a constant: {constant: ...}.")
        return found

    def _field(self, name: str, node: yaml.Node, formats: tuple[str, ...]) -> Field | None:
        key = f"fields.{name}"
        place = self._place(node, key)
        formats = formats if name.endswith("_at") else ()
        if isinstance(node, yaml.ScalarNode):
            return Field(name, place, column=self._text(node, key), formats=formats)
        members = self._members(node, key, _FIELD_KEYS)
        texts = {
            part: self._text(members[part], f"{key}.{part}")
            for part in ("column", "constant", "default")
            if part in members
        }
        if len(texts.keys() & {"column", "constant"}) != 1:
            self._wrong(node, key, "needs a column, or a constant, and not both.")
        if "format" in members:
            formats = tuple(self._texts(members["format"], f"{key}.format"))
            if not name.endswith("_at"):
                self._wrong(members["format"], f"{key}.format", "only times have one.")
            for one in formats:
                if "%Z" in one:
                    self._wrong(
                        members["format"],
                        f"{key}.format",
                        "%Z is not read. Offsets such as +0100 are %z; a zone for all times is `zone`.",
                    )
                elif "%" not in one and one != ISO and one not in NUMBERED and not _undecided(one):
                    self._wrong(
                        members["format"],
                        f"{key}.format",
                        f'is {one!r}. Write iso, unix, unix_ms, or such as "%d/%m/%Y %H:%M".',
                    )
        values = {}
        if "map" in members:
            for value, target in self._members(members["map"], f"{key}.map").items():
                trimmed = value.strip(BLANK)
                values[trimmed] = self._text(target, f"{key}.map.{value}")
                self._check_status(target, f"{key}.map.{value}", name, values[trimmed])
        for part in ("constant", "default"):
            if part in texts:
                self._check_status(members[part], f"{key}.{part}", name, texts[part])
        if name.endswith("_at") and texts.keys() & {"constant", "default"}:
            self._wrong(node, key, "a time comes from a column.")
        return Field(name, place, formats=formats, values=values, **texts)

    def _check_status(self, node: yaml.Node | None, key: str, field: str, value: str) -> None:
        """Whether the seeds know a value, of a field whose values they know."""
        known = self._reference.known(field) or {"satisfaction": tuple("12345")}.get(field)
        if known is not None and value and value not in known and not _undecided(value):
            where = {"status": ", of seeds/ticket_statuses.csv", "market": ", of seeds/markets.csv"}.get(field, "")
            self._wrong(node, key, f"{field} {value!r} is unknown. Write {_or(known)}{where}.")
        if field == "source" and ":" in value:
            self._wrong(node, key, "the name of a source has no colon.")

    def _redact(self, node: yaml.Node | None, more: dict[str, str]) -> dict[str, str]:
        wanted = {}
        if node is not None:
            for name, way in self._members(node, "redact").items():
                wanted[name] = (self._text(way, f"redact.{name}"), self._place(way, f"redact.{name}"))
        wanted |= {name: (way, f"--redact {name}={way}") for name, way in more.items()}
        for name, (way, place) in wanted.items():
            if name not in REDACTABLE:
                self._problems.append(f"{place}: {name} cannot be redacted. What can is {', '.join(REDACTABLE)}.")
            elif way not in WAYS and not _undecided(way):
                self._problems.append(f"{place}: write drop or hash.")
            elif way == "drop" and name in NEVER_DROPPED:
                self._problems.append(f"{place}: a ticket needs its {name}. Write hash.")
        return {name: way for name, (way, _) in wanted.items()}


def zones() -> set[str]:
    """The names of time zones that DuckDB knows, as it reads them."""
    with duckdb.connect() as connection:
        return {name for (name,) in connection.execute("select name from pg_timezone_names()").fetchall()}


def _undecided(text: str) -> bool:
    return text.startswith(_TODO)


def unmapped(one: Field, known: Iterable[str], values: Sequence[tuple[str, str]], or_more: str = "") -> list[str]:
    """What tells of values that a field does not map: each as it is shown, with where or how often it is."""
    if not values:
        return []
    rest = len(values) - _SHOWN
    return [
        f"{one.place}: {counted(len(values), 'value')} of column {one.column!r} without {one.name}. Give each one of "
        f"{', '.join(known)}, below map:",
        *(f"    {value}: {found}" for value, found in values[:_SHOWN]),
        *([f"    and {rest:,} more{or_more}"] if rest > 0 else []),
    ]


def meant(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f" Did you mean {near[0]}?" if near else ""


def _or(choices: tuple[str, ...]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}" if len(choices) > 1 else choices[0]
