"""The lives of tickets: who does what, and when, from opening to closing.

The tickets that are opened on one day are lived together, change by change, as arrays. A life depends on the seed and
the day alone, and ends within LIFE_DAYS, so what happens on a day is known from the openings of the days before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from generator.calendars import DAY
from generator.draws import Draws
from generator.lake import Parameters
from generator.records import stacked
from generator.spread import spread
from generator.staff import Staff
from generator.subjects import topics
from generator.tickets import TICKET, UPDATE, Channel, Cohort, Event, Severity, Source, Status
from generator.world import World

LIFE_DAYS = 45
BLOCK = 32_768  # tickets lived at once; bounds the memory of a busy day

SEVERITY_WEIGHTS = (3, 15, 55, 27)
SOURCE_WEIGHTS = (87, 7, 6)
HELPDESK_CHANNEL_WEIGHTS = (42, 34, 14, 10)
CHANNEL_OF_SOURCE = {Source.DEALER_CRM: Channel.DEALER, Source.MOBILE_APP: Channel.APP}

CUSTOMERS = 100_000
VEHICLES = 130_000  # the first customers have two
HAS_VEHICLE = 0.62
STATES_DEADLINE = 0.45  # of the dealers' tickets
DEADLINE_HOURS = np.array([12, 48, 120, 240])

# How long things take: median minutes by severity, spread as spread.py says. Agents' work counts open hours.
ASSIGNMENT = np.array([1, 5, 18, 40])
REPLY = np.array([2, 7, 27, 62])
SOLUTION = np.array([150, 360, 900, 1750])
REPAIR = np.array([60, 200, 480, 900])
CUSTOMER_REPLY = np.array([45, 150, 420, 700])
SECOND_THOUGHTS = np.array([600, 900, 1200, 1500])

IS_ROUTED = 0.66  # an agent is assigned before anyone replies
IS_SOLVED = (0.61, 0.68, 0.76, 1.0)  # by the n-th reply
ESCALATES = np.array([0.22, 0.08, 0.02, 0.005])
NOBODY_ANSWERS = 0.1
IS_REOPENED = 0.06
IS_RATED = 0.17
IS_CLOSED = 0.38
CLOSES_AFTER = 72 * 3600
SATISFACTION_WEIGHTS = (7, 8, 15, 34, 36)
WAKES, SLEEPS = 7 * 3600, 22 * 3600


class TicketLives:
    """All lives of a lake; `of(day)` gives those that begin on a day."""

    def __init__(self, world: World, parameters: Parameters):
        self.topics = topics(world.seeds.markets, parameters.seed)
        self.staff = Staff(world.seeds, self.topics.categories)
        self._arrivals, self._desks = world.arrivals, world.desks
        self._seed, self._per_day = parameters.seed, parameters.per_day

    def of(self, day: int) -> Iterator[Cohort]:
        """The cohorts of day number `day`, some ten thousand tickets each; none on a day without openings.

        Tickets are opened at once, and lived when a cohort is first asked for its updates.
        """
        first, end = (self._arrivals.opened_before(each, self._per_day) for each in (day, day + 1))
        for start in range(first, end, BLOCK):
            draws = Draws(self._seed, "ticket lives", day, start - first)
            tickets, category, severity = self._openings(day, start, min(BLOCK, end - start), draws)
            lives = _Lives(tickets, category, severity, self._desks, self.staff, draws)
            yield Cohort(day, (start - first) // BLOCK, tickets, partial(lives.lived, (day + LIFE_DAYS) * DAY))

    def _openings(self, day: int, first: int, count: int, draws: Draws) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        tickets = np.zeros(count, TICKET)
        market, tickets["opened_at"] = self._arrivals.openings(day, count, draws)
        category, tickets["topic"] = self.topics.draw(market, draws)
        severity = draws.weighted(count, SEVERITY_WEIGHTS)
        source = draws.weighted(count, SOURCE_WEIGHTS)
        channel = draws.weighted(count, HELPDESK_CHANNEL_WEIGHTS)
        for other, its_channel in CHANNEL_OF_SOURCE.items():
            channel[source == other] = its_channel
        tickets["number"], tickets["market"] = first + np.arange(count), market
        tickets["source"], tickets["channel"] = source, channel
        u = draws.uniform(count)
        customer = (u * (0.3 + 0.7 * u) * CUSTOMERS).astype(np.int64)  # some write more often than others
        is_second = draws.hits(count, 0.5) & (customer < VEHICLES - CUSTOMERS)
        tickets["customer"] = customer
        tickets["vehicle"] = np.where(draws.hits(count, HAS_VEHICLE), customer + CUSTOMERS * is_second, -1)
        due_at = tickets["opened_at"] + DEADLINE_HOURS[severity] * 3600
        tickets["due_at"] = np.where((source == Source.DEALER_CRM) & draws.hits(count, STATES_DEADLINE), due_at, 0)
        return tickets, category, severity


class _Lives:
    """The state of each ticket of a cohort, and what has happened so far.

    `who` is always an array of distinct rows of `tickets`. Every change happens after the one before it.
    """

    def __init__(self, tickets, category, severity, desks, staff, draws):
        self._tickets, self._desks, self._staff, self._draws = tickets, desks, staff, draws
        self._market = tickets["market"].astype(np.int64)
        self._now = tickets["opened_at"].copy()
        self._severity = severity
        self._status = np.full(len(tickets), Status.NEW)
        self._assignee = staff.queue_of_category[category]
        self._team = self._assignee.copy()
        self._changes: list[tuple[np.ndarray, np.ndarray]] = []

    def lived(self, before: int) -> tuple[np.ndarray, np.ndarray]:
        """The updates of whole lives, as far as they happen before a moment, and the row of each one's ticket."""
        self._live()
        ticket = np.concatenate([who for who, _ in self._changes])
        updates = stacked([changes for _, changes in self._changes])
        order = np.argsort(ticket, kind="stable")
        order = order[updates["at"][order] < before]
        ticket, updates = ticket[order], updates.take(order)
        firsts = np.searchsorted(ticket, np.arange(len(self._tickets)))
        updates["step"] = np.arange(len(ticket)) - firsts[ticket] + 1
        return updates, ticket

    def _live(self) -> None:
        everyone = np.arange(len(self._tickets))
        self._change(everyone, self._now, Event.CREATED, status=Status.NEW)
        cancelled, active = self._split(everyone, 0.015)
        self._change(
            cancelled, self._after_customer(cancelled, SECOND_THOUGHTS), Event.STATUS_CHANGED, status=Status.CANCELLED
        )
        routed, unrouted = self._split(active, IS_ROUTED)
        self._change(
            routed,
            self._after_work(routed, ASSIGNMENT),
            Event.ASSIGNED,
            status=Status.OPEN,
            assignee=self._some_agent(routed),
        )
        self._now[unrouted] = self._after_work(unrouted, ASSIGNMENT)
        self._assignee[unrouted] = self._some_agent(unrouted)
        for is_solved in IS_SOLVED:
            active = self._before_reply(active)
            solved, active = self._split(active, is_solved)
            self._solve(solved)
            self._reply(active)
            active = self._wait_for_customer(active)

    def _before_reply(self, who: np.ndarray) -> np.ndarray:
        """What agents do among themselves; those that remain to be replied to."""
        noted, _ = self._split(who, 0.07)
        self._change(noted, self._after_work(noted, REPLY), Event.INTERNAL_NOTE)
        changed, _ = self._split(who, 0.03)
        shift = np.where(self._draws.hits(len(changed), 0.65), -1, 1)
        severity = np.clip(self._severity[changed] + shift, 0, len(Severity) - 1)
        moved = severity != self._severity[changed]
        changed, severity = changed[moved], severity[moved]
        self._change(changed, self._after_work(changed, REPLY), Event.SEVERITY_CHANGED, severity=severity)
        escalated, _ = self._split(who, ESCALATES[self._severity[who]])
        self._change(escalated, self._after_work(escalated, REPLY), Event.ESCALATED, status=Status.ESCALATED)
        at_once, later = self._split(escalated, 0.5)
        self._team[escalated] = self._staff.second_line
        self._change(at_once, self._now[at_once], Event.ASSIGNED, assignee=self._some_agent(at_once), sequence=1)
        handed_over, _ = self._split(who, 0.04)
        upwards, _ = self._split(handed_over, 0.5)
        self._team[upwards] = self._staff.second_line
        handed_over = np.union1d(handed_over, later)
        agent = self._some_agent(handed_over)
        self._change(handed_over, self._after_work(handed_over, REPLY), Event.ASSIGNED, assignee=agent)
        held, _ = self._split(who, 0.05)
        self._change(held, self._after_work(held, REPLY), Event.STATUS_CHANGED, status=Status.ON_HOLD)
        self._change(held, self._after_work(held, REPAIR), Event.STATUS_CHANGED, status=Status.OPEN)
        _, remaining = self._split(who, 0.004)  # the others are forgotten
        return remaining

    def _reply(self, who: np.ndarray) -> None:
        asked, informed = self._split(who, 0.75)
        self._change(asked, self._after_work(asked, REPLY), Event.AGENT_REPLY, status=Status.PENDING)
        self._change(informed, self._after_work(informed, REPLY), Event.AGENT_REPLY, status=Status.OPEN)

    def _wait_for_customer(self, who: np.ndarray) -> np.ndarray:
        silent, answering = self._split(who, NOBODY_ANSWERS)
        given_up, silent = self._split(silent, 0.15)
        self._change(given_up, self._now[given_up] + 7 * DAY, Event.STATUS_CHANGED, status=Status.CANCELLED)
        self._change(silent, self._now[silent] + 5 * DAY, Event.STATUS_CHANGED, status=Status.RESOLVED)
        self._end(silent)
        replied_at = self._after_customer(answering, CUSTOMER_REPLY)
        self._change(answering, replied_at, Event.CUSTOMER_REPLY, status=Status.OPEN)
        return answering

    def _solve(self, who: np.ndarray) -> None:
        """Resolves: with a reply, just after one, or some time after the last."""
        at_once, longer = self._split(who, 0.47)
        self._change(at_once, self._after_work(at_once, REPLY), Event.AGENT_REPLY, status=Status.RESOLVED)
        answered, _ = self._split(longer, 0.9)
        self._change(answered, self._after_work(answered, REPLY), Event.AGENT_REPLY, status=Status.OPEN)
        explained, silent = self._split(longer, 0.3)
        self._change(explained, self._after_work(explained, SOLUTION), Event.AGENT_REPLY, status=Status.OPEN)
        self._change(explained, self._now[explained], Event.STATUS_CHANGED, status=Status.RESOLVED, sequence=1)
        self._change(silent, self._after_work(silent, SOLUTION), Event.STATUS_CHANGED, status=Status.RESOLVED)
        reopened, done = self._split(who, IS_REOPENED)
        self._end(done)
        replied_at = self._after_customer(reopened, SECOND_THOUGHTS)
        self._change(reopened, replied_at, Event.CUSTOMER_REPLY, status=Status.OPEN)
        self._change(reopened, self._after_work(reopened, REPLY), Event.AGENT_REPLY, status=Status.OPEN)
        self._change(reopened, self._after_work(reopened, SOLUTION), Event.STATUS_CHANGED, status=Status.RESOLVED)
        self._end(reopened)

    def _end(self, who: np.ndarray) -> None:
        """What may follow when a ticket is resolved for good."""
        rated, _ = self._split(who, IS_RATED)
        satisfaction = self._draws.weighted(len(rated), SATISFACTION_WEIGHTS) + 1
        resolved_at = self._now[who]
        self._change(rated, self._after_customer(rated, SECOND_THOUGHTS // 3), Event.RATED, satisfaction=satisfaction)
        closed_at = np.maximum(resolved_at + CLOSES_AFTER, self._now[who] + 60)
        closes = self._draws.hits(len(who), IS_CLOSED)
        self._change(who[closes], closed_at[closes], Event.STATUS_CHANGED, status=Status.CLOSED)

    def _change(self, who, at, event, *, status=None, severity=None, assignee=None, satisfaction=0, sequence=0) -> None:
        """Records a change of tickets `who` at moments `at`, and that they are then in that state."""
        if not len(who):
            return
        self._now[who] = at
        for state, value in ((self._status, status), (self._severity, severity), (self._assignee, assignee)):
            if value is not None:
                state[who] = value
        changes = np.zeros(len(who), UPDATE)
        changes["at"], changes["event"], changes["status"] = at, event, self._status[who]
        changes["severity"], changes["assignee"] = self._severity[who], self._assignee[who]
        changes["satisfaction"], changes["sequence"] = satisfaction, sequence
        self._changes.append((who, changes))

    def _split(self, who: np.ndarray, share) -> tuple[np.ndarray, np.ndarray]:
        hit = self._draws.hits(len(who), share)
        return who[hit], who[~hit]

    def _some_agent(self, who: np.ndarray) -> np.ndarray:
        return self._staff.choose(self._market[who], self._team[who], self._draws)

    def _delay(self, who: np.ndarray, minutes: np.ndarray) -> np.ndarray:
        """Seconds, at least one, spread around the median minutes of each ticket's severity."""
        factor = spread(self._draws.uniform(len(who)))
        return (factor * (minutes * 60)[self._severity[who]]).astype(np.int64) + 1

    def _after_work(self, who: np.ndarray, minutes: np.ndarray) -> np.ndarray:
        """When agents are through: after so much open time of the desk; for P1 someone is on call at any hour."""
        now, delay = self._now[who], self._delay(who, minutes)
        if not len(who):
            return now
        later = self._desks.later(self._market[who], now, delay)
        return np.where(self._severity[who] == Severity.P1, now + delay, later)

    def _after_customer(self, who: np.ndarray, minutes: np.ndarray) -> np.ndarray:
        """When customers act: at their own pace, seldom at night."""
        at = self._now[who] + self._delay(who, minutes)
        if not len(who):
            return at
        second = (at + self._desks.offset(self._market[who], at)) % DAY
        asleep = ((second < WAKES) | (second >= SLEEPS)) & self._draws.hits(len(who), 0.9)
        morning = (WAKES - second) % DAY + self._draws.below(len(who), 3 * 3600)
        return at + np.where(asleep, morning, 0)
