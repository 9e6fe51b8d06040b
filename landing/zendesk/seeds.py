"""What the seeds need for Zendesk: its schedules, holidays, SLA policies, agents and statuses, as rows."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from landing import shaped_like
from landing.proposals import Proposals, slug
from landing.redact import hashed, key_of
from landing.zendesk.files import pages as of_file
from landing.zendesk.mapping import COLUMNS, CUSTOM, Mapping

STATUSES = {
    "new": ("working", "true", "true"),
    "open": ("working", "true", "true"),
    "on_hold": ("on_hold", "true", "true"),
    "pending": ("pending", "true", "false"),
    "resolved": ("done", "false", "false"),
    "closed": ("done", "false", "false"),
    "cancelled": ("done", "false", "false"),
}
METRICS = {"first_reply_time": "first_reply", "next_reply_time": "next_reply"}
# Clocks to a ticket's end, the one that counts as the lake's does first, and how the others differ.
RESOLUTION = {
    "requester_wait_time": None,
    "agent_work_time": "does not count on_hold, which the lake's resolution does",
    "total_resolution_time": "counts pending, which the lake's resolution does not",
}
ALWAYS = "zendesk_always"
_DAY = 24 * 60


def of_files(paths: list[Path]) -> list[dict[str, Any]]:
    """The answers in files; holidays are of the schedule whose id the file's name holds, if they do not say it."""
    found = []
    for path in paths:
        for page in of_file(path):
            found.append({"numbers": re.findall(r"\d+", path.name)} | page)
    return found


def of_pages(api) -> Iterator[dict[str, Any]]:
    """The answers of Zendesk itself."""
    hours = "/api/v2/business_hours/schedules"
    schedules = api.all(f"{hours}.json", "schedules")
    yield from schedules
    for page in schedules:
        for schedule in page["schedules"]:
            for answer in api.all(f"{hours}/{schedule['id']}/holidays.json", "holidays"):
                yield {"schedule_id": schedule["id"]} | answer
    yield from api.all("/api/v2/slas/policies.json", "sla_policies")
    yield from api.all("/api/v2/groups.json", "groups")
    for role in ("agent", "admin"):
        yield from api.all("/api/v2/users.json", "users", role=role)


def proposals(pages, mapping: Mapping, folder: Path) -> Proposals:
    """The rows that the seeds in a folder lack."""
    return _Seeds(list(pages), mapping, Proposals(folder)).all()


