"""The version of the curated zone that is shown, as a database in memory."""

from __future__ import annotations

import threading
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

import curated

VERSIONS = 2  # in memory: whoever still looks at the one before sees it to the end
SECONDS = 2  # for which no reader asks again which version is the latest
NONE = "(none)"  # a blank, as in ticket_kpis_daily
KINDS = {"HUGEINT": "Int64", "ENUM": "object"}  # of DuckDB, and what pages calculate with: sums, and text

# Of tickets, what the filters are for. Kept as numbers with a name, compared and grouped three times as fast as text.
FILTERED = ("market", "severity", "category", "team", "source")

# What most pages count, with a column for each filter and UTC dates instead of moments, so that it is quick.
TICKETS = f"""
create table tickets as
select
    ticket_key, source, market, severity, coalesce(category, '{NONE}') as category, coalesce(team, '{NONE}') as team,
    agent_id, cast(created_at as date) as created_on, cast(resolved_at as date) as resolved_on, first_reply_hours,
    first_reply_business_hours, resolution_hours, resolution_business_hours, working_hours, pending_hours,
    on_hold_hours, agent_reply_count, reopen_count, handoff_count, is_escalated, satisfaction, is_sla_breached
from fct_tickets
"""

# The few that are open, with more of each.
OPEN_TICKETS = """
create table open_tickets as
select
    tickets.*, facts.status, facts.age_hours, facts.subject, facts.created_at, facts.resolution_due_at as due_at
from fct_tickets as facts inner join tickets using (ticket_key)
where facts.is_open
"""

# Made when a page asks for it.
CLOCKS = """
create table if not exists clocks as
select
    ticket_key, metric, policy, state, is_breached, cast(started_at as date) as started_on, started_at, due_at,
    market, tickets.severity, category, team, source
from fct_ticket_slas as clocks inner join tickets using (ticket_key)
"""


class Lake:
    """One published version. Its rows never change."""

    def __init__(self, version: curated.Curated):
        self.version = version
        self._connection = version.connect()
        self._connection.execute(TICKETS)
        for one in FILTERED:  # an enum needs a value, also where no ticket has landed
            values = f"select {one} from tickets union select '{NONE}' order by 1"
            self._connection.execute(f"create type {one}_values as enum ({values})")
            self._connection.execute(f"alter table tickets alter {one} type {one}_values")
        self._connection.execute(OPEN_TICKETS)
        self._making = threading.Lock()

    def needs_clocks(self) -> None:
        """A table `clocks`: SLA clocks with what the filters ask of their tickets."""
        with self._making:
            self._connection.cursor().execute(CLOCKS)

    @property
    def manifest(self) -> Any:
        return self.version.manifest

    @property
    def as_of(self) -> datetime | None:
        """The moment as of which its numbers are; None if no ticket has landed."""
        return self.version.as_of

    @property
    def last_day(self) -> date:
        """The UTC day of `as_of`, which has to be known."""
        return self.as_of.date()

    @property
    def first_day(self) -> date | None:
        """The first UTC day of the reports; None if no ticket has landed."""
        found = self.rows("select min(day) as day from ops_metrics_daily")["day"][0]
        return None if pd.isna(found) else found.date()

    def rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> pd.DataFrame:
        """What a query returns; kept, so that it is asked once of each version."""
        return _rows(self, self.manifest.folder, sql, parameters)

    def query(self, sql: str, parameters: tuple[Any, ...]) -> pd.DataFrame:
        found = self._connection.cursor().execute(sql, parameters)
        kinds = {name: str(kind).partition("(")[0] for name, kind, *_ in found.description}
        return found.df().astype({name: KINDS[kind] for name, kind in kinds.items() if kind in KINDS})


def first_row(rows: pd.DataFrame) -> dict[str, Any]:
    """By column; what is null is None. There has to be one."""
    return {name: None if np.ndim(value) == 0 and pd.isna(value) else value for name, value in rows.iloc[0].items()}


@st.cache_data(max_entries=2000, show_spinner=False)
def _rows(_lake: Lake, version: str, sql: str, parameters: tuple[Any, ...]) -> pd.DataFrame:
    return _lake.query(sql, parameters)


@st.cache_resource(max_entries=VERSIONS, show_spinner="Reading what has been published …")
def _opened(version: str, _found: curated.Curated) -> Lake:
    return Lake(_found)


@st.cache_resource(ttl=SECONDS, show_spinner=False)
def latest() -> curated.Curated:
    """The latest version. curated.NotPublished; ValueError if its manifest is broken; OSError if it is out of reach."""
    return curated.read()


def opened() -> Lake:
    """The latest version, opened. The same errors, and curated.VersionGone."""
    found = latest()
    return _opened(found.manifest.folder, found)
