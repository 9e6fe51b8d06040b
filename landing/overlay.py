"""The mapping of a product, which is part of this package, with what a user's own file says instead or besides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from landing import Refused
from landing.contract import Reference
from landing.mapping import Mapping, Reader, composed

_SHIPPED = Path(__file__).resolve().parent / "mappings"


@dataclass(frozen=True)
class Overlaid:
    """A mapping, which of its fields the user's file names, and the texts of keys that only the product knows."""

    mapping: Mapping
    own: frozenset[str]
    extra: dict[str, dict[str, str]]

    def without(self, names: set[str]) -> Overlaid:
        fields = {name: one for name, one in self.mapping.fields.items() if name not in names}
        return replace(self, mapping=replace(self.mapping, fields=fields))


def read(
    product: str, path: Path | None, reference: Reference, redact: dict[str, str], extra: dict[str, tuple[str, ...]]
) -> Overlaid:
    """The mapping of a product under that of a file. Refused with all that is wrong with it, or without a file.

    extra: keys of the file that are the product's own, each with the keys that may stand below it.
    """
    if path is None:
        raise Refused(
            "Tickets need a market, of which the source does not know. Write a file that says it, and name it by "
            f"--mapping:\n\n    fields:\n      market: {{constant: {(reference.markets or ('DE',))[0]}}}\n\n"
            f"docs/{product.partition('_')[0]}.md tells what else it may say."
        )
    base = composed(_SHIPPED / f"{product}.yml")
    _forget_unknown(base, reference)
    own = composed(path)
    reader = _Overlay(str(path), reference)
    if not isinstance(own, yaml.MappingNode):
        raise Refused(f"{path}: this is no mapping. Write keys with values, such as fields: and below it market:")
    extras = {name: reader.extra(own, name, known) for name, known in extra.items()}
    fields = _member(own, "fields")
    names = {key.value for key, _ in fields.value} if isinstance(fields, yaml.MappingNode) else set()
    return Overlaid(reader.mapping(_overlaid(base, own), redact), frozenset(names), extras)


class _Overlay(Reader):
    """Says where the user's file is wrong: of what it leaves to the product, under which key it can say otherwise."""

    def _place(self, node: yaml.Node | None, key: str) -> str:
        return super()._place(node if node is not None and node.start_mark.name == self._path else None, key)

    def extra(self, own: yaml.MappingNode, name: str, known: tuple[str, ...]) -> dict[str, str]:
        node = _member(own, name)
        if node is None:
            return {}
        own.value = [(key, value) for key, value in own.value if key.value != name]
        return {key: self._text(value, f"{name}.{key}") for key, value in self._members(node, name, known).items()}


def _member(node: yaml.Node | None, name: str) -> yaml.Node | None:
    members = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in members if key.value == name), None)


def _forget_unknown(base: yaml.MappingNode, reference: Reference) -> None:
    """A product's statuses are mapped by default only to those that the seeds have."""
    values = _member(_member(_member(base, "fields"), "status"), "map")
    values.value = [pair for pair in values.value if pair[1].value in reference.statuses]


def _overlaid(base: yaml.MappingNode, own: yaml.MappingNode, depth: int = 0) -> yaml.MappingNode:
    """Both, key by key, down to the values of a field's map. A field that is a text names its column."""
    members = {key.value: (key, value) for key, value in base.value}
    found = []
    for key, value in own.value:
        beneath = members.pop(key.value, (None, None))[1]
        if depth == 1:
            value = _field(beneath, value)
        elif beneath is not None and isinstance(value, yaml.MappingNode) and isinstance(beneath, yaml.MappingNode):
            value = _overlaid(beneath, value, depth + 1)
        found.append((key, value))
    return yaml.MappingNode(own.tag, [*members.values(), *found], own.start_mark, own.end_mark)


def _field(base: yaml.Node | None, own: yaml.Node) -> yaml.Node:
    def members(node: yaml.Node | None) -> yaml.MappingNode | None:
        if not isinstance(node, yaml.ScalarNode):
            return node
        key = yaml.ScalarNode("tag:yaml.org,2002:str", "column", node.start_mark, node.end_mark)
        return yaml.MappingNode("tag:yaml.org,2002:map", [(key, node)], node.start_mark, node.end_mark)

    base, own = members(base), members(own)
    if not isinstance(base, yaml.MappingNode) or not isinstance(own, yaml.MappingNode) or _member(own, "constant"):
        return own
    kept = base.value
    if _member(own, "column") is not None:
        kept = [pair for pair in kept if pair[0].value != "constant"]
    return _overlaid(yaml.MappingNode(base.tag, kept, base.start_mark, base.end_mark), own, 2)
