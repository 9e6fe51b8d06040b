"""Charts, in colours that stand out on light and on dark ground (3:1 at least, WCAG 2.2, 1.4.11)."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

SEVERITIES = {"P1": "#d1495b", "P2": "#c0691f", "P3": "#3a7fc1", "P4": "#75828f"}
MAIN, OTHER, BAD = "#3a7fc1", "#c0691f", "#d1495b"
BY_SEVERITY = {one: one for one in SEVERITIES}, tuple(SEVERITIES.values())  # columns that are called so
COLORS = (MAIN, OTHER, "#2f9070", "#a35fb0", "#75828f", BAD, "#a08326", "#3d8f9e")
MARGINS = {"l": 8, "r": 8, "t": 8, "b": 8}


def _figure(*traces: Any, **layout: Any) -> go.Figure:
    return go.Figure(traces).update_layout(
        margin=MARGINS, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}, **layout
    )


def lines(
    rows: pd.DataFrame, x: str, y: dict[str, str], colors: tuple[str, ...] = COLORS, unit: str | None = None
) -> go.Figure:
    """A line for each of the columns `y`, by its name in the legend."""
    traces = [
        go.Scatter(
            x=rows[x], y=rows[column], name=label, mode="lines", line={"color": color, "width": 2},
            hovertemplate="%{y:,.4~g}",
        )
        for (column, label), color in zip(y.items(), colors, strict=False)
    ]  # fmt: skip
    return _figure(*traces, hovermode="x unified", showlegend=len(y) > 1, yaxis={"title": unit, "rangemode": "tozero"})


def areas(rows: pd.DataFrame, x: str, y: dict[str, str], colors: tuple[str, ...] = COLORS) -> go.Figure:
    """Areas on top of each other, one for each of the columns `y`."""
    traces = [
        go.Scatter(
            x=rows[x], y=rows[column], name=label, mode="lines", stackgroup="one", line={"color": color, "width": 1},
            hovertemplate="%{y:,.0f}",
        )
        for (column, label), color in zip(y.items(), colors, strict=False)
    ]  # fmt: skip
    return _figure(*traces, hovermode="x unified")


def bars(rows: pd.DataFrame, label: str, value: str, color: str = MAIN, form: str = ",.0f") -> go.Figure:
    """A lying bar for each row, the first on top."""
    trace = go.Bar(
        x=rows[value], y=rows[label], orientation="h", marker_color=color, texttemplate=f"%{{x:{form}}}",
        hovertemplate=f"%{{y}}: %{{x:{form}}}<extra></extra>", textposition="outside", cliponaxis=False,
    )  # fmt: skip
    return _figure(
        trace, yaxis={"autorange": "reversed", "type": "category"}, xaxis={"range": [0, 1.15 * max(rows[value])]}
    )


def columns(
    rows: pd.DataFrame, x: str, y: dict[str, str], colors: tuple[str, ...] = COLORS, stack: bool = True,
    unit: str | None = None,
) -> go.Figure:  # fmt: skip
    """Standing bars, for several columns `y` on top of each other or beside each other."""
    traces = [
        go.Bar(x=rows[x], y=rows[column], name=label, marker_color=color, hovertemplate="%{y:,.4~g}")
        for (column, label), color in zip(y.items(), colors, strict=False)
    ]
    return _figure(
        *traces, barmode="stack" if stack else "group", hovermode="x unified", showlegend=len(y) > 1,
        yaxis={"title": unit},
    )  # fmt: skip


def donut(rows: pd.DataFrame, label: str, value: str, colors: dict[str, str] = SEVERITIES) -> go.Figure:
    """Shares of a whole, in the order of the rows."""
    trace = go.Pie(
        labels=rows[label], values=rows[value], hole=0.55, sort=False, direction="clockwise", textinfo="label+percent",
        marker_colors=[colors.get(one, COLORS[4]) for one in rows[label]],
        hovertemplate="%{label}: %{value:,.0f} (%{percent})<extra></extra>",
    )  # fmt: skip
    return _figure(trace, showlegend=False).update_layout(margin={"t": 28})


def gauge(rate: float, target: float) -> go.Figure:
    """A share against the highest that is within the target."""
    highest = min(1.0, max(2 * target, 1.25 * rate, 0.05))
    trace = go.Indicator(
        mode="gauge+number", value=100 * rate, number={"suffix": " %", "valueformat": ".1f"},
        gauge={
            "axis": {"range": [0, 100 * highest], "ticksuffix": " %"},
            "bar": {"color": MAIN if rate <= target else BAD},
            "threshold": {"value": 100 * target, "line": {"color": "#75828f", "width": 4}, "thickness": 0.9},
        },
    )  # fmt: skip
    return _figure(trace).update_layout(margin={"l": 40, "r": 40, "t": 24, "b": 8})


def treemap(rows: pd.DataFrame, label: str, value: str) -> go.Figure:
    """Areas as large as the values."""
    trace = go.Treemap(
        labels=rows[label], values=rows[value], parents=[""] * len(rows), textinfo="label+value", marker_colors=[
            COLORS[number % len(COLORS)] for number in range(len(rows))
        ], hovertemplate="%{label}: %{value:,.0f} (%{percentRoot})<extra></extra>", textfont_color="white",
        tiling={"pad": 2}, pathbar_visible=False,
    )  # fmt: skip
    return _figure(trace)


def boxes(rows: pd.DataFrame, label: str, unit: str, colors: dict[str, str] = SEVERITIES) -> go.Figure:
    """A box for each row, from its columns p10, p25, p50, p75 and p90."""
    traces = [
        go.Box(
            x=[row[label]], lowerfence=[row["p10"]], q1=[row["p25"]], median=[row["p50"]], q3=[row["p75"]],
            upperfence=[row["p90"]], name=row[label], marker_color=colors.get(row[label], MAIN), boxpoints=False,
        )
        for _, row in rows.iterrows()
    ]  # fmt: skip
    return _figure(*traces, showlegend=False, yaxis={"title": unit, "rangemode": "tozero"})


def heat(rows: pd.DataFrame, x: str, y: str, value: str, x_values: list[Any], y_values: list[Any]) -> go.Figure:
    """A cell for each pair, darker for more; zero where there is no row."""
    cells = rows.pivot(index=y, columns=x, values=value).reindex(index=y_values, columns=x_values).fillna(0)
    trace = go.Heatmap(
        z=cells.to_numpy(), x=[str(one) for one in x_values], y=[str(one) for one in y_values], colorscale="Blues",
        texttemplate="%{z:,.0f}", hovertemplate="%{y}, %{x}: %{z:,.0f}<extra></extra>", showscale=False, xgap=2, ygap=2,
    )  # fmt: skip
    axis = {"type": "category"}
    return _figure(trace, xaxis=axis, yaxis=axis | {"autorange": "reversed"})
