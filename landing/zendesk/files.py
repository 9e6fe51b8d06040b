"""Files of answers of Zendesk's REST API, read as a whole: tickets, their audits, and what belongs to them."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from landing import Refused, counted, reading, shaped_like
from landing.contract import Reference
from landing.core import Batch
from landing.zendesk.mapping import Mapping
from landing.zendesk.translation import Audit, Known, Ticket, Translation, batch

PER_BATCH = 2_000  # tickets
KEYS = (
    *("tickets", "audits", "users", "groups", "brands", "organizations", "ticket_forms", "custom_statuses"),
    *("ticket_fields", "metric_sets", "ticket_metrics", "ticket_metric_events", "metric_events"),
    *("schedules", "holidays", "sla_policies"),
)
_ONE = {"ticket": "tickets", "audit": "audits", "user": "users", "group": "groups", "ticket_metric": "ticket_metrics"}


def pages(path: Path) -> Iterator[dict[str, Any]]:
    """The answers in a file: one, or one a line, or a ticket or an audit a line. Refused if it is none of these."""
    text = reading.whole(path)
    try:
        found = [(None, json.loads(text))]
    except json.JSONDecodeError as whole:
        try:
            lines = enumerate(text.split("\n"), 1)
            found = [(number, json.loads(line)) for number, line in lines if line.strip()]
        except json.JSONDecodeError:
            raise Refused(
                f"{path}, line {whole.lineno}, column {whole.colno}: this is no JSON: {whole.msg}. Each file is an "
                "answer of Zendesk's REST API as it came, or has one a line. If it was cut short, fetch it again."
            ) from None
    for number, one in found:
        for page in one if isinstance(one, list) else [one]:
            where = f"{path}, line {number}" if number else str(path)
            yield _page(page, where)


def _page(page: Any, where: str) -> dict[str, Any]:
    if isinstance(page, dict):
        if any(isinstance(page.get(key), list) for key in KEYS):
            return page
        for key, many in _ONE.items():
            if isinstance(page.get(key), dict):
                return page | {many: [page[key]]}
        if "ticket_id" in page and isinstance(page.get("events"), list):
            return {"audits": [page]}
        if {"id", "created_at", "status", "requester_id"} <= page.keys():
            return {"tickets": [page]}
    raise Refused(f"{where}: this is none of Zendesk's answers that are read. They have one of {', '.join(KEYS)}.")


class Files:
    """Answers in files, together: the order of files does not matter. Refused if one cannot be read."""

    def __init__(self, paths: list[Path], mapping: Mapping, reference: Reference):
        self._known, self._tickets, self._audits = Known(), {}, defaultdict(list)
        self._read = 0
        metric_sets: dict[str, dict] = {}
        events: dict[str, dict[Any, dict]] = defaultdict(dict)
        # First who is who: audits are read by it.
        for path in paths:
            for page in pages(path):
                with shaped_like("Zendesk", str(path)):
                    self._known.learn(page)
        self.translation = Translation(mapping, reference, self._known)
        for path in paths:
            for page in pages(path):
                with shaped_like("Zendesk", str(path)):
                    self._take(page, str(path), metric_sets, events)
        for ticket_id, ticket in self._tickets.items():
            with shaped_like("Zendesk", f"ticket {ticket_id}"):
                ticket.metric_set = newer(ticket.metric_set, metric_sets.get(ticket_id))
                ticket.metric_events = list(
                    ({one.get("id"): one for one in ticket.metric_events} | events.get(ticket_id, {})).values()
                )

    def _take(self, page: dict[str, Any], where: str, metric_sets: dict, events: dict) -> None:
        for record in page.get("tickets") or ():
            ticket_id = identity(record, "id", where)
            one = ticket(record)
            one.record = self.translation.shortened(record)
            if ticket_id not in self._tickets or _age(one.record) >= _age(self._tickets[ticket_id].record):
                self._tickets[ticket_id] = one
            self._read += 1
        for record in page.get("audits") or ():
            identity(record, "id", where)
            self._audits[identity(record, "ticket_id", where)].append(self.translation.audit(record))
            self._read += 1
        for key in ("metric_sets", "ticket_metrics"):
            for record in page.get(key) or ():
                ticket_id = identity(record, "ticket_id", where)
                metric_sets[ticket_id] = newer(metric_sets.get(ticket_id), record)
        for key in ("ticket_metric_events", "metric_events"):
            for record in page.get(key) or ():
                events[identity(record, "ticket_id", where)][record.get("id")] = record

    def check(self, tell: Callable[[str], None] = lambda text: print(text, file=sys.stderr)) -> None:
        """Refused if values have been met that the mapping does not map."""
        for ticket_id in self._ids():
            self._updates(ticket_id)
        self.translation.check()
        audits = sum(map(len, self._audits.values()))
        tell(f"{counted(len(self._tickets), 'ticket')} and {counted(audits, 'audit')}: checked")

    def _ids(self) -> list[str]:
        return sorted(self._tickets.keys() | self._audits.keys(), key=lambda one: (len(one), one))

    def _updates(self, ticket_id: str) -> list[dict[str, Any]]:
        audits: list[Audit] = self._audits.get(ticket_id, [])
        with shaped_like("Zendesk", f"ticket {ticket_id}"):
            return self.translation.updates(ticket_id, self._tickets.get(ticket_id), audits)

    def batches(self) -> Iterator[Batch]:
        ids = self._ids()
        for start in range(0, len(ids), PER_BATCH):
            some = ids[start : start + PER_BATCH]
            updates = [update for ticket_id in some for update in self._updates(ticket_id)]
            end = start + len(some)
            read = self._read * end // len(ids) - self._read * start // len(ids)
            yield batch(updates, read, end / len(ids))


def ticket(record: dict[str, Any]) -> Ticket:
    """A ticket with what came along with it."""
    metric_set, events = record.get("metric_set"), record.get("metric_events")
    if isinstance(events, dict):  # by metric
        events = [one for some in events.values() if isinstance(some, list) for one in some]
    return Ticket(
        record,
        metric_set if isinstance(metric_set, dict) else None,
        [one for one in events or () if isinstance(one, dict)],
    )


def newer(one: dict | None, other: dict | None) -> dict | None:
    if one is None or other is None:
        return one or other
    return max((other, one), key=lambda each: each.get("updated_at") or "")


def _age(record: dict[str, Any]) -> tuple:
    """By what the later of two exports of a ticket is known; its text decides between equals."""
    return record.get("updated_at") or "", record.get("generated_timestamp") or 0, json.dumps(record, sort_keys=True)


def identity(record: Any, key: str, where: str) -> str:
    value = record.get(key) if isinstance(record, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not str(value).isdigit():
        raise Refused(f"{where}: a record has {key} {value!r}, which is no number: this is none of Zendesk's answers.")
    return str(value)
