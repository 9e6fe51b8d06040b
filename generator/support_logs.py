"""The feed `support_logs`: what the systems behind a ticket reported, mostly in the hours around its opening.

Where a ticket runs out of time, is escalated, or is a P1, errors come in a burst: the closer to its peak, the slower
the answers and the busier the processors.
"""

from __future__ import annotations

import json
from enum import IntEnum
from pathlib import Path

import numpy as np
import pyarrow as pa

from generator.clocks import breaches
from generator.defects import NO_NUMBERS, NO_TIMESTAMPS, Defect, in_the_future, instead, missing, not_json
from generator.draws import Draws, Pools
from generator.identities import PREFIXES, SOURCES, ticket_numbers
from generator.lake import Parameters
from generator.mishaps import LONGEST_DELAY, landed
from generator.spread import spread
from generator.text import Combinations, digits, join, member, pick, table, tenths, timestamps, where, with_micros
from generator.ticket_lives import LIFE_DAYS, TicketLives
from generator.tickets import Cohort, Event, Severity, Source
from generator.world import World


class Level(IntEnum):
    DEBUG, INFO, WARN, ERROR = range(4)


class Named(IntEnum):
    """The ticket that a log names: its own, one that does not exist, or one that is opened soon, perhaps."""

    OWN, NONE, LATER = range(3)


COMPONENTS = json.loads(Path(__file__).with_name("components.json").read_text(encoding="utf-8"))
VARIANTS = 12  # of a message, by the number in it
COMPONENTS_OF_CATEGORY = {  # in proportion to how often they are named
    "charging": ("charge-gateway", "charge-gateway", "charge-sessions", "charge-sessions", "telematics", "payments"),
    "battery": ("battery-analytics", "battery-analytics", "telematics", "over-the-air"),
    "infotainment": ("over-the-air", "map-service", "telematics", "identity"),
    "app": ("mobile-api", "mobile-api", "identity", "vehicle-commands", "notifications"),
    "billing": ("payments", "charge-sessions"),
    "delivery": ("order-service", "notifications"),
    "warranty": ("order-service", "telematics"),
    "breakdown": ("telematics", "vehicle-commands", "battery-analytics"),
}
CONNECTED = {"charging", "battery", "infotainment", "app", "breakdown"}
# Weights of how many usual logs a ticket has, from none on: one about something connected, and another.
OF_CONNECTED, OF_OTHERS = (9, 11, 16, 19, 16, 12, 8, 5, 3, 1), (52, 22, 13, 8, 5)
BEFORE, AFTER = 3 * 3600, 24 * 3600  # seconds around the opening in which they are logged

# A burst: tickets that have one, how many logs it has, and how long it builds up.
IF_LATE, IF_ESCALATED, IF_P1 = 0.8, 0.6, 0.8
FEWEST, MOST = 3, 7
BUILDS_UP = 6 * 3600
P1_PEAKS = 2 * 3600  # after the opening
IS_SUSPECT = 0.8  # of its logs, those of one component

LEVEL_WEIGHTS, BURST_LEVEL_WEIGHTS = (8, 68, 18, 6), (0, 8, 20, 72)
RESPONSE = np.array([300, 1200, 7000, 28_000])  # median by level, tenths of a millisecond
SLOWEST = 600_000
BUSY = np.array([80, 120, 250, 420])  # tenths of a percent, by level, at least
HAS_RESPONSE, HAS_CPU = 0.82, 0.88
NAMES_NONE, NAMES_LATER = 0.004, 0.004

LINE = np.dtype(
    [
        ("number", np.int64),  # of the ticket that led to it
        ("named", np.int64),  # number of the ticket that it names
        ("at", np.int64),
        ("response", np.int32),  # tenths of a millisecond, -1 for none
        ("report", np.int32),  # level, component and message
        ("place", np.int32),
        ("cpu", np.int16),  # tenths of a percent, -1 for none
        ("step", np.int8),  # counts the logs of a ticket from 1
        ("source", np.int8),
        ("how_named", np.int8),
    ],
    align=True,
)


