"""The feed `calls`: telephone calls about tickets.

A customer who rings opens a ticket during the call; agents ring when they reply, customers when they wait. So calls
come at the hours at which tickets are worked on.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from generator.defects import NO_NUMBERS, NO_TIMESTAMPS, Defect, instead, missing, not_json
from generator.draws import Draws, Pools
from generator.identities import PREFIXES, SOURCES, customers, moments_of, ticket_numbers
from generator.lake import Parameters
from generator.mishaps import LONGEST_DELAY, landed
from generator.spread import spread
from generator.text import Combinations, digits, join, member, pick, table, where
from generator.ticket_lives import LIFE_DAYS, TicketLives
from generator.tickets import Channel, Cohort, Event, Source, Status
from generator.world import World

# Shares of updates that come with a call: of tickets by phone, and of others.
SHARES = {
    Event.CREATED: (0.95, 0.0),
    Event.AGENT_REPLY: (0.34, 0.16),
    Event.CUSTOMER_REPLY: (0.3, 0.08),
    Event.ESCALATED: (0.5, 0.25),
    Event.STATUS_CHANGED: (0.05, 0.05),
}
RESOLUTIONS = ("resolved", "escalated", "follow_up", "callback", "transferred", "voicemail", "no_answer", "")
RESOLVED, ESCALATED, FOLLOW_UP, CALLBACK, TRANSFERRED, VOICEMAIL, NO_ANSWER, UNSAID = range(len(RESOLUTIONS))
# Weights of these by what becomes of the ticket: it is resolved, escalated, or goes on.
OUTCOMES = ((88, 0, 4, 0, 0, 3, 0, 5), (6, 70, 8, 4, 8, 0, 0, 4), (20, 3, 38, 11, 8, 11, 5, 4))
TALK, BRIEF = 280, 35  # median seconds of a call in which people talk, and of others
SHORTEST, LONGEST = 8, 90 * 60
NOTED_WITHIN = 60  # seconds from the end of a call to the update about it
GOES_ON = 300  # seconds, at the longest, after the ticket was opened during the call
IS_RATED, IS_HALF = 0.24, 0.12
HAPPY, UNHAPPY = (3, 5, 12, 32, 48), (16, 20, 27, 23, 14)  # weights of one to five stars
HAS_TICKET, HAS_ISSUE = 0.96, 0.92
IS_EXTERNAL = 0.008
EXTERNALS = 6  # agents whom the seed does not have

LINE = np.dtype(
    [
        ("number", np.int64),  # of the ticket
        ("start", np.int64),
        ("end", np.int64),
        ("agent", np.int32),
        ("customer", np.int32),
        ("place", np.int32),
        ("market", np.int16),
        ("issue", np.int8),  # category of the ticket, -1 for none
        ("step", np.int8),  # of the update that the call led to
        ("source", np.int8),
        ("resolution", np.int8),
        ("rating", np.int8),  # in halves, 0 for none
        ("has_ticket", np.int8),
    ],
    align=True,
)


class Calls:
    """Turns tickets into calls, a LINE array, and calls into text."""

    name = "calls"
    window = LIFE_DAYS + LONGEST_DELAY

    def __init__(self, world: World, parameters: Parameters, lives: TicketLives):
        self._seed, self._shares, self._desks = parameters.seed, parameters.shares, world.desks
        self._topics, self._staff = lives.topics, lives.staff
        self._queues = len(world.seeds.teams)  # assignees that are no agents
        known = {agent.agent_id for agent in world.seeds.agents}
        externals = [f"ext-{n:02}" for n in range(1, EXTERNALS + 1)]
        agents = [agent.agent_id for agent in world.seeds.agents]
        self._agents_known = len(agents)
        agents += [f"{name}-x" if name in known else name for name in externals]
        self._agents = table([member("agent_id", agent) for agent in agents])
        self._customers = customers()
        self._outcomes = Pools([np.repeat(np.arange(len(each)), each) for each in OUTCOMES])
        self._tickets = table([f',"ticket_id":"{PREFIXES[source]}-' for source in Source])
        self._sources = table([f'"{source}' for source in SOURCES])
        self._issues = table(["", *(member("issue_type", category) for category in lives.topics.categories)])
        ratings = ["", *(f',"rating":{half // 2}{".5" if half % 2 else ""}' for half in range(1, 11))]
        self._ends = Combinations(
            [member("resolution", resolution) for resolution in RESOLUTIONS], [f"{rating}}}\n" for rating in ratings]
        )
        self._lasting_defects = _lasting_defects()

    def lines(self, cohort: Cohort) -> tuple[np.ndarray, np.ndarray]:
        """Calls about the tickets of a cohort, and the day number that each lands on: of none before it is opened."""
        draws = Draws(self._seed, self.name, cohort.day, cohort.block)
        calls, opened_at = self._calls(cohort, draws)
        return landed(calls, np.maximum(calls["end"], opened_at), self._shares, draws)

    def _calls(self, cohort: Cohort, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
        """The calls, and when the ticket of each was opened."""
        by_phone = cohort.tickets["channel"][cohort.ticket] == Channel.PHONE
        shares = np.zeros((len(Event), 2))
        for event, (of_phone, of_others) in SHARES.items():
            shares[event] = of_others, of_phone
        called = np.flatnonzero(draws.hits(len(by_phone), shares[cohort.updates["event"], by_phone.astype(np.int8)]))
        updates, tickets = cohort.updates.take(called), cohort.tickets.take(cohort.ticket[called])
        size, is_first = len(called), updates["event"] == Event.CREATED

        calls = np.zeros(size, LINE)
        for name in ("number", "market", "source", "customer"):
            calls[name] = tickets[name]
        calls["step"] = updates["step"]
        agent = updates["assignee"].astype(np.int64)
        nobody = np.flatnonzero(agent < self._queues)
        agent[nobody] = self._staff.choose(tickets["market"][nobody].astype(np.int64), agent[nobody], draws)
        external = self._agents_known + draws.below(size, EXTERNALS)
        calls["agent"] = np.where(draws.hits(size, IS_EXTERNAL), external, agent - self._queues)

        is_resolved = updates["status"] == Status.RESOLVED
        is_escalated = (updates["status"] == Status.ESCALATED) & (updates["event"] == Event.ESCALATED)
        resolution = self._outcomes.draw(np.select([is_resolved, is_escalated], [0, 1], 2), draws)
        resolution[is_first & np.isin(resolution, (VOICEMAIL, NO_ANSWER))] = FOLLOW_UP
        calls["resolution"] = resolution
        talked = ~np.isin(resolution, (VOICEMAIL, NO_ANSWER))
        lasts = (spread(draws.uniform(size)) * np.where(talked, TALK, BRIEF)).astype(np.int64)
        calls["end"] = updates["at"] + np.where(is_first, draws.below(size, GOES_ON), -draws.below(size, NOTED_WITHIN))
        start = calls["end"] - np.clip(lasts, SHORTEST, LONGEST)
        calls["start"] = np.where(is_first, np.minimum(start, updates["at"]), start)

        stars = np.where(resolution == RESOLVED, draws.weighted(size, HAPPY), draws.weighted(size, UNHAPPY)) + 1
        halves = 2 * stars - (draws.hits(size, IS_HALF) & (stars > 1))
        calls["rating"] = np.where(talked & draws.hits(size, IS_RATED), halves, 0)
        category = self._topics.category(tickets["topic"])
        calls["issue"] = np.where(draws.hits(size, HAS_ISSUE), category, -1)
        calls["has_ticket"] = draws.hits(size, HAS_TICKET)
        return calls, tickets["opened_at"]

    def text(self, lines: np.ndarray) -> pa.StringArray:
        """The JSON text of each line, with its line feed."""
        number = ticket_numbers(lines["number"])
        has_ticket = lines["has_ticket"].astype(bool)
        of_ticket = lines.take(np.flatnonzero(has_ticket))
        ticket = join(
            pick(self._tickets, of_ticket["source"]),
            number.filter(pa.array(has_ticket)),
            pick(self._sources, of_ticket["source"]),
        )
        return join(
            '{"call_id":"CL-',
            number,
            "-",
            digits(lines["step"]),
            '"',
            pick(self._agents, lines["agent"]),
            pick(self._customers, lines["customer"]),
            ',"start_time":"',
            *moments_of(lines, lines["start"], self._desks),
            ',"end_time":"',
            *moments_of(lines, lines["end"], self._desks),
            where(has_ticket, ticket),
            pick(self._issues, lines["issue"] + 1),
            self._ends.pick(lines["resolution"], lines["rating"]),
        )

    def defects(self, day: int) -> list[Defect]:
        """Ways to break a line: at least one for every reason for which a line is refused."""
        return self._lasting_defects


def _lasting_defects() -> list[Defect]:
    defects = not_json()
    for key in ("call_id", "agent_id", "customer_id", "start_time", "end_time"):
        defects += missing(key)
    for key in ("start_time", "end_time"):
        defects += instead(f"bad_{key}", key, NO_TIMESTAMPS)
    defects += instead("bad_rating", "rating", NO_NUMBERS)
    at_once = Defect("not_positive_duration", ((r'("start_time":)("[^"]+")(.*"end_time":)"[^"]+"', r"\1\2\3\2"),))
    defects += [at_once, *instead("not_positive_duration", "end_time", ('"2001-01-01T00:00:00Z"',))]
    return defects + instead("out_of_range_rating", "rating", ("0", "-1", "5.5", "10"))
