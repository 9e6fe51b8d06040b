"""The feed `ticket_updates`: the full state of a ticket just after each change."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa

from generator.defects import NO_INTEGERS, NO_TIMESTAMPS, Defect, in_the_future, instead, missing, not_json
from generator.draws import Draws
from generator.identities import PREFIXES, SOURCES, customers, moments_of, ticket_numbers, vehicles
from generator.lake import Parameters
from generator.mishaps import LONGEST_DELAY, arrange
from generator.seeds import Seeds
from generator.text import Combinations, join, member, pick, table, where
from generator.ticket_lives import LIFE_DAYS, TicketLives
from generator.tickets import TICKET, UPDATE, Channel, Cohort, Event, Severity, Source, Status
from generator.world import World

WITHOUT_IDS = Source.MOBILE_APP  # it gives its updates no identity
ENDINGS = ("}\n", *(f',"satisfaction":{stars}}}\n' for stars in range(1, 6)))
SEQUENCES = ("", ',"sequence":1')

LINE = np.dtype(
    [*((name, kind[name]) for kind in (TICKET, UPDATE) for name in kind.names), ("place", np.int32)],
    align=True,
)


class TicketUpdates:
    """Turns ticket lives into lines, and lines into text.

    Lines are a LINE array: all fields of TICKET and UPDATE, and `place`, which orders the lines of a landed day.
    """

    name = "ticket_updates"
    window = LIFE_DAYS + LONGEST_DELAY  # days from a ticket's opening to the landing of its last line, at most

    def __init__(self, world: World, parameters: Parameters, lives: TicketLives):
        seeds = world.seeds
        self._seed, self._shares, self._desks = parameters.seed, parameters.shares, world.desks
        self._lasting_defects = _lasting_defects(seeds)
        self._beginnings = table([f'{{"ticket_id":"{PREFIXES[source]}-' for source in Source])
        self._origins = Combinations(
            [f'"{source}' for source in SOURCES],
            [member("channel", channel.name.lower()) for channel in Channel],
            [member("market", market) for market in seeds.markets],
        )
        self._topics = lives.topics.texts
        self._customers, self._vehicles = customers(), vehicles()
        self._states = Combinations(
            [member("event", event.name.lower()) for event in Event],
            [member("status", getattr(seeds.statuses, status.name.lower())) for status in Status],
            [member("severity", severity.name) for severity in Severity],
        )
        self._assignees = table(
            [member("team", team) + member("agent_id", agent) for team, agent in lives.staff.assignees]
        )
        self._steps = table(["", *(f'-{step}"' for step in range(1, 128))])
        self._ends = Combinations(SEQUENCES, ENDINGS)

    def lines(self, cohort: Cohort) -> tuple[np.ndarray, np.ndarray]:
        """Lines of the tickets of a cohort, and the day number that each lands on."""
        draws = Draws(self._seed, self.name, "landing", cohort.day, cohort.block)
        landing = arrange(cohort.updates["at"], cohort.updates["step"] == 1, self._shares, draws)
        return _lines(cohort, landing.row, landing.place), landing.day

    def text(self, lines: np.ndarray) -> pa.StringArray:
        """The JSON text of each line, with its line feed."""
        _, first, same = np.unique(lines["number"], return_index=True, return_inverse=True)
        return join(
            pick(self._ticket_text(lines.take(first)), same),
            pick(self._steps, np.where(lines["source"] == WITHOUT_IDS, 0, lines["step"])),
            ',"updated_at":"',
            *moments_of(lines, lines["at"], self._desks),
            self._states.pick(lines["event"], lines["status"], lines["severity"]),
            pick(self._assignees, lines["assignee"]),
            self._ends.pick(lines["sequence"], lines["satisfaction"]),
        )

    def _ticket_text(self, tickets: np.ndarray) -> pa.StringArray:
        """What all lines of a ticket begin with, up to the step in the update_id."""
        number = ticket_numbers(tickets["number"])
        has_due, has_ids = tickets["due_at"] > 0, tickets["source"] != WITHOUT_IDS
        due = tickets.take(np.flatnonzero(has_due))
        return join(
            pick(self._beginnings, tickets["source"]),
            number,
            self._origins.pick(tickets["source"], tickets["channel"], tickets["market"]),
            ',"created_at":"',
            *moments_of(tickets, tickets["opened_at"], self._desks),
            pick(self._topics, tickets["topic"]),
            pick(self._customers, tickets["customer"]),
            pick(self._vehicles, tickets["vehicle"] + 1),
            where(has_due, join(',"sla_due_at":"', *moments_of(due, due["due_at"], self._desks))),
            where(has_ids, join(',"update_id":"', number.filter(pa.array(has_ids)))),
        )

    def defects(self, day: int) -> list[Defect]:
        """Ways to break a line that lands on a day: at least one for every reason for which a line is refused."""
        return self._lasting_defects + in_the_future("updated_at", day) + in_the_future("created_at", day)


def _lines(cohort: Cohort, row: np.ndarray, place: np.ndarray) -> np.ndarray:
    lines = np.empty(len(row), LINE)
    tickets, updates = cohort.tickets.take(cohort.ticket[row]), cohort.updates.take(row)
    for name in TICKET.names:
        lines[name] = tickets[name]
    for name in UPDATE.names:
        lines[name] = updates[name]
    lines["place"] = place
    return lines


def _lasting_defects(seeds: Seeds) -> list[Defect]:
    """Those that are the same on every day."""
    required = ("ticket_id", "updated_at", "created_at", "status", "severity", "market")
    bad = {
        **dict.fromkeys(("updated_at", "created_at", "sla_due_at"), NO_TIMESTAMPS),
        "sequence": NO_INTEGERS,
        "satisfaction": (*NO_INTEGERS, "0", "6"),
    }
    unknown = {
        "status": {"in_review", "waiting", "OPEN"} - seeds.known_statuses,
        "severity": {"P5", "p2", "critical"},
        "market": {"ZZ", "EMEA", "Atlantis"} - set(seeds.markets),
    }
    defects = not_json()
    for key in required:
        defects += missing(key)
    for key, values in bad.items():
        defects += instead(f"bad_{key}", key, values)
    for key, names in unknown.items():
        defects += instead(f"unknown_{key}", key, map(json.dumps, sorted(names)))
    return defects
