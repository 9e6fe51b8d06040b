"""Lands what Zendesk exports, page after page, from where the last landing ended."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landing.contract import Reference
from landing.core import Batch, Summary, land
from landing.ledger import Ledger, write_whole
from landing.zendesk.api import Api, Expired
from landing.zendesk.files import identity, newer, ticket
from landing.zendesk.mapping import Mapping
from landing.zendesk.translation import Known, Translation, batch

PER_PAGE, PER_DRY_PAGE = 1000, 100
PER_BATCH = 100  # tickets, each of which takes a request
GROUP_UPDATES, GROUP_SECONDS = 50_000, 600  # after either, what has been read lands
OVERLAP = 3600  # seconds, by which an export begins before what has landed, if its cursor is gone
_LISTS = (
    ("/api/v2/groups.json", "groups"),
    ("/api/v2/custom_statuses.json", "custom_statuses"),
    ("/api/v2/ticket_fields.json", "ticket_fields"),
    ("/api/v2/brands.json", "brands"),
)


@dataclass(frozen=True)
class Position:
    """How far a source has landed: Zendesk's cursor, and the latest time of an export."""

    cursor: str | None = None
    exported: int = 0


class Live:
    """Refused if Zendesk cannot be reached as the environment says."""

    def __init__(self, mapping: Mapping, reference: Reference, ledger: Ledger, since: int):
        self._api, self._reference, self._ledger, self._since = Api(), reference, ledger, since
        self._file = ledger.folder / f"zendesk-{re.sub(r'[^A-Za-z0-9.-]+', '_', self._api.name)}.json"
        self._position = self._read_position()
        self._known = Known()
        for path, key in _LISTS:
            for page in self._api.all(path, key):
                self._known.learn(page)
        agents = [self._api.all("/api/v2/users.json", "users", role=role) for role in ("agent", "admin")]
        for page in (*agents[0], *agents[1]):
            self._known.learn(page)
        self._known.all_agents = all(agents)
        self._translation = Translation(mapping, reference, self._known)
        self._ended = False

    def run(self, lake: Path) -> Summary:
        """Lands all that there is for now; of a dry run, what a first page holds."""
        summary = Summary()
        while not self._ended:
            land(lake, self._batches(), self._reference, self._ledger, summary)
            if not self._ledger.writes:
                break
            self._keep_position()
        return summary

    def _batches(self) -> Iterator[Batch]:
        """Some pages of the export, after which `_position` is where the next ones begin."""
        begun, updates = time.monotonic(), 0
        for page in self._pages():
            for one in self._of_page(page):
                updates += one.updates.num_rows
                yield one
            times = [record.get("generated_timestamp") or 0 for record in page.get("tickets") or ()]
            self._position = Position(
                page.get("after_cursor") or self._position.cursor, max([self._position.exported, *times])
            )
            self._ended = bool(page.get("end_of_stream"))
            if not self._ledger.writes or updates >= GROUP_UPDATES or time.monotonic() - begun >= GROUP_SECONDS:
                return
        self._ended = True

    def _pages(self) -> Iterator[dict[str, Any]]:
        size = PER_PAGE if self._ledger.writes else PER_DRY_PAGE
        try:
            yield from self._api.tickets(self._position.cursor, self._since, size)
        except Expired as error:
            start = max(self._position.exported - OVERLAP, 0) or self._since
            print(
                f"Zendesk does not know the cursor any more ({error}): its export is read from {_utc(start)} on; what "
                "has landed is skipped.",
                file=sys.stderr,
            )
            yield from self._api.tickets(None, start, size)

    def _of_page(self, page: dict[str, Any]) -> Iterator[Batch]:
        self._known.learn(page)
        records, where = page.get("tickets") or [], "the export"
        metric_sets: dict[str, dict] = {}
        for record in page.get("metric_sets") or ():
            ticket_id = identity(record, "ticket_id", where)
            metric_sets[ticket_id] = newer(metric_sets.get(ticket_id), record)
        for start in range(0, len(records), PER_BATCH):
            updates, some = [], records[start : start + PER_BATCH]
            read = len(some)
            for record in some:
                one, ticket_id = ticket(record), identity(record, "id", where)
                one.metric_set = newer(one.metric_set, metric_sets.get(ticket_id))
                one.metric_events += [
                    event for event in page.get("metric_events") or () if str(event.get("ticket_id")) == ticket_id
                ]
                audits = []
                for audit_page in self._api.audits(ticket_id) or ():
                    self._known.learn(audit_page)
                    audits += [self._translation.audit(audit) for audit in audit_page.get("audits") or ()]
                read += len(audits)
                updates += self._translation.updates(ticket_id, one, audits)
            self._translation.check()
            yield batch(updates, read)

    # ---------- how far it has got

    def _read_position(self) -> Position:
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            return Position(kept.get("cursor"), int(kept.get("exported") or 0))
        except FileNotFoundError:
            return Position()
        except (OSError, ValueError, AttributeError, TypeError) as error:
            print(
                f"{self._file} cannot be read ({error}): the export begins anew, and what has landed is skipped.",
                file=sys.stderr,
            )
            return Position()

    def _keep_position(self) -> None:
        """Only once all before it has landed."""
        position = {"cursor": self._position.cursor, "exported": self._position.exported}
        write_whole(self._file, json.dumps(position).encode())


def _utc(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
