"""Jira's issues as JSON, with changelog, comments and the SLA fields of Jira Service Management (docs/jira.md)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from landing import Refused, counted, history, overlay, records, shaped_like
from landing.contract import Reference
from landing.files import Files

SLAS = {"resolution": "Time to resolution", "first_reply": "Time to first response"}
_CATEGORIES = {"new": "new", "indeterminate": "open", "done": "resolved"}
_WRAPPERS = ("issues", "issueChangeLogs")
_MADE_OF_UPDATES = ("update.at", "update.id", "update.event", "update.sequence")
_RESULTS = (
    *("result.sla_due_at", "result.sla_breached", "result.sla_elapsed_minutes", "result.first_reply_sla_breached"),
    *("result.first_reply_sla_elapsed_minutes", "result.resolution_minutes", "result.first_reply_minutes"),
)
_EVENTS = (("status", "status_changed"), ("assignee", "assigned"), ("priority", "severity_changed"))
# Fields of which a change names one of the values, not all.
_ITEM_BY_ITEM = {"components", "fixVersions", "versions", "component", "fix version", "version", "link", "attachment"}
# Fields that a changelog writes as an issue does, so that a difference is a change of which it does not tell.
_COMPARED = {"status", "priority", "assignee", "reporter", "issuetype", "resolution"}
_OPENING = "To Do"


def source(
    paths: list[Path], mapping: Path | None, reference: Reference, redact: dict[str, str], tell: Callable[[str], None]
) -> Files:
    """The updates of files. Refused if they or the mapping cannot be read."""
    overlaid = overlay.read("jira", mapping, reference, redact, {"sla": tuple(SLAS)})
    issues = _Issues(paths, overlaid)
    issues.tell(tell)
    overlaid = issues.with_categories(reference)
    return records.Records(issues.paths, overlaid, reference, issues.rows, issues.columns)


class _Issues:
    """Issues, with the fields, statuses and changelogs that other files tell of, in any order."""

    def __init__(self, paths: list[Path], overlaid: overlay.Overlaid):
        self._overlaid, self._mapping = overlaid, overlaid.mapping
        self._issues: dict[Path, dict[str, tuple[int, dict[str, Any]]]] = {}
        self._seen: dict[str, Path] = {}
        self._changelogs: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._names: dict[str, str] = {}
        self._categories: dict[str, str] = {}
        self._bare = self._cut = self._unknown = 0
        for path in paths:
            for line, is_record, value in records.found_in(path, _WRAPPERS):
                if not isinstance(value, dict):
                    continue
                if is_record:
                    with shaped_like("Jira", f"{path}, line {line:,}"):
                        self._take(path, line, value)
                elif isinstance(value.get("names"), dict):
                    self._names |= {name: id for id, name in value["names"].items() if _are_texts(name)}
        self.paths = [path for path in paths if self._issues.get(path)]
        if not self.paths:
            raise Refused(f"No issue is in {', '.join(map(str, paths))}: an issue has key and fields.")
        self._slas = {metric: self._sla(overlaid.extra["sla"].get(metric), SLAS[metric]) for metric in SLAS}
        self._bases = {self._base(column) for column in self._mapping.columns} - {*_MADE_OF_UPDATES, *_RESULTS}
        self._bases |= {"status", "created"}
        self.columns = self._known_columns()

    def tell(self, tell: Callable[[str], None]) -> None:
        if self._bare:
            tell(
                f"{counted(self._bare, 'issue')} without a changelog, of which only creation, resolution and present "
                "state are known. Export with expand=changelog."
            )
        if self._cut:
            tell(
                f"{counted(self._cut, 'issue')} with more changes or comments than the files hold. Add the answers of "
                "/rest/api/3/changelog/bulkfetch, or export smaller pages; what is missing lands when it comes."
            )
        if self._unknown:
            tell(f"Not read: {counted(self._unknown, 'record')} other than issues, fields, statuses and changelogs.")

    def with_categories(self, reference: Reference) -> overlay.Overlaid:
        """The mapping, in which statuses that it does not name go by their category."""
        status = self._mapping.fields["status"]
        by_category = {
            name: _CATEGORIES[category]
            for name, category in self._categories.items()
            if _CATEGORIES.get(category) in reference.statuses and name not in reference.statuses
        }
        if status.column != "status":
            return self._overlaid
        fields = self._mapping.fields | {"status": replace(status, values=by_category | status.values)}
        return replace(self._overlaid, mapping=replace(self._mapping, fields=fields))

    # ---------- what is read

    def _take(self, path: Path, line: int, record: dict[str, Any]) -> None:
        if "key" in record and isinstance(record.get("fields"), dict):
            self._take_issue(path, line, record)
        elif "issueId" in record and isinstance(record.get("changeHistories"), list):
            self._changelogs[str(record["issueId"])] += record["changeHistories"]
        elif isinstance(record.get("statusCategory"), dict) and "name" in record:
            self._take_status(record)
        elif isinstance(record.get("statuses"), list):
            for status in record["statuses"]:
                self._take_status(status)
        elif _are_texts(record.get("name"), record.get("id")) and ("schema" in record or "custom" in record):
            self._names[record["name"]] = record["id"]
        else:
            self._unknown += 1

    def _take_status(self, status: Any) -> None:
        category = status.get("statusCategory") if isinstance(status, dict) else None
        if isinstance(category, dict) and isinstance(category.get("key"), str):
            self._categories[str(status.get("name"))] = category["key"]

    def _take_issue(self, path: Path, line: int, issue: dict[str, Any]) -> None:
        key = str(issue.get("id") or issue["key"])
        self._take_status(issue["fields"].get("status"))
        before = self._seen.get(key)
        if before is not None:
            other = self._issues[before][key][1]["fields"].get("updated")
            if _moment(issue["fields"].get("updated")) < _moment(other):
                return
            del self._issues[before][key]
        self._seen[key] = path
        self._issues.setdefault(path, {})[key] = (line, issue)
        changelog, comments = issue.get("changelog"), issue["fields"].get("comment")
        for comment in (comments.get("comments") or []) if isinstance(comments, dict) else []:
            comment.pop("body", None)
        if not isinstance(changelog, dict) and before is None:
            self._bare += 1
        for told, members in ((changelog, "histories"), (comments, "comments")):
            if isinstance(told, dict) and isinstance(told.get("total"), int):
                self._cut += told["total"] > len(told.get(members) or [])

    def _sla(self, given: str | None, default: str) -> tuple[str, str]:
        """The id of an SLA field, and the name that its value may state instead."""
        name = given or default
        if name not in self._names and given and not given.startswith("customfield_"):
            known = any(_sla_name(value) == name for value in self._all_values())
            if not known:
                raise Refused(
                    f"{self._mapping.path}, sla: no field is called {name!r}. Write its id, such as customfield_10030, "
                    "or add the answer of /rest/api/3/field to the files."
                )
        return self._names.get(name, name), name

    def _all_values(self) -> Iterator[Any]:
        for part in self._issues.values():
            for _, issue in part.values():
                yield from issue["fields"].values()

    def _known_columns(self) -> set[str]:
        found = {"key", "id", "project", *_MADE_OF_UPDATES, *_RESULTS}
        for part in self._issues.values():
            for _, issue in part.values():
                found |= issue["fields"].keys()
        found |= {name for name, id in self._names.items() if id in found}
        return found | {f"{name}.id" for name in found}

    def _base(self, column: str) -> str:
        """The id of the field that a column is of."""
        name = column if column in self._names else column.removesuffix(".id")
        return self._names.get(name, name)

    # ---------- the updates

    def rows(self, path: Path) -> Iterator[tuple[int, records.Row, float]]:
        found = self._issues[path]
        for number, (id, (line, issue)) in enumerate(found.items(), 1):
            with shaped_like("Jira", f"{path}, line {line:,}, issue {issue['key']}"):
                life = self._life(id, issue)
            for row in life:
                yield line, row, number / len(found)

    def _life(self, id: str, issue: dict[str, Any]) -> list[records.Row]:
        fields = issue["fields"]
        now: history.State = {}
        for base in self._bases:
            now[base], now[f"{base}.id"] = _name(fields.get(base)), _id(fields.get(base))
        histories = self._histories(id, issue)
        first_key = next(
            (item.get("fromString") for _, _, items in histories for item in items if item.get("field") == "Key"), None
        )
        now["key"], now["id"] = first_key or str(issue["key"]), id
        now["project"], now["project.id"] = now["key"].rpartition("-")[0], _id(fields.get("project"))
        created = fields.get("created")
        updates = [_update(created, f"{id}:created", "created")]
        for history_id, moment, items in histories:
            changes = tuple(change for item in items for change in self._change(item))
            changed = {field for field, _, _ in changes}
            event = next((event for field, event in _EVENTS if field in changed), None)
            updates.append(_update(moment, f"history:{history_id}", event, changes))
        updates += self._replies(id, fields)
        if not histories and not isinstance(issue.get("changelog"), dict):
            updates += self._milestones(id, fields, now)
        told = list(history.told(now, updates))
        told += self._unexplained(id, fields, now, told[-1])
        told += self._breach(id, fields, told[-1])
        rows = [self._row(*one) for one in told]
        rows[-1] |= self._results(fields)
        return rows

    def _histories(self, id: str, issue: dict[str, Any]) -> list[tuple[str, Any, list[dict[str, Any]]]]:
        """Each change once, oldest first: its id, when, and its items."""
        changelog = issue.get("changelog")
        given = (changelog.get("histories") or []) if isinstance(changelog, dict) else []
        found = {str(one.get("id")): one for one in [*given, *self._changelogs.get(id, [])] if isinstance(one, dict)}
        ordered = sorted(found.items(), key=lambda one: (_moment(one[1].get("created")), len(one[0]), one[0]))
        return [(key, one.get("created"), one.get("items") or []) for key, one in ordered]

    def _change(self, item: dict[str, Any]) -> Iterator[tuple[str, str | None, str | None]]:
        """The changes of name and of id that an item of a changelog tells."""
        field = str(item.get("fieldId") or "")
        if not field:
            name = str(item.get("field") or "")
            field = name.lower() if name.lower() in self._bases else self._names.get(name, name)
        if field.lower() in _ITEM_BY_ITEM or field.lower() in ("key", "project"):
            return
        yield field, _name(item.get("fromString")), _name(item.get("toString"))
        yield f"{field}.id", _name(item.get("from")), _name(item.get("to"))

    def _replies(self, id: str, fields: dict[str, Any]) -> Iterator[history.Update]:
        told = fields.get("comment")
        comments = (told.get("comments") or []) if isinstance(told, dict) else told if isinstance(told, list) else []
        reporter = _id(fields.get("reporter"))
        for comment in comments:
            author = comment.get("author")
            kind = author.get("accountType") if isinstance(author, dict) else None
            if comment.get("jsdPublic") is False or comment.get("visibility"):
                event = "internal_note"
            elif kind == "customer" or (reporter is not None and _id(author) == reporter):
                event = "customer_reply"
            else:
                event = "automatic_reply" if kind == "app" else "agent_reply"
            known = comment.get("id") or f"{id}:{comment.get('created')}"
            yield _update(comment.get("created"), f"comment:{known}", event)

    def _milestones(self, id: str, fields: dict[str, Any], now: history.State) -> Iterator[history.Update]:
        """What an issue without a changelog tells of it: when it was resolved, or updated last."""
        at = fields.get("resolutiondate") or fields.get("updated")
        if at and _moment(at) > _moment(fields.get("created")):
            category = (fields.get("status") or {}).get("statusCategory") or {}
            before = now["status"] if category.get("key") == "new" else _OPENING
            changes = (("status", before, now["status"]), ("status.id", None, now["status.id"]))
            yield _update(at, f"{id}:now:{at}", "status_changed", changes)

    def _unexplained(
        self, id: str, fields: dict[str, Any], now: history.State, last: tuple[history.Update, history.State, int]
    ) -> Iterator[tuple[history.Update, history.State, int]]:
        """What is so now without a change that says since when. That something is called otherwise now is no change."""
        update, state, number = last
        ids = {
            base for base in self._bases if now[f"{base}.id"] is not None and state[f"{base}.id"] == now[f"{base}.id"]
        }
        if any(state[base] != now[base] for base in self._bases - ids):
            at = fields.get("updated") or update.at
            late = _update(at, f"{id}:now:{at}", "status_changed" if state["status"] != now["status"] else None)
            if late.moment <= update.moment:
                late = replace(late, moment=update.moment, at=update.at)
            yield late, now, number + 1 if late.moment == update.moment else 0

    # ---------- service levels

    def _cycles(self, metric: str, fields: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        id, name = self._slas[metric]
        value = fields.get(id)
        if not _is_sla(value):
            value = next((one for one in fields.values() if _sla_name(one) == name), None)
        if not _is_sla(value):
            return [], None
        ongoing = value.get("ongoingCycle")
        completed = [cycle for cycle in value.get("completedCycles") or [] if isinstance(cycle, dict)]
        return completed, ongoing if isinstance(ongoing, dict) else None

    def _breach(
        self, id: str, fields: dict[str, Any], last: tuple[history.Update, history.State, int]
    ) -> Iterator[tuple[history.Update, history.State, int]]:
        """That a clock which still runs has passed its target since the last update."""
        _, ongoing = self._cycles("resolution", fields)
        at = _millis(ongoing, "breachTime") if ongoing and ongoing.get("breached") else None
        if at is not None:
            update = _update(at, f"{id}:breach:{at}", "sla_breached")
            if update.moment > last[0].moment:
                yield update, last[1], 0

    def _results(self, fields: dict[str, Any]) -> records.Row:
        found: records.Row = {}
        for metric, prefix in (("resolution", "result."), ("first_reply", "result.first_reply_")):
            completed, ongoing = self._cycles(metric, fields)
            # A customer waits for one first reply, and for a resolution each time that the issue is reopened.
            completed = completed if metric == "resolution" else completed[:1]
            cycles = (
                completed if metric == "first_reply" and completed else [*completed, *([ongoing] if ongoing else [])]
            )
            if cycles:
                found[f"{prefix}sla_breached"] = str(any(cycle.get("breached") is True for cycle in cycles)).lower()
            elapsed = [_span(cycle.get("elapsedTime")) for cycle in completed]
            if elapsed and None not in elapsed and len(cycles) == len(completed):
                found[f"{prefix}sla_elapsed_minutes"] = repr(sum(elapsed) / 60_000)
            if metric == "resolution" and ongoing:
                due = _millis(ongoing, "breachTime")
                found["result.sla_due_at"] = None if due is None else _iso(due)
            if metric == "first_reply" and completed:
                start, stop = (_millis(completed[0], name) for name in ("startTime", "stopTime"))
                if start is not None and stop is not None:
                    found["result.first_reply_minutes"] = repr((stop - start) / 60_000)
        resolved, created = _moment(fields.get("resolutiondate")), _moment(fields.get("created"))
        if resolved > created > _NEVER:
            found["result.resolution_minutes"] = repr((resolved - created).total_seconds() / 60)
        return found

    def _row(self, update: history.Update, state: history.State, number: int) -> records.Row:
        row: records.Row = {"update.at": update.at, "update.id": update.update_id, "update.event": update.event}
        row["update.sequence"] = str(number)
        for column in self._mapping.columns:
            if column not in row and column not in _RESULTS:
                base = self._base(column)
                is_id = column not in self._names and column.endswith(".id")
                row[column] = state.get(f"{base}.id" if is_id else base)
        return row


_SHORT_OFFSET = re.compile(r"([+-]\d{2})(\d{2})$")
_NEVER = datetime.min.replace(tzinfo=timezone.utc)


def _update(at: Any, update_id: str, event: str | None = None, changes: tuple = ()) -> history.Update:
    text = _iso(at) if isinstance(at, int) else str(at or "")
    return history.Update(_moment(at), text, update_id, event, changes)


def _moment(at: Any) -> datetime:
    """The moment that a text with an offset, or milliseconds, state; long ago if there is none."""
    if isinstance(at, int):
        return datetime.fromtimestamp(at / 1000, timezone.utc)
    text = _SHORT_OFFSET.sub(r"\1:\2", str(at)).replace("Z", "+00:00")
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else _NEVER
    return _NEVER


def _iso(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, timezone.utc).isoformat(timespec="milliseconds")


def _name(value: Any) -> str | None:
    """The text of a field: of a choice its value, of a thing its name."""
    if isinstance(value, dict):
        return next((_name(value[part]) for part in ("value", "name", "displayName", "key") if value.get(part)), None)
    if isinstance(value, list):
        return ", ".join(text for text in map(_name, value) if text) or None
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value).strip() or None


def _id(value: Any) -> str | None:
    """The id of a field's value: of a person the account's, or what Jira Server has for it."""
    if isinstance(value, dict):
        parts = ("accountId", "key", "name", "displayName") if "displayName" in value else ("id", "name")
        return next((str(value[part]) for part in parts if value.get(part)), None)
    return None


def _are_texts(*values: Any) -> bool:
    return all(isinstance(value, str) for value in values)


def _is_sla(value: Any) -> bool:
    return isinstance(value, dict) and ("completedCycles" in value or "ongoingCycle" in value)


def _sla_name(value: Any) -> str | None:
    return value.get("name") if _is_sla(value) else None


def _millis(cycle: dict[str, Any], name: str) -> int | None:
    moment = cycle.get(name)
    millis = moment.get("epochMillis") if isinstance(moment, dict) else moment
    return millis if isinstance(millis, int) else None


def _span(duration: Any) -> float | None:
    millis = duration.get("millis") if isinstance(duration, dict) else duration
    return millis if isinstance(millis, (int, float)) else None
