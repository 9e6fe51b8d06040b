"""Times as files write them, to moments in UTC: SQL."""

from __future__ import annotations

import re

import duckdb

from landing.contract import quoted

ISO = "iso"
NUMBERED = {"unix": 1_000_000, "unix_ms": 1_000}  # formats of a time that is a number, its unit in microseconds
EARLIEST = "timestamp '1900-01-01'"  # %Y reads 26 as the year 26: what is earlier is not read
_WALL = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?)?$"
_WITH_OFFSET = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)$"


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
                f"case when regexp_matches({text}, '{_WITH_OFFSET}') then timezone('UTC', try_cast({text} as timestamptz)) end"
            )
        elif one in NUMBERED:
            number = f"try_cast(try_cast({text} as decimal(30, 6)) * {NUMBERED[one]} as bigint)"
            read.append(f"case when {number} between 0 and 253402300799999999 then make_timestamp({number}) end")
        elif "%z" in one:
            read.append(f"timezone('UTC', try_strptime({text}, {quoted(one)}))")
    return _sensible(read)


def _sensible(read: list[str]) -> str:
    if not read:
        return "cast(null as timestamp)"
    one = f"coalesce({', '.join(read)})" if len(read) > 1 else read[0]
    return f"case when {one} >= {EARLIEST} then {one} end"


def is_format(connection: duckdb.DuckDBPyConnection, text: str) -> bool:
    """Whether a text with % is a format that can be read."""
    try:
        connection.execute("select try_strptime('x', ?)", [text])
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

    Where the clocks go back an hour (or less, or more) stands twice, where they go forward one is skipped.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str | None):
        self._name = quoted(name) if name else None
        # Minutes by which clocks go back, and whether they go forward.
        self._back, self._has_gaps = [], False
        if name:
            hours = connection.execute(f"""
                select distinct datediff('minute', timezone({self._name}, moment), timezone({self._name}, moment + interval 1 hour))
                from (select timestamptz '1960-01-01 00:00:00+00' + to_hours(hour) as moment from range(800000) as hours (hour))
            """).fetchall()
            self._back = sorted(60 - minutes for (minutes,) in hours if minutes < 60)
            self._has_gaps = any(minutes > 60 for (minutes,) in hours)

    def _is_at(self, moment: str, local: str) -> str:
        return f"timezone({self._name}, {moment}) = {local}"

    def moments(self, local: str) -> tuple[str, str]:
        """SQL of the first and the second moment (timestamptz) at which clocks show a time; the same if it is shown once.

        A skipped time counts from the offset before it: the clock shows as much later.
        """
        if self._name is None:
            return "null::timestamptz", "null::timestamptz"
        one = f"timezone({self._name}, {local})"
        first = second = one
        for minutes in self._back:
            earlier, later = (f"{one} {sign} interval {minutes} minute" for sign in "-+")
            first = f"case when {self._is_at(earlier, local)} then {earlier} else {first} end"
            second = f"case when {self._is_at(later, local)} then {later} else {second} end"
        return first, second

    def is_skipped(self, local: str) -> str:
        """SQL of whether clocks never show a time."""
        if not self._has_gaps:
            return "false"
        return f"timezone({self._name}, timezone({self._name}, {local})) <> {local}"
