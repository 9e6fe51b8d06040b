"""Builds with all tests: of everything, of a day on top, of nothing new."""

import pytest
from landings import file_of, ticket_line

from generator.cli import main


def test_all_tests_pass_day_after_day(dbt, lake):
    raw = ["--output", str(lake.folder / "raw")]
    assert main(["generate", "--count", "400", "--end", "2026-02-10", *raw]) == 0
    builds = [dbt.run(lake, "build")]
    assert main(["simulate", *raw]) == 0
    builds += [dbt.run(lake, "build"), dbt.run(lake, "build"), dbt.run(lake, "build", "--full-refresh")]
    for outcome in [*builds, dbt.run(lake, "test", "--selector", "unit_tests"), dbt.run(lake, "source", "freshness")]:
        assert outcome.exit_code == 0, outcome.output


@pytest.mark.parametrize("selector", ["day", "backfill", "service_levels", "backlog"])
def test_selectors_name_what_there_is(dbt, lake, selector):
    outcome = dbt.run(lake, "ls", "--quiet", "--resource-type", "model", "--selector", selector)
    assert outcome.exit_code == 0, outcome.output
    assert "ticketlake.staging.stg_ticket_updates__lines" in outcome.output.split()


def test_tests_look_at_what_has_changed_since_they_passed(dbt, lake):
    """A flaw that comes to an older ticket shows if all is tested; one in a new load shows until it is mended."""
    spoil = "update int_tickets set reopen_count = 7 where ticket_key = 'helpdesk:{}'"

    lake.land({"dt=2026-03-02/a.jsonl": file_of(ticket_line(ticket_id="old"))})
    assert dbt.run(lake, "build").exit_code == 0
    lake.execute(spoil.format("old"))
    assert dbt.run(lake, "test").exit_code == 0
    assert dbt.run(lake, "test", "--vars", "test_all: true").exit_code == 1

    lake.land({"dt=2026-03-03/a.jsonl": file_of(ticket_line(ticket_id="new"))})
    dbt.build(lake)
    lake.execute(spoil.format("new"))
    for _ in range(2):
        outcome = dbt.run(lake, "test")
        assert outcome.exit_code == 1 and "Failure in test tickets_make_sense" in outcome.output
