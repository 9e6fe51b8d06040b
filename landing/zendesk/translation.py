"""Tickets of Zendesk and their audits, to updates: each audit is one, with the state of the ticket just after it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa

from landing import Refused, counted
from landing.contract import LISTED, UPDATES, Reference
from landing.core import Batch
from landing.history import UNKNOWN, states
from landing.mapping import unmapped
from landing.redact import hashed, key_of
from landing.zendesk.mapping import COLUMNS, CUSTOM, Mapping
from landing.zendesk.measured import results

LAST = 2**63 - 1  # sequence of what a ticket says beside its audits: after all that happened in the same second
_KINDS = {"groups": "group", "brands": "brand", "organizations": "organization", "ticket_forms": "ticket_form"}


@dataclass
class Known:
    """What is known beside tickets and audits: names by id, and who is an agent."""

    roles: dict[str, str] = field(default_factory=dict)
    all_agents: bool = False  # whether whoever is not among them is none
    names: dict[str, dict[str, str]] = field(default_factory=dict)  # by kind: group, brand, organization, ticket_form
    custom_statuses: dict[str, tuple[str, str]] = field(default_factory=dict)  # label, category
    custom_fields: dict[str, str] = field(default_factory=dict)  # id by title

    def learn(self, page: dict[str, Any]) -> None:
        """Takes what a page says of people, groups and the like."""
        for user in _records(page, "users"):
            if "role" in user:
                self.roles[_id(user)] = user["role"]
        for key, kind in _KINDS.items():
            for one in _records(page, key):
                if one.get("name"):
                    self.names.setdefault(kind, {})[_id(one)] = one["name"]
        for one in _records(page, "custom_statuses"):
            if one.get("status_category"):
                self.custom_statuses[_id(one)] = (one.get("agent_label") or "", one["status_category"])
        for one in _records(page, "ticket_fields"):
            if one.get("title"):
                self.custom_fields[one["title"]] = _id(one)


@dataclass(slots=True)
class Audit:
    """What an audit says of what counts here; its texts are left out."""

    id: int
    created_at: str
    author: str | None
    via: str | None
    creates: bool
    changes: dict[str, tuple[Any, Any]]
    public: bool | None = None  # whether its comment is, if it has one
    rated: int | None = None  # the event by which the customer rates


@dataclass(slots=True)
class Ticket:
    """A ticket as exported, and what Zendesk measured of it."""

    record: dict[str, Any]
    metric_set: dict[str, Any] | None = None
    metric_events: list[dict[str, Any]] = field(default_factory=list)


class Translation:
    """Makes updates of tickets, as a mapping says, and gathers the values that it does not map."""

    def __init__(self, mapping: Mapping, reference: Reference, known: Known):
        self._mapping, self._reference, self._known = mapping, reference, known
        self._redact = mapping.redact
        self._key = key_of(self._redact)
        self.unmapped: dict[str, Counter[str | None]] = {name: Counter() for name in LISTED}
        columns = {one.column for one in mapping.fields.values() if one.column is not None}
        self._names = {column: self._raw_name(column) for column in sorted(columns)}
        self._raw = {"status", "custom_status_id", "requester_id", "assignee_id", *self._names.values()}
        self._raw.discard("via")

    def _raw_name(self, column: str) -> str:
        """A column's name in audits."""
        if not column.startswith(CUSTOM):
            return COLUMNS[column]
        title = column.removeprefix(CUSTOM).strip()
        if title.isdigit():
            return title
        if title not in self._known.custom_fields:
            raise Refused(
                f"{self._mapping.path}: which field {title!r} is, none of what is read says. Give ticket_fields "
                f"too, or write its id: {CUSTOM}360001234567. "
                f"Known are {', '.join(sorted(self._known.custom_fields)) or 'none'}."
            )
        return self._known.custom_fields[title]

    def shortened(self, record: dict[str, Any]) -> dict[str, Any]:
        """A ticket without what does not count, such as its texts."""
        wanted = (*self._raw, "created_at", "updated_at", "generated_timestamp", "satisfaction_rating")
        short = {name: record[name] for name in wanted if name in record}
        short["via"] = {"channel": _channel(record)}
        short["custom_fields"] = [one for one in _custom(record) if str(one.get("id")) in self._raw]
        return short

    # ---------- audits

    def audit(self, record: dict[str, Any]) -> Audit:
        """An audit without what does not count."""
        audit = Audit(
            _sequence(record["id"]),
            str(record.get("created_at") or ""),
            _text(record.get("author_id")),
            _channel(record),
            False,
            {},
        )
        for event in record.get("events") or ():
            kind = event.get("type") or ""
            name = sys.intern(str(event.get("field_name")))
            if kind in ("Create", "Change"):
                audit.creates |= kind == "Create"
                if name in self._raw:
                    before = UNKNOWN if kind == "Create" else _value(name, event.get("previous_value"))
                    if name in audit.changes:
                        before = audit.changes[name][0]
                    audit.changes[name] = (before, _value(name, event.get("value")))
                if name == "satisfaction_score" and kind == "Change" and self._rating(_value(name, event.get("value"))):
                    audit.rated = _sequence(event.get("id") or audit.id)
            elif kind == "SatisfactionRating":
                audit.changes.setdefault("satisfaction_score", (None, _text(event.get("score"))))
                if self._rating(_text(event.get("score"))):
                    audit.rated = _sequence(event.get("id") or audit.id)
            elif kind.endswith("Comment") and audit.public is None:
                audit.public = bool(event.get("public"))
                audit.author = _text(event.get("author_id")) or audit.author
        if "custom_status_id" in audit.changes and "status" not in audit.changes:
            # A status of one's own that says nothing of the system's is in its category.
            _, after = audit.changes["custom_status_id"]
            if after in self._known.custom_statuses:
                audit.changes["status"] = (UNKNOWN, self._known.custom_statuses[after][1])
        return audit

    # ---------- the updates of a ticket

    def updates(self, ticket_id: str, ticket: Ticket | None, audits: Iterable[Audit]) -> list[dict[str, Any]]:
        """The updates of a ticket in their order, without those that stand there twice."""
        audits = sorted({one.id: one for one in audits}.values(), key=lambda one: (one.created_at, one.id))
        shown = self._hidden("ticket_id", ticket_id)
        if ticket is None:
            if not (audits and audits[0].creates):
                return [
                    {
                        "file": f"ticket {shown}",
                        "reason": "ticket_missing",
                        "value": "there are audits, but neither the ticket nor its creation",
                    }
                ]
            now, created, changed = {}, audits[0].created_at, ""
            via = audits[0].via
        else:
            record = ticket.record
            now, via = self._raw_state(record), _channel(record)
            created, changed = (str(record.get(name) or "") for name in ("created_at", "updated_at"))
        agents = {one.author for one in audits if one.public is False}
        common = {
            "file": f"ticket {shown}",
            "ticket_id": ticket_id,
            "created_at": created,
        }
        told = []

        def tell(state: dict[str, Any], update_id: str, at: str, sequence: int, event: str | None = None) -> None:
            told.append(
                common
                | self._fields(state | {"via": via})
                | {"update_id": update_id, "updated_at": at, "sequence": sequence, "event": event}
            )

        history = self._states(now, audits)
        if ticket is not None and not (audits and audits[0].creates):
            # Nothing tells how it was created: as it was before what is known, and new if nothing is.
            first = history[0] if audits or created == changed else now | {"status": "new", "satisfaction_score": None}
            tell(first, f"ticket-{shown}-created", created, 0, "created")
        for audit, state in zip(audits, history[1:], strict=True):
            for event, sequence in self._events(audit, state, agents):
                suffix = "" if sequence == audit.id else f"-{sequence}"
                tell(state, f"{audit.id}{suffix}", audit.created_at, sequence, event)
        if ticket is not None:
            self._tell_rest(ticket, shown, now, changed, bool(audits), told, tell)
        return [self._redacted(one) for one in told]

    def _states(self, now: dict[str, Any], audits: list[Audit]) -> list[dict[str, Any]]:
        history = states(now, [audit.changes for audit in audits])
        if not now and history:
            names = self._raw
            history = [{name: None for name in names} | one for one in history]
        return history

    def _tell_rest(self, ticket: Ticket, shown: str, now: dict, changed: str, audited: bool, told: list, tell) -> None:
        """What the ticket itself says beyond its audits, and what Zendesk measured."""
        solved = (ticket.metric_set or {}).get("solved_at")
        if (
            not audited
            and solved
            and told[0]["updated_at"] < solved < changed
            and now["status"] in ("solved", "closed")
        ):
            tell(now | {"status": "solved", "satisfaction_score": None}, f"ticket-{shown}-{solved}", solved, LAST)
        last = told[-1]
        if changed > last["updated_at"] and (
            not audited or not _same(last, self._fields(now | {"via": _channel(ticket.record)}))
        ):
            tell(now, f"ticket-{shown}-{changed}", changed, LAST)
        events = [one for one in ticket.metric_events if not one.get("deleted")]
        measured = results(ticket.metric_set, events)
        late = max((one.get("time") or "" for one in events if one.get("type") == "breach"), default="")
        if measured and late > told[-1]["updated_at"]:
            # A target that was missed without anybody touching the ticket.
            tell(now, f"ticket-{shown}-{late}", late, LAST)
        if measured and told[-1]["updated_at"] <= max(changed, late):
            told[-1].update(measured)

    def _events(self, audit: Audit, state: dict[str, Any], agents: set[str | None]) -> list[tuple[str | None, int]]:
        """What an audit is, in the contract's words, with the sequence of each."""
        if audit.creates:
            return [("created", audit.id)]
        rated = [("rated", audit.rated)] if audit.rated is not None else []
        if audit.public is None:
            if not rated:
                event = "status_changed" if "status" in audit.changes else None
                if event is None and "priority" in audit.changes:
                    event = "severity_changed"
                if event is None and audit.changes.keys() & {"assignee_id", "group_id"}:
                    event = "assigned"
                return [(event, audit.id)]
            return [("rated", audit.id)]
        return [(self._reply(audit, state, agents), audit.id), *rated]

    def _reply(self, audit: Audit, state: dict[str, Any], agents: set[str | None]) -> str | None:
        if not audit.public:
            return "internal_note"
        if audit.author == state.get("requester_id"):
            return "customer_reply"
        if audit.author in (None, "-1"):
            return None  # what Zendesk itself says is no reply
        if audit.author in agents or audit.author == state.get("assignee_id"):
            return "agent_reply"  # also of somebody who has been an agent
        role = self._known.roles.get(audit.author, "end-user" if self._known.all_agents else None)
        if role is not None:
            return "customer_reply" if role == "end-user" else "agent_reply"
        return "customer_reply" if audit.via in ("email", "mobile_sdk", "web_widget") else "agent_reply"

    # ---------- fields

    def _raw_state(self, record: dict[str, Any]) -> dict[str, Any]:
        custom = {str(one.get("id")): one.get("value") for one in _custom(record)}
        rating = record.get("satisfaction_rating")
        given = {"satisfaction_score": rating.get("score") if isinstance(rating, dict) else rating} | custom
        return {name: _value(name, given[name] if name in given else record.get(name)) for name in self._raw}

    def _rating(self, score: str | None) -> str | None:
        """A score as it counts, null if none has been given: with or without a comment is the same."""
        one = self._mapping.fields.get("satisfaction")
        if not score or one is None:
            return None
        short = next((name for name in ("good", "bad") if score.startswith(name)), score)
        value = one.values.get(score) or one.values.get(short) or score
        return value if value in ("1", "2", "3", "4", "5") else None

    def _fields(self, state: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for name, one in self._mapping.fields.items():
            if one.constant is not None:
                found[name] = one.constant
            elif name == "satisfaction":
                rating = self._rating(self._candidates(one.column, state)[-1])
                found[name] = int(rating) if rating else None
            else:
                found[name] = self._mapped(name, one, state)
        return found

    def _mapped(self, name: str, one, state: dict[str, Any]) -> str | None:
        candidates = self._candidates(one.column, state)
        value = next((one.values[text] for text in candidates if text in one.values), None)
        if value is None:
            if one.column == "tag":
                value = one.default
            else:
                value = candidates[-1] if candidates[-1] is not None else one.default
        if name in LISTED:
            known = self._reference.known(name)
            if known is not None and value not in known:
                self.unmapped[name][value] += 1
        return value

    def _candidates(self, column: str, state: dict[str, Any]) -> list[str | None]:
        """The values of a column by which a map is asked, the best first."""
        raw = self._names[column]
        value = state.get(raw)
        if column == "tag":
            return list(value or ()) or [None]
        if column == "status":
            label, category = self._known.custom_statuses.get(state.get("custom_status_id") or "", (None, None))
            return [label, value] if label and category == value else [value]
        if isinstance(value, tuple):
            value = ",".join(value) or None
        if value is not None and raw == f"{column}_id":
            value = self._known.names.get(column, {}).get(value, value)
        return [value]

    # ---------- what is personal

    def _hidden(self, name: str, value: str | None) -> str | None:
        way = self._redact.get(name)
        if way is None or value is None or not value.strip():
            return value
        return None if way == "drop" else hashed(value, self._key)

    def _redacted(self, update: dict[str, Any]) -> dict[str, Any]:
        return update | {name: self._hidden(name, update[name]) for name in self._redact if name in update}

    # ---------- what is not mapped

    def check(self) -> None:
        """Refused if values have been met that the mapping does not map."""
        lines = []
        for name, counts in self.unmapped.items():
            missing = [
                (repr(value) if value is not None else "blank (give it by default:)", counted(count, "update"))
                for value, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0] or ""))
            ]
            lines += unmapped(self._mapping.fields[name], self._reference.known(name) or (), missing)
        if lines:
            raise Refused("\n".join(lines))


