"""Each macro that has a text of its own for each engine answers the same on both: what is right by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import duckdb
import pytest
from conftest import ROOT, QueryFailed
from lakes import Dbt, Lake
from pair_cases import PAIRS, Pair

ENGINES = ("duckdb", "athena")
# What stands in a query beside the call that it is about.
HELPERS = {
    "object": "{{ parse_json_object('x', ['a', 'b'], ['j']) }}",
    "json_text": "{{ json_text('fields.j') }}",
    "error": "{{ raise_error(\"'wrong: ' || x\") }}",
    "hash": "{{ text_hash('x') }}",
    "numbers": "{{ numbers_between(1, 320) }}",
}
# Those that no query can call alone, by the test that covers them.
ELSEWHERE = {
    "raise_error": "test_an_error_is_raised_with_its_message",
    "text_hash": "test_texts_have_hashes_of_their_own",
    "raw_lines": "test_same_rows",
    "is_landing": "test_same_rows",
    "landed_file": "test_same_rows",
    "any_landing": "test_same_rows",
    "no_landings": "test_same_rows",
    "last_landing": "test_same_rows",
    "is_whole_line": "test_same_rows",
    "first_new_landing": "test_same_rows",
    "quarantine_unreadable_lines": "test_same_rows",
    "create_bookkeeping_table": "test_same_rows",
    "partition_by_month": "test_same_rows",
    "create_runs": "test_faults",
    "sign_in": "test_faults",
    "stop_if_overtaken": "test_faults",
}
SEPARATOR = "\n-- next\n"


def rendered(dbt: Dbt, lake: Any) -> dict[str, str]:
    """Each call as dbt renders it for an engine."""
    texts = {call: call for call in [*(pair.call for pair in PAIRS), *HELPERS.values()]}
    outcome = dbt.run(lake, "compile", "--inline", SEPARATOR.join(texts), "--no-introspect")
    assert outcome.exit_code == 0, outcome.output
    results = json.loads((dbt.home / "target" / "run_results.json").read_text())["results"]
    return dict(zip(texts, results[0]["compiled_code"].split(SEPARATOR.strip("\n")), strict=True))


def literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, (bool, int)):
        return str(value)
    if isinstance(value, float):
        return f"{value!r}e0"
    return "'" + str(value).replace("'", "''") + "'"


def given(pair: Pair) -> str:
    """The rows of all cases as a table, the number of their case first."""
    rows = [(number, *row) for number, (rows, _) in enumerate(pair.cases) for row in rows]
    columns = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in pair.columns.items())
    values = ",\n".join(f"({', '.join(map(literal, row))})" for row in rows)
    return f"(select n, {columns} from (values\n{values}\n) as cases (n, {', '.join(pair.columns)})) as given"


def as_expected(value: str | None, expected: Any) -> Any:
    """A value that was written as text, as the type of what it should be."""
    if value is None or expected is None:
        return value
    if isinstance(expected, bool):
        return {"true": True, "false": False}.get(value, value)
    if isinstance(expected, (datetime, date)):
        try:
            return type(expected).fromisoformat(value)
        except ValueError:
            return value
    return type(expected)(value)


class Engine:
    """Runs queries on an engine; every value comes as text."""

    def __init__(self, calls: dict[str, str], run: Callable[[str], list[tuple]]):
        self.calls = calls
        self.run = run

    def results(self, pair: Pair) -> list[list[tuple]]:
        """The rows that come of each case."""
        texts = {name: self.calls[call] for name, call in HELPERS.items()}
        query = pair.query.format(call=self.calls[pair.call], given=given(pair), **texts)
        ordered = "place" in pair.columns
        found: list[list[tuple]] = [[] for _ in pair.cases]
        for number, *values in sorted(self.run(query), key=lambda row: [int(value) for value in row[: 1 + ordered]]):
            found[int(number)].append(tuple(values[ordered:]))
        return found


@pytest.fixture(scope="module")
def duckdb_engine(tmp_path_factory) -> Engine:
    folder = tmp_path_factory.mktemp("pairs")
    dbt = Dbt(folder / "dbt")
    calls = rendered(dbt, Lake(folder / "lake"))
    dbt.close()
    database = duckdb.connect()
    database.execute("set TimeZone = 'UTC'")
    return Engine(
        calls, lambda query: database.execute(f"select cast(columns(*) as varchar) from ({query})").fetchall()
    )


@pytest.fixture(scope="module")
def athena_engine(athena_dbt, athena_lake) -> Engine:
    return Engine(rendered(athena_dbt, athena_lake), athena_lake.texts)


@pytest.fixture(params=ENGINES)
def engine(request) -> Engine:
    return request.getfixturevalue(f"{request.param}_engine")


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_it_answers_what_is_right(engine, pair):
    wrong = []
    for (rows, expected), found in zip(pair.cases, engine.results(pair), strict=True):
        wanted = expected if isinstance(expected, list) else [expected]
        wanted = [row if isinstance(row, tuple) else (row,) for row in wanted]
        typed = [tuple(map(as_expected, row, want)) for row, want in zip(found, wanted, strict=False)]
        if typed != wanted or len(found) != len(wanted):
            wrong.append(f"of {rows} came {found}, not {wanted}")
    assert not wrong, "\n" + "\n".join(wrong)


def test_every_pair_has_cases():
    """Of each macro that is dispatched, both engines' texts are there, and cases that call it."""
    macros = "\n".join(path.read_text() for path in (ROOT / "macros").rglob("*.sql"))
    dispatched = set(re.findall(r"adapter\.dispatch\('(\w+)'\)", macros))
    texts = set(re.findall(r"{%-? *macro (duckdb|athena)__(\w+)", macros))
    assert {(engine, name) for engine in ENGINES for name in dispatched} <= texts
    assert dispatched - {pair.macro for pair in PAIRS} - ELSEWHERE.keys() == set()


def test_an_error_is_raised_with_its_message(engine):
    error = engine.calls[HELPERS["error"]]
    query = f"select case when x = 'b' then {error} else x end as x from (values {{}}) as given (x)"
    assert engine.run(query.format("('a'), ('c')")) == [("a",), ("c",)]
    with pytest.raises((duckdb.Error, QueryFailed), match="wrong: b"):
        engine.run(query.format("('a'), ('b')"))


def test_texts_have_hashes_of_their_own(engine):
    """The same for the same text, and of 100,000 no two the same."""
    hashed, numbers = engine.calls[HELPERS["hash"]], engine.calls[HELPERS["numbers"]]
    numbers = f"(select number from unnest({numbers}) as numbers (number))"
    texts = (
        f"select concat(cast(a.number as varchar), '🚗', cast(b.number as varchar)) as x from {numbers} a, {numbers} b"
    )
    hashes = f"select x, cast({hashed} as varchar) as hash from ({texts} union all {texts}) as texts"
    query = f"select count(*), count(distinct hash), count(distinct hash || x) from ({hashes}) as hashes"
    assert engine.run(query) == [("204800", "102400", "102400")]
