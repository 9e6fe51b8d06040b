"""Times as files write them, to moments in UTC: SQL."""

from __future__ import annotations

import re
from datetime import timedelta

import duckdb

from landing.contract import quoted

ISO = "iso"
NUMBERED = {"unix": 1_000_000, "unix_ms": 1_000}  # formats of a time that is a number, its unit in microseconds
EARLIEST = "timestamp '1900-01-01'"  # %Y reads 26 as the year 26: what is earlier is not read
_WALL = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?)?$"
_OFFSET = r"([+-](0\d|1[0-3])(:?[0-5]\d)?|[+-]14(:?00)?)$"  # at most 14 hours; DuckDB reads any
_WITH_OFFSET = rf"^\d{{4}}-\d{{2}}-\d{{2}}[T ]\d{{2}}:\d{{2}}(:\d{{2}}([.]\d{{1,9}})?)?(Z$|{_OFFSET})"


def wall_time(text: str, formats: tuple[str, ...]) -> str:
    """SQL of the local time that a text states, null if it states none or has an offset."""
    read = []
    for one in formats:
        if one == ISO:
            read.append(f"case when regexp_matches({text}, '{_WALL}') then try_cast({text} as timestamp) end")
        elif one not in NUMBERED and "%z" not in one:
            read.append(f"try_strptime({text}, {quoted(one)})")
    return _sensible(read)


def moment(text: str, formats: tuple[str, ...]) -> str:
    """SQL of the moment in UTC that a text states by itself, null if it does not."""
    read = []
    for one in formats:
        if one == ISO:
            read.append(
                f"case when regexp_matches({text}, '{_WITH_OFFSET}') then timezone('UTC', "
                f"try_cast({text} as timestamptz)) end"
            )
        elif one in NUMBERED:
            number = f"try_cast(try_cast({text} as decimal(30, 6)) * {NUMBERED[one]} as bigint)"
            read.append(f"case when {number} between 0 and 253402300799999999 then make_timestamp({number}) end")
        elif "%z" in one:
            stated = f"timezone('UTC', try_strptime({text}, {quoted(one)}))"
            if one.endswith("%z"):
                stated = f"case when regexp_matches({text}, '{_OFFSET}') then {stated} end"
            read.append(stated)
    return _sensible(read)


def _sensible(read: list[str]) -> str:
    if not read:
        return "cast(null as timestamp)"
    each = [f"nullif(greatest({one}, {EARLIEST}), {EARLIEST})" for one in read]
    return f"coalesce({', '.join(each)})" if len(each) > 1 else each[0]


def is_format(connection: duckdb.DuckDBPyConnection, text: str) -> bool:
    """Whether a text with % is a format that can be read."""
    try:
        connection.execute("select try_strptime('x', ?)", [text]).fetchall()
    except duckdb.Error:
        return False
    return True


def swapped(formats: tuple[str, ...]) -> tuple[str, ...] | None:
    """The formats with day and month in each other's place, None if that changes nothing."""
    turned = str.maketrans("dm", "md")
    other = tuple(re.sub("%-?[dm]", lambda part: part[0].translate(turned), one) for one in formats)
    return None if other == formats or not all("%d" in one and "%m" in one for one in map(_plain, other)) else other


def _plain(text: str) -> str:
    return text.replace("%-", "%")


class Zone:
    """A time zone, by what DuckDB knows of it, in which wall times are read.

    Where clocks go back, times come twice; where they go forward, some are skipped. Only on the dates around that is
    it asked which.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str | None):
        self._name = quoted(name) if name else None
        self._back: list[int] = []
        connection.execute("create temp table odd_dates (day date)")
        if name:
            changes = connection.execute(f"""
                select local::date, 360 - datediff('minute', local, later) as back
                from (
                    select
                        timezone({self._name}, moment) as local,
                        timezone({self._name}, moment + interval 6 hour) as later
                    from (
                        select timestamptz '1970-01-01 00:00:00+00' + to_hours(6 * step) as moment
                        from range(105000) as steps (step)
                    )
                )
                where back <> 0
            """).fetchall()
            days = {date + timedelta(days=day) for date, _ in changes for day in (-1, 0, 1)}
            connection.execute("insert into odd_dates select unnest($days::date[])", {"days": sorted(days)})
            self._back = sorted({back for _, back in changes if back > 0})

    def is_odd(self, local: str) -> str:
        """SQL of whether the clocks change about the date of a time, which the other methods have to be told."""
        return f"coalesce({local}::date in (select day from odd_dates), false)"

    def moment(self, local: str, is_odd: str, is_first: bool) -> str:
        """SQL of the moment in UTC at which clocks show a time, the first or the second one if there are two.

        A skipped time counts from the offset before it: the clock shows as much later.
        """
        if self._name is None:
            return "null::timestamp"
        return f"timezone('UTC', case when {is_odd} then {self._chosen(local, is_first)} else {self._one(local)} end)"

    def is_skipped(self, local: str, is_odd: str) -> str:
        """SQL of whether clocks never show a time."""
        return f"case when {is_odd} then timezone({self._name}, {self._one(local)}) <> {local} end"

    def is_repeated(self, local: str, is_odd: str) -> str:
        """SQL of whether clocks show a time twice."""
        return f"case when {is_odd} then {self._chosen(local, True)} <> {self._chosen(local, False)} end"

    def _one(self, local: str) -> str:
        return f"timezone({self._name}, {local})"

    def _chosen(self, local: str, is_first: bool) -> str:
        one = chosen = self._one(local)
        for minutes in self._back:
            other = f"{one} {'-' if is_first else '+'} interval {minutes} minute"
            chosen = f"case when timezone({self._name}, {other}) = {local} then {other} else {chosen} end"
        return f"({chosen})"