class SupportLogs:
    """Turns tickets into logs, a LINE array, and logs into text."""

    name = "support_logs"
    window = LIFE_DAYS + LONGEST_DELAY

    def __init__(self, world: World, parameters: Parameters, lives: TicketLives):
        self._seed, self._shares = parameters.seed, parameters.shares
        self._desks, self._topics = world.desks, lives.topics
        categories, names = [*lives.topics.categories, None], list(COMPONENTS)  # at -1: tickets without a category
        weights = [OF_CONNECTED if category in CONNECTED else OF_OTHERS for category in categories]
        self._amounts = Pools([np.repeat(np.arange(len(each)), each) for each in weights])
        self._components = Pools(
            [[names.index(name) for name in COMPONENTS_OF_CATEGORY.get(each, names)] for each in categories]
        )
        reports = [_reports(name, level) for name in names for level in Level]
        ends = np.cumsum([len(each) for each in reports])
        self._reports = Pools([np.arange(end - len(each), end) for each, end in zip(reports, ends, strict=True)])
        self._report_texts = table([text for each in reports for text in each])
        self._beginnings = Combinations(
            [f'","ticket_id":"{PREFIXES[source]}-' for source in Source],
            ["0" if named == Named.NONE else "" for named in Named],
        )
        self._sources = table([f'"{source},"logged_at":"' for source in SOURCES])
        self._cpu = pa.concat_arrays([table([""]), join(',"cpu_percent":', tenths(np.arange(1001)))])
        self._lasting_defects = _lasting_defects()

    def lines(self, cohort: Cohort) -> tuple[np.ndarray, np.ndarray]:
        """Logs of the tickets of a cohort, and the day number that each lands on: of none before it is opened."""
        draws = Draws(self._seed, self.name, cohort.day, cohort.block)
        logs, ticket = self._logs(cohort, draws)
        known_at = np.maximum(logs["at"], cohort.tickets["opened_at"][ticket])
        return landed(logs, known_at, self._shares, draws)

    def _logs(self, cohort: Cohort, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
        """The logs, ordered by ticket, and the row of each one's ticket."""
        tickets = cohort.tickets
        category = self._topics.category(tickets["topic"])
        usual = np.repeat(np.arange(len(tickets)), self._amounts.draw(category, draws))
        around = draws.uniform(len(usual))
        is_before = draws.hits(len(usual), 0.5)
        around = around * around * np.where(is_before, -BEFORE, AFTER)

        bursting, peak = self._bursts(cohort, draws)
        in_burst = np.repeat(np.arange(len(bursting)), FEWEST + draws.below(len(bursting), MOST - FEWEST + 1))
        far = draws.uniform(len(in_burst))
        far *= far
        builds_up = np.minimum(peak - tickets["opened_at"][bursting], BUILDS_UP)[in_burst]

        ticket = np.concatenate([usual, bursting[in_burst]])
        size, is_burst = len(ticket), np.arange(len(ticket)) >= len(usual)
        near = np.where(is_burst, np.concatenate([np.zeros(len(usual)), 1 - far]), 0)
        level = np.where(is_burst, draws.weighted(size, BURST_LEVEL_WEIGHTS), draws.weighted(size, LEVEL_WEIGHTS))
        suspect = self._components.draw(category, draws)
        is_suspect = is_burst & draws.hits(size, IS_SUSPECT)
        component = np.where(is_suspect, suspect[ticket], self._components.draw(category[ticket], draws))

        logs = np.zeros(size, LINE)
        logs["at"] = np.concatenate(
            [tickets["opened_at"][usual] + around.astype(np.int64), peak[in_burst] - (far * builds_up).astype(np.int64)]
        )
        logs["number"], logs["source"] = tickets["number"][ticket], tickets["source"][ticket]
        logs["report"] = self._reports.draw(component * len(Level) + level, draws)
        response = spread(draws.uniform(size)) * RESPONSE[level] * (1 + 2 * near)
        response = np.minimum(response.astype(np.int64), SLOWEST)
        logs["response"] = np.where(draws.hits(size, HAS_RESPONSE), response, -1)
        cpu = BUSY[level] + draws.below(size, 350) + (near * 220).astype(np.int64)
        logs["cpu"] = np.where(draws.hits(size, HAS_CPU), np.minimum(cpu, 1000), -1)
        self._name_tickets(logs, tickets, draws)

        order = np.argsort(ticket, kind="stable")
        logs, ticket = logs.take(order), ticket[order]
        logs["step"] = np.arange(size) - np.searchsorted(ticket, ticket) + 1
        return logs, ticket

    def _bursts(self, cohort: Cohort, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
        """Tickets that have a burst (rows), and the moments at which it is at its worst."""
        size = len(cohort.tickets)
        late, late_at = breaches(cohort, self._desks)
        is_escalation = cohort.updates["event"] == Event.ESCALATED
        is_p1 = (cohort.updates["severity"] == Severity.P1) & (cohort.updates["step"] == 1)
        peak = np.zeros(size, np.int64)
        for rows, moments, share in (
            (cohort.ticket[is_p1], cohort.updates["at"][is_p1] + P1_PEAKS, IF_P1),
            (cohort.ticket[is_escalation], cohort.updates["at"][is_escalation], IF_ESCALATED),
            (late, late_at, IF_LATE),
        ):
            chosen = draws.hits(size, share)[rows]
            peak[rows[chosen]] = moments[chosen]
        bursting = np.flatnonzero(peak)
        return bursting, peak[bursting]

    def _name_tickets(self, logs: np.ndarray, tickets: np.ndarray, draws: Draws) -> None:
        u, size = draws.uniform(len(logs)), len(logs)
        later = tickets["number"][-1:] + 1 + draws.below(size, len(tickets))
        is_none, is_later = u < NAMES_NONE, u >= 1 - NAMES_LATER
        logs["how_named"] = np.select([is_none, is_later], [Named.NONE, Named.LATER], Named.OWN)
        logs["named"] = np.where(is_later, later, logs["number"])
        logs["source"][is_later] = Source.HELPDESK

    def text(self, lines: np.ndarray) -> pa.StringArray:
        """The JSON text of each line, with its line feed."""
        has_response = lines["response"] >= 0
        response = tenths(lines["response"][has_response])
        return join(
            '{"log_id":"LG-',
            ticket_numbers(lines["number"]),
            "-",
            digits(lines["step"]),
            self._beginnings.pick(lines["source"], lines["how_named"]),
            ticket_numbers(lines["named"]),
            pick(self._sources, lines["source"]),
            *timestamps(lines["at"], with_micros(lines["number"] * 7919 + lines["at"] + lines["step"])),
            pick(self._report_texts, lines["report"]),
            where(has_response, join(',"response_time_ms":', response)),
            pick(self._cpu, lines["cpu"] + 1),
            "}\n",
        )

    def defects(self, day: int) -> list[Defect]:
        """Ways to break a line that lands on a day: at least one for every reason for which a line is refused."""
        return self._lasting_defects + in_the_future("logged_at", day)


def _reports(component: str, level: Level) -> list[str]:
    """What a component says at a level, as JSON members; seldom without the component or a message."""
    start, of_component = member("log_level", level.name), member("component", component)
    messages = [
        member("message", text.format(n=2 + (17 * variant + 5 * n) % 97))
        for n, text in enumerate(COMPONENTS[component][level.name])
        for variant in range(VARIANTS)
    ]
    return [start + of_component + message for message in messages] + [start + messages[0], start + of_component]


def _lasting_defects() -> list[Defect]:
    """Those that are the same on every day."""
    defects = not_json()
    for key in ("log_id", "ticket_id", "logged_at", "log_level"):
        defects += missing(key)
    defects += instead("bad_logged_at", "logged_at", NO_TIMESTAMPS)
    for key in ("response_time_ms", "cpu_percent"):
        defects += instead(f"bad_{key}", key, NO_NUMBERS)
    defects += instead("unknown_log_level", "log_level", ('"FATAL"', '"error"', '"WARNING"'))
    defects += instead("out_of_range_response_time_ms", "response_time_ms", ("-1", "-0.5"))
    return defects + instead("out_of_range_cpu_percent", "cpu_percent", ("-1", "100.5", "1e3"))
