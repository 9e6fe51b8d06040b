"""Random hostile landings of support logs, calls and service records, and what must become of each of their lines."""

import itertools
import json
import random
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from landings import Sender

BLANK = (None, "", " \t\v\r\f")
ZERO = (0, "<0>", "<-0>", "<-0.0>", "<0e5>")
# Text, what is no number, and what no double holds.
NO_NUMBER = ("1", "x", "1e2", True, False, [1], {"value": 1}, "<1E400>", "<-1e400>", f"<1{'0' * 400}>")
NEGATIVE = (-1, -0.5, "<-1e-9>", "<-1E2>")
AGENTS = ("de-01", "de-02", "us-01", "uk-01", "jp-01", "nobody", "DE-01", 7)
TWINS = ("us-02", "us-03", "ghost", "us-04")
VEHICLES = tuple(f"V-{number}" for number in range(6))
NINETY_DAYS = timedelta(90)


def log_line(**fields):
    """A log that is accepted, but for what `fields` say otherwise."""
    fact = {"log_id": "L-1", "ticket_id": "T-1", "logged_at": "2026-03-02T09:00:00Z", "log_level": "INFO"}
    return json.dumps(fact | fields)


def call_line(**fields):
    """A call that is accepted, but for what `fields` say otherwise."""
    fact = {"call_id": "C-1", "agent_id": "de-01", "customer_id": "K-1"}
    return json.dumps(fact | {"start_time": "2026-03-02T09:00:00Z", "end_time": "2026-03-02T09:05:00Z"} | fields)


def service_line(**fields):
    """A service record that is accepted, but for what `fields` say otherwise."""
    fact = {"service_record_id": "S-1", "dealership_id": "D-1", "vehicle_id": "V-1", "service_type": "repair"}
    return json.dumps(fact | {"serviced_at": "2026-03-02T09:00:00Z"} | fields)


def random_feed_landings(seed, tickets):
    """A landing of each feed, on the days of `random_landing(seed)`.

    `tickets`: the keys of tickets that there are, or by key the moments (zone-aware) at which something happened to it.
    """
    moments = tickets if isinstance(tickets, Mapping) else dict.fromkeys(tickets, ())
    return {sender.feed: sender.landing() for sender in (Monitors(seed, moments), Phones(seed, moments), Garage(seed))}


def ticket_moments(landing):
    """The moments of each ticket of which a landing of ticket updates tells, as `random_feed_landings` takes them."""
    moments = {}
    for line in (line for lines in landing.lines.values() for line in lines if not line.reason):
        fields = json.loads(line.text)
        told = [fields[name].replace("Z", "+00:00") for name in ("created_at", "updated_at")]
        key = f"{line.identity[0]}:{fields['ticket_id']}"
        moments.setdefault(key, []).extend(datetime.fromisoformat(text).astimezone(timezone.utc) for text in told)
    return moments


class FeedSender(Sender):
    """Few ids, many repeats, and each fault in turn, alone or with one that is found later."""

    prefix: str
    id_field: str
    repeated, contradicted, broken = 0.15, 0.12, 0.3
    notes = (*Sender.notes, "<1e400>")

    def __init__(self, seed):
        super().__init__(seed)
        self.random = random.Random(f"{self.feed} {seed}")
        self.turn = itertools.count(self.random.randrange(40))
        self.numbers = itertools.count(8)
        self.ids = [7, "7"]

    def new_id(self, is_calm=False):
        """Often one that another fact has; a calm fact is the only one with its id."""
        own = f"{self.prefix}{next(self.numbers)}"
        if is_calm:
            return own
        self.ids.append(self.random.choice(self.ids) if self.chance(0.12) else own)
        return self.ids[-1]

    def identity(self, fact, text):
        return str(fact[self.id_field])

    def chosen(self, count):
        first = next(self.turn) % count
        return sorted({first, self.random.choice((first, first, self.random.randrange(first, count)))})

    def bad(self, values, *fields):
        return [(f"bad_{key}", {key: self.random.choice(values)}) for key in fields]

    def out_of_range(self, values, *fields):
        return [(f"out_of_range_{key}", {key: self.random.choice(values)}) for key in fields]

    def amount(self, most, *special):
        """None, zero, one of the special ones, or any up to `most`, each in some spelling."""
        amount = round(self.random.random() * most, self.random.choice((0, 1, 3)))
        spelled = self.random.choice((amount, f"<{amount}>", f"<{amount}E0>", f"<{amount}e+00>", int(amount)))
        return self.random.choice((*BLANK, self.random.choice((*ZERO, most)), *special, *[spelled] * 6))

    def near(self, moment):
        """That moment, or one just before or after."""
        return moment + self.random.choice((-1, 0, 0, 1)) * timedelta.resolution


