"""Tickets by what they say, and one ticket's life with its clocks."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.express as px
import streamlit as st

from dashboard import charts, shown, wording
from dashboard.filters import Scope
from dashboard.lake import Lake, first_row
from dashboard.wording import plain

MOST = 500
FOUND = f"""
select ticket_key, subject, status, severity, market, category, team, agent_id, customer_id, created_at, resolved_at
from fct_tickets
where ticket_key in (select ticket_key from tickets where {{scope}}) and ({{said}})
order by created_at desc, ticket_key
limit {MOST}
"""
SAID = """
contains(lower(concat_ws(' ', ticket_key, subject, customer_id, agent_id, vehicle_id, category, product)), lower(?))
"""
TICKET = "select * from fct_tickets where ticket_key = ?"
PERIODS = "select * from fct_ticket_periods where ticket_key = ? order by valid_from"
CLOCKS = """
select metric, instance, policy, severity, target_minutes, hours, elapsed_minutes, state, started_at, due_at,
    stopped_at, breached_at
from fct_ticket_slas
where ticket_key = ?
order by started_at, metric, instance
"""


def show(lake: Lake, scope: Scope) -> None:
    words = st.text_input(
        "Search", key="search", bind="query-params",
        placeholder="in id, subject, customer, agent, vehicle, category, product",
    ).strip()  # fmt: skip
    sql = FOUND.replace("{said}", SAID if words else "true")
    found = scope.rows(lake, sql, "created_on", parameters=(words,) if words else ())
    st.caption(
        f"The latest {MOST} that match; narrow the search down." if len(found) == MOST
        else f"{wording.count(len(found))} tickets opened in the period{' match' if words else ''}."
    )  # fmt: skip
    shown.table("tickets_found", found, height=300)
    key = st.text_input(
        "Ticket", key="ticket", bind="query-params", placeholder="its ticket_key, such as helpdesk:T-1"
    ).strip()
    if key:
        _life(lake, key)


def _life(lake: Lake, key: str) -> None:
    tickets = lake.rows(TICKET, (key,))
    if tickets.empty:
        st.warning(f"No ticket is called {plain(key)}. A ticket_key is the source, a colon and the ticket's id there.")
        return
    ticket = first_row(tickets)
    st.subheader(plain(f"{key}: {ticket['subject'] or 'no subject'}"))
    count, moment = wording.count, wording.moment
    facts = {
        "Updates": count(ticket["update_count"]), "replies of agents": count(ticket["agent_reply_count"]),
        "of the customer": count(ticket["customer_reply_count"]), "handoffs": count(ticket["handoff_count"]),
        "reopenings": count(ticket["reopen_count"]),
    }  # fmt: skip
    if ticket["resolution_hours"] is not None:
        facts["hours to the resolution"] = (
            f"{wording.decimal(ticket['resolution_hours'])}, in business hours "
            f"{wording.decimal(ticket['resolution_business_hours'])}"
        )
    st.markdown(
        f"**{ticket['severity']}**, {ticket['status']}, {ticket['market']}, "
        f"{plain(ticket['category'] or 'no category')}. "
        f"Opened {moment(ticket['created_at'])}, last changed {moment(ticket['last_updated_at'])}. "
        + "; ".join(f"{name}: {value}" for name, value in facts.items())
        + "."
    )
    periods, clocks = lake.rows(PERIODS, (key,)), lake.rows(CLOCKS, (key,))
    shown.chart("ticket_life", periods, lambda rows: _timeline(rows, clocks, _end(ticket, lake)), 380, counts=())
    shown.table("ticket_clocks", clocks)


def _end(ticket: dict[str, Any], lake: Lake) -> pd.Timestamp:
    """Until when its life is drawn: as_of, or shortly after the last change of a ticket that is not open."""
    last, as_of = ticket["last_updated_at"], pd.Timestamp(lake.as_of)
    return as_of if ticket["is_open"] else min(as_of, last + (last - ticket["created_at"]) * 0.1)


def _timeline(periods: pd.DataFrame, clocks: pd.DataFrame, end: pd.Timestamp):
    """Periods by status, below them each clock from start to stop, its due time and its breach as marks."""
    states = pd.DataFrame({
        "row": "Status", "what": periods["status"], "from": periods["valid_from"],
        "to": periods["valid_to"].fillna(end),
        "who": periods["agent_id"].fillna("nobody") + ", " + periods["severity"],
    })  # fmt: skip
    runs = pd.DataFrame({
        "row": clocks["metric"] + " " + clocks["instance"].astype(str), "what": "SLA " + clocks["state"],
        "from": clocks["started_at"], "to": clocks["stopped_at"].fillna(end), "who": clocks["policy"],
    })  # fmt: skip
    figure = px.timeline(
        pd.concat([states, runs]), x_start="from", x_end="to", y="row", color="what", hover_data=["who"],
        color_discrete_sequence=[color for color in charts.COLORS if color != charts.BAD],  # that of the marks on them
    )  # fmt: skip
    for column, label, symbol in (("due_at", "due", "line-ns-open"), ("breached_at", "breached", "x")):
        marks = clocks.dropna(subset=[column])
        figure.add_scatter(
            x=marks[column], y=marks["metric"] + " " + marks["instance"].astype(str), mode="markers", name=label,
            marker={"symbol": symbol, "size": 12, "color": charts.BAD, "line": {"width": 3, "color": charts.BAD}},
        )  # fmt: skip
    return figure.update_layout(
        yaxis={"title": None, "autorange": "reversed"}, legend_title=None, margin=charts.MARGINS
    )
