"""The feed `service_records`: work done on the vehicles of tickets.

A ticket about a defect leads to a repair, and now and then to another one for the same failure; and vehicles of tickets
come for maintenance, inspections and recalls. Distances grow with a vehicle's age, whatever the ticket.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import pyarrow as pa

from generator.calendars import DAY
from generator.defects import NO_NUMBERS, NO_TIMESTAMPS, Defect, in_the_future, instead, missing, not_json, without
from generator.draws import Draws, Pools
from generator.identities import ticket_numbers, vehicles
from generator.lake import Parameters
from generator.mishaps import LONGEST_DELAY, landed
from generator.money import Money
from generator.seeds import Failure, Part
from generator.text import Combinations, digits, join, member, pick, table, timestamps, where, with_offset
from generator.ticket_lives import TicketLives
from generator.tickets import Cohort
from generator.vehicles import MODELS, Vehicles
from generator.world import World


class Visit(IntEnum):
    """Why a vehicle comes; at most one of each for a ticket."""

    REPAIR, AGAIN, MAINTENANCE, INSPECTION, RECALL = range(5)


class Service(IntEnum):
    MAINTENANCE, REPAIR, RECALL, INSPECTION, WARRANTY = range(5)


SERVICES = np.array([Service.REPAIR, Service.REPAIR, Service.MAINTENANCE, Service.INSPECTION, Service.RECALL])

SERVICE_DAYS = 91  # from a ticket's opening to the last visit that it leads to, at most
SOON, LATER = 12, 85  # days after the opening, by which a defect is repaired; by which a vehicle comes for all else
AGAIN_AFTER, AGAIN_WITHIN = 6, 50  # days after the repair
OPENS, MINUTES = 8 * 3600, 9 * 60  # local time at a service centre, from Monday to Friday

IS_REPAIRED = {  # by category
    "charging": 0.32, "battery": 0.5, "infotainment": 0.24, "app": 0.02, "billing": 0.02, "delivery": 0.08,
    "warranty": 0.5, "breakdown": 0.8, None: 0.25,
}  # fmt: skip
COMES_AGAIN = 0.18
COMES = {Visit.MAINTENANCE: 0.52, Visit.INSPECTION: 0.17, Visit.RECALL: 0.06}
SYSTEMS_OF_CATEGORY = {
    "charging": ("charging",),
    "battery": ("battery", "electrics"),
    "infotainment": ("infotainment",),
    "breakdown": ("drivetrain", "electrics", "chassis", "brakes", "tyres"),
    "warranty": ("body", "climate", "chassis"),
}
MAINTAINED, CHEAP = ("brakes", "tyres", "climate", "body"), 20_000  # systems; cents, above which one part is enough
BY_THE_LITRE = 2000  # cents; what costs less comes in litres
FINDS_SOMETHING = np.array([0.08, 1, 1, 0.16, 1])  # by service
FINDS_MORE = 0.15
MAKERS_DAYS, MAKERS_SHARE, CLAIMED_SHARE = 3 * 365, 0.45, 0.75  # repairs under warranty: of young vehicles, if claimed

PARTS, FAILURES = 3, 2  # of a record, at most
PART_WEIGHTS = ((0, 5, 3, 2), (0, 55, 33, 12), (0, 1, 0, 0), (8, 2, 0, 0), (0, 55, 33, 12))  # how many, by service
PIECES, LITRES = ("1", "2", "4"), ("0.5", "1.5", "3", "6")
PIECES_WEIGHTS, LITRES_WEIGHTS = (75, 18, 7), (30, 30, 25, 15)
HOURS = np.array([[8, 25], [8, 60], [5, 20], [5, 12], [8, 60]])  # tenths, by service, at least and at most
LABOR = 10_800  # cents an hour
HAS_HOURS, HAS_PRICES, HAS_ODOMETER, HAS_MODEL, HAS_TECHNICIAN, HAS_CITY, HAS_NOTES = (
    0.93, 0.93, 0.96, 0.98, 0.95, 0.97, 0.6
)  # fmt: skip
HAS_EMPTY_PARTS, SAYS_NO_WARRANTY = 0.4, 0.35
MISTYPED = 0.01  # odometers without their last digit

DEALERSHIPS, TECHNICIANS = 8, 5  # of a market, of a dealership
STAYS_HOME = 0.8  # of visits, those to the vehicle's own dealership
NOTES = {
    Service.MAINTENANCE: ("Service by schedule", "Fluids and filters checked", "Next service in two years"),
    Service.REPAIR: ("Repaired and test driven", "Customer waited", "Loan car for two days"),
    Service.RECALL: ("Campaign work done", "Campaign work done, software updated", "Part exchanged for the campaign"),
    Service.INSPECTION: ("No findings", "Advised to replace tyres before winter", "Inspected for sale"),
    Service.WARRANTY: ("Claim sent to the maker", "Old part kept for the maker", "Goodwill, photos attached"),
}
ACTIONS = ("replaced", "repaired, test drive without findings", "watched for now", "software updated")

LINE = np.dtype(
    [
        ("number", np.int64),  # of the ticket that led to it
        ("at", np.int64),
        ("vehicle", np.int32),
        ("odometer", np.int32),  # -1 for none
        ("note", np.int32),
        ("place", np.int32),
        ("parts", np.int16, PARTS),  # -1 for none
        ("failures", np.int16, FAILURES),  # -1 for none
        ("market", np.int16),
        ("hours", np.int16),  # tenths, -1 for none
        ("quantities", np.int8, PARTS),
        ("dealership", np.int8),  # of the market
        ("technician", np.int8),  # of the dealership, -1 for none
        ("visit", np.int8),
        ("service", np.int8),
        ("warranty", np.int8),  # 1 for yes, 2 for no, 0 for not said
        ("has_prices", np.int8),
        ("has_parts", np.int8),
        ("has_model", np.int8),
        ("has_city", np.int8),
    ],
    align=True,
)


class ServiceRecords:
    """Turns tickets into service records, a LINE array, and service records into text."""

    name = "service_records"
    window = SERVICE_DAYS + LONGEST_DELAY

    def __init__(self, world: World, parameters: Parameters, lives: TicketLives):
        seeds = world.seeds
        self._seed, self._shares = parameters.seed, parameters.shares
        self._desks, self._topics, self._fleet = world.desks, lives.topics, Vehicles(parameters.seed, parameters.start)
        categories = [*lives.topics.categories, None]  # at -1: tickets without a category
        self._is_repaired = np.array([IS_REPAIRED[category] for category in categories])
        self._is_claim = np.array([category == "warranty" for category in categories])
        self._failures = Pools([_of(seeds.failures, SYSTEMS_OF_CATEGORY.get(each, ())) for each in categories])
        every = range(len(seeds.parts))
        maintained = [n for n in _of(seeds.parts, MAINTAINED) if seeds.parts[n].cents <= CHEAP] or every
        self._parts = Pools([maintained, *(_of(seeds.parts, (failure.system,)) for failure in seeds.failures)])
        self._failure_count = len(seeds.failures)
        cents = np.array([part.cents for part in seeds.parts])
        self._is_litre, self._is_cheap = cents < BY_THE_LITRE, cents <= CHEAP

        self._vehicles = vehicles()
        self._places = table(_places(seeds.markets, lives.topics.places))
        self._services = Combinations(
            [member("service_type", service.name.lower()) for service in Service],
            ["", *(member("vehicle_model", model) for model in MODELS)],
        )
        plain = [note for service in Service for note in NOTES[service]]
        found = [f"{failure.failure_name}: {action}" for failure in seeds.failures for action in ACTIONS]
        self._notes = table([member("notes", note) for note in ["", *plain, *found]])
        codes = [json.dumps(failure.failure_code, ensure_ascii=False) for failure in seeds.failures]
        self._first_failures = table(["", *(f',"failure_codes":[{code}' for code in codes)])
        self._second_failures = table(["", "]", *(f",{code}]" for code in codes)])
        begun = [member("part_code", part.part_code)[1:] + member("part_name", part.part_name) for part in seeds.parts]
        self._part_beginnings = table(
            [text for start in ("{", ",{") for text in ("", *(f'{start}{each},"quantity":' for each in begun))]
        )
        self._quantities = table(["", *PIECES, *LITRES])
        monies = [Money.of(market) for market in seeds.markets]
        self._part_ends = table([text for money in monies for text in _prices(money, seeds.parts)])
        self._labor = table([text for money in monies for text in _labor(money)])
        self._array_beginnings, self._array_ends = table(["", ',"parts":[']), table(["", "]"])
        self._ends = table([f"{text}}}\n" for text in ("", ',"is_warranty":true', ',"is_warranty":false')])
        self._lasting_defects = _lasting_defects()

    def lines(self, cohort: Cohort) -> tuple[np.ndarray, np.ndarray]:
        """Visits that the tickets of a cohort lead to, and the day number that each one's record lands on."""
        draws = Draws(self._seed, self.name, cohort.day, cohort.block)
        records = self._records(cohort.tickets.take(np.flatnonzero(cohort.tickets["vehicle"] >= 0)), draws)
        return landed(records, records["at"], self._shares, draws)

    def _records(self, tickets: np.ndarray, draws: Draws) -> np.ndarray:
        size, category = len(tickets), self._topics.category(tickets["topic"])
        failure = self._failures.draw(category, draws)
        repaired_after = 1 + draws.below(size, SOON)
        is_repaired = draws.hits(size, self._is_repaired[category])
        comes_again = is_repaired & draws.hits(size, COMES_AGAIN)
        visits = [(Visit.REPAIR, is_repaired, repaired_after)]
        visits.append((Visit.AGAIN, comes_again, repaired_after + AGAIN_AFTER + draws.below(size, AGAIN_WITHIN)))
        for visit, share in COMES.items():
            visits.append((visit, draws.hits(size, share), 1 + draws.below(size, LATER)))

        comes = np.stack([comes for _, comes, _ in visits])
        visit, row = np.nonzero(comes)
        records = np.zeros(len(row), LINE)
        for name in ("number", "vehicle", "market"):
            records[name] = tickets[name][row]
        records["visit"], records["failures"][:, 0] = visit, failure[row]
        records["at"] = self._at(tickets.take(row), np.stack([after for *_, after in visits])[comes], draws)
        records["service"] = self._service(records, category[row], draws)
        self._work(records, draws)
        self._describe(records, draws)
        return records

    def _at(self, tickets: np.ndarray, days: np.ndarray, draws: Draws) -> np.ndarray:
        """A minute in the hours of a service centre, some local days after the tickets' opening, or on the Monday."""
        market, opened_at = tickets["market"], tickets["opened_at"]
        offset = self._desks.offset(market, opened_at)
        day = (opened_at + offset) // DAY + days
        weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
        day += np.where(weekday < 5, 0, 7 - weekday)
        local = day * DAY + OPENS + 60 * draws.below(len(day), MINUTES)
        return local - self._desks.offset(market, local - offset)

    def _service(self, records: np.ndarray, category: np.ndarray, draws: Draws) -> np.ndarray:
        """What is done: repairs by warranty if the vehicle is young, or if the ticket is about that."""
        is_young = self._fleet.age(records["vehicle"], records["at"]) < MAKERS_DAYS
        share = np.where(self._is_claim[category], CLAIMED_SHARE, np.where(is_young, MAKERS_SHARE, 0))
        service = SERVICES[records["visit"]]
        is_covered = (service == Service.REPAIR) & draws.hits(len(records), share)
        return np.where(is_covered, Service.WARRANTY, service)

    def _work(self, records: np.ndarray, draws: Draws) -> None:
        """Failures, parts and hours."""
        size, service = len(records), records["service"]
        failures = records["failures"]
        is_recall = service == Service.RECALL  # each model has its own
        failures[is_recall, 0] = self._fleet.model[records["vehicle"][is_recall]] * 7 % self._failure_count
        failures[~draws.hits(size, FINDS_SOMETHING[service]), 0] = -1
        others = draws.below(size, self._failure_count)
        finds_more = draws.hits(size, FINDS_MORE) & (failures[:, 0] >= 0) & (others != failures[:, 0])
        failures[:, 1] = np.where(finds_more, others, -1)

        u = draws.uniform(size)
        shares = np.cumsum(PART_WEIGHTS, axis=1)
        count = (u[:, None] * shares[:, -1:][service] >= shares[service]).sum(axis=1)
        is_due = (service == Service.MAINTENANCE) | (failures[:, 0] < 0)
        pool = np.where(is_due, 0, failures[:, 0] + 1)
        for slot in range(PARTS):
            part = self._parts.draw(pool, draws)
            known = (records["parts"][:, :slot] == part[:, None]).any(axis=1)
            part = np.where((slot < count) & ~known, part, -1)
            records["parts"][:, slot] = part
            pieces, litres = draws.weighted(size, PIECES_WEIGHTS), draws.weighted(size, LITRES_WEIGHTS)
            quantity = 1 + np.where(self._is_litre[part], len(PIECES) + litres, pieces * self._is_cheap[part])
            records["quantities"][:, slot] = np.where(part < 0, 0, quantity)
        records["has_parts"] = (count > 0) | draws.hits(size, HAS_EMPTY_PARTS)
        u, (least, most) = draws.uniform(size), HOURS[service].T
        records["hours"] = np.where(draws.hits(size, HAS_HOURS), least + (u * u * (most - least)).astype(np.int64), -1)
        records["has_prices"] = draws.hits(size, HAS_PRICES)

    def _describe(self, records: np.ndarray, draws: Draws) -> None:
        """Where it was done, by whom, and what they wrote down."""
        size, service, vehicle = len(records), records["service"], records["vehicle"]
        is_home = draws.hits(size, STAYS_HOME)
        away = draws.below(size, DEALERSHIPS)
        records["dealership"] = np.where(is_home, self._fleet.home[vehicle] % DEALERSHIPS, away)
        technician = draws.below(size, TECHNICIANS)
        records["technician"] = np.where(draws.hits(size, HAS_TECHNICIAN), technician, -1)
        odometer = self._fleet.odometer(vehicle, records["at"])
        odometer = np.where(draws.hits(size, MISTYPED), odometer // 10, odometer)
        records["odometer"] = np.where(draws.hits(size, HAS_ODOMETER), odometer, -1)
        is_covered = (service == Service.WARRANTY) | (service == Service.RECALL)
        says_no = draws.hits(size, SAYS_NO_WARRANTY)
        records["warranty"] = np.where(is_covered, 1, np.where(says_no, 2, 0))
        failure, kinds = records["failures"][:, 0], len(NOTES[Service.REPAIR])
        plain = 1 + service * kinds + draws.below(size, kinds)
        found = 1 + len(Service) * kinds + failure * len(ACTIONS) + draws.below(size, len(ACTIONS))
        records["note"] = np.where(draws.hits(size, HAS_NOTES), np.where(failure < 0, plain, found), 0)
        records["has_model"] = draws.hits(size, HAS_MODEL)
        records["has_city"] = draws.hits(size, HAS_CITY)

    def text(self, lines: np.ndarray) -> pa.StringArray:
        """The JSON text of each line, with its line feed."""
        market = lines["market"].astype(np.int64)
        place = (market * DEALERSHIPS + lines["dealership"]) * (TECHNICIANS + 1) + lines["technician"] + 1
        offset = self._desks.offset(market, lines["at"])
        has_odometer = lines["odometer"] >= 0
        odometer = join(',"odometer_km":', digits(lines["odometer"][has_odometer]))
        model = np.where(lines["has_model"], self._fleet.model[lines["vehicle"]] + 1, 0)
        first, second = lines["failures"].T
        priced = market * 2 + lines["has_prices"]
        return join(
            '{"service_record_id":"SR-',
            ticket_numbers(lines["number"]),
            "-",
            digits(lines["visit"] + 1),
            '"',
            pick(self._places, place * 2 + lines["has_city"]),
            pick(self._vehicles, lines["vehicle"] + 1),
            ',"serviced_at":"',
            *timestamps(lines["at"] + offset, with_offset(offset)),
            self._services.pick(lines["service"], model),
            where(has_odometer, odometer),
            pick(self._notes, lines["note"]),
            pick(self._first_failures, first + 1),
            pick(self._second_failures, np.where(first < 0, 0, second + 2)),
            pick(self._array_beginnings, lines["has_parts"]),
            *self._parts_text(lines, priced),
            pick(self._array_ends, lines["has_parts"]),
            pick(self._labor, priced * (HOURS.max() + 2) + lines["hours"] + 1),
            pick(self._ends, lines["warranty"]),
        )

    def _parts_text(self, lines: np.ndarray, priced: np.ndarray) -> list[pa.StringArray]:
        """The parts of each line, an array of texts for the first of them, one for the second, and so on."""
        size, kinds = len(lines), len(self._is_litre) + 1
        part = lines["parts"].T.ravel() + 1
        is_later = np.arange(len(part)) >= size
        texts = join(
            pick(self._part_beginnings, is_later * kinds + part),
            pick(self._quantities, lines["quantities"].T.ravel()),
            pick(self._part_ends, np.tile(priced, PARTS) * kinds + part),
        )
        return [texts.slice(slot * size, size) for slot in range(PARTS)]

    def defects(self, day: int) -> list[Defect]:
        """Ways to break a line that lands on a day: at least one for every reason for which a line is refused."""
        return self._lasting_defects + in_the_future("serviced_at", day)


def _of(entries: Sequence[Part | Failure], systems: Sequence[str]) -> Sequence[int]:
    """The entries (indices) for these systems; all, if there are none."""
    return [n for n, entry in enumerate(entries) if entry.system in systems] or range(len(entries))


def _places(markets: Sequence[str], places: Sequence[Sequence[str]]) -> list[str]:
    """Each dealership, with no technician and with each of its own, without its city and with it."""
    texts = []
    for market, some in zip(markets, places, strict=True):
        cities = list(dict.fromkeys(some))
        for n in range(DEALERSHIPS):
            name, city = f"{market}-D{n + 1:02}", member("city", cities[n % len(cities)])
            for technician in ["", *(f"{name}-T{m + 1}" for m in range(TECHNICIANS))]:
                text = member("dealership_id", name) + member("technician_id", technician)
                texts += [text, text + city]
    return texts


def _prices(money: Money, parts: Sequence[Part]) -> list[str]:
    """How each part, and none, ends without prices, then with them."""
    priced = [f',"unit_price":{money.text(money.units(part.cents))}}}' for part in parts]
    return ["", *("}" for _ in parts), "", *priced]


def _labor(money: Money) -> list[str]:
    """No hours, then tenths of hours from none on; first without prices, then with their price and the currency."""
    tenths = range(HOURS.max() + 1)
    hours = [f',"labor_hours":{tenth // 10}.{tenth % 10}' for tenth in tenths]
    costs = [f',"labor_cost":{money.text(money.units(LABOR * tenth // 10))}' for tenth in tenths]
    currency = member("currency", money.currency)
    return ["", *hours, currency, *(each + cost + currency for each, cost in zip(hours, costs, strict=True))]


def _lasting_defects() -> list[Defect]:
    """Those that are the same on every day."""
    numbers = ("odometer_km", "labor_hours", "labor_cost")
    defects = not_json()
    for key in ("service_record_id", "dealership_id", "vehicle_id", "serviced_at", "service_type"):
        defects += missing(key)
    defects += instead("bad_serviced_at", "serviced_at", NO_TIMESTAMPS)
    for key in numbers:
        defects += instead(f"bad_{key}", key, NO_NUMBERS)
    defects += instead("bad_currency", "currency", ('"eur"', '"EURO"', '"ZZZ"'))
    defects += instead("bad_is_warranty", "is_warranty", ('"true"', '"yes"', "1"))
    defects += instead("unknown_service_type", "service_type", ('"Repair"', '"tyres"', '"service"'))
    for key in numbers:
        defects += instead(f"out_of_range_{key}", key, ("-1", "-0.5"))
    no_parts = (
        '"BAT-1010"',
        '{"part_code":"BAT-1010","quantity":1}',
        '["BAT-1010"]',
        "[null]",
        '[{"part_code":"BAT-1010"}]',
        '[{"quantity":1}]',
        '[{"part_code":"BAT-1010","quantity":0}]',
        '[{"part_code":"BAT-1010","quantity":"1"}]',
        '[{"part_code":"BAT-1010","quantity":1,"unit_price":-1}]',
    )
    defects += instead("bad_parts", "parts", no_parts)
    defects += instead(
        "bad_failure_codes", "failure_codes", ('"BAT-F01"', '{"code":"BAT-F01"}', '[["BAT-F01"]]', "[true]")
    )
    edits = without("currency"), *instead("missing_currency", "labor_cost", ("99.5",))[0].edits
    return [*defects, Defect("missing_currency", edits)]
