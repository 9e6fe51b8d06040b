"""The dashboard's entry: `make dashboard`, or `python -m streamlit run dashboard/app.py` in the project's folder."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import duckdb
import streamlit as st

import curated
from dashboard import filters, lake, wording
from dashboard.views import (
    agents,
    backlog,
    calls,
    data_health,
    efficiency,
    overview,
    satisfaction,
    service,
    service_levels,
    tickets,
)
from dashboard.views import definitions as all_definitions

PAGES = {
    "Overview": (overview, ":material/dashboard:"),
    "Efficiency": (efficiency, ":material/speed:"),
    "Backlog": (backlog, ":material/inbox:"),
    "Service levels": (service_levels, ":material/timer:"),
    "Agents": (agents, ":material/group:"),
    "Satisfaction": (satisfaction, ":material/sentiment_satisfied:"),
    "Calls": (calls, ":material/call:"),
    "Service": (service, ":material/build:"),
    "Tickets": (tickets, ":material/confirmation_number:"),
    "Data health": (data_health, ":material/health_and_safety:"),
}
SIDEBAR = 240  # pixels
STYLE = "<style>[data-testid=stMainBlockContainer] { padding: 3rem 2rem }</style>"
ICON = Path(__file__).with_name("icon.svg")
OLDER = (duckdb.CatalogException, duckdb.BinderException)  # no such table, no such column
SECONDS = 5  # until a page that nobody touches looks whether there is a new version


def main() -> None:
    st.set_page_config("ticketlake", str(ICON), "wide", SIDEBAR)
    st.html(STYLE)
    pages = [
        st.Page(
            _page(title, module), title=title, icon=icon, url_path=title.lower().replace(" ", "-"), default=not number
        )
        for number, (title, (module, icon)) in enumerate(PAGES.items())
    ]
    st.navigation(
        [
            *pages,
            st.Page(all_definitions.show, title="Definitions", icon=":material/menu_book:", url_path="definitions"),
        ]
    ).run()


def _page(title: str, module: ModuleType):
    def show() -> None:
        st.title(title)
        found = _opened()
        _stays_up_to_date(found.manifest.folder)
        if found.as_of is None:
            st.info("No ticket has landed yet. `make build` makes some up, or land your own; then build again.")
            return
        try:
            scope = filters.ask(found, getattr(module, "FILTERS", filters.ALL))
            st.caption(
                f"As of {wording.moment(found.as_of)}, version {found.version.version} · "
                f"{wording.day(scope.first_day)} to {wording.day(scope.last_day)}, UTC days"
            )
            module.show(found, scope)
        except OLDER as error:
            _is_older(error)

    return show


def _opened() -> lake.Lake:
    tried = None
    try:
        tried = lake.latest().manifest.folder
        return lake.opened()
    except curated.NotPublished as error:
        st.info(f"{error} This page shows it then by itself.", icon=":material/hourglass_empty:")
    except curated.VersionGone:
        lake.latest.clear()
        st.rerun()
    except OLDER as error:
        _is_older(error)
    except (ValueError, KeyError, TypeError, OSError) as error:
        st.error(
            f"What is published cannot be read: {error}. Publish it again: `python -m curated publish`; this page "
            "shows it then by itself.",
            icon=":material/error:",
        )
    _stays_up_to_date(tried)
    st.stop()


def _is_older(error: duckdb.Error) -> None:
    problem = str(error).partition("\n")[0]
    st.error(
        "What is published lacks what this page shows: an older version of the project made it. Build and publish "
        f"again: `make build`; this page shows it then by itself. ({problem})",
        icon=":material/error:",
    )


@st.fragment(run_every=SECONDS)
def _stays_up_to_date(shown: str | None) -> None:
    """Shows the page anew when another version is the latest."""
    try:
        latest = lake.latest().manifest.folder
    except Exception:
        latest = None
    if latest != shown:
        st.rerun()


main()
