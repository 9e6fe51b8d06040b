"""Whether a mapping fits what a source holds: values without a map, times that its formats do not read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from landing import counted, suggest
from landing.contract import LISTED, TYPES, Reference, typed
from landing.core import located
from landing.mapping import Field, Mapping, unmapped
from landing.times import is_format, moment, swapped, wall_time

MOST_VALUES = 1_000  # without a map, that are counted
_UNREAD = {pa.bool_(): "neither true nor false", pa.float64(): "no number", pa.int64(): "no whole number"}


@dataclass
class _Times:
    """How many values a column of times has, how many its format reads, how many with day and month turned around."""

    given: int = 0
    read: int = 0
    turned: int = 0
    unread: tuple | None = None
    local: tuple | None = None
    sample: list[str] = field(default_factory=list)


class Check:
    """What is met of a source, and what of it the mapping does not fit, each problem with the place to mend it."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        mapping: Mapping,
        fields: dict[str, Field],
        reference: Reference,
    ):
        self._connection, self._mapping, self._reference = connection, mapping, reference
        self.mapped = [fields[name] for name in LISTED if name in fields and fields[name].column is not None]
        self._of_time = [one for one in fields.values() if one.is_time]
        self._values: dict[str, Counter[str]] = {one.name: Counter() for one in self.mapped}
        self._first: dict[tuple[str, str], tuple[Path, int | None]] = {}
        self._times = {one.name: _Times() for one in self._of_time}
        self._results = [one for one in fields.values() if one.is_result]
        self._left_out: Counter[str] = Counter()
        self._first_left_out: dict[str, tuple[Path, int, str]] = {}

    def formats(self) -> list[str]:
        """Formats of the mapping that cannot be read."""
        return [
            f"{one.place}: {text!r} is no format that can be read. %d, %m, %Y, %H, %M and %S are the usual parts."
            for one in self._of_time
            for text in one.formats
            if "%" in text and not is_format(self._connection, text)
        ]

    def has_many(self, one: Field) -> bool:
        """Whether more values of a field need not be told."""
        return len(self._values[one.name]) >= MOST_VALUES

    def take(self, one: Field, value: str, count: int, path: Path, line: int | None) -> None:
        """A value of one of the fields `mapped`, how often it is there, and where first."""
        self._values[one.name][value] += count
        self._first.setdefault((one.name, value), (path, line))

    def look_at_times(self, path: Path) -> None:
        """Those in the table `texts`, of each time a column t_<field>."""
        for one in self._of_time:
            self._look_at(one, path)

    def _look_at(self, one: Field, path: Path) -> None:
        text = f"t_{one.name}"
        is_date = f"{text} not like '0000-00-00%'"  # none at all says nothing of how dates are written
        other = swapped(one.formats)
        turned = (
            f"count(*) filter ({wall_time(text, other)} is not null or {moment(text, other)} is not null)"
            if other
            else "0"
        )
        counts = self._connection.execute(f"""
            with read as (
                select
                    line,
                    {text},
                    {wall_time(text, one.formats)} as local,
                    {moment(text, one.formats)} as moment
                from texts
                where {is_date}
            )
            select
                count({text}), count(coalesce(local, moment)), {turned},
                min(struct_pack(line := line, value := {text}))
                    filter ({text} is not null and local is null and moment is null),
                min(struct_pack(line := line, value := {text})) filter (local is not null)
            from read
        """).fetchall()[0]
        times = self._times[one.name]
        times.given, times.read, times.turned = (
            old + new for old, new in zip((times.given, times.read, times.turned), counts[:3], strict=True)
        )
        times.unread = times.unread or (counts[3] and (path, counts[3]))
        times.local = times.local or (counts[4] and (path, counts[4]))
        if counts[3] and len(times.sample) < 1000:
            rows = self._connection.execute(f"select {text} from texts where {is_date} limit 1000").fetchall()
            times.sample += [value for (value,) in rows]

    def look_at_results(self, path: Path) -> None:
        """Those in the table `texts`, of each result of the source a column t_<field>."""
        for one in self._results:
            text, joined = f"t_{one.name}", ""
            if one.values:
                text, joined = f"coalesce(target, {text})", f"left join map_{one.name} on value = {text}"
            count, first = self._connection.execute(f"""
                select count(*), min(struct_pack(line := line, value := t_{one.name}))
                from texts {joined}
                where {text} is not null and {typed(one.name, text)} is null
            """).fetchall()[0]
            self._left_out[one.name] += count
            if first:
                self._first_left_out.setdefault(one.name, (path, first["line"], first["value"]))

    # ---------- what does not fit

    def left_out(self) -> list[str]:
        """Of results that cannot be read, which is no reason to refuse a ticket."""
        told = []
        for one in self._results:
            if count := self._left_out[one.name]:
                path, line, value = self._first_left_out[one.name]
                are, they, them = ("is", "It is", "it") if count == 1 else ("are", "They are", "them")
                told.append(
                    f"{one.place}: {counted(count, 'value')} of column {one.column!r} {are} "
                    f"{_UNREAD[TYPES[one.name]]}, the first in {located(str(path), line, None)}: {value!r}. "
                    f"{they} left out; give {them} by map."
                )
        return told

    def problems(self) -> list[str]:
        """Of values and times, none if the mapping fits."""
        found = [line for one in self.mapped for line in self._unmapped(one)]
        return found + [line for one in self._of_time for line in self._unread(one)]

    def _unmapped(self, one: Field) -> list[str]:
        known = self._reference.known(one.name)
        if known is None:
            return []
        missing = []
        for value, count in self._values[one.name].most_common():
            if value not in one.values and value not in known:
                path, line = self._first[one.name, value]
                where = located(str(path), line, one.column)
                missing.append((repr(value), f"{counted(count, 'time')}, first in {where}"))
        return unmapped(one, known, missing, ", or many more" if self.has_many(one) else "")

    def _unread(self, one: Field) -> list[str]:
        times = self._times[one.name]
        if times.unread and (not times.read or (times.turned == times.given and times.turned > times.read)):
            path, first = times.unread
            fits = suggest.fitting_formats(times.sample)
            if not fits:
                remedy = 'Give its format, such as format: "%d/%m/%Y %H:%M".'
            elif len(fits) == 1:
                remedy = f'It looks like format: "{fits[0]}".'
            else:
                both = " and ".join(f'"{text}"' for text in fits)
                remedy = f"It is ambiguous: {both} read all that was looked at. Say which is right, as format."
            return [
                f"{one.place}: {located(str(path), first['line'], one.column)}: {first['value']!r} is not "
                f"{' or '.join(one.formats)}. {remedy}"
            ]
        if times.local and self._mapping.zone is None:
            path, first = times.local
            return [
                f"{one.place}: {located(str(path), first['line'], one.column)}: {first['value']!r} says no zone, and "
                "neither does the mapping. Name it, such as zone: Europe/Berlin."
            ]
        return []
