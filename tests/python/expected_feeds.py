"""What the tables of support logs, calls and service records must hold, told line by line from what landed.

It shares nothing with the models, nor with what makes the lines. It is exact: a number is held as it is written and
becomes a decimal only in the rows that are handed out.
"""

import gzip
import hashlib
import json
import math
import re
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

READ = re.compile(r"dt=(\d{4}-\d\d-\d\d)/[^/_.][^/]*\.jsonl(\.gz)?", re.ASCII)
TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)
WHITE_SPACE = " \t\n\v\f\r"
SERVICE_TYPES = ("maintenance", "repair", "recall", "inspection", "warranty")
# What is ranked, and whether less is better.
RANKS = {"calls": -1, "minutes_avg": 1, "rating_avg": -1, "rated_calls": -1, "resolved_share": -1, "escalated_share": 1}
KEYS = {
    "fct_support_logs": ("log_id",),
    "ticket_log_health": ("ticket_key",),
    "log_health_daily": ("day", "component"),
    "fct_calls": ("call_id",),
    "call_kpis_daily": ("call_date", "region", "issue_type"),
    "agent_call_ranking": ("agent_id",),
    "fct_service_records": ("service_record_id",),
    "fct_service_parts": ("service_record_id", "line"),
    "fct_service_failures": ("service_record_id", "failure_code"),
    "vehicle_service_history": ("vehicle_id",),
    "failures_monthly": ("month", "vehicle_model", "failure_code"),
    "part_usage_monthly": ("month", "part_code"),
    "service_costs_monthly": ("month", "dealership_id", "service_type", "currency"),
    "quarantined_lines": ("feed", "landed_on", "file", "line_id"),
    "ingestion_state": ("feed", "landed_on"),
}


def expected(feeds, agents, currencies, tickets):
    """The rows of each table of KEYS, moments in UTC without a zone.

    feeds: by feed a Landing, or the bytes of its files by path below raw/<feed>. agents: the rows of the seed.
    currencies: its codes. tickets: by ticket_key its first_reply_at, vehicle_id, is_open and open_spans, the [from, to)
    in which it is open, the last one to None if it is open now.
    """
    accepted, tables = {}, {"quarantined_lines": [], "ingestion_state": []}
    for feed in FIELDS:
        files = feeds.get(feed, {})
        accepted[feed], quarantined, states = read(feed, getattr(files, "contents", files), set(currencies))
        tables["quarantined_lines"] += quarantined
        tables["ingestion_state"] += states
    tables |= of_logs(accepted["support_logs"], tickets)
    tables |= of_calls(accepted["calls"], {agent["agent_id"]: agent for agent in agents})
    tables |= of_service_records(accepted["service_records"], tickets)
    return {table: [plain(row) for row in tables[table]] for table in KEYS}


# ---------- values


class NotDefinedError(Exception):
    """The contract does not say what becomes of the line."""


def is_absent(value):
    return value is None or (isinstance(value, str) and not value.strip(WHITE_SPACE))


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def text(value):
    if not isinstance(value, str) and not is_integer(value):
        raise NotDefinedError(f"{value!r} where a text is due")
    return str(value)


def timestamp(value):
    match = TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    demand(match)
    moment, fraction, sign, hours, minutes = match.groups(default="0")
    offset = int(hours) * 60 + int(minutes)
    demand(offset <= 14 * 60 and int(minutes) <= 59)
    local = datetime(*map(int, re.split("[-T:]", moment)), int(fraction.ljust(6, "0")))
    return local + timedelta(minutes=offset if sign == "-" else -offset)


def number(value):
    """Any that a double can hold; float() itself refuses an integer that is too large."""
    demand(isinstance(value, int | Decimal) and not isinstance(value, bool) and math.isfinite(float(value)))
    return Fraction(value)


def boolean(value):
    demand(isinstance(value, bool))
    return value


def parts(value):
    demand(isinstance(value, list))
    return [{"line": line} | part(element) for line, element in enumerate(value, 1)]


def part(fields):
    demand(isinstance(fields, dict))
    kinds = {"part_code": text, "part_name": text, "quantity": number, "unit_price": number}
    row = {name: None if is_absent(fields.get(name)) else kind(fields[name]) for name, kind in kinds.items()}
    demand(row["part_code"] is not None and row["quantity"] is not None and row["quantity"] > 0)
    demand(row["unit_price"] is None or row["unit_price"] >= 0)
    return row


