"""What of the lake is looked at. It stands in the page's address, so that a view can be shared."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from types import ModuleType
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.lake import FILTERED, Lake, first_row

# Of tickets, by column. The key is the parameter of the address.
COLUMNS = {one: one.capitalize() for one in FILTERED}
# What they are called stands in the address. The first one holds until another is chosen.
FROM_TO = "From … to …"
PERIODS = {
    "Last 28 days": 28,
    "Last 7 days": 7,
    "Last 90 days": 90,
    "This month": "month",
    "Last month": "last month",
    "This year": "year",
    "All days": "all",
    FROM_TO: "dates",
}
ALL = frozenset({"period", *COLUMNS})


@dataclass(frozen=True)
class Scope:
    """UTC days, both included, and the values of columns; of a column that is not named, all."""

    first_day: date
    last_day: date
    chosen: tuple[tuple[str, tuple[str, ...]], ...] = ()
    known_from: date = date.min  # the first day of the lake

    @property
    def before(self) -> Scope:
        """The same for the period before, as long as this one; without rows, if the lake does not know all of it."""
        days = timedelta((self.last_day - self.first_day).days + 1)
        return replace(self, first_day=self.first_day - days, last_day=self.last_day - days)

    def rows(
        self,
        lake: Lake,
        sql: str,
        day: str | None = None,
        columns: Collection[str] = COLUMNS,
        parameters: tuple[Any, ...] = (),
    ) -> pd.DataFrame:
        """What a query returns in which `{scope}` stands once, for a condition, before its own parameters.

        The condition is of the period, if a column with the day is named, and of those columns that there are.
        """
        conditions, values = ([f"{day} between ? and ?"], [self.first_day, self.last_day]) if day else ([], [])
        for column, chosen in self.chosen:
            if column in columns:
                conditions.append(f"{column} in ({', '.join('?' * len(chosen))})")
                values += chosen
        found = lake.rows(sql.replace("{scope}", " and ".join(conditions) or "true"), (*values, *parameters))
        return found if self.first_day >= self.known_from else found.iloc[:0]

    def row(self, lake: Lake, sql: str, day: str | None = None, columns: Collection[str] = COLUMNS) -> dict[str, Any]:
        """The one row that such a query returns; what is null is None, and all of it if there is none."""
        found = self.rows(lake, sql, day, columns)
        return dict.fromkeys(found.columns) if found.empty else first_row(found)


def period(name: str, dates: tuple[date, ...], first_day: date, last_day: date) -> tuple[date, date]:
    """First and last UTC day of a period of PERIODS, as seen from the last day that there is."""
    this_month = last_day.replace(day=1)
    days = PERIODS[name]
    if days == "dates":
        return (dates[0], dates[-1]) if dates else (first_day, last_day)
    if days == "month":
        return this_month, last_day
    if days == "last month":
        return (this_month - timedelta(1)).replace(day=1), this_month - timedelta(1)
    if days == "year":
        return last_day.replace(month=1, day=1), last_day
    if days == "all":
        return first_day, last_day
    return last_day - timedelta(days - 1), last_day


def reset() -> None:
    """All filters as they are for somebody who comes for the first time."""
    st.session_state["period"] = next(iter(PERIODS))
    st.session_state["dates"] = ()
    for column in COLUMNS:
        st.session_state[column] = []


def of_page(lake: Lake, page: ModuleType) -> Scope:
    """What the sidebar asks for: the page's FILTERS, all if it names none, and days to its `last_day`, or as_of's."""
    return _ask(
        lake, getattr(page, "FILTERS", ALL), page.last_day(lake) if hasattr(page, "last_day") else lake.last_day
    )


def _ask(lake: Lake, used: Collection[str], last_day: date) -> Scope:
    """The filters in the sidebar. Those that a page does not use are shown, and cannot be changed."""
    first_day = lake.first_day
    with st.sidebar:
        # Above them, since a list that closes below the pointer would move it away.
        st.button("Reset all", on_click=reset, width="stretch", icon=":material/restart_alt:")
        name = st.selectbox(
            "Period", list(PERIODS), key="period", bind="query-params", disabled="period" not in used,
            help="UTC days, counted back from the last update that has landed.",
        )  # fmt: skip
        dates: tuple[date, ...] = ()
        if name == FROM_TO:
            dates = st.date_input(
                "Days", (first_day, last_day), first_day, last_day, "dates", bind="query-params", format="YYYY-MM-DD",
                disabled="period" not in used,
            )  # fmt: skip
        chosen = []
        for column, label in COLUMNS.items():
            values = lake.rows(f"select distinct {column} as one from tickets order by 1")["one"].tolist()
            picked = st.multiselect(
                label, values, key=column, bind="query-params", disabled=column not in used, placeholder="all"
            )
            if picked and column in used:
                chosen.append((column, tuple(picked)))
        if unused := [label for column, label in COLUMNS.items() if column not in used]:
            st.caption(f"{', '.join(unused)}: no filter on this page.")
    begin, end = period(name, dates, first_day, last_day)
    return Scope(begin, end, tuple(chosen), min(first_day, begin))
