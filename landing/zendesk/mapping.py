"""How tickets of Zendesk become updates: a YAML file, in the language of landing/mapping.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from landing import Refused
from landing.contract import TYPES, Reference
from landing.mapping import Field, Reader, composed, meant

# The fields that can be told where they come from, with where that is unless the file says otherwise.
DEFAULTS: dict[str, dict] = {
    "status": {
        "column": "status",
        "map": {"hold": "on_hold", "solved": "resolved", "deleted": "cancelled"},
    },
    "severity": {"column": "priority", "map": {"urgent": "P1", "high": "P2", "normal": "P3", "low": "P4"}},
    "market": {},
    "source": {"constant": "zendesk"},
    "category": {"column": "type"},
    "channel": {"column": "via"},
    "product": {},
    "team": {"column": "group"},
    "agent_id": {"column": "assignee_id"},
    "customer_id": {"column": "requester_id"},
    "vehicle_id": {},
    "subject": {"column": "subject"},
    "satisfaction": {"column": "satisfaction", "map": {"good": "5", "bad": "1"}},
}
_FIELDS = tuple(name for name in TYPES if name in DEFAULTS)
# What a column of a ticket is made of, by the name that Zendesk gives it in tickets and audits.
COLUMNS = {
    "status": "status",
    "custom_status_id": "custom_status_id",
    "priority": "priority",
    "type": "type",
    "subject": "subject",
    "group": "group_id",
    "group_id": "group_id",
    "assignee_id": "assignee_id",
    "requester_id": "requester_id",
    "organization": "organization_id",
    "organization_id": "organization_id",
    "brand": "brand_id",
    "brand_id": "brand_id",
    "ticket_form": "ticket_form_id",
    "ticket_form_id": "ticket_form_id",
    "external_id": "external_id",
    "recipient": "recipient",
    "satisfaction": "satisfaction_score",
    "tag": "tags",
    "via": "via",
}
CUSTOM = "custom_field:"  # a field of one's own, by its id or its title


@dataclass(frozen=True)
class Mapping:
    path: str
    fields: dict[str, Field]
    redact: dict[str, str] = field(default_factory=dict)

    @property
    def source(self) -> str | None:
        return self.fields["source"].constant


def read(path: Path | None, reference: Reference, redact: dict[str, str] | None = None) -> Mapping:
    """The mapping in a file, completed by the defaults. Refused with all that is wrong with it.

    path: none for the defaults alone, which say of no ticket in which market it is.
    """
    if path is None:
        return _MappingReader("the defaults", reference).mapping(yaml.compose("{}"), redact or {})
    node = composed(path, " docs/zendesk.md says what to write.")
    return _MappingReader(str(path), reference).mapping(node, redact or {})


class _MappingReader(Reader):
    def mapping(self, node: yaml.Node | None, redact: dict[str, str]) -> Mapping:
        if not isinstance(node, yaml.MappingNode):
            raise Refused(f"{self._path}: this is no mapping. docs/zendesk.md says what to write.")
        top = self._members(node, "", ("fields", "redact"))
        self._decided(node, "")
        given = self._members(top["fields"], "fields", _FIELDS) if "fields" in top else {}
        fields = {}
        for name, default in DEFAULTS.items():
            if one := self._completed(name, given.get(name), default):
                fields[name] = one
        if "market" not in given and self._reference.known("market") is not None:
            self._wrong(
                top.get("fields"),
                "fields.market",
                "is missing: Zendesk does not know in which market a ticket is. Name a column with a map, or write "
                "market: {constant: ...}.",
            )
        redacted = self._redact(top.get("redact"), redact)
        if self._problems:
            raise Refused("\n".join(self._problems))
        return Mapping(self._path, fields, redacted)

    def _completed(self, name: str, node: yaml.Node | None, default: dict) -> Field | None:
        if node is None:
            if not default:
                return None
            return Field(
                name,
                f"{self._path}, fields.{name}",
                column=default.get("column"),
                constant=default.get("constant"),
                values=default.get("map", {}),
            )
        named = {key.value for key, _ in node.value} if isinstance(node, yaml.MappingNode) else {"column"}
        if not named & {"column", "constant"} and "column" in default:
            mark = node.start_mark
            pair = (yaml.ScalarNode("", one, mark, mark) for one in ("column", default["column"]))
            node.value.insert(0, tuple(pair))
        one = self._field(name, node, ())
        if one is None or one.column is None:
            return one
        if one.column not in COLUMNS and not one.column.startswith(CUSTOM):
            known = (*COLUMNS, f"{CUSTOM} with an id or a title")
            self._wrong(
                node,
                f"fields.{name}",
                f"tickets have no column {one.column!r}.{meant(one.column, tuple(COLUMNS))} "
                f"They have {', '.join(known)}.",
            )
        if one.column == "tag" and not one.values:
            self._wrong(node, f"fields.{name}", "a ticket has many tags: say by map: which of them count.")
        if one.column == default.get("column"):
            values = default.get("map", {}) | one.values
            one = Field(name, one.place, one.column, one.constant, one.default, values)
        return one
