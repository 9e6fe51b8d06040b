"""The dashboard in a browser: every page, every filter, the states in which there is little to show."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta

import pytest
from lakes import PROJECT, Lake
from landings import file_of, ticket_line

import curated
from bench.browser import CHROMIUM, LONGEST, Page, chromium, served
from curated.places import Folder
from curated.publishing import Kept, publish
from generator.cli import main

pytest.importorskip("streamlit", reason="Streamlit is there for Python 3.11 and later")

from streamlit.testing.v1 import AppTest

from dashboard.definitions import definitions
from dashboard.wording import NOTHING

PAGES = (
    "Overview", "Efficiency", "Backlog", "Service levels", "Agents", "Satisfaction", "Calls", "Service", "Tickets",
    "Data health", "Definitions",
)  # fmt: skip
WITHOUT_NUMBERS = ("Agents", "Tickets", "Definitions")
ALL_DAYS = "?period=All+days"
# WCAG 2.2 AA, as far as it can be computed; labels of controls that cannot be used may be faint (1.4.3).
AXE = {
    "options": {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "context": {"exclude": [["[data-testid=stWidgetLabel][disabled]"]]},
}


def published(dbt, lake):
    """Builds and publishes a lake; where it is published."""
    outcome = dbt.run(lake, "build")
    assert outcome.exit_code == 0, outcome.output
    publish(lake.folder / "ticketlake.duckdb", Folder(lake.folder / "curated"), Kept())
    return lake.folder / "curated"


@pytest.fixture(scope="module")
def desk(dbt, tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("desk") / "lake")
    assert main(["generate", "--count", "600", "--end", "2026-03-10", "--output", str(lake.raw)]) == 0
    return published(dbt, lake)


@pytest.fixture(scope="module")
def facts(desk):
    """Asks the published files, in ways of its own."""
    with curated.read(str(desk)).connect() as connection:
        yield lambda sql: connection.execute(sql).fetchone()


# ---------- in a browser


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed; on Debian: apt-get install chromium")
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(desk, browser):
    with served(desk) as address:
        yield address


@pytest.fixture
def see(browser, address):
    """Opens a page; nothing may go wrong on any."""
    pages = []

    def see(path="", of=address, **context):
        pages.append(Page(browser, of, **context))
        return pages[-1].open(path)

    yield see
    for page in pages:
        page.close()
        assert page.errors == []


def path_of(title):
    return "" if title == "Overview" else title.lower().replace(" ", "-")


@pytest.mark.parametrize("title", PAGES)
def test_every_page_shows_what_there_is_and_everybody_can_read_it(see, title):
    from axe_playwright_python.sync_playwright import Axe

    page = see(path_of(title), color_scheme="light")
    assert page.tab.locator("h1").inner_text() == title
    assert page.tab.locator("[data-testid=stException], [data-testid=stAlertContentError]").count() == 0
    assert "Nothing matches" not in page.text()
    if title not in WITHOUT_NUMBERS:
        assert page.numbers() and NOTHING not in page.numbers().values()
    grounds = set()
    for scheme in ("light", "dark"):
        page.tab.emulate_media(color_scheme=scheme)
        page.tab.wait_for_function("found => !found.includes(getComputedStyle(document.body.querySelector("
                                   "'.stApp')).backgroundColor)", arg=list(grounds))  # fmt: skip
        grounds.add(page.tab.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor"))
        found = Axe().run(page.tab, **AXE).response
        assert len(found["passes"]) > 10
        wrong = [f"{one['id']}: {node['html'][:300]}" for one in found["violations"] for node in one["nodes"]]
        assert not wrong, "\n".join(wrong)
    page.tab.set_viewport_size({"width": 390, "height": 844})
    page.settle()
    for part in ("document.scrollingElement", "document.querySelector('[data-testid=stMain]')"):
        assert page.tab.evaluate(f"{part}.scrollWidth") <= 390


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


def shows(page, numbers):
    """What a page has to show, once it has answered."""
    from playwright.sync_api import expect

    expect(page.tab.get_by_test_id("stMetricValue")).to_have_text(list(numbers.values()), timeout=LONGEST)
    assert page.settle().numbers() == numbers
    return True


def hours(value):
    return NOTHING if value is None else f"{value:,.1f} h" if value < 100 else f"{value:,.0f} h"


def test_numbers_are_those_of_the_marts(see, facts):
    first, last = facts("select min(day), max(day) from ops_metrics_daily")
    assert see().numbers() == overview(facts, "true", last - timedelta(27), last)
    page = see(ALL_DAYS)
    assert page.numbers() == overview(facts, "true", first, last)
    (created,) = facts("select sum(created) from ops_metrics_daily")
    assert page.numbers()["Tickets opened"] == f"{created:,}"
    backlog, overdue = facts("select backlog, overdue_backlog from ops_metrics_daily order by day desc limit 1")
    now = page.turn_to("Backlog").numbers()
    assert (now["Open tickets"], now["Overdue"]) == (f"{backlog:,}", f"{overdue:,}")


def test_each_filter_changes_the_numbers(see, facts):
    (last,) = facts("select max(day) from ops_metrics_daily")
    first = last - timedelta(27)
    page, everything = see(), overview(facts, "true", first, last)
    for column in ("market", "severity", "category", "team", "source"):
        found, values = facts(
            f"select min_by({column}, (-tickets, {column})), count(*) from "
            f"(select {column}, count(*) as tickets from fct_tickets where {column} is not null group by 1)"
        )
        filtered = overview(facts, f"{column} = '{found}'", first, last)
        assert (filtered == everything) == (values == 1)
        assert shows(page.choose(column.capitalize(), found), filtered)
        page.tab.get_by_role("button", name="Reset all").click()
        assert shows(page, everything)
        assert page.tab.evaluate("location.search") == ""
    # Filters stay from page to page, and whoever is given the address sees the same.
    filtered = overview(facts, f"{column} = '{found}' and severity = 'P2'", first, last)
    page.choose("Severity", "P2").choose(column.capitalize(), found)
    assert shows(page.turn_to("Efficiency").turn_to("Overview"), filtered)
    assert shows(see(page.tab.url.removeprefix(f"{page.address}/")), filtered)


def test_a_period_changes_the_numbers(see, facts):
    (last,) = facts("select max(day) from ops_metrics_daily")
    page = see()
    for name, first in (("Last 7 days", last - timedelta(6)), ("This month", last.replace(day=1))):
        page.tab.get_by_role("combobox", name="Period").click()
        page.tab.get_by_role("option", name=name).click()
        assert shows(page, overview(facts, "true", first, last))
        assert name.replace(" ", "+") in page.tab.evaluate("location.search")
    days = f"?period=From+…+to+…&dates={last - timedelta(40)}&dates={last - timedelta(20)}"
    assert see(days).numbers() == overview(facts, "true", last - timedelta(40), last - timedelta(20))


def test_what_is_missing_is_said_on_every_page_until_it_is_there(see, dbt, lake, desk, tmp_path):
    lake.land({"dt=2026-03-02/a.jsonl": file_of('{"ticket_id": "refused"}')})
    empty, zone = published(dbt, lake), tmp_path / "curated"
    with served(zone) as address:
        page = see(of=address)

        def every_page_says(*words):
            for title in PAGES[1:-1] + PAGES[:1]:
                said = page.turn_to(title).text()
                assert all(one in said for one in words), (title, said)
                assert page.tab.get_by_test_id("stException").count() == 0
            assert "Each number of the dashboard" in page.turn_to("Definitions").text()
            page.turn_to("Overview")

        every_page_says(f"Nothing is published in {zone}", "make build")
        shutil.copytree(empty, zone)
        page.tab.wait_for_selector("text=No ticket has been accepted yet")
        every_page_says("No ticket has been accepted yet", "make build", "quarantined_lines")
        (zone / "manifest.json").write_text('{"format": 1')
        page.tab.wait_for_selector("text=cannot be read")
        every_page_says("cannot be read", "python -m curated publish")
        shutil.rmtree(zone)
        shutil.copytree(desk, zone)
        page.tab.wait_for_selector("[data-testid=stMetric]")
        assert "version 1 " in page.settle().text()

        # The next version shows by itself, too.
        manifest = json.loads((zone / "manifest.json").read_text())
        later = manifest["folder"].replace("v000001", "v000002")
        shutil.copytree(zone / manifest["folder"], zone / later)
        text = json.dumps(manifest | {"version": 2, "folder": later}).replace(f'"{manifest["folder"]}/', f'"{later}/')
        (zone / "manifest.json").write_text(text)
        page.tab.wait_for_selector("text=version 2 ")


def test_a_definition_is_one_click_away(see):
    page = see()
    with page.tab.expect_popup() as opened:
        page.tab.get_by_role("link", name="SLA breach rate", exact=True).first.click()
    opened.value.get_by_text(definitions()["breach_rate"].text).first.wait_for()


def test_what_is_shown_can_be_taken_along(see, facts, tmp_path):
    page = see(ALL_DAYS)
    page.tab.get_by_role("button", name="Data").first.click()
    for kind, reader in (("CSV", "read_csv"), ("Parquet", "read_parquet")):
        with page.tab.expect_download() as download:
            page.tab.get_by_role("button", name=kind, exact=True).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        assert facts(f"select sum(opened) from {reader}('{path}')") == facts("select count(*) from fct_tickets")


def test_numbers_are_written_as_the_reader_writes_them(see):
    german, english = (see(ALL_DAYS, locale=name).numbers() for name in ("de-DE", "en-US"))
    assert re.fullmatch(r"\d+\.\d %", english["SLA breach rate"])
    assert german["SLA breach rate"] == english["SLA breach rate"].replace(".", ",")


# ---------- without one

PAGE = """
from dashboard import filters, lake
from dashboard.views import {module} as page