def batch(updates: list[dict[str, Any]], read: int, share: float | None = None) -> Batch:
    """Updates as the core takes them."""
    columns = {}
    for name in UPDATES.names:
        values = [one.get(name) for one in updates]
        if name in ("updated_at", "created_at"):
            values = [_moment(value) for value in values]
        elif pa.types.is_floating(UPDATES.field(name).type):
            values = [float(value) if value is not None else None for value in values]
        if any(value is not None for value in values) or name == "reason":
            columns[name] = values
    return Batch(pa.table(columns, schema=pa.schema([UPDATES.field(name) for name in columns])), read, share)


# ---------- texts of Zendesk


def _records(page: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    for one in page.get(key) or ():
        if isinstance(one, dict):
            yield one


def _sequence(value: Any) -> int:
    number = int(value)
    if not 0 <= number < LAST:
        raise ValueError(f"{value!r} is no id")
    return number


def _id(record: dict[str, Any]) -> str:
    return str(record.get("id"))


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    # The same few values come again and again, from one file after another.
    return sys.intern(str(value))


def _custom(record: dict[str, Any]) -> list[dict[str, Any]]:
    return record.get("custom_fields") or record.get("fields") or []


def _value(name: str, value: Any) -> Any:
    """A value as text; audits write ids as texts, tickets as numbers. Of tags, and of many choices, all."""
    if name == "tags" and isinstance(value, str):
        value = value.split()
    if isinstance(value, list):
        return tuple(str(one) for one in value)
    return _text(value)


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
        return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _channel(record: dict[str, Any]) -> str | None:
    return _text((record.get("via") or {}).get("channel"))


def _same(update: dict[str, Any], fields: dict[str, Any]) -> bool:
    return all(update.get(name) == value for name, value in fields.items())
