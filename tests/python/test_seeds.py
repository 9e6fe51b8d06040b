"""A seed that contradicts itself stops the build with words that lead to the row and the remedy."""

import shutil

import pytest
from lakes import PROJECT, Dbt, Lake
from landings import file_of, ticket_line

SEEDS_ONLY = ("--select", "resource_type:seed", "--indirect-selection", "cautious")
WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")

# Of each flaw: the seed, what to replace in it (nothing: what to add) and by what, and the message.
WRONG_SHAPE = (
    ("agents", "agent_name", "name", "Missing: agent_name. Found: agent_id, name, region, team."),
    ("calendars", ",", ";", "must name the columns calendar, timezone, with commas between them."),
    ("markets", "", "DE,Germany,de_service\n", "line 8: DE stands in line 2 already. Keep one row."),
    ("ticket_statuses", "", ",done,false,false\n", "line 10: status is blank. Fill it in, or delete the row."),
    ("business_hours", "de_service,1,", "de_service,Mon,", "line 2: iso_weekday is 'Mon'. Write a whole number."),
    ("holidays", "2025-01-01", "1.1.2025", "line 2: holiday is '1.1.2025'. Write a date such as 2026-12-31."),
    ("currencies", "EUR,Euro,2", "EUR,Euro,two", "minor_units is 'two'. Write a whole number."),
    ("failure_codes", "BAT-F02,", "BAT-F01,", "line 3: BAT-F01 stands in line 2 already. Keep one row."),
    ("parts", "1480.00", "1480 EUR", "line 2: unit_price_eur is '1480 EUR'. Write a number such as"),
    ("sla_policies", "first_reply,15,", "first_reply,2h,", "line 2: target_minutes is '2h'. Write a number such as"),
)
WRONG_SENSE = (
    ("ticket_statuses", "new,", "fresh,", "the status new is missing"),
    ("ticket_statuses", "open,working,true", "open,wrking,true", "open: phase is 'wrking'. Write working,"),
    ("ticket_statuses", "pending,pending,true,false", "pending,pending,true,", "pending: clock_runs is blank."),
    ("ticket_statuses", "closed,done,false,false", "closed,done,false,true", "closed: phase is done and clock_runs is"),
    ("markets", "at_service", "nowhere", "AT: calendar nowhere is not in seeds/calendars.csv. Name one"),
    ("markets", "", "FR,France\n", "FR: calendar is blank."),
    ("calendars", "Europe/Berlin", "Europe/berlin", "de_service: no time zone is called Europe/berlin. Write"),
    ("business_hours", "", "nowhere,1,08:00,09:00\n", "calendar nowhere is not in seeds/calendars.csv."),
    ("business_hours", "us_service,6,", "us_service,8,", "us_service, weekday 8: there is no such weekday."),
    ("business_hours", "de_service,2,08:00", "de_service,2,8:00", "de_service, weekday 2: opens_at is '8:00'. Write"),
    ("business_hours", "de_service,3,08:00,18:00", "de_service,3,08:00,24:01", "closes_at is '24:01'. Write hour and"),
    (
        "business_hours",
        "de_service,4,08:00,18:00",
        "de_service,4,18:00,08:00",
        "write two rows: 18:00-24:00, and 00:00",
    ),
    ("business_hours", "", "de_service,5,17:00,24:00\n", "weekday 5: 08:00-18:00 overlaps 17:00-24:00. Let each"),
    ("holidays", "", "nowhere,2026-01-01,New Year\n", "calendar nowhere is not in seeds/calendars.csv."),
    ("sla_policies", "", "a,,XX,,,resolution,5,calendar\n", "a: market XX is not in seeds/markets.csv. Name one"),
    ("sla_policies", "", "b,,,,P5,resolution,5,calendar\n", "b: there is no severity P5. Write P1, P2, P3 or P4"),
    ("sla_policies", "", "c,,,,,reply,5,calendar\n", "c: metric is 'reply'. Write first_reply, next_reply or"),
    ("sla_policies", "", "d,,,,,resolution,-5,calendar\n", "d: target_minutes is -5.0. Write a number from 0"),
    ("sla_policies", "", "e,,,,,resolution,5,office\n", "e: hours is 'office'. Write business or calendar."),
    (
        "sla_policies",
        "",
        "f,,,,,resolution,5,calendar,2026-02-01,2026-01-01\n",
        "f: valid_from 2026-02-01 is not before",
    ),
)
CLOCK_CHANGES = (
    ("business_hours", "", "de_service,7,02:30,03:00\n", "Europe/Berlin change, 02:30 is skipped, on 2026-03-29"),
    ("business_hours", "", "us_service,7,01:30,01:45\n", "America/New_York change, 01:30 comes twice, on"),
)
# A policy that another always comes before, with the last commas left out; a column more.
HARMLESS = (
    ("sla_policies", "", "shadowed,,,,P1,resolution,5,calendar\n"),
    ("calendars", "calendar,timezone\nde_service,Europe/Berlin", "calendar,timezone,note\nde_service,Europe/Berlin,x"),
)


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Builds a copy of the project with flaws in its seeds, on one ticket; how that ends, and what it prints."""
    folder = tmp_path_factory.mktemp("seeds")
    ignored = shutil.ignore_patterns(".git", ".venv", "lake", "target", "logs", "python", "generator")
    shutil.copytree(PROJECT, folder / "project", symlinks=True, ignore=ignored)
    lake = Lake(folder / "lake")
    lake.land({"dt=2026-03-02/a.jsonl": file_of(ticket_line())})
    dbt = Dbt(folder / "dbt", project=folder / "project")

    def build(flaws, *arguments):
        shutil.copytree(PROJECT / "seeds", folder / "project" / "seeds", dirs_exist_ok=True)
        for seed, old, new, *_ in flaws:
            path = folder / "project" / "seeds" / f"{seed}.csv"
            text = path.read_text(encoding="utf-8")
            assert old in text
            path.write_text(text.replace(old, new) if old else text + new, encoding="utf-8")
        outcome = dbt.run(lake, "build", *arguments)
        return outcome.exit_code, " ".join(outcome.output.split())

    yield build
    dbt.close()


@pytest.mark.parametrize(
    ("flaws", "arguments"),
    [(WRONG_SHAPE, ()), (WRONG_SENSE, WITHOUT_UNIT_TESTS), (CLOCK_CHANGES, WITHOUT_UNIT_TESTS)],
    ids=["shape", "sense", "clock changes"],
)
def test_a_seed_is_refused_with_the_remedy(build, flaws, arguments):
    exit_code, output = build(flaws, *arguments)
    assert exit_code == 1
    assert [message for seed, _, _, message in flaws if message not in output] == []
    assert "OK created sql incremental model main.int_ticket_states" not in output


def test_what_does_no_harm_is_accepted(build):
    exit_code, output = build(HARMLESS, *SEEDS_ONLY)
    assert exit_code == 0, output
