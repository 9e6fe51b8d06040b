"""Builds with all tests: of everything, of a day on top, of nothing new."""

import pytest

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