def failure_codes(value):
    """Each once."""
    demand(isinstance(value, list))
    codes = [code for code in value if not is_absent(code)]
    demand(all(isinstance(code, str) or is_integer(code) for code in codes))
    return sorted({str(code) for code in codes})


def demand(condition):
    if not condition:
        raise ValueError


# ---------- lines

# What each field holds, in the order of the contract's tables, but that `source` comes after what is required.
FIELDS = {
    "support_logs": {
        **{"log_id": text, "ticket_id": text, "logged_at": timestamp, "log_level": text, "source": text},
        **{"component": text, "message": text, "response_time_ms": number, "cpu_percent": number},
    },
    "calls": {
        **{"call_id": text, "agent_id": text, "customer_id": text, "start_time": timestamp, "end_time": timestamp},
        **{"ticket_id": text, "source": text, "issue_type": text, "resolution": text, "rating": number},
    },
    "service_records": {
        **{"service_record_id": text, "dealership_id": text, "vehicle_id": text, "serviced_at": timestamp},
        **{"service_type": text, "odometer_km": number, "vehicle_model": text, "technician_id": text, "city": text},
        **{"notes": text, "failure_codes": failure_codes, "parts": parts, "labor_hours": number, "labor_cost": number},
        **{"currency": text, "is_warranty": boolean},
    },
}
# So many of the first ones.
REQUIRED = {"support_logs": 4, "calls": 5, "service_records": 5}
RANGES = {
    "support_logs": {"response_time_ms": (0, math.inf), "cpu_percent": (0, 100)},
    "calls": {"rating": (1, 5)},
    "service_records": {name: (0, math.inf) for name in ("odometer_km", "labor_hours", "labor_cost")},
}
OUTCOMES = ("accepted", "duplicates", "quarantined")


def read(feed, files, currencies):
    """The accepted rows, the quarantined lines and the ingestion state of a feed."""
    rows, quarantined, outcomes, paths = {}, {}, Counter(), defaultdict(set)
    for landed_on, path, line in landed(files):
        reason, row = judged(feed, line, landed_on, currencies)
        identity = row.get(next(iter(FIELDS[feed])))
        outcome = "quarantined" if reason else "duplicates" if identity in rows else "accepted"
        if outcome == "quarantined":
            key = {"feed": feed, "landed_on": landed_on, "file": f"{feed}/{path}"}
            key |= {"line_id": hashlib.md5(line.encode()).hexdigest(), "line": line, "reason": reason}
            quarantined.setdefault((path, line), key | {"occurrences": 0})["occurrences"] += 1
        elif outcome == "accepted":
            rows[identity] = row
        outcomes[landed_on, outcome] += 1
        paths[landed_on].add(path)
    states = []
    for day in paths:
        counts = {outcome: outcomes[day, outcome] for outcome in OUTCOMES}
        states.append(
            {"feed": feed, "landed_on": day, "files": len(paths[day]), "lines": sum(counts.values())} | counts
        )
    return list(rows.values()), list(quarantined.values()), states


def landed(files):
    """(landed_on, path, text) of each line that counts, in the order of landing."""
    found = []
    for path, content in files.items():
        match = READ.fullmatch(path)
        if match and is_date(match[1]):
            texts = (gzip.decompress(content) if match[2] else content).decode().split("\n")
            lines = [text.removesuffix("\r") for text in texts if text.strip(WHITE_SPACE)]
            found += [(date.fromisoformat(match[1]), path, line) for line in lines]
    return sorted(found)


def is_date(value):
    try:
        return bool(date.fromisoformat(value))
    except ValueError:
        return False


def judged(feed, line, landed_on, currencies):
    """The first reason for which a line is refused, and nothing; or no reason, and its row."""
    fields = parsed(line)
    if not isinstance(fields, dict):
        return "not_json", {}
    row, bad = {}, set()
    for name, kind in FIELDS[feed].items():
        try:
            row[name] = None if is_absent(fields.get(name)) else kind(fields[name])
        except (ValueError, OverflowError):
            bad.add(name)
    if row.get("currency") not in {None, *currencies}:
        bad.add("currency")
    required = list(FIELDS[feed])[: REQUIRED[feed]]
    typed = sorted(FIELDS[feed], key=lambda name: FIELDS[feed][name] is not timestamp)
    reasons = [f"missing_{name}" for name in required if is_absent(fields.get(name))]
    reasons += [f"bad_{name}" for name in typed if name in bad - {"parts", "failure_codes"}]
    reasons = reasons or [reason for reason, applies in rules(feed, row, landed_on, bad) if applies]
    return (reasons[0], {}) if reasons else (None, row)


