"""ServiceNow's incidents: an event log as CSV, or records of the Table API as JSON (docs/servicenow.md)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from landing import Refused, counted, history, overlay, reading, records
from landing.contract import TYPES, Reference, quoted
from landing.files import Files
from landing.mapping import Field, Mapping

PRODUCT, LOG = "servicenow", "servicenow_log"
_REQUIRED = ("ticket_id", "updated_at", "status", "severity", "market")
_JOURNALS = ("comments", "work_notes")
_EVENTS = (
    ("state", "status_changed"),
    ("incident_state", "status_changed"),
    ("assigned_to", "assigned"),
    ("assignment_group", "assigned"),
    ("priority", "severity_changed"),
)
_MADE_OF_UPDATES = {"update.at", "update.id", "update.event", "update.sequence"}
_RESULTS = {"result.made_sla", "result.reopen_count", "result.calendar_minutes", "result.business_minutes"}
# Fields of an incident that are needed whatever the mapping says.
_NEEDED = (
    *("sys_id", "number", "opened_at", "sys_created_on", "sys_updated_on", "sys_mod_count", "sys_created_by"),
    *("opened_by", "caller_id", "state", "hold_reason", "resolved_at", "closed_at", "made_sla", "reopen_count"),
    *("calendar_duration", "calendar_stc", "business_duration", "business_stc"),
)
_AWAITS_CALLER = ("1", "Awaiting Caller", "Awaiting User Info")
_UNITS = {"day": 1440.0, "hour": 60.0, "minute": 1.0, "second": 1 / 60}


def source(
    paths: list[Path], mapping: Path | None, reference: Reference, redact: dict[str, str], tell: Callable[[str], None]
) -> Files:
    """The updates of files, all CSV or all JSON. Refused if they or the mapping cannot be read."""
    kinds = {records.is_json(path) for path in paths}
    if len(kinds) > 1:
        raise Refused("Some files are JSON and some are not. Land the event log and the records of the API separately.")
    if kinds == {False}:
        return _log(paths, overlay.read(LOG, mapping, reference, redact, {}), reference)
    overlaid = overlay.read(PRODUCT, mapping, reference, redact, {})
    tables = _Tables(paths, overlaid.mapping, reference)
    tables.tell(tell)
    return records.Records(tables.paths, overlaid, reference, tables.rows, tables.columns)


# ---------- the event log


def _log(paths: list[Path], overlaid: overlay.Overlaid, reference: Reference) -> Files:
    mapping, header = overlaid.mapping, set()
    for path in paths:
        header |= set(reading.csv_header(path, mapping.encoding, mapping.delimiter, mapping.quote))
    absent = {
        name
        for name, one in mapping.fields.items()
        if one.column is not None and one.column not in header and name not in (*overlaid.own, *_REQUIRED)
    }
    mapping = overlaid.without(absent).mapping
    if "resolved_at" in header and mapping.rows == "changes":
        formats = mapping.fields["updated_at"].formats
        resolved_at = Field("resolved_at", mapping.path, column="resolved_at", formats=formats)
        mapping = replace(mapping, fields=mapping.fields | {"resolved_at": resolved_at})
    return _EventLog("csv", paths, mapping, reference)


class _EventLog(Files):
    def _problems(self) -> list[tuple[str, str, str, str]]:
        """No row is refused for when its incident was resolved, which only a result is made of."""
        return [problem for problem in super()._problems() if problem[2] != "'resolved_at'"]

    def _changes(self) -> str:
        """SQL: an update is known by its ticket, number and moment and by what it changed, not by later results."""
        done = ", ".join(quoted(status) for status, is_open in self._reference.statuses.items() if not is_open)
        told = ("status", "severity", "category", "channel", "team", "agent_id")
        parts = ", ".join(
            f"coalesce({part}::varchar, chr(30))"
            for part in ("source", "ticket_id", "sequence", "epoch_us(updated_at)", *told)
        )
        calendar = self._fields.get("source_resolution_minutes")
        business = self._fields.get("source_resolution_business_minutes")
        to_resolution = "(epoch_us(resolved_at) - epoch_us(created_at)) / 60e6"
        order = "line" if self._mapping.order == "oldest_first" else "-line"
        replaced = {
            "sequence": f"coalesce(sequence, {order})",
            "created_at": "coalesce(created_at, updated_at)",
            "event": "coalesce(event, case when sequence = 0 then 'created' end)",
            "source_resolution_minutes": _minutes(calendar, "calendar_duration")
            or f"case when status in ({done or 'null'}) and resolved_at >= created_at then {to_resolution} end",
            "source_resolution_business_minutes": _minutes(business, "business_duration")
            or "source_resolution_business_minutes",
        }
        names = ", ".join(f"{replaced.get(name, name)} as {name}" for name in TYPES)
        return (
            f'select file, line, reason, "column", "value", concat_ws(chr(31), {parts}) as identity, {names} from rows'
        )


def _minutes(field: Field | None, seconds: str) -> str | None:
    """SQL of a field in minutes, of which one column gives seconds; None without the field."""
    return None if field is None else f"{field.name} / 60" if field.column == seconds else field.name


# ---------- records of the Table API


@dataclass(frozen=True)
class _Value:
    """A value of a record: as the database has it, and as it is shown."""

    value: str | None
    shown: str | None


def _read(value: Any) -> _Value:
    """What a field holds: a text, or {link, value}, {display_value, link} or {display_value, value}."""
    if isinstance(value, dict):
        shown, stored = value.get("display_value"), value.get("value")
        if stored is None and isinstance(value.get("link"), str):
            stored = value["link"].rstrip("/").rpartition("/")[2].partition("?")[0]
        return _Value(_text(stored if stored is not None else shown), _text(shown))
    return _Value(_text(value), None)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, (dict, list)):
        return None
    return ("true" if value else "false") if isinstance(value, bool) else str(value).strip() or None


@dataclass(frozen=True)
class _Audit:
    update: str
    at: str
    field: str
    before: str | None
    after: str | None
    user: str | None
    sys_id: str | None


class _Tables:
    """Records of incident, sys_audit, sys_journal_field and sys_user, in any order and in any files."""

    def __init__(self, paths: list[Path], mapping: Mapping, reference: Reference):
        self._mapping, self._status = mapping, mapping.fields["status"]
        self._done = {status for status, is_open in reference.statuses.items() if not is_open}
        self.columns = set(_MADE_OF_UPDATES | _RESULTS)
        self._bases = {_base(column) for column in mapping.columns} - _MADE_OF_UPDATES - _RESULTS
        self._incidents: dict[Path, dict[str, tuple[int, dict[str, str | None]]]] = {}
        self._audits: dict[str, list[_Audit]] = defaultdict(list)
        self._journals: dict[str, list[tuple[str, str, str | None, str]]] = defaultdict(list)
        self._users: dict[str, str] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._unknown, self._seen = 0, {}
        for path in paths:
            for line, is_record, value in records.found_in(path, ("result",)):
                if is_record and isinstance(value, dict):
                    self._take(path, line, value)
        self.paths = [path for path in paths if self._incidents.get(path)]
        if not self.paths:
            raise Refused(
                f"No incident is in {', '.join(map(str, paths))}: a record of table incident has number and sys_id. "
                "Export it with both."
            )

    def tell(self, tell: Callable[[str], None]) -> None:
        if self._unknown:
            tell(
                f"Not read: {counted(self._unknown, 'record')} of other tables than incident, sys_audit, "
                "sys_journal_field and sys_user."
            )
        audited = {key for key, audits in self._audits.items() if any(audit.field not in _JOURNALS for audit in audits)}
        bare = sum(sys_id not in audited for part in self._incidents.values() for sys_id in part)
        if bare:
            tell(
                f"{counted(bare, 'incident')} without records of sys_audit, of which only creation, resolution, "
                "closing and the present state are known."
            )

    # ---------- what is read

    def _take(self, path: Path, line: int, record: dict[str, Any]) -> None:
        get = {name: _read(record.get(name)).value for name in ("documentkey", "fieldname", "element", "element_id")}
        if get["documentkey"] and get["fieldname"]:
            self._take_audit(get["documentkey"], get["fieldname"], record)
        elif get["element_id"] and get["element"]:
            if get["element"] in _JOURNALS:
                at, by, sys_id = (
                    _read(record.get(name)).value for name in ("sys_created_on", "sys_created_by", "sys_id")
                )
                known = sys_id or f"{get['element_id']}:{get['element']}:{at}"
                self._journals[get["element_id"]].append((at or "", get["element"], by, known))
        elif "number" in record and "sys_id" in record:
            self._take_incident(path, line, record)
        elif "user_name" in record and "sys_id" in record:
            sys_id, user_name = (_read(record[name]).value for name in ("sys_id", "user_name"))
            if sys_id and user_name:
                self._users[sys_id] = user_name
        else:
            self._unknown += 1

    def _take_audit(self, key: str, field: str, record: dict[str, Any]) -> None:
        read = {name: _read(value).value for name, value in record.items()}
        if (read.get("tablename") or "incident") != "incident":
            return
        at = read.get("sys_created_on") or ""
        checkpoint = read.get("record_checkpoint")
        update = f"{key}:{checkpoint}" if checkpoint not in (None, "-1") else f"{key}:{at}"
        user = read.get("user") or read.get("sys_created_by")
        is_text = field in _JOURNALS
        change = (None, None) if is_text else (read.get("oldvalue"), read.get("newvalue"))
        self._audits[key].append(_Audit(update, at, field, *change, user, read.get("sys_id")))

    def _take_incident(self, path: Path, line: int, record: dict[str, Any]) -> None:
        self.columns |= record.keys() | {f"{name}.display_value" for name in record}
        kept = {}
        for name in (*_NEEDED, *self._bases):
            if name in record:
                read = _read(record[name])
                kept[name] = read.value
                if read.shown and read.value and read.shown != read.value:
                    self._names[name, read.value] = read.shown
        sys_id = kept["sys_id"] or kept["number"] or f"{path}:{line}"
        before = self._seen.get(sys_id)
        if before is not None:
            other = self._incidents[before][sys_id][1]
            if _order(kept) < _order(other):
                return
            del self._incidents[before][sys_id]
        self._seen[sys_id] = path
        self._incidents.setdefault(path, {})[sys_id] = (line, kept)

    # ---------- the updates

    def rows(self, path: Path) -> Iterator[tuple[int, records.Row, float]]:
        found = self._incidents[path]
        for number, (sys_id, (line, incident)) in enumerate(found.items(), 1):
            for row in self._life(sys_id, incident):
                yield line, row, number / len(found)

    def _life(self, sys_id: str, incident: dict[str, str | None]) -> list[records.Row]:
        now = {name: incident.get(name) for name in {*self._bases, *incident}}
        opened = incident.get("opened_at") or incident.get("sys_created_on") or ""
        inserted, later = self._changes(sys_id, incident)
        if not any(field == self._state for update in later for field, _, _ in update.changes):
            later += self._milestones(sys_id, incident, now, bool(later))
        first = min([self._moment(opened), *(update.moment for update in later)])
        updates = [history.Update(first, opened, f"{sys_id}:created", "created", inserted), *later]
        updates += self._replies(sys_id, incident)
        told = list(history.told(now, updates))
        last, updated = told[-1], incident.get("sys_updated_on")
        latest = f"{sys_id}:{incident.get('sys_mod_count') or updated}"
        if updated and latest not in {update.update_id for update in updates}:
            moment = self._moment(updated)
            differs = any(last[1][field] != now[field] for field in self._bases)
            if moment > last[0].moment or (differs and moment == last[0].moment):
                number = last[2] + 1 if moment == last[0].moment else 0
                event = "status_changed" if last[1].get(self._state) != now.get(self._state) else None
                told.append((history.Update(moment, updated, latest, event), now, number))
        rows = [self._row(*one) for one in told]
        rows[-1] |= _results(incident)
        return rows

    @property
    def _state(self) -> str:
        return _base(self._status.column or "state")

    def _changes(self, sys_id: str, incident: dict[str, str | None]) -> tuple[tuple, list[history.Update]]:
        """What its creation gave the incident, and its updates: records of sys_audit by number, or else by moment."""
        grouped: dict[str, list[_Audit]] = defaultdict(list)
        for audit in self._audits.get(sys_id, []):
            if audit.field not in _JOURNALS:
                grouped[audit.update].append(audit)
        created = incident.get("sys_created_on")
        inserted, updates = (), []
        for update_id, audits in grouped.items():
            if update_id in (f"{sys_id}:0", f"{sys_id}:{created}"):
                inserted += tuple((audit.field, audit.before, audit.after) for audit in audits)
                continue
            fields = {audit.field for audit in audits}
            event = next((event for field, event in _EVENTS if field in fields), None)
            at = min(audit.at for audit in audits)
            changes = tuple((audit.field, audit.before, audit.after) for audit in audits)
            updates.append(history.Update(self._moment(at), at, update_id, event, changes))
        return inserted, updates

    def _milestones(
        self, sys_id: str, incident: dict[str, str | None], now: records.Row, is_audited: bool
    ) -> list[history.Update]:
        """What an incident tells of its states without an audit of them: when it was resolved and closed."""
        state = now.get(self._state)
        if self._status_of(now) not in self._done:
            updated = incident.get("sys_updated_on")
            if is_audited or not updated or updated == incident.get("sys_created_on") or state is None:
                return []
            update_id, changes = f"{sys_id}:{incident.get('sys_mod_count') or updated}", ((self._state, "1", state),)
            return [history.Update(self._moment(updated), updated, update_id, "status_changed", changes)]
        resolved, closed, before = incident.get("resolved_at"), incident.get("closed_at"), "1"
        updates = []
        if resolved and closed and resolved != closed and self._status_of(now) == "closed":
            changes = ((self._state, before, "6"),)
            updates.append(
                history.Update(
                    self._moment(resolved), resolved, f"{sys_id}:resolved:{resolved}", "status_changed", changes
                )
            )
            before, at, kind = "6", closed, "closed"
        else:
            at, kind = (closed, "closed") if closed and not resolved else (resolved, "resolved")
        at = at or incident.get("sys_updated_on")
        if at:
            changes = ((self._state, before, state),)
            updates.append(history.Update(self._moment(at), at, f"{sys_id}:{kind}:{at}", "status_changed", changes))
        return updates

    def _replies(self, sys_id: str, incident: dict[str, str | None]) -> list[history.Update]:
        """Comments and work notes, of sys_journal_field or, for want of that, of sys_audit."""
        journal = self._journals.get(sys_id) or [
            (audit.at, audit.field, audit.user, audit.sys_id or f"{audit.update}:{audit.field}")
            for audit in self._audits.get(sys_id, [])
            if audit.field in _JOURNALS
        ]
        callers = self._callers(incident)
        updates = []
        for at, element, by, entry in journal:
            event = "internal_note" if element == "work_notes" else "customer_reply" if by in callers else "agent_reply"
            updates.append(history.Update(self._moment(at), at, entry, event))
        return updates

    def _callers(self, incident: dict[str, str | None]) -> set[str]:
        """What the caller is called: the sys_id, the name that is shown, and the user name if anything tells it."""
        caller = incident.get("caller_id")
        if not caller:
            return set()
        found = {caller, self._users.get(caller), self._names.get(("caller_id", caller))}
        if incident.get("opened_by") == caller:
            found.add(incident.get("sys_created_by"))
        return {one for one in found if one}

    def _row(self, update: history.Update, state: records.Row, number: int) -> records.Row:
        row = {column: self._shown(column, state) for column in self._mapping.columns}
        row |= {"update.at": update.at, "update.id": update.update_id, "update.event": update.event}
        return row | {"update.sequence": str(number)}

    def _shown(self, column: str, state: records.Row) -> str | None:
        base = _base(column)
        value = state.get(base)
        if column == "state" and value in ("3", "On Hold") and state.get("hold_reason") in _AWAITS_CALLER:
            return "Awaiting Caller"
        if column != base and value is not None:
            return self._names.get((base, value), value)
        return value

    def _status_of(self, state: records.Row) -> str | None:
        text = self._shown(self._status.column or "state", state)
        return self._status.values.get(text, text) if text else self._status.default

    def _moment(self, text: str) -> datetime:
        """The time of day that a text says, to order by."""
        with suppress(ValueError):
            return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None)
        for one in self._mapping.fields["updated_at"].formats:
            with suppress(ValueError):
                return datetime.strptime(text, one).replace(tzinfo=None)
        return datetime.min


def _base(column: str) -> str:
    return column.removesuffix(".display_value")


def _order(incident: dict[str, str | None]) -> tuple[int, str]:
    count = incident.get("sys_mod_count") or ""
    return (int(count) if count.isdecimal() else -1, incident.get("sys_updated_on") or "")


def _results(incident: dict[str, str | None]) -> records.Row:
    def minutes(duration: str, seconds: str) -> str | None:
        found = _duration(incident.get(duration))
        if found is None and (incident.get(seconds) or "").isdecimal():
            found = int(incident[seconds]) / 60
        return None if found is None else repr(found)

    return {
        "result.made_sla": incident.get("made_sla"),
        "result.reopen_count": incident.get("reopen_count"),
        "result.calendar_minutes": minutes("calendar_duration", "calendar_stc"),
        "result.business_minutes": minutes("business_duration", "business_stc"),
    }


def _duration(text: str | None) -> float | None:
    """The minutes of a duration, which the API gives as a moment counted from 1970, or in words, or in seconds."""
    if not text:
        return None
    try:
        return (datetime.strptime(text, "%Y-%m-%d %H:%M:%S") - datetime(1970, 1, 1)) / timedelta(minutes=1)
    except ValueError:
        pass
    if text.isdecimal():
        return int(text) / 60
    parts = re.findall(r"(\d+) (day|hour|minute|second)s?", text.lower())
    return sum(int(number) * _UNITS[unit] for number, unit in parts) if parts else None