found = lake.opened()
page.show(found, filters.of_page(found, page))
"""


@pytest.fixture
def drawn(desk, monkeypatch):
    """What a page is made of, of a version elsewhere or of the desk's; of the whole dashboard, the first."""
    import streamlit

    def drawn(title=None, zone=desk, **asked):
        monkeypatch.setenv("TICKETLAKE_CURATED", str(zone))
        if title:
            page = AppTest.from_string(PAGE.format(module=title.lower().replace(" ", "_")), default_timeout=60)
        else:
            page = AppTest.from_file("../../dashboard/app.py", default_timeout=60)
        for parameter, value in asked.items():
            page.query_params[parameter] = value
        page.run()
        assert not page.exception, page.exception[0].value
        return page

    yield drawn
    # A test's versions are none of the next one's.
    streamlit.cache_resource.clear()
    streamlit.cache_data.clear()


def test_one_ticket_and_one_vehicle_can_be_looked_at(drawn, facts):
    (key,) = facts("select ticket_key from fct_tickets where is_sla_breached order by 1 limit 1")
    page = drawn("Tickets", ticket=key)
    assert page.subheader[0].value.replace("\\", "").startswith(f"{key}: ")
    assert "No ticket is called nobody." in drawn("Tickets", ticket="nobody").warning[0].value
    vehicle, services = facts("select vehicle_id, services from vehicle_service_history order by 2 desc, 1 limit 1")
    assert any(f"{services} services from" in one.value for one in drawn("Service", vehicle=vehicle).markdown)
    assert "No service of a vehicle nobody is" in drawn("Service", vehicle="nobody").warning[0].value
    (vehicle,) = facts("select vehicle_id from vehicle_service_history where vehicle_model is null order by 1 limit 1")
    assert any("Of unknown model" in one.value for one in drawn("Service", vehicle=vehicle).markdown)