def parsed(line):
    """The JSON value on a line, its numbers as they are written; None if it is no JSON."""
    try:
        return json.loads(line, parse_float=Decimal, parse_constant=lambda constant: demand(False))
    except ValueError:
        return None


def rules(feed, row, landed_on, bad):
    """The feed's own reasons in their order, and whether they apply; nothing else is wrong with the row."""
    future = datetime.combine(landed_on, datetime.min.time()) + timedelta(2)
    out_of_range = [
        (f"out_of_range_{name}", row[name] is not None and not low <= row[name] <= high)
        for name, (low, high) in RANGES[feed].items()
    ]
    if feed == "support_logs":
        yield "unknown_log_level", row["log_level"] not in ("DEBUG", "INFO", "WARN", "ERROR")
        yield from out_of_range
        yield "in_the_future", row["logged_at"] >= future
    elif feed == "calls":
        yield "not_positive_duration", row["end_time"] <= row["start_time"]
        yield from out_of_range
    else:
        yield "unknown_service_type", row["service_type"] not in SERVICE_TYPES
        yield from out_of_range
        yield "bad_parts", "parts" in bad
        yield "bad_failure_codes", "failure_codes" in bad
        prices = [row["labor_cost"], *(used["unit_price"] for used in row.get("parts") or ())]
        yield "missing_currency", row["currency"] is None and any(price is not None for price in prices)
        yield "in_the_future", row["serviced_at"] >= future


# ---------- tables


def of_logs(logs, tickets):
    for log in logs:
        log["source"] = log["source"] or "helpdesk"
        log["ticket_key"] = f"{log['source']}:{log['ticket_id']}"
        log["is_orphan"] = log["ticket_key"] not in tickets
    daily = [
        {"day": day, "component": component, "logs": len(group)}
        | log_measures(group)
        | {"tickets": distinct(group, "ticket_key"), "tickets_with_errors": distinct(errors_of(group), "ticket_key")}
        for (day, component), group in grouped(logs, lambda log: log["logged_at"].date(), or_none("component"))
    ]
    health = [
        {"ticket_key": key, "log_count": len(group), "error_count": len(errors_of(group))}
        | without(log_measures(group), "errors")
        | {"response_time_ms_max": percentile(group, "response_time_ms", 100)}
        | {"cpu_percent_max": percentile(group, "cpu_percent", 100)}
        | errors_in_its_life([log["logged_at"] for log in errors_of(group)], tickets.get(key))
        for (key,), group in grouped(logs, "ticket_key")
    ]
    return {"fct_support_logs": logs, "ticket_log_health": health, "log_health_daily": daily}


def errors_of(logs):
    return [log for log in logs if log["log_level"] == "ERROR"]


def log_measures(logs):
    return {
        "errors": len(errors_of(logs)),
        "error_rate": Fraction(len(errors_of(logs)), len(logs)),
        "response_time_ms_p50": percentile(logs, "response_time_ms", 50),
        "response_time_ms_p95": percentile(logs, "response_time_ms", 95),
        "cpu_percent_avg": mean(logs, "cpu_percent"),
    }


def errors_in_its_life(moments, ticket):
    before_first_reply = while_open = None
    if ticket:
        replied = utc(ticket["first_reply_at"])
        spans = [(utc(since), utc(until) or datetime.max) for since, until in ticket["open_spans"]]
        before_first_reply = sum(replied is None or moment < replied for moment in moments)
        while_open = sum(any(since <= moment < until for since, until in spans) for moment in moments)
    first = {"first_error_at": min(moments, default=None)}
    return first | {"errors_before_first_reply": before_first_reply, "errors_while_open": while_open}


