"""Parts of pages: numbers with their change, charts and tables with their data, what stands there if there is none."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import wording
from dashboard.definitions import definitions

# A definition is read on the page of this address, named by the parameter.
PAGE_OF_DEFINITIONS, PARAMETER = "definitions", "of"
FEW, MARK = 20, "⚠ few"  # of what an average rests on; fewer are marked
CONFIG = {"displayModeBar": False, "responsive": True}


def title_of(name: str) -> str:
    """A number's title, as a link to its definition."""
    return f"[{definitions()[name].title}]({PAGE_OF_DEFINITIONS}?{PARAMETER}={name})"


def number(name: str, now: Any, before: Any, write: Callable[[Any], str], is_share: bool = False) -> None:
    """A number, and how it has changed since the period before: by how many points, of a share; else by which part."""
    change = None
    if now is not None and before is not None and (is_share or before):
        change = now - before if is_share else now / before - 1
    better = definitions()[name].better
    st.metric(
        title_of(name),
        write(now),
        None if change is None else _signed(change, is_share),
        delta_color="off" if better is None or not change else "normal" if better == "more" else "inverse",
        delta_arrow="off" if not change else "auto",
        delta_description=None if change is None else f"was {write(before)}",
        border=True,
        height="stretch",
        width="stretch",
        help=definitions()[name].text,
    )


def _signed(change: float, is_share: bool) -> str:
    text = f"{wording.decimal(abs(change) * 100)} {'points' if is_share else '%'}"
    return f"{'-' if change < 0 else '+'}{text}"


def chart(
    name: str,
    rows: pd.DataFrame,
    draw: Callable[[pd.DataFrame], go.Figure],
    height: int = 320,
    counts: Collection[str] | None = None,
) -> None:
    """A chart with its title and, on demand, the rows that it shows.

    There is nothing to show if all `counts` are 0: all columns of numbers, if it does not name them; if there are none
    of them, as of shares, whose 0 says something, only without rows.
    """
    with panel(name):
        if _is_empty(rows, counts):
            nothing()
            return
        figure = draw(rows).update_layout(height=height, separators=wording.separators())
        st.plotly_chart(figure, key=f"chart-{name}", config=CONFIG, alt=f"{definitions()[name].title}, a chart")
        data(name, rows)


def table(
    name: str, rows: pd.DataFrame, columns: Mapping[str, Any] | None = None, empty: str = "", **options: Any
) -> None:
    """A table with its title, and a way to take its rows along; without rows it says what is `empty`."""
    with panel(name):
        if rows.empty:
            nothing(empty)
            return
        sheet(rows, definitions()[name].title, columns, **options)
        downloads(name, rows)


def sheet(rows: pd.DataFrame, alt: str, columns: Mapping[str, Any] | None = None, **options: Any) -> None:
    """Rows with headings in words, moments in UTC and numbers as the reader writes them."""
    shown = {name: _column(name, rows[name]) for name in rows.columns} | dict(columns or {})
    st.dataframe(rows, column_config=shown, hide_index=True, alt=alt, **options)


def _column(name: str, values: pd.Series) -> Any:
    label = name.replace("_", " ").capitalize().replace("Sla ", "SLA ")
    if pd.api.types.is_datetime64_any_dtype(values):
        if values.dt.tz is None:
            return st.column_config.DateColumn(label)
        return st.column_config.DatetimeColumn(f"{label}, UTC", format="YYYY-MM-DD HH:mm", timezone="UTC")
    if name.endswith(("share", "rate")) and not name.startswith("rank_"):
        return st.column_config.NumberColumn(label, format="percent")
    if pd.api.types.is_float_dtype(values):
        return st.column_config.NumberColumn(label, format="localized", step=0.01)
    return st.column_config.Column(label)


def panel(name: str) -> Any:
    """A box with the title of a number, which leads to its definition."""
    box = st.container(border=True)
    box.markdown(f"#### {title_of(name)}", help=definitions()[name].text)
    return box


@st.fragment
def data(name: str, rows: pd.DataFrame) -> None:
    """What a chart shows, as a table and to take along."""
    shown = st.popover("Data", on_change="rerun", key=f"data-{name}", type="tertiary", icon=":material/table:")
    if shown.open:
        with shown:
            sheet(rows, definitions()[name].title)
            downloads(name, rows)


def downloads(name: str, rows: pd.DataFrame) -> None:
    """The rows as CSV and as Parquet."""
    with st.container(horizontal=True):
        st.download_button(
            "CSV", lambda: rows.to_csv(index=False).encode(), f"{name}.csv", "text/csv", f"csv-{name}",
            on_click="ignore", type="tertiary", icon=":material/download:",
        )  # fmt: skip
        st.download_button(
            "Parquet", lambda: _parquet(rows), f"{name}.parquet", "application/vnd.apache.parquet", f"parquet-{name}",
            on_click="ignore", type="tertiary", icon=":material/download:",
        )  # fmt: skip


def nothing(said: str = "") -> None:
    """What stands where there are no rows: what that means, or what to do."""
    if said:
        st.info(said, icon=":material/check:")
    else:
        st.info("Nothing matches. Choose a longer period, or reset all filters.", icon=":material/filter_alt_off:")


def numbers() -> Any:
    """A row of numbers, below each other where it is narrow."""
    return st.container(horizontal=True, key="numbers")


def _is_empty(rows: pd.DataFrame, counts: Collection[str] | None) -> bool:
    counted = rows.select_dtypes("number") if counts is None else rows[list(counts)]
    return rows.empty or (len(counted.columns) > 0 and not counted.fillna(0).to_numpy().any())


def _parquet(rows: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    rows.to_parquet(content, index=False)
    return content.getvalue()