class TicketFeedSender(FeedSender):
    """Names tickets: known ones, and ghosts."""

    def __init__(self, seed, moments):
        super().__init__(seed)
        self.moments = moments
        self.keys = sorted(moments) or ["helpdesk:T-1"]

    def ticket(self, key):
        source, _, ticket_id = self.random.choice((key, key, key, f"elsewhere:{key.partition(':')[2]}")).partition(":")
        is_number = ticket_id.isdecimal() and str(int(ticket_id)) == ticket_id
        return {
            "source": self.random.choice((*BLANK, source)) if source == "helpdesk" else source,
            "ticket_id": int(ticket_id) if is_number and self.chance(0.5) else ticket_id,
        }


class Monitors(TicketFeedSender):
    """What the systems behind tickets report."""

    feed, prefix, id_field, free_text = "support_logs", "l", "log_id", "message"
    ignored = log_line(log_id="ignored")

    def facts(self):
        pick, chance = self.random.choice, self.chance
        busy_key, busy_day = pick(self.keys), self.start + timedelta(self.random.randrange(self.days))
        for _ in range(self.random.randint(130, 220)):
            key = busy_key if chance(0.2) else pick((*self.keys, "helpdesk:ghost", "dealer-crm:ghost"))
            moment = self.moment(self.start - timedelta(pick((0, 0, 3, 40))), self.end)
            known = [told for told in self.moments.get(key, ()) if self.start <= told < self.end]
            if chance(0.3):
                moment = self.rounded(busy_day + timedelta(hours=self.random.random() * 23))
            elif known and chance(0.5):
                moment = self.near(pick(known))
            yield self.ticket(key) | {
                "log_id": self.new_id(),
                "logged_at": moment,
                "log_level": pick(("ERROR", "ERROR", "INFO", "WARN", "DEBUG")),
                "component": pick((*BLANK, "api", "api", "api", "Api", " api", 7, "充電")),
                "response_time_ms": "<1e308>" if chance(0.02) else self.amount(900, "<1e2>", 100, "<12.5>"),
                "cpu_percent": self.amount(100, "<1e2>", "<2.5E-1>"),
            }

    def latest(self, log):
        return log["logged_at"]

    def contradiction(self, log):
        moment = log["logged_at"] - self.step()
        return {"log_level": self.random.choice(("ERROR", "INFO")), "component": "other", "logged_at": moment}

    def faults(self, log, day):
        return [
            *self.missing("log_id", "ticket_id", "logged_at", "log_level"),
            *self.bad_timestamps("logged_at"),
            *self.bad(NO_NUMBER, "response_time_ms", "cpu_percent"),
            ("unknown_log_level", {"log_level": self.random.choice(("error", "ERROR ", "FATAL", 1))}),
            *self.out_of_range(NEGATIVE, "response_time_ms"),
            *self.out_of_range((*NEGATIVE, 101, 100.000001, "<1.01e2>", "<1e308>"), "cpu_percent"),
            self.in_the_future("logged_at", day),
        ]


