"""What each macro that has a text of its own for each engine must answer: values in, values out, the same on both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

EACH = "select n, {call} as result from {given}"
GROUPED = "select n, {call} as result from {given} group by n"
UNNESTED = (
    "select given.n, count(items.item) as items, min(items.item) as first_item, max(items.item) as last_item, "
    "count(distinct items.item) as different "
    "from {given} left join unnest({call}) as items (item) on true group by given.n"
)


@dataclass(frozen=True)
class Pair:
    """Cases of one call of a macro: rows, each a tuple in the order of `columns`, and what comes of them."""

    macro: str
    call: str
    columns: dict[str, str]
    cases: list[tuple[list[tuple], Any]]
    query: str = EACH

    @property
    def name(self) -> str:
        return f"{self.macro}-{self.call.strip('{} ')}"


def each(macro: str, arguments: str, columns: dict[str, str], *cases: tuple) -> Pair:
    """Cases of one row each, what comes of it last."""
    return Pair(macro, f"{{{{ {macro}({arguments}) }}}}", columns, [([case[:-1]], case[-1]) for case in cases])


def grouped(macro: str, arguments: str, columns: dict[str, str], *cases: tuple[list, Any]) -> Pair:
    """Cases of an aggregate. Rows of one column are given as its values."""
    rows_of = [([row if isinstance(row, tuple) else (row,) for row in rows], result) for rows, result in cases]
    return Pair(macro, f"{{{{ {macro}({arguments}) }}}}", columns, rows_of, GROUPED)


def unnested(macro: str, arguments: str, columns: dict[str, str], *cases: tuple) -> Pair:
    """Cases of an array: how many elements it has, the first, the last, how many different ones."""
    return Pair(
        macro, f"{{{{ {macro}({arguments}) }}}}", columns, [([case[:-1]], case[-1]) for case in cases], UNNESTED
    )


def windowed(macro: str, arguments: str, *cases: tuple[list, list]) -> Pair:
    """Cases of a window function: the values in order, and what stands beside each."""
    call = f"{{{{ {macro}({arguments}) }}}}"
    rows = [([(place, value) for place, value in enumerate(values)], results) for values, results in cases]
    query = "select n, place, {call} as result from {given} order by n, place"
    return Pair(macro, call, {"place": "integer", "x": "varchar"}, rows, query)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


EPOCH = at("1970-01-01 00:00:00")
MOMENTS = [
    *("0001-01-01 00:00:00.000000", "0001-01-01 00:00:00.000001", "0001-12-31 23:59:59.999999"),
    *("1600-02-29 12:34:56.789012", "1677-09-21 00:12:43.145224", "1815-06-18 11:30:00.000003"),
    *("1969-12-31 23:59:59.999999", "1970-01-01 00:00:00.000000", "1970-01-01 00:00:00.000001"),
    *("2026-03-29 01:00:00.123456", "2026-10-25 00:59:59.999999", "2038-01-19 03:14:08.000001"),
    *("2106-02-07 06:28:16.000001", "2262-04-11 23:47:16.854775", "2262-04-11 23:47:16.854776"),
    *("2500-07-01 00:00:00.999999", "9999-12-31 23:59:59.999998", "9999-12-31 23:59:59.999999"),
]


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta.resolution


# ---------- arrays in JSON
LISTED = "parse_json_objects('x', ['a'], ['q'])"
SUMS = [
    ('[{"q": 1}, {"q": 2.5}]', 3.5),
    ('[{"q": 1e2, "x": {"q": 5}}, {"q": "7"}, {}, 7, null, {"q": null}, {"Q": 3}]', 100.0),
    ("[]", 0.0),
    ('{"q": 1}', None),
    ('"q"', None),
    (None, None),
]
CODES = [
    ('["a", "a", "b", null, " ", 5, "5"]', 3),
    ('["A", "a", "é", "\\u00e9", "\\"", -7, " a"]', 6),
    ("[null, null]", 0),
    ("[]", 0),
    ('"a"', None),
    (None, None),
]


# ---------- time zones: UTC, zone, local time. Before 1900 a zone's clocks showed the mean time of its place.
UNIQUE_LOCAL_TIMES = [
    ("2026-01-15 12:00:00", "Europe/Berlin", "2026-01-15 13:00:00"),
    ("2026-07-15 12:00:00.123456", "Europe/Berlin", "2026-07-15 14:00:00.123456"),
    ("2026-03-29 00:59:59.999999", "Europe/Berlin", "2026-03-29 01:59:59.999999"),
    ("2026-03-29 01:00:00", "Europe/Berlin", "2026-03-29 03:00:00"),
    ("2026-10-24 23:59:59.999999", "Europe/Berlin", "2026-10-25 01:59:59.999999"),
    ("2026-10-25 02:00:00", "Europe/Berlin", "2026-10-25 03:00:00"),
    ("2026-03-08 06:59:59", "America/New_York", "2026-03-08 01:59:59"),
    ("2026-03-08 07:00:00", "America/New_York", "2026-03-08 03:00:00"),
    ("2026-11-01 07:00:00", "America/New_York", "2026-11-01 02:00:00"),
    ("2026-03-29 00:59:59", "Europe/London", "2026-03-29 00:59:59"),
    ("2026-03-29 01:00:00", "Europe/London", "2026-03-29 02:00:00"),
    ("2026-06-01 00:00:00", "Asia/Tokyo", "2026-06-01 09:00:00"),
    ("2026-06-01 00:00:00", "Asia/Kolkata", "2026-06-01 05:30:00"),
    ("2026-06-01 00:00:00", "Asia/Kathmandu", "2026-06-01 05:45:00"),
    ("2026-06-01 00:00:00", "America/St_Johns", "2026-05-31 21:30:00"),
    ("2026-01-01 00:00:00", "Australia/Lord_Howe", "2026-01-01 11:00:00"),
    ("2026-06-01 00:00:00", "Australia/Lord_Howe", "2026-06-01 10:30:00"),
    ("2026-10-03 15:30:00", "Australia/Lord_Howe", "2026-10-04 02:30:00"),
    ("2026-06-01 00:00:00", "Pacific/Kiritimati", "2026-06-01 14:00:00"),
    ("2011-12-30 09:59:59", "Pacific/Apia", "2011-12-29 23:59:59"),
    ("2011-12-30 10:00:00", "Pacific/Apia", "2011-12-31 00:00:00"),
    ("1600-06-01 07:06:32", "Europe/Berlin", "1600-06-01 08:00:00"),
    ("1890-06-01 00:06:32.000001", "Europe/Berlin", "1890-06-01 01:00:00.000001"),
    ("2500-07-01 06:00:00.000001", "Europe/Berlin", "2500-07-01 08:00:00.000001"),
    ("2500-01-01 13:00:00", "America/New_York", "2500-01-01 08:00:00"),
    ("9999-07-01 06:00:00.123456", "Europe/Berlin", "9999-07-01 08:00:00.123456"),
    ("2026-01-15 12:00:00", "UTC", "2026-01-15 12:00:00"),
]
REPEATED_LOCAL_TIMES = [
    ("2026-10-25 00:30:00", "Europe/Berlin", "2026-10-25 02:30:00"),
    ("2026-10-25 01:30:00", "Europe/Berlin", "2026-10-25 02:30:00"),
    ("2026-11-01 05:30:00", "America/New_York", "2026-11-01 01:30:00"),
    ("2026-11-01 06:30:00", "America/New_York", "2026-11-01 01:30:00"),
    ("2026-04-04 14:45:00", "Australia/Lord_Howe", "2026-04-05 01:45:00"),
    ("2026-04-04 15:15:00", "Australia/Lord_Howe", "2026-04-05 01:45:00"),
]
# A repeated time is the second one, a skipped one as if the clocks had not changed yet.
LOCAL_TIMES_OF_CLOCK_CHANGES = [
    ("2026-10-25 01:30:00", "Europe/Berlin", "2026-10-25 02:30:00"),
    ("2026-11-01 06:30:00", "America/New_York", "2026-11-01 01:30:00"),
    ("2026-04-04 15:15:00", "Australia/Lord_Howe", "2026-04-05 01:45:00"),
    ("2026-03-29 01:30:00", "Europe/Berlin", "2026-03-29 02:30:00"),
    ("2026-03-08 07:30:00", "America/New_York", "2026-03-08 02:30:00"),
    ("2026-10-03 15:45:00", "Australia/Lord_Howe", "2026-10-04 02:15:00"),
    ("2011-12-30 22:00:00", "Pacific/Apia", "2011-12-30 12:00:00"),
]

# ---------- JSON: a line, and its fields a and b as text, its field j as JSON; nothing for what is no JSON object.
OBJECTS = [
    ("{}", (None, None, None)),
    ('{"a": "x", "b": "y", "j": 1}', ("x", "y", "1")),
    (' \t{"a" :\t"x"} \t', ("x", None, None)),
    ('{"a": "", "b": " ", "j": ""}', ("", " ", '""')),
    ('{"a": null, "b": "null", "j": "null"}', (None, "null", '"null"')),
    ('{"a": 5, "b": -7, "j": -7}', ("5", "-7", "-7")),
    (
        '{"a": 9223372036854775807, "b": -9223372036854775808, "j": 9223372036854775808}',
        ("9223372036854775807", "-9223372036854775808", "9223372036854775808"),
    ),
    ('{"a": "Ladesäule 充電 🚗", "b": "\\ud83d\\ude97\\u00e4", "j": 0}', ("Ladesäule 充電 🚗", "🚗ä", "0")),
    (r'{"a": "\"\\\/\b\f\n\r\t", "j": true}', ('"\\/\b\f\n\r\t', None, "true")),
    (
        '{"a": "NaN, inf, [1,] ,} {", "b": "a\u2028b\u0085c\u00a0"}',
        ("NaN, inf, [1,] ,} {", "a\u2028b\u0085c\u00a0", None),
    ),
    ('{"x": {"a": "inner", "y": [1, {"a": [[]]}]}, "a": "outer"}', ("outer", None, None)),
    ('{"x": [' + "[" * 90 + "]" * 90 + '], "a": "deep"}', ("deep", None, None)),
    ('{"x": 1E400, "y": 123456789012345678901234567890, "z": -0, "w": 1e-7, "a": "z"}', ("z", None, None)),
    ('{"A": "capital", "B": "capital", "J": 1}', (None, None, None)),
    ('{"A": "capital", "a": "small"}', ("small", None, None)),
    ('{"": "blank", "a b": 1, "a": "x"}', ("x", None, None)),
    ('{"a": "' + "x" * 5000 + '"}', ("x" * 5000, None, None)),
]
NO_OBJECTS = [
    *("", " ", "open", "null", "true", "5", '"{}"', "[]", "[{}]", "{} {}", '{"a": 1} x', "{", '{"a"', '{"a": 1', "}"),
    *('{"a": 1,}', '{"a": [1,]}', "{,}", '{"a": }', "{'a': 1}", "{a: 1}", '{"a": 01}', '{"a": +1}', '{"a": .5}'),
    *('{"a": 5.}', '{"a": NaN}', '{"a": nan}', '{"a": Infinity}', '{"a": -Infinity}', '{"a": [-inf]}', '{"a": iNf }'),
    *('{"a": "\t"}', '{"a": "\x01"}', '{"a": "\\x"}', '{"a": "\\u12"}', '{"a": True}', '{"a": 1 "b": 2}', '{"a": 0x1}'),
    *('{"a": 1} // done', '/* a */ {"a": 1}', '{"a": "x" ,\t}', '{"a"= 1}', "\u00a0{}", "{}\u2028", '{"a": 1;}'),
]
NUMBERS = [  # a JSON value, and the integer of 64 bits that it is
    ("5", 5),
    ("-3", -3),
    ("0", 0),
    ("9223372036854775807", 2**63 - 1),
    ("-9223372036854775808", -(2**63)),
    ("9223372036854775808", None),
    ("-9223372036854775809", None),
    ("123456789012345678901234567890", None),
    ("5.0", None),
    ("1e2", None),
    ("1E2", None),
    ("0.0", None),
    ("1e-400", None),
    ('"5"', None),
    ("true", None),
    ("[5]", None),
    ('{"x": 5}', None),
    ("null", None),
]

STRICT_TIMESTAMPS = [
    ("2026-03-01T09:15:00Z", at("2026-03-01 09:15:00")),
    ("2026-03-01T09:15:00.1Z", at("2026-03-01 09:15:00.100000")),
    ("2026-03-01T09:15:00.123456+05:30", at("2026-03-01 03:45:00.123456")),
    ("2026-03-01T00:00:00-14:00", at("2026-03-01 14:00:00")),
    ("2026-03-01T00:00:00+14:00", at("2026-02-28 10:00:00")),
    ("2026-03-01T00:00:00-00:00", at("2026-03-01 00:00:00")),
    ("2028-02-29T23:59:59.999999Z", at("2028-02-29 23:59:59.999999")),
    ("0001-01-01T00:00:00Z", at("0001-01-01 00:00:00")),
    ("0001-01-01T00:00:00.000001-00:01", at("0001-01-01 00:01:00.000001")),
    ("1600-02-29T12:34:56.789012Z", at("1600-02-29 12:34:56.789012")),
    ("1890-01-01T00:00:00.000001Z", at("1890-01-01 00:00:00.000001")),
    ("2500-07-01T12:00:00.654321+13:59", at("2500-06-30 22:01:00.654321")),
    ("9999-12-31T23:59:59.999999Z", at("9999-12-31 23:59:59.999999")),
    ("9999-12-31T23:59:59.999999+00:01", at("9999-12-31 23:58:59.999999")),
    *((text, None) for text in ("", " ", "yesterday", "2026-03-01", "2026-03-01T09:15Z", "2026-03-01T09:15:00")),
    *((text, None) for text in ("2026-02-29T12:00:00Z", "2026-04-31T12:00:00Z", "1900-02-29T00:00:00Z")),
    *((text, None) for text in ("2026-03-01T24:00:00Z", "2026-03-01T12:60:00Z", "2026-03-01T12:00:60Z")),
    *((text, None) for text in ("2026-03-01T12:00:00+14:01", "2026-03-01T12:00:00+01:60", "2026-03-01T12:00:00+15:00")),
    *((text, None) for text in ("2026-03-01T12:00:00+0100", "2026-03-01T12:00:00+01", "2026-03-01T12:00:00 Z")),
    *((text, None) for text in ("2026-03-01 12:00:00Z", "2026-03-01t12:00:00Z", "2026-03-01T12:00:00z")),
    *((text, None) for text in (" 2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z ", "2026-03-01T12:00:00Z\n")),
    *((text, None) for text in ("\n2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z\r", "2026-03-01T12:00:00Z\u2028")),
    *((text, None) for text in ("2026-03-01T12:00:00.Z", "2026-03-01T12:00:00.1234567Z", "2026-03-01T12:00:00,5Z")),
    *(
        (text, None)
        for text in ("\u0662\u0660\u0662\u0666-03-01T12:00:00Z", "\uff12\uff10\uff12\uff16-03-01T12:00:00Z")
    ),
    *((text, None) for text in ("10000-01-01T00:00:00Z", "-2026-03-01T12:00:00Z", "+2026-03-01T12:00:00Z")),
    *((text, None) for text in ("2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z")),
    *((text, None) for text in ("2026-W10-1T12:00:00Z", "2026-060T12:00:00Z", "2026-03-01T12:00:00Europe/Berlin")),
    (None, None),
]

BLANKS = [
    *((text, True) for text in ("", " ", "\t", "\n", "\x0b", "\x0c", "\r", " \t\n\x0b\x0c\r ", " " * 50)),
    *((text, False) for text in ("a", " a", "a ", "\n\na", "a\n\n", "!", "\x1f", "\x1c", "\x01", "\x7f", " \x08 ")),
    *((text, False) for text in ("\u00a0", " \u00a0 ", "\u2028", " \u2028", "\u0085", "\u3000", "\ufeff", "\u200b")),
    *((text, False) for text in ("🚗", "\\n", "''", "0")),
    (None, None),
]

TEXT = {"x": "varchar"}

PAIRS = [
    # ---------- aggregates
    grouped(
        "nearest_rank",
        "'x', 0.5",
        {"x": "double"},
        ([5.0], 5.0),
        ([1.0, 2.0], 1.0),
        ([3.0, 1.0, 2.0], 2.0),
        ([4.0, None, 1.0, 3.0, 2.0, None], 2.0),
        ([-1.5, -1.5, 0.0, 7.0, 7.0], 0.0),
        ([None, None], None),
        ([float(n) for n in range(100, 0, -1)], 50.0),
        ([float(n) for n in range(1, 102)], 51.0),
    ),
    grouped(
        "nearest_rank",
        "'x', 0.9",
        {"x": "double"},
        *(
            ([float(n) for n in range(1, size + 1)], float(-(-size * 9 // 10)))
            for size in (1, 2, 9, 10, 11, 20, 30, 70, 100)
        ),
        ([None], None),
    ),
    each(
        "whole_quotient",
        "'x', 'y'",
        {"x": "bigint", "y": "bigint"},
        *((7, 2, 3), (0, 5, 0), (6, 3, 2), (-8, 4, -2), (-7, 2, -3), (None, 2, None)),
        *((9_007_199_254_740_993, 1, 9_007_199_254_740_993), (2**63 - 1, 2**31, 2**32 - 1)),
    ),
    each(
        "whole_quotient",
        "'x', 14400000000",
        {"x": "bigint"},
        *((14_399_999_999, 0), (14_400_000_000, 1), (28_799_999_999, 1), (315_537_897_599_999_999, 21_912_353)),
    ),
    windowed(
        "last_given",
        "'x', 'partition by n order by place rows unbounded preceding'",
        ([None, "a", None, None, "", "b", None], [None, "a", "a", "a", "", "b", "b"]),
        ([None, None], [None, None]),
        (["only"], ["only"]),
    ),
    windowed(
        "last_given_before",
        "'x', 'partition by n order by place'",
        ([None, "a", None, None, "", "b", None], [None, None, "a", "a", "a", "", "b"]),
        ([None, None], [None, None]),
        (["only"], [None]),
    ),
    windowed(
        "next_given",
        "'x', 'partition by n order by place'",
        ([None, "a", None, None, "", "b", None], ["a", "", "", "", "b", None, None]),
        ([None, None], [None, None]),
        (["only"], [None]),
    ),
    grouped(
        "value_at_min",
        "'x', 'y'",
        {"x": "varchar", "y": "integer"},
        ([("a", 2), ("b", 1), ("c", 3)], "b"),
        ([("a", 2), (None, 1), ("c", 3)], None),
        ([("a", 2), ("b", None), ("c", 3)], "a"),
        ([("a", None), ("b", None)], None),
        ([("", -1), ("z", 0)], ""),
    ),
    grouped(
        "value_at_min",
        "'x', 'y'",
        {"x": "varchar", "y": "timestamp(6)"},
        ([("a", at("2026-01-01 00:00:00.000002")), ("b", at("2026-01-01 00:00:00.000001"))], "b"),
        ([("a", at("9999-12-31 23:59:59.999999")), ("b", at("9999-12-31 23:59:59.999998"))], "b"),
    ),
    grouped(
        "value_at_max",
        "'x', 'y'",
        {"x": "varchar", "y": "integer"},
        ([("a", 2), ("b", 1), ("c", 3)], "c"),
        ([("a", 2), ("b", 1), (None, 3)], None),
        ([("a", 2), ("b", None), ("c", 1)], "a"),
        ([("a", None), ("b", None)], None),
        ([(None, None), ("b", 0)], "b"),
    ),
    grouped(
        "latest_value",
        "'x', ['y', 'z']",
        {"x": "varchar", "y": "timestamp(6)", "z": "varchar"},
        ([("a", at("2026-01-01 00:00:00.000002"), "1"), ("b", at("2026-01-01 00:00:00.000001"), "2")], "a"),
        ([("a", at("2026-01-01 00:00:00"), "10"), ("b", at("2026-01-01 00:00:00"), "9")], "b"),
        ([("a", at("2026-01-01 00:00:00"), "1"), (None, at("2026-01-02 00:00:00"), "2")], "a"),
        ([(None, at("2026-01-01 00:00:00"), "1")], None),
    ),
    # ---------- JSON
    Pair(
        "parse_json_object",
        "{{ parse_json_object('x', ['a', 'b'], ['j']) }}",
        TEXT,
        [([(line,)], fields) for line, fields in OBJECTS],
        "select n, fields.a as a, fields.b as b, {json_text} as j from (select n, {call} as fields from {given}) as p",
    ),
    Pair(
        "is_strict_json_object",
        "{{ parse_json_object('x', ['a', 'b'], ['j']) }} is not null and {{ is_strict_json_object('x') }}",
        TEXT,
        [([(line,)], True) for line, _ in OBJECTS] + [([(line,)], False) for line in NO_OBJECTS],
        "select n, coalesce({call}, false) as result from {given}",
    ),
    Pair(
        "json_text",
        "{{ strict_integer(absent_if_blank_json(json_text('fields.j'))) }}",
        TEXT,
        [([('{"j": ' + value + "}",)], number) for value, number in NUMBERS],
        "select n, {call} as result from (select n, {object} as fields from {given}) as parsed",
    ),
    Pair(
        "json_text",
        "{{ absent_if_blank_json(json_text('fields.j')) }} is null",
        TEXT,
        [
            ([('{"j": ' + value + "}",)], is_absent)
            for value, is_absent in (
                *(("null", True), ('""', True), ('" "', True), (r'" \t\n\u000b\f\r"', True), (r'"\u00a0"', False)),
                *(('"null"', False), ("0", False), ("false", False), ("[]", False), ("{}", False), ('"a"', False)),
            )
        ]
        + [([("{}",)], True)],
        "select n, {call} as result from (select n, {object} as fields from {given}) as parsed",
    ),
    each(
        "json_string",
        "'x'",
        TEXT,
        *(('"a"', "a"), ('""', ""), ('" "', " "), (r'"\t\n\u000b"', "\t\n\x0b"), (r'"\"\\\/"', '"\\/'), (None, None)),
        *((r'"\ud83d\ude97"', "🚗"), ('"🚗"', "🚗"), ('"\u2028"', "\u2028")),
    ),
    # ---------- text
    each(
        "md5_hex",
        "'x'",
        TEXT,
        ("", "d41d8cd98f00b204e9800998ecf8427e"),
        ("a", "0cc175b9c0f1b6a831c399e269772661"),
        ("Ladesäule 充電 🚗\n", "e16b18d8971db43ec77c712c0ed174f0"),
        (None, None),
    ),
    each(
        "matches",
        r"'x', '^(a|b)+\\z'",
        TEXT,
        *(("a", True), ("abba", True), ("", False), ("abc", False), ("🚗", False), ("a\n", False), (None, None)),
    ),
    each(
        "matches",
        "'x', 'b[0-9]{2}'",
        TEXT,
        *(("ab12c", True), ("ab1c", False), ("x\nb34\ny", True), ("b٣٤", False), ("🚗b99", True)),
    ),
    each("is_blank", "'x'", TEXT, *BLANKS),
    grouped(
        "joined_text",
        "'x', \"'|'\"",
        TEXT,
        (["b", "a", "c"], "a|b|c"),
        (["b", None, "", "b"], "|b|b"),
        (["é", "z", "Z", "a", "🚗", "ﬀ", "\u00e9\u0301"], "Z|a|z|é|\u00e9\u0301|ﬀ|🚗"),
        ([None, None], None),
        (["only"], "only"),
    ),
    # ---------- time
    each(
        "utc_from_iso",
        "'x'",
        TEXT,
        *(case for case in STRICT_TIMESTAMPS if case[1]),
        *((text, None) for text in ("2026-02-29T12:00:00Z", "1900-02-29T00:00:00Z", "2026-13-01T00:00:00Z", None)),
    ),
    each("strict_timestamp", "'x'", TEXT, *STRICT_TIMESTAMPS),
    each(
        "is_supported_moment",
        "utc_from_iso('x')",
        TEXT,
        *(("0001-01-01T00:00:00Z", True), ("0001-01-01T00:00:00+00:01", False), ("0000-12-31T23:59:59Z", False)),
        *(("9999-12-31T23:59:59.999999Z", True), ("9999-12-31T23:59:59-00:01", False), (None, None)),
        *(("0001-01-01T14:00:00+14:00", True), ("9999-12-31T10:00:00-14:00", False), ("2026-01-01T00:00:00Z", True)),
    ),
    each(
        "local_from_utc",
        "'x', 'zone'",
        {"x": "timestamp(6)", "zone": "varchar"},
        *((at(utc), zone, at(local)) for utc, zone, local in UNIQUE_LOCAL_TIMES + REPEATED_LOCAL_TIMES),
        (None, "UTC", None),
    ),
    each(
        "utc_from_local",
        "'x', 'zone'",
        {"x": "timestamp(6)", "zone": "varchar"},
        *((at(local), zone, at(utc)) for utc, zone, local in UNIQUE_LOCAL_TIMES + LOCAL_TIMES_OF_CLOCK_CHANGES),
        (None, "UTC", None),
    ),
    each(
        "is_time_zone",
        "'x'",
        TEXT,
        *((zone, True) for zone in ("Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kathmandu", "UTC")),
        *((zone, True) for zone in ("Australia/Lord_Howe", "America/St_Johns", "Asia/Tokyo", "Europe/London")),
        *((zone, False) for zone in ("Europe/berlin", "europe/berlin", "EUROPE/BERLIN", "Europe/Nowhere", "", " ")),
        *((zone, False) for zone in ("Europe/Berlin ", "CEST", "+01:00", "-05:30", "UTC+1", "Berlin", "🚗")),
    ),
    each("micros", "'x'", {"x": "timestamp(6)"}, *((at(text), micros(at(text))) for text in MOMENTS), (None, None)),
    each("moment", "'x'", {"x": "bigint"}, *((micros(at(text)), at(text)) for text in MOMENTS), (None, None)),
    each(
        "micros_between",
        "'x', 'y'",
        {"x": "timestamp(6)", "y": "timestamp(6)"},
        *((at(x), at(y), micros(at(y)) - micros(at(x))) for x, y in zip(MOMENTS, MOMENTS[::-1], strict=True)),
        (at(MOMENTS[0]), None, None),
    ),
    unnested(
        "dates_between",
        "'x', 'y'",
        {"x": "date", "y": "date"},
        (date(2026, 2, 27), date(2026, 3, 1), (3, date(2026, 2, 27), date(2026, 3, 1), 3)),
        (date(2026, 3, 1), date(2026, 3, 1), (1, date(2026, 3, 1), date(2026, 3, 1), 1)),
        (date(2026, 3, 2), date(2026, 3, 1), (0, None, None, 0)),
        (None, date(2026, 3, 1), (0, None, None, 0)),
        (date(2026, 3, 1), None, (0, None, None, 0)),
        *(
            (date(2000, 1, 1), date(2000, 1, 1) + timedelta(more), (more + 1, date(2000, 1, 1), last, more + 1))
            for more in (9_998, 9_999, 10_000, 10_001, 19_999, 20_000)
            for last in [date(2000, 1, 1) + timedelta(more)]
        ),
        (date(1, 1, 1), date(9999, 12, 31), (3_652_059, date(1, 1, 1), date(9999, 12, 31), 3_652_059)),
    ),
    unnested(
        "numbers_between",
        "'x', 'y'",
        {"x": "bigint", "y": "bigint"},
        *((1, 3, (3, 1, 3, 3)), (7, 7, (1, 7, 7, 1)), (5, 3, (0, None, None, 0)), (-2, 1, (4, -2, 1, 4))),
        *((None, 3, (0, None, None, 0)), (3, None, (0, None, None, 0))),
        *((1, more, (more, 1, more, more)) for more in (9_999, 10_000, 10_001, 20_000, 20_001, 250_000)),
        (-2_000_000_000_000, -1_999_999_990_000, (10_001, -2_000_000_000_000, -1_999_999_990_000, 10_001)),
    ),
    each(
        "add_days",
        "'x', 'y'",
        {"x": "date", "y": "integer"},
        *((date(2026, 2, 28), 1, date(2026, 3, 1)), (date(2028, 2, 28), 1, date(2028, 2, 29))),
        *((date(2026, 1, 1), -1, date(2025, 12, 31)), (date(2026, 1, 1), 0, date(2026, 1, 1))),
        *((date(1, 1, 1), 3_652_058, date(9999, 12, 31)), (date(1, 1, 2), -1, date(1, 1, 1)), (None, 1, None)),
    ),
    each(
        "iso_weekday",
        "'x'",
        {"x": "date"},
        *((date(2026, 3, day), day - 1) for day in range(2, 9)),
        *((date(1, 1, 1), 1), (date(1600, 2, 29), 2), (date(9999, 12, 31), 5), (None, None)),
    ),
    each(
        "local_moment",
        "'x', 'wall_time'",
        {"x": "date", "wall_time": "varchar"},
        *((date(2026, 2, 28), "24:00", at("2026-03-01 00:00:00")), (date(1, 1, 1), "08:30", at("0001-01-01 08:30:00"))),
        (date(9999, 12, 31), "23:59", at("9999-12-31 23:59:00")),
    ),
    *(
        Pair(
            macro,
            f"{{{{ sum_of_elements({LISTED}, 'o', strict_number(json_text('o.q'))) }}}}",
            {"x": "varchar"},
            [([(text,)], result) for text, result in SUMS],
        )
        for macro in ("parse_json_objects", "sum_of_elements")
    ),
    Pair(
        "any_element",
        f"{{{{ any_element({LISTED}, 'o', \"coalesce(o.a, '') = '7'\") }}}}",
        {"x": "varchar"},
        [
            ([('[{"a": 7}]',)], True),
            ([('[{"a": 8, "b": 7}, {"A": 7}, {"a": null}, null]',)], False),
            ([('[{"b": [7]}, {"a": "7"}]',)], True),
            ([("[]",)], False),
            ([("7",)], None),
        ],
    ),
    *(
        Pair(
            macro,
            "{{ count_of_elements(distinct_elements(each_element(parse_json_array('x'), 'c', code_of('c')))) }}",
            {"x": "varchar"},
            [([(text,)], result) for text, result in CODES],
        )
        for macro in ("parse_json_array", "each_element", "distinct_elements")
    ),
    *(
        Pair(
            "struct_of",
            "{{ struct_of({'a': 'x', 'b': \"'1' || x\"}, {'a': 'varchar', 'b': 'double'}) }}." + field,
            {"x": "varchar"},
            [([("7",)], value), ([(None,)], None)],
        )
        for field, value in (("a", "7"), ("b", 17.0))
    ),
    Pair(
        "count_of_elements",
        "{{ count_of_elements(parse_json_array('x')) }}",
        {"x": "varchar"},
        [([("[]",)], 0), ([("[1, null, [2, 3]]",)], 3), ([('{"a": 1}',)], None), ([(None,)], None)],
    ),
    *(
        Pair(
            "map_of",
            call,
            {"k": "varchar", "v": "double"},
            [([("EUR", 1.5), ("USD", -2.0)], of_two), ([("EUR", 1.5), (None, 7.0)], of_one)],
            GROUPED,
        )
        for call, of_two, of_one in (
            ("cardinality({{ map_of('k', 'v') }})", 2, 1),
            ("({{ map_of('k', 'v') }})['EUR']", 1.5, 1.5),
        )
    ),
    Pair(
        "map_of",
        "cardinality({{ map_of('k', 'v') }})",
        {"k": "varchar", "v": "double"},
        [([(None, 7.0)], 0)],
        GROUPED,
    ),
    Pair("empty_map", "cardinality({{ empty_map() }})", {"x": "varchar"}, [([("x",)], 0)]),
]