def changes(page):
    return [one.delta for one in page.metric]


def test_one_ticket_is_enough_for_every_page(drawn, dbt, lake):
    """No calls, no services, nothing resolved, no period before; and all lines of a later day are refused."""
    subject = "Refund of $20 or $30, [*now*](https://desk.example.org)"
    lake.land({
        "dt=2026-03-02/a.jsonl": file_of(ticket_line(ticket_id="only", subject=subject)),
        "dt=2026-03-12/a.jsonl": file_of("refused", "this, too"),
    })  # fmt: skip
    zone = published(dbt, lake)
    pages = {title: drawn(title, zone) for title in PAGES[:-1]}
    for title, page in pages.items():
        assert not page.error and not any(changes(page)), title
    assert [one.value for one in pages["Data health"].metric][:3] == ["3", "0", "2"]
    assert any("Nothing was resolved in the last day," in one.value for one in pages["Backlog"].markdown)
    # A rate of nothing is shown, counts of nothing are not.
    drawings = {title: [one.proto.alt for one in page.get("plotly_chart")] for title, page in pages.items()}
    assert "Breach rate by day, a chart" in drawings["Service levels"] and drawings["Satisfaction"] == []
    # What is written on a ticket is text.
    (shown,) = drawn("Tickets", zone, ticket="helpdesk:only").subheader
    assert shown.value.endswith(r"Refund of \$20 or \$30\, \[\*now\*\]\(https\:\/\/desk\.example\.org\)")


def test_nothing_is_compared_with_days_before_the_lake(drawn, facts):
    (first,) = facts("select min(day) from ops_metrics_daily")
    asked = {"period": "From … to …"}
    for start, is_known in ((20, True), (19, False)):
        days = [str(first + timedelta(start)), str(first + timedelta(start + 19))]
        assert any(changes(drawn("Overview", dates=days, **asked))) == is_known


