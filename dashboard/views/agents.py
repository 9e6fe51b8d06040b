"""Who carries what: load, resolutions, replies, ratings."""

from __future__ import annotations

import streamlit as st

from dashboard import charts, shown
from dashboard.filters import Scope
from dashboard.lake import NONE, Lake
from dashboard.shown import FEW, MARK

FILTERS = frozenset({"period", "team"})

LOADS = f"""
with loads as (
    select agent_load_daily.*, agent_name, coalesce(team, '{NONE}') as team
    from agent_load_daily left join dim_agents using (agent_id)
)
"""
BY_AGENT = f"""{LOADS}
select
    agent_id, agent_name, team, sum(assigned) as assigned, sum(resolved) as resolved, sum(replies) as replies,
    sum(sla_breached) as sla_breached,
    (select count(*) from open_tickets where open_tickets.agent_id = loads.agent_id) as open_now,
    sum(resolved) < {FEW} as is_few
from loads
where {{scope}}
group by all
order by resolved desc, agent_id
"""
RATINGS = f"""
select
    agent_id, count(satisfaction) as rated_tickets, avg(satisfaction) as rating,
    count(satisfaction) < {FEW} as few_rated
from tickets
where {{scope}}
group by 1
"""
BY_DAY = f"""{LOADS}
select day, sum(replies) as replies, sum(resolved) as resolved, sum(assigned) as assigned, count(*) as agents
from loads
where {{scope}}
group by 1
order by 1
"""


def show(lake: Lake, scope: Scope) -> None:
    columns = ("team",)
    rows = scope.rows(lake, BY_AGENT, "day", columns)
    ratings = scope.rows(lake, RATINGS, "resolved_on", ())
    rows = rows.merge(ratings, "left", "agent_id")
    few = rows["is_few"] | rows["few_rated"].fillna(True).astype(bool)
    rows.insert(0, "small", few.map({True: MARK, False: ""}))
    st.caption(f"{MARK}: fewer than {FEW} resolutions or ratings in the period, so that averages and ranks say little.")
    shown.table(
        "agents",
        rows.drop(columns=["is_few", "few_rated"]),
        {
            "small": st.column_config.TextColumn("Small numbers"),
            "rating": st.column_config.NumberColumn("Rating", format="%.2f"),
        },
    )
    left, right = st.columns(2)
    with left:
        shown.chart(
            "agent_activity",
            scope.rows(lake, BY_DAY, "day", columns),
            lambda found: charts.lines(
                found, "day", {"replies": "Replies", "resolved": "Resolutions", "assigned": "Assignments"}
            ),
        )
    with right:
        top = rows.nlargest(15, "resolved")[["agent_name", "agent_id", "resolved"]]
        top["agent"] = top["agent_name"].fillna(top["agent_id"])
        namesakes = top["agent"].duplicated(keep=False)
        top["agent"] = top["agent"].mask(namesakes, top["agent"] + " (" + top["agent_id"] + ")")
        shown.chart(
            "agent_resolutions", top[["agent", "resolved"]], lambda found: charts.bars(found, "agent", "resolved")
        )