class _Seeds:
    def __init__(self, pages: list[dict[str, Any]], mapping: Mapping, found: Proposals):
        self._pages, self._fields, self._redact, self._found = pages, mapping.fields, mapping.redact, found
        self._key = key_of(self._redact)
        self._calendars: dict[str, str] = {}  # by schedule

    def all(self) -> Proposals:
        self._statuses()
        for records, propose in (
            ("schedules", self._schedules),
            ("holidays", self._holidays),
            ("schedules", self._markets),
            ("sla_policies", self._policies),
            ("users", self._agents),
        ):
            with shaped_like("Zendesk", records):
                propose()
        return self._found

    def _records(self, key: str) -> list[dict[str, Any]]:
        return [one for page in self._pages for one in page.get(key) or () if isinstance(one, dict)]

    def _statuses(self) -> None:
        wanted = dict.fromkeys((*STATUSES, *self._fields["status"].values.values()))
        for status in wanted:
            if status in STATUSES:
                phase, is_open, clock_runs = STATUSES[status]
                if not self._found.has("ticket_statuses", status):
                    self._found.add(
                        "ticket_statuses", status=status, phase=phase, is_open=is_open, clock_runs=clock_runs
                    )
            elif not self._found.has("ticket_statuses", status):
                self._found.remark(f"ticket_statuses: {status} is of your own making: say there what phase it is.")

    # ---------- hours

    def _schedules(self) -> None:
        for schedule in sorted(self._records("schedules"), key=lambda one: str(one.get("id"))):
            name, zone = schedule.get("name") or str(schedule.get("id")), zone_of(schedule.get("time_zone") or "")
            if zone is None:
                self._found.remark(
                    f"calendars: schedule {name!r} is in time zone {schedule.get('time_zone')!r}, of which no IANA "
                    "name is known: write its rows yourself."
                )
                continue
            calendar = slug(name)
            self._calendars[str(schedule.get("id"))] = calendar
            self._found.add("calendars", calendar=calendar, timezone=zone)
            for weekday, opens, closes in week(schedule.get("intervals") or []):
                self._found.add(
                    "business_hours",
                    calendar=calendar,
                    iso_weekday=weekday,
                    opens_at=_clock(opens),
                    closes_at=_clock(closes),
                )

    def _holidays(self) -> None:
        for page in self._pages:
            for holiday in page.get("holidays") or ():
                calendar = self._calendar_of(page, holiday)
                if calendar is None:
                    self._found.remark(
                        f"holidays: of which schedule {holiday.get('name')!r} is, the file does not say. Put the "
                        "schedule's id into its name, such as holidays_360000310393.json, and give the schedules too."
                    )
                    continue
                first, last = date.fromisoformat(holiday["start_date"]), date.fromisoformat(holiday["end_date"])
                for day in range((last - first).days + 1):
                    self._found.add(
                        "holidays", calendar=calendar, holiday=first + timedelta(day), holiday_name=holiday.get("name")
                    )

    def _calendar_of(self, page: dict[str, Any], holiday: dict[str, Any]) -> str | None:
        ids = [holiday.get("schedule_id"), page.get("schedule_id"), *page.get("numbers", ())]
        return next((self._calendars[str(one)] for one in ids if str(one) in self._calendars), None) or (
            next(iter(self._calendars.values())) if len(self._calendars) == 1 and not any(ids[:2]) else None
        )

    def _markets(self) -> None:
        one = self._fields.get("market")
        calendars = list(dict.fromkeys(self._calendars.values()))
        if one is None:
            for schedule in self._records("schedules"):
                if calendar := self._calendars.get(str(schedule.get("id"))):
                    self._found.add("markets", market=calendar, market_name=schedule.get("name"), calendar=calendar)
            return
        wanted = [value for value in (one.constant, one.default, *one.values.values()) if value]
        for market in dict.fromkeys(wanted):
            if self._found.has("markets", market):
                continue
            fitting = [calendar for calendar in calendars if slug(market) in calendar.split("_")]
            if not calendars:
                self._found.add_always_open(ALWAYS, "Etc/UTC")
            calendar = next(iter([*fitting, *calendars]), ALWAYS)
            if len(calendars) > 1 and len(fitting) != 1:
                self._found.remark(f"markets: {market} gets calendar {calendar}; check whether it is the right one.")
            self._found.add("markets", market=market, market_name=market, calendar=calendar)

    # ---------- service levels

    def _policies(self) -> None:
        for number, policy in enumerate(sorted(self._records("sla_policies"), key=_position), 1):
            self._policy(number, policy)

    def _policy(self, number: int, policy: dict[str, Any]) -> None:
        title = policy.get("title") or str(policy.get("id"))
        scope = self._scope(title, policy.get("filter") or {})
        if scope is None:
            return
        metrics = [one for one in policy.get("policy_metrics") or () if isinstance(one, dict)]
        given = {one.get("metric") for one in metrics}
        resolution = next((name for name in RESOLUTION if name in given), None)
        for one in metrics:
            metric = "resolution" if one.get("metric") == resolution else METRICS.get(one.get("metric"))
            if metric is None:
                self._found.remark(
                    f"sla_policies: {title!r} has a target for {one.get('metric')}, which the lake does not count."
                )
                continue
            if metric == "resolution" and RESOLUTION[resolution]:
                self._found.remark(f"sla_policies: {title!r}: {resolution} {RESOLUTION[resolution]}.")
            severity = self._fields["severity"].values.get(one.get("priority"))
            if severity is None:
                self._found.remark(
                    f"sla_policies: {title!r} has a target for priority {one.get('priority')!r}, which is no severity."
                )
                continue
            self._targets(number, title, scope, severity, metric, one)

    def _targets(self, number: int, title: str, scope: list[dict], severity: str, metric: str, one: dict) -> None:
        minutes = one["target_in_seconds"] / 60 if one.get("target_in_seconds") else one.get("target")
        if minutes is None:
            return
        for place, limits in enumerate(scope, 1):
            if limits.get("severity", severity) != severity:
                continue
            many = f"_{place}" if len(scope) > 1 else ""
            self._found.add(
                "sla_policies",
                # Of policies that fit alike the lowest name counts, as in Zendesk the first position does.
                policy=f"zendesk_{number:03d}_{slug(title)}{many}_{metric}_{severity.lower()}",
                source=self._fields["source"].constant,
                market=limits.get("market"),
                category=limits.get("category"),
                severity=severity,
                metric=metric,
                target_minutes=int(minutes) if minutes == int(minutes) else minutes,
                hours="business" if one.get("business_hours") else "calendar",
            )

    def _scope(self, title: str, filter_: dict[str, Any]) -> list[dict[str, str]] | None:
        """For which tickets a policy is, in fields of the seed; None if they cannot say it."""
        every, some = filter_.get("all") or [], filter_.get("any") or []
        if len(some) > 1:
            fields = {one.get("field") for one in some}
            if len(fields) > 1 or any(one.get("operator") not in ("is", "includes") for one in some):
                return self._unsaid(title, some)
            some = [some[0] | {"operator": "includes", "value": [value for one in some for value in _values(one)]}]
        choices = []
        for condition in (*every, *some):
            values = self._limits(condition)
            if not values:
                return self._unsaid(title, [condition])
            choices.append(values)
        scopes = []
        for combination in product(*choices):
            scope: dict[str, str] = {}
            if all(scope.setdefault(name, value) == value for name, value in combination) and scope not in scopes:
                scopes.append(scope)
        return scopes

    def _limits(self, condition: dict[str, Any]) -> list[tuple[str, str]]:
        """What a condition asks of fields of the seed, each alternative one; nothing if it asks for something else."""
        if condition.get("operator") not in ("is", "includes"):
            return []
        asked = str(condition.get("field"))
        asked = {"current_tags": "tags", "ticket_type_id": "type"}.get(asked, asked)
        asked = re.sub(r"^(custom_fields_|ticket_fields_)", CUSTOM, asked)
        for name in ("market", "category", "severity"):
            one = self._fields.get(name)
            if one is None or one.column is None or asked not in (one.column, COLUMNS.get(one.column)):
                continue
            found = [(name, value) for value in (self._value(name, each) for each in _values(condition)) if value]
            return found if len(found) == len(_values(condition)) else []
        return []

    def _value(self, name: str, value: str) -> str | None:
        one = self._fields[name]
        names = {
            str(record.get("id")): record.get("name")
            for key in ("groups", "brands", "organizations")
            if one.column == key[:-1]
            for record in self._records(key)
        }
        value = names.get(value, value)
        return one.values.get(value) or (value if name == "category" and one.column != "tag" else None)

    def _unsaid(self, title: str, conditions: list[dict[str, Any]]) -> None:
        asked = "; ".join(f"{one.get('field')} {one.get('operator')} {one.get('value')!r}" for one in conditions)
        self._found.remark(
            f"sla_policies: {title!r} is for tickets of which {asked}, which the seed cannot say: write its rows "
            "yourself, by market or category."
        )

    # ---------- people

    def _agents(self) -> None:
        groups = {str(one.get("id")): one.get("name") for one in self._records("groups")}
        way = self._redact.get("agent_id")
        if way == "drop":
            return
        for user in sorted(self._records("users"), key=lambda one: (len(str(one.get("id"))), str(one.get("id")))):
            if user.get("role") not in ("agent", "admin"):
                continue
            agent, name = str(user["id"]), user.get("name")
            if way == "hash":
                agent = name = hashed(agent, self._key)
            group = str(user.get("default_group_id"))
            self._found.add("agents", agent_id=agent, agent_name=name, region="", team=groups.get(group, ""))