def test_the_backlog_is_that_of_the_periods_end(drawn, facts):
    (last,) = facts("select max(day) from backlog_daily")
    first, end = (last.replace(day=1) - timedelta(1)).replace(day=1), last.replace(day=1) - timedelta(1)
    (then,) = facts(f"select sum(closing) from backlog_daily where day = '{first}'")
    now, overdue = facts(f"select sum(closing), sum(overdue) from backlog_daily where day = '{end}'")
    page = drawn("Backlog", period="Last month")
    assert [one.value for one in page.metric][:2] == [f"{now:,}", f"{overdue:,}"]
    assert page.metric[0].proto.delta_description == f"was {then:,}"
    # By other fields than those that are counted by day: as it is now, compared with nothing.
    team, now = facts("select team, count(*) from fct_tickets where is_open group by 1 order by 2 desc limit 1")
    page = drawn("Backlog", period="Last month", team=team)
    assert page.metric[0].value == f"{now:,}" and not any(changes(page))
    assert any("without a change and a forecast" in one.value for one in page.caption)
    assert not any("no promise" in one.value for one in page.markdown)


def test_a_filter_is_no_reason_for_good_news(drawn):
    assert not any("No P1" in one.value for one in drawn("Overview", severity="P2").info)


def test_days_are_utc_wherever_the_server_stands(desk):
    code = "import curated, sys; print(*curated.read(sys.argv[1]).connect().cursor().execute("
    code += "\"select cast(timestamptz '2026-03-01 02:00Z' as date)::text\").fetchone())"
    run = [sys.executable, "-c", code, str(desk)]
    environment = os.environ | {"TZ": "America/New_York"}
    ran = subprocess.run(run, cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert ran.stdout == "2026-03-01\n", ran.stderr


def test_a_build_of_nothing_is_told(drawn, tmp_path, monkeypatch):
    (tmp_path / "run_results.json").write_text('{"metadata": {}, "results": []}')
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path))
    assert any("of the machine that built it" in one.value for one in drawn("Data health").caption)


@pytest.mark.parametrize("content", [None, b"no Parquet"], ids=["gone", "damaged"])
def test_a_version_without_one_of_its_files_is_told(drawn, desk, tmp_path, content):
    shutil.copytree(desk, tmp_path / "curated")
    manifest = curated.read(str(desk)).manifest
    file = tmp_path / "curated" / manifest.tables["fct_tickets"].files[0].path
    file.unlink()
    if content:
        file.write_bytes(content)
    (said,) = drawn(zone=tmp_path / "curated").error
    assert "cannot be read" in said.value and "python -m curated publish" in said.value


def test_what_sources_say_otherwise_is_told(drawn, desk, dbt, lake):
    assert any("nothing to compare" in one.value for one in drawn("Data health").info)
    opened, resolved = "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z"
    lake.land({
        "dt=2026-03-02/a.jsonl": file_of(*(
            ticket_line(
                ticket_id=ticket, status="resolved", created_at=opened, updated_at=resolved, source=source,
                source_resolution_minutes=minutes, source_reopen_count=0,
            )
            for ticket, source, minutes in (("a", "crm", 60), ("b", "crm", 10), ("c", "erp", 75))
        ))
    })  # fmt: skip
    page = drawn("Data health", published(dbt, lake))
    (agreement,) = (one.value for one in page.dataframe if "agree_share" in one.value)
    assert agreement[["source", "metric", "tickets", "differ"]].values.tolist() == [
        ["crm", "reopen_count", 2, 0], ["crm", "resolution_minutes", 2, 1],
        ["erp", "reopen_count", 1, 0], ["erp", "resolution_minutes", 1, 1],
    ]  # fmt: skip
    assert page.selectbox("metric").options == ["resolution_minutes"]
    (differing,) = (one.value for one in page.dataframe if "lake_value" in one.value)
    assert differing[["ticket_key", "difference"]].values.tolist() == [["crm:b", 50], ["erp:c", -15]]


@pytest.mark.parametrize("content", ['{"format": 1', '{"format": 1}', '{"format": 2}', "[]"])
def test_a_broken_manifest_is_told(drawn, desk, tmp_path, content):
    shutil.copytree(desk, tmp_path / "curated")
    (tmp_path / "curated" / "manifest.json").write_text(content)
    (said,) = drawn(zone=tmp_path / "curated").error
    assert "cannot be read" in said.value and "python -m curated publish" in said.value


@pytest.mark.parametrize("table", ["dim_markets", "fct_tickets"])
def test_a_version_of_an_older_project_is_told(drawn, desk, tmp_path, table):
    shutil.copytree(desk, tmp_path / "curated")
    manifest = tmp_path / "curated" / "manifest.json"
    content = json.loads(manifest.read_bytes())
    del content["tables"][table]
    manifest.write_text(json.dumps(content))
    (said,) = drawn(zone=tmp_path / "curated").error
    assert table in said.value and "`make build`" in said.value


def test_every_definition_names_a_published_column(manifest):
    columns = {
        f"{node['alias']}.{column}"
        for node in manifest["nodes"].values()
        if node.get("access") == "public"
        for column in node["columns"]
    }
    assert {one.source for one in definitions().values()} <= columns
