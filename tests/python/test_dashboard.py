"""The dashboard's pages, without a browser: what they show is what the published tables say."""

import json
import shutil
from datetime import timedelta

import pytest
from lakes import Lake
from landings import file_of, ticket_line

import curated
from curated.places import Folder
from curated.publishing import Kept, publish
from generator.cli import main

pytest.importorskip("streamlit", reason="Streamlit is there for Python 3.11 and later")

from streamlit.testing.v1 import AppTest

from dashboard.definitions import definitions
from dashboard.wording import NOTHING

PAGES = (
    "overview", "efficiency", "backlog", "service_levels", "agents", "satisfaction", "calls", "service", "tickets",
    "data_health",
)  # fmt: skip
FILTERS = ("market", "severity", "category", "team", "source")
PAGE = """
from dashboard import filters, lake
from dashboard.views import {name} as page

found = lake.opened()
page.show(found, filters.ask(found, getattr(page, "FILTERS", filters.ALL)))
"""


@pytest.fixture(autouse=True)
def nothing_kept():
    """A test's versions are none of the next one's."""
    import streamlit

    yield
    streamlit.cache_resource.clear()
    streamlit.cache_data.clear()


def published(dbt, lake):
    """Builds and publishes a lake."""
    outcome = dbt.run(lake, "build")
    assert outcome.exit_code == 0, outcome.output
    publish(lake.folder / "ticketlake.duckdb", Folder(lake.folder / "curated"), Kept())
    return lake.folder / "curated"


@pytest.fixture(scope="module")
def desk(dbt, tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("desk") / "lake")
    assert main(["generate", "--count", "600", "--end", "2026-03-10", "--output", str(lake.raw)]) == 0
    return published(dbt, lake)


@pytest.fixture
def show(desk, monkeypatch):
    """A page as it is first drawn, of a version elsewhere or of the desk's."""

    def show(name, zone=desk, **asked):
        monkeypatch.setenv("TICKETLAKE_CURATED", str(zone))
        page = AppTest.from_string(PAGE.format(name=name), default_timeout=60)
        for parameter, value in asked.items():
            page.query_params[parameter] = value
        page.run()
        assert not page.exception, page.exception[0].value
        return page

    return show


@pytest.fixture(scope="module")
def facts(desk):
    """Asks the published files, in ways of its own."""
    with curated.read(str(desk)).connect() as connection:
        yield lambda sql: connection.execute(sql).fetchone()


def numbers(page):
    """What the numbers of a page say, by their title."""
    titles = {f"[{one.title}](definitions?of={one.name})": one.title for one in definitions().values()}
    return {titles[one.label]: one.value for one in page.metric}


def overview(facts, condition, first, last):
    """What the first page is to say."""
    opened = f"cast(created_at as date) between '{first}' and '{last}' and {condition}"
    resolved = f"cast(resolved_at as date) between '{first}' and '{last}' and {condition}"
    breached, with_sla, tickets = facts(
        f"select count(*) filter (is_sla_breached), count(is_sla_breached), count(*) from fct_tickets where {opened}"
    )
    average, median = facts(
        f"""
        with ranked as (
            select resolution_hours, row_number() over (order by resolution_hours) as place, count(*) over () as of
            from fct_tickets where {resolved}
        )
        select avg(resolution_hours), max(resolution_hours) filter (place = ceil(of * 0.5)) from ranked
        """
    )
    return {
        "Tickets opened": f"{tickets:,}",
        "SLAs breached": f"{breached:,}",
        "SLA breach rate": f"{100 * breached / with_sla:.1f} %" if with_sla else NOTHING,
        "Resolution time, average": hours(average),
        "Resolution time, median": hours(median),
    }


def hours(value):
    return NOTHING if value is None else f"{value:,.1f} h" if value < 100 else f"{value:,.0f} h"


@pytest.mark.parametrize("name", PAGES)
def test_every_page_shows_what_there_is(show, name):
    page = show(name)
    assert not page.error and not page.warning
    assert all("Nothing matches" not in one.value for one in page.info)
    assert name in ("agents", "tickets") or all(value != NOTHING for value in numbers(page).values())


def test_the_first_page_says_what_the_marts_say(show, facts):
    first, last = facts("select min(day), max(day) from ops_metrics_daily")
    assert numbers(show("overview")) == overview(facts, "true", last - timedelta(27), last)
    everything = numbers(show("overview", period="All days"))
    assert everything == overview(facts, "true", first, last)
    (created,) = facts("select sum(created) from ops_metrics_daily")
    assert everything["Tickets opened"] == f"{created:,}"


