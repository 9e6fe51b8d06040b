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
DAMAGED = (duckdb.IOException, duckdb.InvalidInputException)  # a file is gone, or is no Parquet
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
            st.info(
                "No ticket has been accepted yet. `make build` makes some up, or land your own; then build again. "
                "Table `quarantined_lines` says of each line that was refused why."
            )
            return
        try:
            scope = filters.of_page(found, module)
            st.caption(
                f"As of {wording.moment(found.as_of)}, version {found.version.version} · "
                f"{wording.day(scope.first_day)} to {wording.day(scope.last_day)}, UTC days"
            )
            module.show(found, scope)
        except OLDER as error:
            _is_older(error)
        except DAMAGED as error:
            _cannot_be_read(error)

    return show


def _opened() -> lake.Lake:
    tried = _latest()
    try:
        return lake.opened()
    except curated.NotPublished as error:
        st.info(f"{error} This page shows it then by itself.", icon=":material/hourglass_empty:")
    except curated.VersionGone as error:
        lake.latest.clear()
        if _latest() != tried:  # a newer one has taken its place
            st.rerun()
        _cannot_be_read(error)
    except OLDER as error:
        _is_older(error)
    except (*DAMAGED, ValueError, KeyError, TypeError, OSError) as error:
        _cannot_be_read(error)
    _stays_up_to_date(tried)
    st.stop()


def _latest() -> str | None:
    """The folder of the latest version; None if there is none that can be read."""
    try:
        return lake.latest().manifest.folder
    except Exception:
        return None


def _cannot_be_read(error: Exception) -> None:
    problem = str(error).partition("\n")[0].rstrip(".")
    st.error(
        f"What is published cannot be read: {problem}. Publish it again: `python -m curated publish`; this page "
        "shows it then by itself.",
        icon=":material/error:",
    )


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
    if _latest() != shown:
        st.rerun()


main()
