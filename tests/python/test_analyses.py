"""Each analysis, run on a generated lake, says what plain Python makes of the facts, and is listed where one looks."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import ceil
from statistics import fmean
from types import SimpleNamespace

import pytest
from lakes import PROJECT, Dbt, Lake, same
from landings import file_of
from rare_lines import rare_lines

from generator.cli import main

LAST_DAY = date(2026, 2, 15)
FACTS = (
    *("fct_tickets", "fct_ticket_periods", "fct_ticket_slas", "fct_support_logs", "fct_calls"),
    *("fct_service_records", "fct_service_parts", "fct_service_failures", "dim_markets", "dim_agents", "int_as_of"),
)
ANALYSES = sorted(path.stem for path in (PROJECT / "analyses").glob("*.sql"))
DAY = timedelta(1)


@dataclass
class Built:
    """The facts of a lake, a namespace a row, and what each analysis says: its columns, and its rows in order."""

    facts: dict[str, list[SimpleNamespace]]
    found: dict[str, tuple[list[str], list[tuple]]]

    def __getattr__(self, name):
        return self.facts[name]

    @property
    def as_of(self):
        return self.facts["int_as_of"][0].as_of


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("analyses")
    lake, dbt = Lake(folder / "lake"), Dbt(folder / "dbt")
    span = ["--start", "2025-10-15", "--end", str(LAST_DAY)]
    assert main(["generate", "--count", "300", *span, "--output", str(lake.raw)]) == 0
    for feed, lines in rare_lines(LAST_DAY).items():
        lake.land({f"dt={LAST_DAY}/rare.jsonl": file_of(*lines)}, feed)
    dbt.build(lake)
    compiled = dbt.run(lake, "compile", "--select", "resource_type:analysis")
    dbt.close()
    assert compiled.exit_code == 0, compiled.output
    found = {}
    with lake.connect() as database:

        def rows(sql):
            result = database.execute(sql)
            return [name for name, *_ in result.description], result.fetchall()

        for name in ANALYSES:
            found[name] = rows((dbt.home / "target/compiled/ticketlake/analyses" / f"{name}.sql").read_text())
        facts = {}
        for table in FACTS:
            names, values = rows(f"from {table}")
            facts[table] = [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in values]
    return Built(facts, found)


# ---------- what each should say


def grouped(rows, *columns):
    """Rows by the values of these columns; one that is null is (none)."""
    groups = defaultdict(list)
    for row in rows:
        values = tuple("(none)" if getattr(row, column) is None else getattr(row, column) for column in columns)
        groups[values if len(columns) > 1 else values[0]].append(row)
    return groups


def given(rows, column):
    return [getattr(row, column) for row in rows if getattr(row, column) is not None]


def mean(values):
    return fmean(values) if values else None


def rank(values, share=Fraction(1, 2)):
    """The smallest value that at least that share of the values do not exceed."""
    return sorted(values)[ceil(share * len(values)) - 1] if values else None


NINETY = Fraction(9, 10)


def breach_rate(tickets):
    return mean([float(value) for value in given(tickets, "is_sla_breached")])


def months_before(month, count):
    """The first day of the month that many months before."""
    number = month.year * 12 + month.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)


def month_of(moment):
    return date(moment.year, moment.month, 1)


def daily_ticket_volume(lake):
    created = Counter(ticket.created_at.date() for ticket in lake.fct_tickets)
    first = min(created)
    days = [first + DAY * number for number in range((lake.as_of.date() - first).days + 1)]
    for place, day in reversed(list(enumerate(days))):
        yield day, created[day], mean([created[each] for each in days[max(0, place - 6) : place + 1]])


def severity_distribution(lake):
    for severity, tickets in sorted(grouped(lake.fct_tickets, "severity").items()):
        share = len(tickets) / len(lake.fct_tickets)
        yield severity, len(tickets), share, sum(ticket.is_open for ticket in tickets)


def sla_breach_rate_against_target(lake):
    for (metric, severity), clocks in sorted(grouped(lake.fct_ticket_slas, "metric", "severity").items()):
        breached = sum(clock.breached_at is not None for clock in clocks)
        running = sum(clock.breached_at is None and clock.stopped_at is None for clock in clocks)
        rate = breached / len(clocks)
        yield metric, severity, len(clocks), running, breached, rate, 0.1, rate <= 0.1


def resolution_times(tickets):
    hours, business = (given(tickets, column) for column in ("resolution_hours", "resolution_business_hours"))
    return len(tickets), mean(hours), rank(hours), mean(business), rank(business)


def resolution_time(lake):
    resolved = [ticket for ticket in lake.fct_tickets if ticket.resolved_at]
    yield None, *resolution_times(resolved)
    for month in sorted({month_of(ticket.resolved_at) for ticket in resolved}, reverse=True):
        yield month, *resolution_times([ticket for ticket in resolved if month_of(ticket.resolved_at) == month])


def tickets_by_market(lake):
    tickets = grouped(lake.fct_tickets, "market")
    for market in sorted(lake.dim_markets, key=lambda row: (-len(tickets[row.market]), row.market)):
        ours = tickets[market.market]
        share = len(ours) / len(lake.fct_tickets)
        yield market.market, market.market_name, len(ours), share, sum(ticket.is_open for ticket in ours)


def top_categories(lake):
    categories = sorted(grouped(lake.fct_tickets, "category").items(), key=lambda group: (-len(group[1]), group[0]))
    for place, (category, tickets) in enumerate(categories[:10], 1):
        share = len(tickets) / len(lake.fct_tickets)
        yield place, category, len(tickets), share, breach_rate(tickets), rank(given(tickets, "resolution_hours"))


def open_against_closed_by_week(lake):
    """From the periods: each ticket is opened when it begins to be open, and closed when it no longer is."""
    opened, closed, reopened, open_at_end = Counter(), Counter(), Counter(), Counter()
    first = min(ticket.created_at.date() for ticket in lake.fct_tickets)
    weeks = [first - DAY * first.weekday()]
    while weeks[-1] + DAY * 7 <= lake.as_of.date():
        weeks.append(weeks[-1] + DAY * 7)
    for periods in grouped(lake.fct_ticket_periods, "ticket_key").values():
        was_open = None
        for period in sorted(periods, key=lambda period: period.valid_from):
            week = period.valid_from.date() - DAY * period.valid_from.weekday()
            is_open = period.status not in ("resolved", "closed", "cancelled")
            opened[week] += was_open is None
            closed[week] += not is_open and was_open is not False
            reopened[week] += is_open and was_open is False
            was_open = is_open
            for end in weeks if is_open else ():
                midnight = datetime.combine(end + DAY * 7, datetime.min.time())
                open_at_end[end] += period.valid_from < midnight and midnight <= (period.valid_to or datetime.max)
    for week in reversed(weeks):
        yield week, opened[week], closed[week], reopened[week], open_at_end[week]


def open_p1_tickets(lake):
    tickets = [ticket for ticket in lake.fct_tickets if ticket.is_open and ticket.severity == "P1"]
    for ticket in sorted(tickets, key=lambda row: (row.resolution_due_at or datetime.max, row.ticket_key)):
        due = ticket.resolution_due_at
        overdue = (lake.as_of - due) / timedelta(hours=1) if due and due < lake.as_of else None
        shown = (ticket.market, ticket.status, ticket.team, ticket.agent_id, ticket.subject, ticket.created_at)
        yield ticket.ticket_key, *shown, due, overdue


def resolution_time_by_severity(lake):
    resolved = [ticket for ticket in lake.fct_tickets if ticket.resolved_at]
    for severity, tickets in sorted(grouped(resolved, "severity").items()):
        hours, business = (given(tickets, column) for column in ("resolution_hours", "resolution_business_hours"))
        yield severity, len(tickets), mean(hours), rank(hours), rank(hours, NINETY), rank(business)


def market_by_severity(lake):
    counts = Counter((ticket.market, ticket.severity) for ticket in lake.fct_tickets)
    for market in sorted(row.market for row in lake.dim_markets):
        cells = [counts[market, severity] for severity in ("P1", "P2", "P3", "P4")]
        yield market, *cells, sum(cells)


def runs_out_next(lake):
    clocks = [
        clock
        for clock in lake.fct_ticket_slas
        if clock.stopped_at is None and clock.breached_at is None and clock.due_at
        if clock.due_at < lake.as_of + timedelta(hours=4)
    ]
    for clock in sorted(clocks, key=lambda row: (row.due_at, row.ticket_key, row.metric)):
        yield clock.ticket_key, clock.metric, clock.severity, clock.due_at


def tickets_wait(lake):
    """From the periods, whose hours go to as_of."""
    phases = {"pending": 1, "on_hold": 2, "resolved": None, "closed": None, "cancelled": None}
    spent = defaultdict(lambda: [0.0, 0.0, 0.0])
    for period in lake.fct_ticket_periods:
        phase = phases.get(period.status, 0)
        if phase is not None:
            spent[period.ticket_key][phase] += period.hours
    rows = []
    for category, tickets in grouped(lake.fct_tickets, "category").items():
        sums = [sum(hours) for hours in zip(*(spent[ticket.ticket_key] for ticket in tickets), strict=True)]
        open_hours = sum(sums)
        rows.append(
            (
                category,
                len(tickets),
                open_hours / len(tickets),
                *(hours / open_hours if open_hours else None for hours in sums),
            )
        )
    return sorted(rows, key=lambda row: (-row[2], row[0]))


def tickets_with_errors(lake):
    errors = {log.ticket_key: 0 for log in lake.fct_support_logs}
    for log in lake.fct_support_logs:
        errors[log.ticket_key] += log.log_level == "ERROR"
    groups = defaultdict(list)
    for ticket in lake.fct_tickets:
        count = errors.get(ticket.ticket_key)
        name = "no logs" if count is None else ("0", "1 to 2", "1 to 2", "3 or more")[min(count, 3)]
        groups[name].append(ticket)
    for name, tickets in sorted(groups.items()):
        breached = sum(given(tickets, "is_sla_breached"))
        yield name, len(tickets), breached, breach_rate(tickets), rank(given(tickets, "resolution_hours"))


def components_before_breaches(lake):
    tickets = {ticket.ticket_key: ticket for ticket in lake.fct_tickets}
    failing = defaultdict(dict)
    for log in lake.fct_support_logs:
        ticket = tickets.get(log.ticket_key)
        if ticket and log.log_level == "ERROR" and log.logged_at < (ticket.sla_breached_at or datetime.max):
            failing[log.component or "(none)"][ticket.ticket_key] = ticket
    rows = [
        (component, len(some), sum(given(some.values(), "is_sla_breached")), breach_rate(some.values()))
        for component, some in failing.items()
    ]
    return sorted(rows, key=lambda row: (-row[2], row[1], row[0]))


def agents_resolve_calls(lake):
    agents = {agent.agent_id: agent for agent in lake.dim_agents if agent.is_known}
    tickets = grouped(lake.fct_tickets, "agent_id")
    calls = {agent: calls for agent, calls in grouped(lake.fct_calls, "agent_id").items() if len(calls) >= 20}

    def share(agent, resolution):
        return sum(call.resolution == resolution for call in calls[agent]) / len(calls[agent])

    for agent in sorted(calls, key=lambda agent: (-share(agent, "resolved"), agent)):
        better = sum(share(other, "resolved") > share(agent, "resolved") for other in calls)
        known = agents.get(agent, SimpleNamespace(agent_name=None, region=None))
        yield (
            *(better + 1, agent, known.agent_name, known.region, len(calls[agent])),
            *(share(agent, "resolved"), share(agent, "escalated"), mean(given(calls[agent], "rating"))),
            *(len(tickets[agent]), breach_rate(tickets[agent])),
        )


def customers_call_again(lake):
    by_customer = grouped(lake.fct_calls, "customer_id")
    rows = []
    for issue_type, calls in grouped(lake.fct_calls, "issue_type").items():
        again = {True: [], False: []}
        for call in calls:
            others = [other.start_time for other in by_customer[call.customer_id] if other.start_time > call.start_time]
            if call.end_time <= lake.as_of - 7 * DAY:
                came = bool(others) and min(others) <= call.end_time + 7 * DAY
                again[call.resolution == "resolved"].append(float(came))
        if both := again[True] + again[False]:
            rows.append((issue_type, len(both), mean(both), len(again[True]), mean(again[True])))
    return sorted(rows, key=lambda row: (-row[2], -row[1], row[0]))


def vehicles_repaired(lake):
    repairs = grouped(
        [row for row in lake.fct_service_records if row.service_type in ("repair", "warranty")], "vehicle_id"
    )
    waits = defaultdict(list)
    for ticket in lake.fct_tickets:
        if ticket.vehicle_id and ticket.created_at <= lake.as_of - 30 * DAY:
            after = [(repair.serviced_at - ticket.created_at) / DAY for repair in repairs[ticket.vehicle_id]]
            waits[ticket.category or "(none)"].append(min((days for days in after if 0 <= days <= 30), default=None))
    rows = []
    for category, days in waits.items():
        known = [wait for wait in days if wait is not None]
        rows.append((category, len(days), len(known) / len(days), rank(known), rank(known, NINETY)))
    return sorted(rows, key=lambda row: (-row[2], row[0]))


def failures_come_back(lake):
    names = seed_names("failure_codes", "failure_code", "failure_name")
    rows = []
    for code, failures in grouped(lake.fct_service_failures, "failure_code").items():
        moments = grouped(failures, "vehicle_id")
        repeats = sum(
            any(
                timedelta(0) < failure.serviced_at - other.serviced_at <= 90 * DAY
                for other in moments[failure.vehicle_id]
            )
            for failure in failures
        )
        warranty = mean([float(failure.is_warranty) for failure in failures])
        rows.append((code, names.get(code), len(failures), repeats, repeats / len(failures), warranty))
    return sorted(rows, key=lambda row: (-row[3], -row[2], row[0]))


def services_cost(lake):
    priced = [record for record in lake.fct_service_records if record.currency]
    latest = sorted(lake.fct_service_records, key=lambda row: (row.serviced_at, row.service_record_id))
    cities = {record.dealership_id: record.city for record in latest if record.city}
    rows = []
    for key, records in grouped(priced, "currency", "service_type", "dealership_id").items():
        parts = sum(record.parts_cost for record in records) / len(records)
        labor = sum(record.labor_cost or 0 for record in records) / len(records)
        rows.append((*key, cities.get(key[2]), len(records), parts, labor, parts + labor))
    return sorted(rows, key=lambda row: (row[0], row[1], -row[7], row[2]))


def parts_used_more(lake):
    names = seed_names("parts", "part_code", "part_name")
    used = Counter()
    for part in lake.fct_service_parts:
        used[part.part_code, month_of(part.serviced_at)] += part.quantity
    month = months_before(lake.as_of, 1)
    rows = []
    for code in {code for code, used_in in used if used_in == month}:
        before = [used[code, months_before(month, count)] for count in (1, 2, 3)]
        if used[code, month] > sum(before) / 3 > 0:
            trend = used[code, month] / (sum(before) / 3)
            rows.append((month, code, names.get(code), used[code, month], before[0], trend))
    return sorted(rows, key=lambda row: (-row[5], row[1]))


def seed_names(seed, code, name):
    header, *lines = (PROJECT / "seeds" / f"{seed}.csv").read_text(encoding="utf-8").splitlines()
    columns = header.split(",")
    cells = [line.split(",") for line in lines if '"' not in line]
    return {row[columns.index(code)]: row[columns.index(name)] for row in cells}


EXPECTED = {
    "kpi_daily_ticket_volume": daily_ticket_volume,
    "kpi_severity_distribution": severity_distribution,
    "kpi_sla_breach_rate_against_target": sla_breach_rate_against_target,
    "kpi_resolution_time": resolution_time,
    "kpi_tickets_by_market": tickets_by_market,
    "kpi_top_categories": top_categories,
    "kpi_open_against_closed_by_week": open_against_closed_by_week,
    "kpi_open_p1_tickets": open_p1_tickets,
    "kpi_resolution_time_by_severity": resolution_time_by_severity,
    "kpi_market_by_severity": market_by_severity,
    "what_runs_out_next": runs_out_next,
    "where_do_tickets_wait": tickets_wait,
    "do_tickets_with_errors_breach_more": tickets_with_errors,
    "which_components_fail_before_breaches": components_before_breaches,
    "which_agents_resolve_calls_best": agents_resolve_calls,
    "which_issues_make_customers_call_again": customers_call_again,
    "how_soon_are_vehicles_repaired": vehicles_repaired,
    "which_failures_come_back": failures_come_back,
    "what_do_services_cost_by_dealership": services_cost,
    "which_parts_are_used_more": parts_used_more,
}


@pytest.mark.parametrize("name", ANALYSES)
def test_an_analysis_says_what_the_facts_say(built, name):
    columns, rows = built.found[name]
    expected = list(EXPECTED[name](built))
    assert expected, "no row: the lake lacks what the analysis is about"
    wrong = [
        f"row {place}, {dict(zip(columns, row, strict=True))} is not {wanted}"
        for place, (row, wanted) in enumerate(zip(rows, expected, strict=False), 1)
        if len(row) != len(wanted) or not all(map(same, row, wanted))
    ]
    assert wrong[:3] == []
    assert len(rows) == len(expected)


# ---------- where a reader looks


def described(manifest):
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "analysis"}


def test_every_analysis_says_what_it_answers(manifest, built):
    nodes = described(manifest)
    assert sorted(nodes) == ANALYSES
    for name, node in nodes.items():
        assert node["raw_code"].startswith("-- "), name
        assert node["description"], name
        assert not node["columns"].keys() - set(built.found[name][0]), name
        assert all(column["description"] for column in node["columns"].values()), name


def test_every_analysis_stands_under_an_exposure_that_names_what_it_reads(manifest):
    nodes, asked = described(manifest), []
    for exposure in manifest["exposures"].values():
        if names := exposure["config"]["meta"].get("analyses"):
            read = {model for name in names for model in nodes[name]["depends_on"]["nodes"]}
            public = {model for model in read if manifest["nodes"][model].get("access") == "public"}
            assert set(exposure["depends_on"]["nodes"]) == public, exposure["name"]
            assert {manifest["nodes"][model]["name"] for model in read - public} <= {"int_as_of"}, exposure["name"]
            asked += names
    assert sorted(asked) == ANALYSES


def test_the_page_lists_every_analysis():
    page = (PROJECT / "docs" / "questions.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\w+)\]\(\.\./analyses/(\w+)\.sql\)", page, re.MULTILINE)
    assert sorted(listed) == [(name, name) for name in ANALYSES]
