"""What sources state of tickets themselves, beside what the lake makes of them."""

import json
import math
import random
from collections import defaultdict
from datetime import datetime, timedelta

from lakes import Lake, differences, same
from landings import RESULTS, Line, day_of, file_of, random_landing, ticket_line

OURS = ("source_agreement", "source_disagreements")
LARGEST = 10**10


def rows(lake, sql):
    """What a query says, as dicts."""
    with lake.connect() as database:
        result = database.execute(sql)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def readable(name, value):
    """What a field says of a result, as a number; none if nothing."""
    if name.endswith("_breached"):
        return float(value) if isinstance(value, bool) else None
    kinds = int if name.endswith("_count") else (int, float)
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= LARGEST else None


def stated(lines):
    """By ticket and metric, what the accepted lines state last: `lines` by the path where they landed."""
    landed = [(day_of(path), path, line.text, line) for path, found in lines.items() for line in found]
    updates, seen = [], set()
    for *_, line in sorted(landed, key=lambda entry: entry[:3]):
        if line.reason is None and line.identity not in seen:
            seen.add(line.identity)
            fields = json.loads(line.text)
            texts = (fields[name].replace("Z", "+00:00") for name in ("updated_at", "created_at"))
            moments = [datetime.fromisoformat(text) for text in texts]
            updates.append(((max(moments), fields.get("sequence") or 0, line.identity[1]), line.identity[0], fields))
    results = {}
    for _, source, fields in sorted(updates, key=lambda update: update[0]):
        for name in RESULTS:
            value = readable(name, fields.get(name))
            if value is not None:
                results[f"{source}:{fields['ticket_id']}", name.removeprefix("source_")] = value
    return results


def computed(lake):
    """By ticket and metric, what the public tables of tickets say, and the source of each ticket."""
    tickets = rows(lake, "from fct_tickets")
    clocks = {
        (row["ticket_key"], row["metric"]): row
        for row in rows(lake, "from fct_ticket_slas where stopped_at is not null and instance = 1")
    }
    results = {}
    for row in tickets:
        key = row["ticket_key"]
        for metric in ("resolution", "resolution_business", "first_reply", "first_reply_business"):
            if row[f"{metric}_hours"] is not None:
                results[key, f"{metric}_minutes"] = row[f"{metric}_hours"] * 60
        for metric in ("reopen_count", "agent_reply_count"):
            results[key, metric] = row[metric]
        for metric, prefix in (("resolution", ""), ("first_reply", "first_reply_")):
            if clock := clocks.get((key, metric)):
                results[key, f"{prefix}sla_breached"] = int(clock["is_breached"])
                results[key, f"{prefix}sla_elapsed_minutes"] = clock["elapsed_minutes"]
    return results, {row["ticket_key"]: row["source"] for row in tickets}


