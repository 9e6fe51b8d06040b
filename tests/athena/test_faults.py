"""Queries that fail, runs that are killed, two at once: the next run heals, and messages say what to do."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from conftest import AthenaDbt, AthenaLake
from lakes import Dbt, Lake, differences
from landings import WITHOUT_RESULTS, Landing, random_landing
from test_same_rows import parts_of

from infra.local.athena import AthenaError

# Tickets alone have landed. What no table of tickets reads is left out, and by the runs all that other feeds fill.
OTHERS = ("group:logs", "*call_*", "fct_service_parts", "fct_service_failures", "*_monthly", "dim_dealerships")
MODELS = ("run", "--exclude", *OTHERS, "*support_logs*", "*calls*", "*service_records*")
# At which statement a run is killed, and whether Athena had it already: then it goes on without the run.
KILLS = {
    "before the first reading is recorded": (r"insert into \S*load_watermarks.*'stg_ticket_updates__lines'", False),
    "between the renames of a table": (r"alter table \S*dim_markets__ha\W+rename to", False),
    "while the new clocks replace the old": (r"merge into \S*int_ticket_sla_clocks\W", True),
    "before the tickets are recorded": (r"insert into \S*load_watermarks.*'int_tickets'", False),
}


class Faults:
    """A lake on each engine that is built up to a day, and what its stand-in is told to do wrong."""

    def __init__(self, folder, local, athena_lake: AthenaLake, athena_dbt: AthenaDbt):
        self.local, self.athena_lake, self.athena_dbt = local, athena_lake, athena_dbt
        self.landing: Landing = random_landing(15)
        days = self.landing.days()
        starts = [days[len(days) * part // 4] for part in (1, 2, 3)]
        self.parts: Iterator[dict[str, bytes]] = iter(parts_of(self.landing, starts))
        self.lake, self.dbt = Lake(folder / "lake"), Dbt(folder / "dbt")
        athena_lake.clear()
        self.land()
        athena_dbt.build(athena_lake, "--exclude", *OTHERS)

    def land(self) -> None:
        """The next days arrive."""
        files = next(self.parts)
        self.lake.land(files)
        self.athena_lake.land(files)

    def run(self) -> tuple[int, str]:
        """How a run ends on Athena, and what it prints, in one line."""
        outcome = self.athena_dbt.run(self.athena_lake, *MODELS)
        return outcome.exit_code, " ".join(outcome.output.split())

    def differences(self) -> str:
        """Where Athena's rows are not those of a full refresh on DuckDB."""
        self.dbt.build(self.lake, "--full-refresh", "--exclude", *OTHERS)
        built = {name for (name,) in self.lake.query("select table_name from information_schema.tables")}
        tables = [table for table in self.dbt.public_tables() if table in built]
        expected = self.lake.read(tables)
        found = self.athena_lake.read(tables)
        return differences(
            {table: rows[1:] for table, rows in found.items()}, {table: rows[1:] for table, rows in expected.items()}
        )

    @contextmanager
    def at(self, pattern: str, act: Callable[[], None], runs_on: bool = True):
        """Acts when the first statement in which the pattern is found arrives; without `runs_on` it is refused."""
        reached, start = threading.Event(), self.local.athena._start_query_execution

        def start_query_execution(request):
            if not reached.is_set() and re.search(pattern, request["QueryString"], re.IGNORECASE | re.DOTALL):
                reached.set()
                act()
                if not runs_on:
                    raise AthenaError("InvalidRequestException", "refused by a test")
            return start(request)

        self.local.athena._start_query_execution = start_query_execution
        try:
            yield reached
        finally:
            del self.local.athena._start_query_execution

    def kill_at(self, pattern: str, runs_on: bool) -> None:
        """Starts a run that is killed at a statement."""
        started, group = threading.Event(), []

        def kill() -> None:
            assert started.wait(60)
            with suppress(ProcessLookupError):
                os.killpg(group[0], signal.SIGKILL)

        with self.at(pattern, kill, runs_on) as reached:
            group.append(self.athena_dbt.start(self.athena_lake, *MODELS))
            started.set()
            outcome = self.athena_dbt.finish()
        assert reached.is_set(), outcome.output
        assert outcome.exit_code == -signal.SIGKILL, outcome.output


@pytest.fixture(scope="module")
def faults(local, athena_lake, athena_dbt, tmp_path_factory) -> Iterator[Faults]:
    found = Faults(tmp_path_factory.mktemp("faults"), local, athena_lake, athena_dbt)
    yield found
    found.dbt.close()


def test_after_queries_that_failed_and_runs_that_were_killed_the_next_run_heals(faults):
    """Each run takes up what the one before has left, an older version's tables at first, and is killed further on."""
    for statement in WITHOUT_RESULTS:
        faults.athena_lake.desk.run(statement)
    faults.land()
    faults.local.athena.fail_next(r"merge into \S*int_ticket_periods\W", "HIVE_CURSOR_ERROR: a disk is broken")
    exit_code, output = faults.run()
    assert exit_code == 1
    assert "Runtime Error in model int_ticket_periods (models/intermediate/int_ticket_periods.sql)" in output
    assert "HIVE_CURSOR_ERROR: a disk is broken" in output

    faults.land()
    for pattern, runs_on in KILLS.values():
        faults.kill_at(pattern, runs_on)

    # What Athena asks to be tried again is tried again.
    faults.local.athena.throttle_next(2)
    faults.local.athena.fail_next(r"merge into \S*int_ticket_states\W", "ICEBERG_COMMIT_ERROR: somebody was faster")
    exit_code, output = faults.run()
    assert exit_code == 0, output
    assert faults.differences() == ""


def test_of_two_runs_at_once_the_first_stops_and_says_why(faults, local, tmp_path):
    faults.land()
    other = AthenaDbt(tmp_path / "other", local)
    ended = []

    def run_another() -> None:
        ended.append(other.run(faults.athena_lake, *MODELS))

    second = threading.Thread(target=run_another)
    signed_in = threading.Event()

    def start_another() -> None:
        """The first run waits at its statement until the second has begun."""
        second.start()
        assert signed_in.wait(120)

    first_start = local.athena._start_query_execution
    with faults.at(r"create table \S*int_ticket_states__dbt_tmp", start_another):
        gated = local.athena._start_query_execution

        def watch(request):
            answer = gated(request)
            if second.ident and re.search(r"insert into \S*\Wruns\W", request["QueryString"]):
                local.athena.queries[answer["QueryExecutionId"]].done.wait(60)
                signed_in.set()
            return answer

        local.athena._start_query_execution = watch
        try:
            exit_code, output = faults.run()
        finally:
            local.athena._start_query_execution = first_start
    second.join()
    other.close()
    assert exit_code == 1
    assert "while this one" in output and "Wait for its end. If it failed, run dbt build again." in output

    # The two may have met at a temporary table: then the later one has failed, too.
    if ended[0].exit_code:
        exit_code, output = faults.run()
        assert exit_code == 0, output + ended[0].output
    assert faults.differences() == ""