@pytest.mark.parametrize("column", FILTERS)
def test_a_filter_changes_the_numbers_until_all_are_reset(show, facts, column):
    (value,) = facts(
        f"select {column} from fct_tickets where {column} is not null group by 1 order by count(*) desc, 1 limit 1"
    )
    first, last = facts("select min(day), max(day) from ops_metrics_daily")
    page = show("overview", period="All days")
    page.multiselect(key=column).set_value([value]).run()
    assert numbers(page) == overview(facts, f"{column} = '{value}'", first, last)
    next(one for one in page.button if one.label == "Reset all").click().run()
    assert numbers(page) == overview(facts, "true", last - timedelta(27), last)


def test_what_is_open_is_what_the_marts_say(show, facts):
    shown = numbers(show("backlog"))
    backlog, overdue = facts("select backlog, overdue_backlog from ops_metrics_daily order by day desc limit 1")
    assert (shown["Open tickets"], shown["Overdue"]) == (f"{backlog:,}", f"{overdue:,}")


def test_one_ticket_and_one_vehicle_can_be_looked_at(show, facts):
    (key,) = facts("select ticket_key from fct_tickets where is_sla_breached order by 1 limit 1")
    page = show("tickets", ticket=key)
    assert page.subheader[0].value.startswith(f"{key}: ")
    assert "No ticket is called 'nobody'" in show("tickets", ticket="nobody").warning[0].value
    vehicle, services = facts("select vehicle_id, services from vehicle_service_history order by 2 desc, 1 limit 1")
    assert any(f"{services} services from" in one.value for one in show("service", vehicle=vehicle).markdown)
    assert "No service of a vehicle 'nobody'" in show("service", vehicle="nobody").warning[0].value
    (vehicle,) = facts("select vehicle_id from vehicle_service_history where vehicle_model is null order by 1 limit 1")
    assert any("Of unknown model" in one.value for one in show("service", vehicle=vehicle).markdown)


def test_one_ticket_is_enough_for_every_page(show, dbt, lake):
    """No calls, no services, nothing resolved, no period before."""
    lake.land({"dt=2026-03-02/a.jsonl": file_of(ticket_line(ticket_id="only"))})
    zone = published(dbt, lake)
    for name in PAGES:
        assert not show(name, zone).error, name


@pytest.fixture
def app(monkeypatch):
    """The whole dashboard as it opens."""

    def app(zone):
        monkeypatch.setenv("TICKETLAKE_CURATED", str(zone))
        opened = AppTest.from_file("../../dashboard/app.py", default_timeout=60).run()
        assert not opened.exception, opened.exception[0].value
        return opened

    return app


def test_it_opens_on_the_first_page(app, desk):
    assert app(desk).title[0].value == "Overview"


def test_where_nothing_is_published_it_says_what_to_do(app, tmp_path):
    assert "Nothing is published in" in app(tmp_path).info[0].value


@pytest.mark.parametrize("content", ['{"format": 1', '{"format": 1}', '{"format": 2}', "[]"])
def test_a_broken_manifest_is_told(app, desk, tmp_path, content):
    shutil.copytree(desk, tmp_path / "curated")
    (tmp_path / "curated" / "manifest.json").write_text(content)
    (said,) = app(tmp_path / "curated").error
    assert "cannot be read" in said.value and "python -m curated publish" in said.value


def test_a_lake_without_tickets_says_so(app, dbt, lake):
    lake.land({"dt=2026-03-02/a.jsonl": file_of('{"ticket_id": "refused"}')})
    assert "No ticket has landed yet" in app(published(dbt, lake)).info[0].value


def test_a_new_publication_shows_up_without_a_restart(app, desk, tmp_path):
    zone = tmp_path / "curated"
    shutil.copytree(desk, zone)
    opened = app(zone)
    assert any("version 1 " in one.value for one in opened.caption)
    manifest = json.loads((zone / "manifest.json").read_text())
    later = manifest["folder"].replace("v000001", "v000002")
    shutil.copytree(zone / manifest["folder"], zone / later)
    text = json.dumps(manifest | {"version": 2, "folder": later}).replace(f'"{manifest["folder"]}/', f'"{later}/')
    (zone / "manifest.json").write_text(text)
    from dashboard import lake

    lake.latest.clear()  # As two seconds later.
    assert any("version 2 " in one.value for one in opened.run().caption)


def test_every_definition_names_a_published_column(manifest):
    columns = {
        f"{node['alias']}.{column}"
        for node in manifest["nodes"].values()
        if node.get("access") == "public"
        for column in node["columns"]
    }
    assert {one.source for one in definitions().values()} <= columns