def nearest_rank(values, tenths):
    return sorted(values)[-(-tenths * len(values) // 10) - 1] if values else None


def expected(lines, lake):
    """The rows of both tables, by their keys."""
    theirs, (ours, sources) = stated(lines), computed(lake)
    cells = defaultdict(dict)
    for (ticket, metric), value in theirs.items():
        cells[sources[ticket], metric][ticket] = (value, ours.get((ticket, metric)))
    agreement, disagreements = {}, {}
    for (source, metric), pairs in cells.items():
        both = {ticket: pair for ticket, pair in pairs.items() if pair[1] is not None}
        tolerance = 1 + 1e-9 if metric.endswith("_minutes") else 0
        wrong = {ticket: pair[1] - pair[0] for ticket, pair in both.items() if abs(pair[1] - pair[0]) > tolerance}
        sizes = [abs(difference) for difference in wrong.values()]
        with_ours = {ticket for ticket, of in ours if of == metric and sources[ticket] == source}
        agreement[source, metric] = (
            *(len(both), len(both) - len(wrong), len(wrong)),
            (len(both) - len(wrong)) / len(both) if both else None,
            *(len(pairs) - len(both), len(with_ours - pairs.keys())),
            *(nearest_rank(sizes, 5), nearest_rank(sizes, 9)),
            math.fsum(wrong.values()) / len(wrong) if wrong else None,
        )
        for ticket, difference in wrong.items():
            disagreements[ticket, metric] = (source, *both[ticket], difference)
    return agreement, disagreements


def assert_as_expected(lake, lines):
    """Both tables have the rows that the lines and the tables of tickets ask for; how many agree, how many differ."""
    wanted = expected(lines, lake)
    for table, by_key in zip(OURS, wanted, strict=True):
        found = {row[:2]: row[2:] for row in lake.query(f"from {table}")}
        assert found.keys() == by_key.keys()
        wrong = {key: (row, by_key[key]) for key, row in found.items() if not all(map(same, row, by_key[key]))}
        assert not wrong
    return sum(row[1] for row in wanted[0].values()), sum(row[2] for row in wanted[0].values())


def restated(lake, rng):
    """A line for each ticket, landing after all others, that states what the lake has of it, or nearly so."""
    ours, _ = computed(lake)
    latest = max(row["last_updated_at"] for row in rows(lake, "select last_updated_at from fct_tickets"))
    lines = []
    for number, ticket in enumerate(rows(lake, "from fct_tickets order by ticket_key")):
        state = ("ticket_id", "source", "status", "severity", "market", "category", "agent_id", "team")
        fields = {name: ticket[name] for name in state} | {"update_id": f"restated-{number}"}
        fields["created_at"] = f"{ticket['created_at'].isoformat()}Z"
        fields["updated_at"] = f"{(latest + timedelta(microseconds=rng.randrange(2))).isoformat()}Z"
        for name in RESULTS:
            value = ours.get((ticket["ticket_key"], name.removeprefix("source_")))
            if value is not None and rng.random() < 0.8:
                fields[name] = stated_like(name, value, rng)
        text = json.dumps(fields)
        lines.append(Line(text, None, (ticket["source"], fields["update_id"])))
    return lines


def stated_like(name, value, rng):
    """A value that agrees mostly, sometimes just not."""
    if name.endswith("_breached"):
        return bool(value) == (rng.random() < 0.8)
    if name.endswith("_count"):
        return value + rng.choice((0, 0, 0, 1))
    return max(0, rng.choice((round(value), int(value), value, value + 0.999, value + 1.001, value - 1.5, value + 90)))


def test_results_are_compared_as_the_lines_state_them(dbt, tmp_path):
    """In parts of days, in one build, and after a last update of each ticket that states nearly what there is."""
    rng, landing = random.Random(11), random_landing(11)
    lake, landed = Lake(tmp_path / "lake"), {}
    starts = sorted(rng.sample(landing.days()[1:], 2))
    for part in landing.split(starts):
        lake.land(part)
        dbt.build(lake)
        landed |= {path: landing.lines[path] for path in part if path in landing.lines}
        assert_as_expected(lake, landed)
    lines = restated(lake, rng)
    path = f"dt={max(map(day_of, landing.lines)) + timedelta(1)}/restated.jsonl"
    content = file_of(*(line.text for line in lines))
    lake.land({path: content})
    dbt.build(lake)
    agree, differ = assert_as_expected(lake, landed | {path: lines})
    assert agree > 50 and differ > 20

    fresh = Lake(tmp_path / "fresh")
    fresh.land(landing.contents | {path: content})
    dbt.build(fresh, "--full-refresh")
    assert not differences(dbt.read(lake), dbt.read(fresh))
    later = f"{{as_of: '{landing.latest_moment()}'}}"
    dbt.build(lake, "--vars", later)
    assert not differences(lake.read(OURS), fresh.read(OURS))


def test_results_change_no_other_table(dbt, tmp_path):
    """Good or bad, also where lines repeat; without any there are no rows."""
    rng = random.Random(21)
    plain, stating = [], []
    for number in range(40):
        status = rng.choice(("open", "resolved"))
        fields = {"ticket_id": f"T-{number % 9}", "update_id": f"u{number % 30}", "status": status}
        fields["updated_at"] = f"2026-03-02T{10 + number // 4}:00:00Z"
        plain.append(ticket_line(**fields))
        stating.append(ticket_line(**fields, **{name: rng.choice(values) for name, values in RESULTS.items()}))
    lakes = []
    for name, lines in (("plain", plain), ("stating", stating)):
        lakes.append(Lake(tmp_path / name))
        lakes[-1].land({f"dt=2026-03-0{day}/a.jsonl": file_of(*lines[day::2]) for day in (3, 4)})
        dbt.build(lakes[-1])
    without, among = map(dbt.read, lakes)
    assert [without.pop(table)[1:] for table in OURS] == [[], []]
    assert all(len(among.pop(table)) > 1 for table in OURS)
    assert not differences(among, without)


def test_of_updates_at_one_moment_the_later_in_order_counts(dbt, lake):
    """By sequence, then update_id; a value that cannot be read leaves the one before it standing."""
    lines = [
        ticket_line(update_id=name, sequence=sequence, source_reopen_count=count)
        for name, sequence, count in (("b", 1, 4), ("a", 1, 3), ("z", 0, 2), ("c", 1, -1), ("d", 2, "5"))
    ]
    lake.land({"dt=2026-03-02/a.jsonl": file_of(*lines)})
    dbt.build(lake)
    assert lake.query("from source_disagreements") == [("helpdesk:T-1", "reopen_count", "helpdesk", 4, 0, -4)]
    assert lake.query("select only_lake, differ from source_agreement") == [(0, 1)]