class Phones(TicketFeedSender):
    """Calls: many of a few agents, some of whom have twins whose calls come to the same in each respect."""

    feed, prefix, id_field, free_text = "calls", "c", "call_id", "issue_type"
    ignored = call_line(call_id="ignored")

    def facts(self):
        for agent in AGENTS:
            for _ in range(self.random.choice((2, 20, 22, 24, 30, 45))):
                yield self.call(agent, self.new_id()) | self.outcome()
        # The second had the first one's calls in another order, the third each of them thrice, the last one too few.
        outcomes = [self.outcome() for _ in range(20)]
        for agent, had in zip(TWINS, (outcomes, outcomes, outcomes * 3, outcomes[1:]), strict=True):
            for outcome in self.random.sample(had, len(had)):
                yield self.call(agent, self.new_id(is_calm=True)) | outcome

    def call(self, agent, call_id):
        pick = self.random.choice
        ticket, day = self.ticket(pick((*self.keys, "helpdesk:ghost"))), self.start + timedelta(2)
        first, end = pick(((day, day + timedelta(1)), (self.start - timedelta(pick((0, 3, 400))), self.end)))
        return ticket | {
            "call_id": call_id,
            "agent_id": agent,
            "customer_id": pick((1, "1", "K-2", "K-3", " K-3")),
            "start_time": self.moment(first, end),
            "issue_type": pick((pick(BLANK), *["charging"] * 6, "billing", "Billing", 7)),
            "ticket_id": pick((*BLANK, ticket["ticket_id"], ticket["ticket_id"])),
        }

    def outcome(self):
        """How long the call takes, until it is told when it begins, and how it ends."""
        pick = self.random.choice
        half_hundredth = timedelta(seconds=0.3) * self.random.randrange(1, 4001, 2)
        seconds = pick((1e-6, 0.299999, 30, 60, 100, 3600, 90000, self.random.uniform(1, 3000)))
        return {
            "end_time": pick((timedelta(seconds=seconds), *[half_hundredth] * 3, self.near(half_hundredth))),
            "resolution": pick((*BLANK, "resolved", "resolved", "escalated", "Resolved", "resolved ", "pending")),
            "rating": pick((*BLANK, 1, 5, "<5.0>", "<50e-1>", 4, "<4.1>", 3.7, "<2.25>")),
        }

    def text(self, fields):
        if isinstance(fields["end_time"], timedelta):
            fields = fields | {"end_time": self.end_of(fields)}
        return super().text(fields)

    def end_of(self, call):
        begins = call["start_time"] if isinstance(call["start_time"], datetime) else self.start
        return begins + call["end_time"]

    def latest(self, call):
        """Calls may lie in the future."""
        return call["start_time"] - timedelta(self.random.choice((0, 0, 0, 4)))

    def contradiction(self, call):
        told = {"issue_type": self.random.choice(("other", None)), "customer_id": "K-4"}
        return told if call["agent_id"] in TWINS else told | self.outcome() | {"agent_id": self.random.choice(AGENTS)}

    def faults(self, call, day):
        never = self.random.choice((0, 0, -1e-6, -3600))
        return [
            *self.missing("call_id", "agent_id", "customer_id", "start_time", "end_time"),
            *self.bad_timestamps("start_time", "end_time"),
            *self.bad(NO_NUMBER, "rating"),
            ("not_positive_duration", {"end_time": timedelta(seconds=never)}),
            *self.out_of_range((*NEGATIVE, *ZERO, 0.99, 5.01, "<6e0>", "<1e308>"), "rating"),
        ]


