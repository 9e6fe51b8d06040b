"""Who works on tickets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from generator.draws import Draws, Pools
from generator.seeds import Seeds

QUEUE_OF_CATEGORY = {"billing": "billing", "breakdown": "field", "delivery": "field"}
FIRST_LINE, SECOND_LINE = "tier1", "tier2"


class Staff:
    """Teams and their agents.

    `assignees` lists whom a ticket can be with, as (team, agent_id): the teams alone, agent_id blank, then the agents.
    `queue_of_category` has the team (index) that tickets of each category start with, `second_line` is the team that
    hard ones go to. Where the seeds lack a team of the usual name, those that there are share its work.
    """

    def __init__(self, seeds: Seeds, categories: Sequence[str]):
        teams, agents = seeds.teams, seeds.agents
        self.assignees = [(team, "") for team in teams] + [(agent.team, agent.agent_id) for agent in agents]
        queues = [QUEUE_OF_CATEGORY.get(category, FIRST_LINE) for category in categories]
        self.queue_of_category = np.array([_team(teams, queue, n) for n, queue in enumerate(queues)])
        self.second_line = _team(teams, SECOND_LINE, -1)
        self._teams = len(teams)
        pools = []
        for serving in map(seeds.agents_of, seeds.markets):
            pools += [[n for n in serving if agents[n].team == team] or serving for team in teams]
        self._pools = Pools([[len(teams) + n for n in pool] for pool in pools])

    def choose(self, market: np.ndarray, team: np.ndarray, draws: Draws) -> np.ndarray:
        """An agent (index into `assignees`) for each market and team; one of the market where it lacks the team."""
        return self._pools.draw(market * self._teams + team, draws)


def _team(teams: Sequence[str], usual: str, otherwise: int) -> int:
    return teams.index(usual) if usual in teams else otherwise % len(teams)
