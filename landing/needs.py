"""The rows that the seeds lack for what a source lands: statuses, markets and agents as its updates name them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from landing import counted
from landing.contract import SEVERITIES, Reference
from landing.core import Batch
from landing.proposals import Proposals

ALWAYS = "always_utc"  # the calendar of markets whose hours no source states
# What a status of an unknown name is taken for, by the first of these that is in its name; else it is worked on.
PHASES = (
    ("done", r"clos|resol|solv|cancel|done|complet|reject|duplicate|merged|delet"),
    ("on_hold", r"hold|vendor|supplier|third|part|problem|change|blocked"),
    ("pending", r"pend|wait|customer|caller|user|info|evidence|feedback"),
)


@dataclass
class _Agent:
    last: datetime = datetime.min
    team: str | None = None
    markets: Counter[str] = field(default_factory=Counter)


def proposals(batches: Iterable[Batch], reference: Reference, folder: Path) -> Proposals:
    """The rows that the updates need, beside what the seeds in a folder have.

    An agent's team is the last one in which they had a ticket, their region the market of most of their updates.
    """
    found, agents = {"status": Counter(), "market": Counter(), "severity": Counter()}, {}
    with duckdb.connect() as connection:
        for batch in batches:
            _learn(connection, batch, found, agents)
    proposed = Proposals(folder)
    _statuses(proposed, found["status"], reference)
    _markets(proposed, found["market"], reference)
    for severity, count in sorted(found["severity"].items()):
        if severity not in SEVERITIES:
            proposed.remark(
                f"severity {severity!r} ({counted(count, 'update')}) has to be mapped to one of {', '.join(SEVERITIES)}"
            )
    for agent_id, agent in sorted(agents.items()):
        region = min(agent.markets, key=lambda market: (-agent.markets[market], market), default=None)
        if not proposed.has("agents", agent_id):
            proposed.add("agents", agent_id=agent_id, agent_name=agent_id, region=region, team=agent.team)
    return proposed


def _learn(connection: duckdb.DuckDBPyConnection, batch: Batch, found: dict, agents: dict[str, _Agent]) -> None:
    there = batch.updates.column_names
    connection.register("updates", batch.updates)
    refused = "where reason is null" if "reason" in there else ""
    for name in found.keys() & set(there):
        for value, count in connection.execute(f"select {name}, count(*) from updates {refused} group by 1").fetchall():
            if value is not None:
                found[name][value] += count
    if "agent_id" in there:
        team, market = (name if name in there else f"null as {name}" for name in ("team", "market"))
        rows = connection.execute(f"""
            with told as (select agent_id, updated_at, {team}, {market} from updates {refused})
            select agent_id, market, count(*), max(updated_at), arg_max(team, updated_at)
            from told where agent_id is not null group by 1, 2
        """).fetchall()
        for agent_id, market, count, last, team in rows:
            agent = agents.setdefault(agent_id, _Agent())
            if market is not None:
                agent.markets[market] += count
            if last is not None and last >= agent.last and team is not None:
                agent.last, agent.team = last, team
    connection.unregister("updates")


def _statuses(proposed: Proposals, found: Counter[str], reference: Reference) -> None:
    for status, count in sorted(found.items()):
        if status not in reference.statuses:
            phase = next((one for one, names in PHASES if re.search(names, status.lower())), "working")
            is_open, runs = phase != "done", phase in ("working", "on_hold")
            proposed.add(
                "ticket_statuses", status=status, phase=phase, is_open=_truth(is_open), clock_runs=_truth(runs)
            )
            proposed.remark(
                f"ticket_statuses: {status} ({counted(count, 'update')}) is taken for {phase}, by its name; or map it"
            )


def _markets(proposed: Proposals, found: Counter[str], reference: Reference) -> None:
    missing = [market for market in sorted(found) if market not in reference.markets]
    for market in missing:
        proposed.add("markets", market=market, market_name=market, calendar=ALWAYS)
        proposed.remark(
            f"markets: {market} ({counted(found[market], 'update')}) is always open here; give it a calendar of its own"
        )
    if missing:
        proposed.add_always_open(ALWAYS, "UTC")


def _truth(value: bool) -> str:
    return str(value).lower()