class Garage(FeedSender):
    """Work on few vehicles: at the turn of months, and again with the same fault 90 days later, or not quite."""

    feed, prefix, id_field, free_text = "service_records", "s", "service_record_id", "notes"
    broken = 0.7
    ignored = service_line(service_record_id="ignored")

    def facts(self):
        pick, chance = self.random.choice, self.chance
        for _ in range(self.random.randint(90, 140)):
            vehicle, moment = pick(VEHICLES), self.moment(self.start - timedelta(pick((0, 30, 130, 130))), self.end)
            if chance(0.15):
                midnight = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
                moment = midnight - pick((0, 1)) * timedelta.resolution
            driven = (moment - self.start + timedelta(500)) // timedelta(hours=1)
            odometer = pick((None, "", driven, f"<{driven}.0>", f"<{driven / 10}e1>"))
            # The odometers of the first two never run back.
            if vehicle not in VEHICLES[:2] and chance(0.1):
                odometer = pick((*ZERO, "<1e5>"))
            yield self.record(vehicle, moment) | {"odometer_km": odometer, "failure_codes": self.failure_codes()}
        gaps = (NINETY_DAYS, NINETY_DAYS + timedelta.resolution, NINETY_DAYS - timedelta.resolution, timedelta(0))
        for chain, apart in enumerate(gaps * 2):
            last = self.moment(self.start, self.end)
            for moment in (last, last - apart, last - apart - pick((timedelta(0), NINETY_DAYS)))[: pick((2, 2, 3))]:
                told = {"odometer_km": pick((None, 90, 95, 100, 100.5)), "failure_codes": [f"B{chain}"]}
                yield self.record(f"V-{6 + chain}", moment, is_calm=True) | told | {"vehicle_model": "E1"}

    def record(self, vehicle, moment, is_calm=False):
        pick = self.random.choice
        fact = {
            "service_record_id": self.new_id(is_calm),
            "dealership_id": pick(("D-1", "D-1", "D-2", 3)),
            "vehicle_id": vehicle,
            "serviced_at": moment,
            "service_type": pick(("maintenance", "repair", "repair", "recall", "inspection", "warranty")),
            "vehicle_model": pick((*BLANK, "E1", "E1", "E2", 500)),
            "technician_id": pick((None, "t-1", 12)),
            "city": pick((None, "Köln", "")),
            "parts": self.parts(),
            "labor_hours": pick((*BLANK, *ZERO, 1.5, "<1e1>", "<1e308>")),
            "labor_cost": pick((None, self.amount(400, "<1e2>"))),
            "is_warranty": pick((*BLANK, True, True, False)),
        }
        parts = fact["parts"] if isinstance(fact["parts"], list) else []
        prices = {fact["labor_cost"], *(part.get("unit_price") for part in parts)} - set(BLANK)
        currencies = ("EUR", "EUR", "USD", "JPY")
        return fact | {"currency": pick(currencies if prices else (*BLANK, *currencies))}

    def failure_codes(self):
        codes = ("P0420", "P0420", "U0100", 420, "420", " P0420", "", None, " \t")
        return self.random.choice((*BLANK, [], *[self.random.choices(codes, k=self.random.randint(1, 5))] * 5))

    def parts(self):
        pick = self.random.choice
        return pick((*BLANK, [], *[[self.part() for _ in range(pick((1, 1, 2, 2, 3, 6)))]] * 5))

    def part(self):
        pick = self.random.choice
        part = {
            "part_code": pick(("BRK-1", "BRK-1", "BAT-2", "bat-2", 12, "12", f"R-{self.random.randrange(5)}")),
            "part_name": pick((*BLANK, "Bremsbelag", 7)),
            "quantity": pick((1, 1, 2, "<1e0>", "<2.50>", 0.5, 0.1, "<4E+1>")),
            "unit_price": self.amount(100, "<1e3>", "<19.99>"),
            "part_note": pick((None, [{"quantity": 0}])),
        }
        return {key: value for key, value in part.items() if value is not None or self.chance(0.5)}

    def latest(self, record):
        return record["serviced_at"]

    def contradiction(self, record):
        if record["vehicle_id"] not in VEHICLES:
            return {"dealership_id": "D-9"}
        other = {"vehicle_id": self.random.choice(VEHICLES[2:]), "serviced_at": record["serviced_at"] - self.step()}
        return other | {"service_type": "inspection", "failure_codes": self.failure_codes()}

    def faults(self, record, day):
        pick = self.random.choice
        part = {"part_code": "BRK-1", "quantity": 1, "unit_price": 5}
        bad_part = part | pick(
            (
                {pick(("part_code", "quantity")): pick(BLANK)},
                *({"quantity": pick(values)} for values in (NO_NUMBER, NEGATIVE, ZERO)),
                *({"unit_price": pick(values)} for values in (NO_NUMBER, NEGATIVE)),
            )
        )
        bad_parts = (part, "x", 7, True, {}, *([element] for element in (None, "", "x", 7, [], [part], {})))
        free = {"labor_cost": None, "parts": [{"part_code": "BRK-1", "quantity": 1}], "currency": pick(BLANK)}
        priced = pick(({"labor_cost": pick((*ZERO, 5))}, {"parts": [part]}, {"parts": [part | {"unit_price": 0}]}))
        return [
            *self.missing("service_record_id", "dealership_id", "vehicle_id", "serviced_at", "service_type"),
            *self.bad_timestamps("serviced_at"),
            *self.bad(NO_NUMBER, "odometer_km", "labor_hours", "labor_cost"),
            *self.bad(("EURO", "eur", "QQQ", " EUR", 978), "currency"),
            *self.bad(("true", "false", 1, 0, "<1.0>", [], {}), "is_warranty"),
            ("unknown_service_type", {"service_type": pick(("Repair", "repair ", "wash", 1))}),
            *self.out_of_range(NEGATIVE, "odometer_km", "labor_hours", "labor_cost"),
            ("bad_parts", {"parts": pick((*bad_parts, *[[part, bad_part], [bad_part]] * 6))}),
            *self.bad(("P0420", 420, True, {}, [1.5], ["<1.0>"], ["<1e2>"], [True], [{}], ["P1", []]), "failure_codes"),
            ("missing_currency", free | priced),
            self.in_the_future("serviced_at", day),
        ]