def week(intervals: list[dict[str, Any]]) -> list[tuple[int, int, int]]:
    """Stretches of a day (ISO weekday, minutes of opening and closing) of intervals in minutes since Sunday 00:00."""
    spans = []
    for one in sorted((int(one["start_time"]), int(one["end_time"])) for one in intervals):
        if spans and one[0] <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(one[1], spans[-1][1]))
        else:
            spans.append(one)
    found = []
    for start, end in spans:
        while start < end:
            day, until = start // _DAY, min(end, (start // _DAY + 1) * _DAY)
            found.append(((day - 1) % 7 + 1, start - day * _DAY, until - day * _DAY))
            start = until
    return sorted(found)


def zone_of(name: str) -> str | None:
    """The IANA name of a zone as Zendesk names it."""
    if name in zoneinfo.available_timezones():
        return name if "/" in name or name == "UTC" else _ZONES.get(name, name)
    return _ZONES.get(name)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _position(policy: dict[str, Any]) -> tuple:
    position = policy.get("position")
    return (position is None, position or 0, policy.get("id") or 0)


def _values(condition: dict[str, Any]) -> list[str]:
    value = condition.get("value")
    if condition.get("field") == "current_tags" and isinstance(value, str):
        return value.split()
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


_ZONES = {
    name: zone
    for zone, names in {
        "Etc/GMT+12": "International Date Line West",
        "Pacific/Midway": "Midway Island",
        "Pacific/Pago_Pago": "American Samoa",
        "Pacific/Honolulu": "Hawaii",
        "America/Juneau": "Alaska",
        "America/Los_Angeles": "Pacific Time (US & Canada)",
        "America/Tijuana": "Tijuana",
        "America/Denver": "Mountain Time (US & Canada)",
        "America/Phoenix": "Arizona",
        "America/Chihuahua": "Chihuahua",
        "America/Mazatlan": "Mazatlan",
        "America/Chicago": "Central Time (US & Canada)",
        "America/Regina": "Saskatchewan",
        "America/Mexico_City": "Guadalajara|Mexico City",
        "America/Monterrey": "Monterrey",
        "America/Guatemala": "Central America",
        "America/New_York": "Eastern Time (US & Canada)",
        "America/Indiana/Indianapolis": "Indiana (East)",
        "America/Bogota": "Bogota",
        "America/Lima": "Lima|Quito",
        "America/Halifax": "Atlantic Time (Canada)",
        "America/Caracas": "Caracas",
        "America/La_Paz": "La Paz",
        "America/Santiago": "Santiago",
        "America/Asuncion": "Asuncion",
        "America/St_Johns": "Newfoundland",
        "America/Sao_Paulo": "Brasilia",
        "America/Argentina/Buenos_Aires": "Buenos Aires",
        "America/Montevideo": "Montevideo",
        "America/Guyana": "Georgetown",
        "America/Puerto_Rico": "Puerto Rico",
        "America/Nuuk": "Greenland",
        "Atlantic/South_Georgia": "Mid-Atlantic",
        "Atlantic/Azores": "Azores",
        "Atlantic/Cape_Verde": "Cape Verde Is.",
        "Europe/Dublin": "Dublin",
        "Europe/London": "Edinburgh|London",
        "Europe/Lisbon": "Lisbon",
        "Africa/Casablanca": "Casablanca",
        "Africa/Monrovia": "Monrovia",
        "Etc/UTC": "UTC",
        "Europe/Belgrade": "Belgrade",
        "Europe/Bratislava": "Bratislava",
        "Europe/Budapest": "Budapest",
        "Europe/Ljubljana": "Ljubljana",
        "Europe/Prague": "Prague",
        "Europe/Sarajevo": "Sarajevo",
        "Europe/Skopje": "Skopje",
        "Europe/Warsaw": "Warsaw",
        "Europe/Zagreb": "Zagreb",
        "Europe/Brussels": "Brussels",
        "Europe/Copenhagen": "Copenhagen",
        "Europe/Madrid": "Madrid",
        "Europe/Paris": "Paris",
        "Europe/Amsterdam": "Amsterdam",
        "Europe/Berlin": "Berlin",
        "Europe/Zurich": "Bern|Zurich",
        "Europe/Rome": "Rome",
        "Europe/Stockholm": "Stockholm",
        "Europe/Vienna": "Vienna",
        "Africa/Algiers": "West Central Africa",
        "Europe/Bucharest": "Bucharest",
        "Africa/Cairo": "Cairo",
        "Europe/Helsinki": "Helsinki",
        "Europe/Kiev": "Kyiv|Kyev|Kiev",
        "Europe/Riga": "Riga",
        "Europe/Sofia": "Sofia",
        "Europe/Tallinn": "Tallinn",
        "Europe/Vilnius": "Vilnius",
        "Europe/Athens": "Athens",
        "Europe/Istanbul": "Istanbul",
        "Europe/Minsk": "Minsk",
        "Asia/Jerusalem": "Jerusalem",
        "Africa/Harare": "Harare",
        "Africa/Johannesburg": "Pretoria",
        "Europe/Kaliningrad": "Kaliningrad",
        "Europe/Moscow": "Moscow|St. Petersburg",
        "Europe/Volgograd": "Volgograd",
        "Europe/Samara": "Samara",
        "Asia/Kuwait": "Kuwait",
        "Asia/Riyadh": "Riyadh",
        "Africa/Nairobi": "Nairobi",
        "Asia/Baghdad": "Baghdad",
        "Asia/Tehran": "Tehran",
        "Asia/Muscat": "Abu Dhabi|Muscat",
        "Asia/Baku": "Baku",
        "Asia/Tbilisi": "Tbilisi",
        "Asia/Yerevan": "Yerevan",
        "Asia/Kabul": "Kabul",
        "Asia/Yekaterinburg": "Ekaterinburg",
        "Asia/Karachi": "Islamabad|Karachi",
        "Asia/Tashkent": "Tashkent",
        "Asia/Kolkata": "Chennai|Kolkata|Mumbai|New Delhi",
        "Asia/Kathmandu": "Kathmandu",
        "Asia/Dhaka": "Dhaka",
        "Asia/Colombo": "Sri Jayawardenepura",
        "Asia/Almaty": "Almaty|Astana",
        "Asia/Novosibirsk": "Novosibirsk",
        "Asia/Rangoon": "Rangoon",
        "Asia/Bangkok": "Bangkok|Hanoi",
        "Asia/Jakarta": "Jakarta",
        "Asia/Krasnoyarsk": "Krasnoyarsk",
        "Asia/Shanghai": "Beijing",
        "Asia/Chongqing": "Chongqing",
        "Asia/Hong_Kong": "Hong Kong",
        "Asia/Urumqi": "Urumqi",
        "Asia/Kuala_Lumpur": "Kuala Lumpur",
        "Asia/Singapore": "Singapore",
        "Asia/Taipei": "Taipei",
        "Australia/Perth": "Perth",
        "Asia/Irkutsk": "Irkutsk",
        "Asia/Ulaanbaatar": "Ulaanbaatar|Ulaan Bataar",
        "Asia/Seoul": "Seoul",
        "Asia/Tokyo": "Osaka|Sapporo|Tokyo",
        "Asia/Yakutsk": "Yakutsk",
        "Australia/Darwin": "Darwin",
        "Australia/Adelaide": "Adelaide",
        "Australia/Melbourne": "Canberra|Melbourne",
        "Australia/Sydney": "Sydney",
        "Australia/Brisbane": "Brisbane",
        "Australia/Hobart": "Hobart",
        "Asia/Vladivostok": "Vladivostok",
        "Pacific/Guam": "Guam",
        "Pacific/Port_Moresby": "Port Moresby",
        "Asia/Magadan": "Magadan",
        "Asia/Srednekolymsk": "Srednekolymsk",
        "Pacific/Guadalcanal": "Solomon Is.",
        "Pacific/Noumea": "New Caledonia",
        "Pacific/Fiji": "Fiji",
        "Asia/Kamchatka": "Kamchatka",
        "Pacific/Majuro": "Marshall Is.",
        "Pacific/Auckland": "Auckland|Wellington",
        "Pacific/Tongatapu": "Nuku'alofa",
        "Pacific/Fakaofo": "Tokelau Is.",
        "Pacific/Chatham": "Chatham Is.",
        "Pacific/Apia": "Samoa|Samoa Is.",
    }.items()
    for name in names.split("|")
}