def of_calls(calls, agents):
    for call in calls:
        ticket_id, source, length = call.pop("ticket_id"), call.pop("source"), call["end_time"] - call["start_time"]
        hundredths = math.floor(Fraction(length // timedelta.resolution, 600_000) + Fraction(1, 2))
        call |= named(agents, call["agent_id"], "agent_name", "region")
        call["call_duration_minutes"] = Decimal(hundredths).scaleb(-2)
        call |= {"call_date": call["start_time"].date(), "hour_of_day": call["start_time"].hour}
        call["ticket_key"] = f"{source or 'helpdesk'}:{ticket_id}" if ticket_id else None
    daily = [
        {"call_date": day, "region": region, "issue_type": issue_type}
        | call_measures(group)
        | {"minutes": sum(call["call_duration_minutes"] for call in group)}
        | {"minutes_median": percentile(group, "call_duration_minutes", 50)}
        | {"minutes_p90": percentile(group, "call_duration_minutes", 90), "customers": distinct(group, "customer_id")}
        for (day, region, issue_type), group in grouped(calls, "call_date", or_none("region"), or_none("issue_type"))
    ]
    ranking = [
        {"agent_id": agent_id} | named(agents, agent_id, "agent_name", "region", "team") | call_measures(group)
        for (agent_id,), group in grouped(calls, "agent_id")
    ]
    for name, sign in RANKS.items():
        rivals = [sign * row[name] for row in ranking if row["calls"] >= 20 and row[name] is not None]
        for row in ranking:
            has_rank = row["calls"] >= 20 and row[name] is not None
            row[f"rank_{name}"] = 1 + sum(rival < sign * row[name] for rival in rivals) if has_rank else None
    return {"fct_calls": calls, "call_kpis_daily": daily, "agent_call_ranking": ranking}


def named(agents, agent_id, *fields):
    return {field: agents.get(agent_id, {}).get(field) or None for field in fields}


def call_measures(calls):
    return {
        "calls": len(calls),
        "minutes_avg": mean(calls, "call_duration_minutes"),
        "resolved_share": Fraction(sum(call["resolution"] == "resolved" for call in calls), len(calls)),
        "escalated_share": Fraction(sum(call["resolution"] == "escalated" for call in calls), len(calls)),
        "rating_avg": mean(calls, "rating"),
        "rated_calls": sum(call["rating"] is not None for call in calls),
    }


def of_service_records(records, tickets):
    used_parts, failures = [], []
    for record in records:
        its_parts, codes = record.pop("parts") or [], record.pop("failure_codes") or []
        for used in its_parts:
            used |= {name: record[name] for name in ("service_record_id", "serviced_at", "currency")}
            used["cost"] = None if used["unit_price"] is None else used["quantity"] * used["unit_price"]
        used_parts += its_parts
        failures += [record | {"failure_code": code} for code in codes]
        record |= {"parts_count": len(its_parts), "parts_cost": total(its_parts, "cost"), "failure_count": len(codes)}
        record["total_cost"] = record["parts_cost"] + (record["labor_cost"] or 0)
    cells = grouped(records, month_of, "dealership_id", "service_type", or_none("currency"))
    return {
        "fct_service_records": records,
        "fct_service_parts": [without(used, "serviced_at") for used in used_parts],
        "fct_service_failures": [{key: failure[key] for key in KEYS["fct_service_failures"]} for failure in failures],
        "vehicle_service_history": [history(key, group, tickets) for (key,), group in grouped(records, "vehicle_id")],
        "failures_monthly": failures_monthly(failures),
        "part_usage_monthly": part_usage_monthly(used_parts),
        "service_costs_monthly": [
            dict(zip(KEYS["service_costs_monthly"], key, strict=True))
            | {"records": len(group), "parts_cost": total(group, "parts_cost")}
            | {"labor_cost": total(group, "labor_cost"), "total_cost_avg": mean(group, "total_cost")}
            | {f"total_cost_{name}": percentile(group, "total_cost", at) for name, at in (("median", 50), ("p90", 90))}
            for key, group in cells
        ],
    }


def history(vehicle_id, records, tickets):
    its_tickets = [ticket for ticket in tickets.values() if ticket["vehicle_id"] == vehicle_id]
    measured = [record for record in records if record["odometer_km"] is not None]
    latest = max(measured, key=lambda record: (record["serviced_at"], record["service_record_id"]), default={})
    return {
        "vehicle_id": vehicle_id,
        "services": len(records),
        "first_serviced_at": min(record["serviced_at"] for record in records),
        "last_serviced_at": max(record["serviced_at"] for record in records),
        "last_odometer_km": latest.get("odometer_km"),
        "dealerships": distinct(records, "dealership_id"),
        "repairs": sum(record["service_type"] == "repair" for record in records),
        "total_cost_by_currency": by_currency(records, "total_cost"),
        "open_tickets": sum(ticket["is_open"] for ticket in its_tickets),
        "tickets": len(its_tickets),
        "odometer_ran_back": any(
            earlier["serviced_at"] < later["serviced_at"] and later["odometer_km"] < earlier["odometer_km"]
            for earlier in measured
            for later in measured
        ),
    }


def failures_monthly(failures):
    def is_repeat(failure):
        """Whether its vehicle had the code within the 90 days before."""
        return any(
            failure["serviced_at"] - timedelta(90) <= moment < failure["serviced_at"]
            for moment in moments[failure["vehicle_id"], failure["failure_code"]]
        )

    had_by = grouped(failures, "vehicle_id", "failure_code")
    moments = {key: [failure["serviced_at"] for failure in group] for key, group in had_by}
    return [
        {"month": month, "vehicle_model": model, "failure_code": code, "records": len(group)}
        | {"vehicles": distinct(group, "vehicle_id"), "repeat_share": Fraction(sum(map(is_repeat, group)), len(group))}
        | {"warranty_share": Fraction(sum(failure["is_warranty"] is True for failure in group), len(group))}
        for (month, model, code), group in grouped(failures, month_of, or_none("vehicle_model"), "failure_code")
    ]


def part_usage_monthly(used_parts):
    rows, usage = [], dict(grouped(used_parts, month_of, "part_code"))
    for (month, part_code), group in usage.items():
        quantity = total(group, "quantity")
        before = [total(usage.get((months_before(month, count), part_code), ()), "quantity") for count in (1, 2, 3)]
        rows.append(
            {"month": month, "part_code": part_code, "records": distinct(group, "service_record_id")}
            | {"quantity": quantity, "cost_by_currency": by_currency(group, "cost")}
            | {"quantity_previous_month": before[0], "trend": quantity / (sum(before) / 3) if any(before) else None}
        )
    return rows


# ---------- arithmetic


def grouped(rows, *keys):
    """(key, rows) of each key; a part of a key is a field, or what makes it of a row."""
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(key(row) if callable(key) else row[key] for key in keys)].append(row)
    return groups.items()


def or_none(field):
    return lambda row: row[field] or "(none)"


def month_of(row):
    return row["serviced_at"].date().replace(day=1)


def months_before(month, count):
    year, index = divmod(month.year * 12 + month.month - 1 - count, 12)
    return date(year, index + 1, 1)


def given(rows, field):
    return [Fraction(row[field]) for row in rows if row[field] is not None]


def total(rows, field):
    return sum(given(rows, field), Fraction(0))


def mean(rows, field):
    values = given(rows, field)
    return sum(values) / len(values) if values else None


def percentile(rows, field, percent):
    """The smallest value that at least so many percent of the values do not exceed."""
    values = sorted(given(rows, field))
    return values[math.ceil(Fraction(percent * len(values), 100)) - 1] if values else None


def distinct(rows, field):
    return len({row[field] for row in rows})


def by_currency(rows, field):
    priced = [row for row in rows if row["currency"] is not None and row[field] is not None]
    return {currency: total(group, field) for (currency,), group in grouped(priced, "currency")}


def without(row, field):
    return {name: value for name, value in row.items() if name != field}


def utc(moment):
    """Without its zone; a moment without one is UTC."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment and moment.tzinfo else moment


def plain(value):
    """What is compared: numbers as decimals, moments without a zone."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return utc(value)
    return float(value) if isinstance(value, Fraction) else value


# ---------- comparison


def differences(expected_rows, actual_rows, key_columns):
    """The first 20 things that are not as expected, one a line; empty if there are none. More columns may be there."""
    wanted, actual = by_key(expected_rows, key_columns), by_key(actual_rows, key_columns)
    found = [f"lacks {key}: {wanted[key][0]}" for key in wanted.keys() - actual.keys()]
    found += [f"should not have {key}: {actual[key][0]}" for key in actual.keys() - wanted.keys()]
    for key in wanted.keys() & actual.keys():
        if len(wanted[key]) != 1 or len(actual[key]) != 1:
            found.append(f"has {key} {len(actual[key])} times, not {len(wanted[key])} times")
        for name, value in wanted[key][0].items():
            if name not in actual[key][0]:
                found.append(f"has no column {name}")
            elif not same(value, actual[key][0][name]):
                found.append(f"{name} of {key} is {actual[key][0][name]!r}, not {value!r}")
    return "\n".join(sorted(set(found))[:20])


def by_key(rows, key_columns):
    return {key: list(group) for key, group in grouped(map(plain, rows), *key_columns)}


def same(one, other):
    """Numbers to 1e-6, but two that have a fixed scale exactly."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    are_numbers = all(
        isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in (one, other)
    )
    if not are_numbers or (isinstance(one, Decimal) and isinstance(other, Decimal)):
        return one == other and isinstance(one, bool) == isinstance(other, bool)
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
