"""Random hostile landings, those of ticket updates first, and what the contract says must become of each line."""

import gzip
import hashlib
import json
import random
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone

# Across a change to summer time and back, a new year, and the days on which a policy of the seeds ends.
FIRST_DAYS = (date(2026, 3, 23), date(2026, 10, 19), date(2025, 12, 20), date(2026, 6, 25))
MARKETS = ("DE", "AT", "UK", "US", "JP")
STATUSES = ("new", "open", "open", "escalated", "on_hold", "pending", "pending", "resolved", "resolved", "closed")
EVENTS = ("agent_reply", "agent_reply", "customer_reply", "customer_reply", "assigned", "rated", "escalated", "called")
REQUIRED = ("ticket_id", "updated_at", "created_at", "status", "severity", "market")
FILE_NAMES = (
    *("a.jsonl", "B.jsonl", "b.jsonl.gz", "10.jsonl", "9.jsonl.gz", "part 1.jsonl", "o'clock.jsonl", "é.jsonl"),
    *("~.jsonl.gz", "a.jsonl.jsonl", "[1].jsonl", "k=v.jsonl", "ﬀ.jsonl", "😀.jsonl.gz", "a,b;c.jsonl", "%41.jsonl"),
)
VERDICTS = (True, False, True, False, None, "", "true", 1)
NUMBERS = (
    *(0, 1, 2, 60, 61.5, "<1e2>", "<0.5e1>", 10**10, 10**10 + 1),
    *(-1, "<1e999>", "<-1e-1>", None, " ", "60", True, [1]),
)
RESULTS = {
    "source_sla_breached": VERDICTS,
    "source_sla_elapsed_minutes": NUMBERS,
    "source_first_reply_sla_breached": VERDICTS,
    "source_first_reply_sla_elapsed_minutes": NUMBERS,
    "source_resolution_minutes": NUMBERS,
    "source_resolution_business_minutes": NUMBERS,
    "source_first_reply_minutes": NUMBERS,
    "source_first_reply_business_minutes": NUMBERS,
    "source_reopen_count": NUMBERS,
    "source_agent_reply_count": NUMBERS,
}
# Leaves of a lake what a version built that did not know results.
WITHOUT_RESULTS = (
    *(
        f"alter table {table} drop column {name}"
        for table in ("stg_ticket_updates__lines", "int_repeated_updates")
        for name in RESULTS
    ),
    "drop table int_source_results",
    "delete from load_watermarks where model = 'int_source_results'",
)
IGNORED = (
    *("{day}/_a.jsonl", "{day}/.a.jsonl", "{day}/a.json", "{day}/a.jsonl.tmp", "{day}/a.jsonl.gz.part"),
    *("{day}/sub/a.jsonl", "dt=2026-02-30/a.jsonl", "dt=2026-4-1/a.jsonl", "dt=today/a.jsonl", "a.jsonl"),
)
BROKEN_JSON = (
    lambda text: "{" + text,
    lambda text: f"[{text}]",
    lambda text: f"{text} {text}",
    lambda text: text[:-1],
    lambda text: text[:-1] + ",}",
    lambda text: text[:-1] + ', "x": NaN}',
    lambda text: text.replace('"', "'"),
    lambda text: '"open"',
    lambda text: "null",
)
BAD_TIMESTAMPS = (
    *(1772366400, "yesterday", "2026-03-01", "2026-03-01T10:00:00", "2026-02-30T10:00:00Z", "2026-03-01T24:00:00Z"),
    *(" 2026-03-01T10:00:00Z", "2026-03-01T10:00:00+14:01", "2026-03-01T10:00:00.1234567Z"),
)


@dataclass(frozen=True)
class Line:
    """A landed line: its text, and why it is refused or else what it is known by: (source, update_id), or its id."""

    text: str
    reason: str | None = None
    identity: tuple[str, str] | str | None = None


@dataclass
class Landing:
    """The bytes of each file by its path below raw/<feed>, and the lines of those that count."""

    feed: str = "ticket_updates"
    contents: dict[str, bytes] = field(default_factory=dict)
    lines: dict[str, list[Line]] = field(default_factory=dict)

    def days(self):
        """The folders in which lines have landed, in order."""
        return sorted({path.split("/")[0] for path, lines in self.lines.items() if lines})

    def split(self, starts):
        """The files in parts of whole days, one from each of `starts` on; what is not to be read is in the last."""
        parts = [{} for _ in range(len(starts) + 1)]
        for path, content in self.contents.items():
            parts[sum(path.split("/")[0] >= start for start in starts)][path] = content
        return parts

    def latest_moment(self):
        """Nothing lies after it that is refused in the future."""
        return f"{max(map(day_of, self.lines)) + timedelta(2)} 00:00:00"

    def quarantined_lines(self):
        """(landed_on, file, line_id, line, reason, occurrences) of each refused line."""
        refused = Counter(
            (path, line.text, line.reason) for path, lines in self.lines.items() for line in lines if line.reason
        )
        return sorted(
            (day_of(path), f"{self.feed}/{path}", md5(text), text, reason, count)
            for (path, text, reason), count in refused.items()
        )

    def ingestion_state(self):
        """(landed_on, files, lines, accepted, duplicates, quarantined) of each day."""
        landed = [(path, line.text, line) for path, lines in self.lines.items() for line in lines]
        days, files, seen = defaultdict(Counter), defaultdict(set), set()
        for path, _, line in sorted(landed, key=lambda entry: (day_of(entry[0]), *entry[:2])):
            outcome = "quarantined" if line.reason else "duplicates" if line.identity in seen else "accepted"
            seen.add(line.identity)
            days[day_of(path)][outcome] += 1
            files[day_of(path)].add(path)
        return [
            (day, len(files[day]), counts.total(), counts["accepted"], counts["duplicates"], counts["quarantined"])
            for day, counts in sorted(days.items())
        ]


def day_of(path):
    """The day on which a file landed."""
    return date.fromisoformat(path.split("/")[0].removeprefix("dt="))


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def ticket_line(**fields):
    """A line that is accepted, but for what `fields` say otherwise."""
    return json.dumps(
        {
            "ticket_id": "T-1",
            "updated_at": "2026-03-02T09:00:00Z",
            "created_at": "2026-03-02T09:00:00Z",
            "status": "open",
            "severity": "P2",
            "market": "DE",
        }
        | fields
    )


def file_of(*lines):
    return "".join(f"{line}\n" for line in lines).encode()


def random_landing(seed):
    """30 to 80 tickets on 8 to 20 days: late, repeated, disordered, broken lines, odd files, files to leave alone."""
    return Desk(seed).landing()


class Sender:
    """Lands the lines of a feed on random days, in every way that is allowed and in many that are not.

    A feed says what happened (`facts`: fields, their moments as datetimes), which moment must not lie in the future
    (`latest`), what else the same id may tell (`contradiction`), how its lines are refused (`faults`), and by what an
    accepted one is known (`identity`).
    """

    feed: str
    free_text: str
    repeated, contradicted, broken = 0.12, 0.06, 0.12
    notes = ('NaN, "}]', [1, {"status": "closed"}], {"ticket_id": None}, -5e-4, True)

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.days = self.random.randint(8, 20)
        self.first_day = self.random.choice(FIRST_DAYS)
        self.last_day = self.first_day + timedelta(self.days - 1)
        self.start = datetime.combine(self.first_day, datetime.min.time(), timezone.utc)
        self.end = self.start + timedelta(self.days)
        self.file_names = {
            self.first_day + timedelta(day): self.random.sample(FILE_NAMES, self.random.choice((1, 2, 2, 3)))
            for day in range(self.days)
        }

    def landing(self):
        landing = Landing(self.feed)
        for fact in self.facts():
            self.land(landing.lines, fact)
        for path, lines in landing.lines.items():
            self.random.shuffle(lines)
            landing.contents[path] = self.encoded(path, lines)
        for _ in range(2):
            path = f"dt={self.some_day()}/empty.jsonl"
            landing.contents[path] = self.random.choice((b"", b"\n", b" \t\r\n\x0b\x0c\n"))
            landing.lines[path] = []
        for path in self.random.sample(IGNORED, 4):
            landing.contents[path.format(day=f"dt={self.some_day()}")] = file_of(self.ignored)
        return landing

    def chance(self, share):
        return self.random.random() < share

    def some_day(self):
        return self.first_day + timedelta(self.random.randrange(self.days))

    def moment(self, first, end):
        return self.rounded(
            first + timedelta(microseconds=self.random.randrange((end - first) // timedelta.resolution))
        )

    def rounded(self, moment):
        """Often a day's first moment or its last, or the hour at which a shop opens: there an error shows."""
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return self.random.choice((midnight, midnight - timedelta.resolution, moment.replace(minute=0), *[moment] * 9))

    def step(self):
        unit = self.random.choice((0, 0, 1e-6, 60, 3600, 3600, 86400, 86400))
        return timedelta(seconds=unit * self.random.uniform(1, 4))

    # ---------- landing

    def land(self, lines, fact):
        """Lands a fact once or more, on its day or later, beside broken copies."""
        day, line = self.landing_day(fact), self.line(fact)
        self.add(lines, day, line)
        if self.chance(self.repeated):
            self.add(lines, self.landing_day(fact), line)
        if self.chance(self.contradicted):
            other = fact | self.contradiction(fact)
            self.add(lines, self.landing_day(other), self.line(other))
        if self.chance(self.broken):
            self.add(lines, day, self.broken_line(fact, day))

    def landing_day(self, fact):
        """A day for which the fact does not lie in the future: its own, the one before, or a later one."""
        day = self.latest(fact).date() + timedelta(self.random.choice((-1, *[0] * 7, 1, 2, 3, 5, 9)))
        return min(max(day, self.first_day), self.last_day)

    def add(self, lines, day, line):
        lines.setdefault(f"dt={day}/{self.random.choice(self.file_names[day])}", []).append(line)

    def encoded(self, path, lines):
        endings = self.random.choice((["\n"], ["\n"], ["\r\n"], ["\n", "\r\n", "\n\n", "\r\n \t\r\n"]))
        text = "".join(line.text + self.random.choice(endings) for line in lines)
        data = (text.rstrip("\r\n") if self.chance(0.3) else text).encode()
        return gzip.compress(data, mtime=0) if path.endswith(".gz") else data

    # ---------- lines

    def line(self, fact):
        text = self.text(fact)
        return Line(text, None, self.identity(fact, text))

    def text(self, fields):
        """The fields as JSON, in one of the many ways to write it; "<1e2>" becomes a number that is written so."""
        fields = {key: self.iso(value) if isinstance(value, datetime) else value for key, value in fields.items()}
        if self.chance(0.2):
            fields["note"] = self.random.choice(self.notes)
        if self.chance(0.2):
            fields[self.free_text] = self.random.choice(
                ("Ladesäule 充電 🚗", "a\u2028b\u0085c", '"},', "\\", "a\tb\nc", "\f")
            )
        items = [(key, value) for key, value in fields.items() if value is not None or self.chance(0.5)]
        if self.chance(0.2):
            self.random.shuffle(items)
        separators = self.random.choice(((", ", ": "), (", ", ": "), (",", ":"), (" ,\t", " : ")))
        text = json.dumps(dict(items), ensure_ascii=self.chance(0.5), separators=separators)
        text = re.sub(r'"<([-+.\deE]+)>"', r"\1", text)
        return self.random.choice((*["{}"] * 18, " {}", "\t{} \t")).format(text)

    def iso(self, moment):
        offset = self.random.choice((0, 0, 0, 60, 330, -210, 840, -840))
        local = moment.astimezone(timezone(timedelta(minutes=offset)))
        if offset == 0:
            return local.isoformat().replace("+00:00", self.random.choice(("Z", "Z", "+00:00", "-00:00")))
        return local.isoformat()

    def broken_line(self, fact, day):
        """A line with one fault or two, and the reason that the first of them gives."""
        faults = [("not_json", {}), *self.faults(fact, day)]
        chosen = self.chosen(len(faults))
        broken = dict(fact)
        for index in reversed(chosen):
            broken |= faults[index][1]
        reason, text = faults[chosen[0]][0], self.text(broken)
        return Line(self.random.choice(BROKEN_JSON)(text.strip()) if reason == "not_json" else text, reason)

    def chosen(self, count):
        """One fault or two of so many, in the order in which they are found."""
        return sorted(self.random.sample(range(count), self.random.choice((1, 1, 2))))

    def missing(self, *fields):
        return [(f"missing_{key}", {key: self.random.choice((None, "", " \t"))}) for key in fields]

    def bad_timestamps(self, *fields):
        return [(f"bad_{key}", {key: self.random.choice(BAD_TIMESTAMPS)}) for key in fields]

    def in_the_future(self, field, day):
        """From the first moment on of the day after the next."""
        return ("in_the_future", {field: datetime.combine(day + timedelta(2), datetime.min.time(), timezone.utc)})


class Desk(Sender):
    """A support desk that does everything that it should not."""

    feed = "ticket_updates"
    free_text = "subject"
    ignored = ticket_line(ticket_id="ignored")

    def __init__(self, seed):
        super().__init__(seed)
        self.update_ids = ["shared"]

    def facts(self):
        for number in range(self.random.randint(30, 80)):
            yield from self.updates(number)

    def updates(self, number):
        """The updates of a ticket."""
        pick, chance = self.random.choice, self.chance
        created_at = moment = self.moment(self.start - timedelta(pick((0, 0, 0, 3, 40))), self.end)
        if chance(0.2):
            moment += self.step()
        ticket = {
            "ticket_id": pick((number, str(number), str(number), f" {number}é", str(number + 1))),
            "source": pick((None, None, "", "helpdesk", "dealer-crm", "dealer-crm")),
            "created_at": created_at,
            "market": pick(MARKETS),
            "category": pick((None, "charging", "billing", "warranty", "breakdown")),
        }
        for index in range(pick((1, 1, 2, 3, 4, 6, 9, 14))):
            if moment < self.start - timedelta(1):
                moment = self.start + self.step()
            if moment >= self.end:
                return
            is_late = moment > self.start + 0.6 * (self.end - self.start)
            update = ticket | {
                "updated_at": moment,
                "update_id": self.update_id(f"u{number}.{index}"),
                "status": "new" if index == 0 and chance(0.5) else pick((*STATUSES, "cancelled")),
                "severity": pick(("P1", "P2", "P2", "P3", "P4" if is_late else "P3")),
                "event": pick((None, *EVENTS)),
                "agent_id": pick((None, "", "de-01", "de-02", "us-01", "nobody")),
                "team": pick((None, "tier1", "tier2")),
            }
            if number % 3:
                update["vehicle_id"] = f"V-{(number + index // 4) % 9}"
            if chance(0.1):
                update["market"] = pick((*MARKETS, "AU" if is_late else "DE"))
            if chance(0.1):
                update["category"] = pick((None, "charging", "billing"))
            if chance(0.1):
                update["created_at"] = self.moment(
                    created_at - timedelta(5), min(self.end, created_at + timedelta(5, 1))
                )
            if chance(0.1):
                update["sequence"] = pick((-1, 0, 1, 2, 2**63 - 1))
            if chance(0.2):
                update["satisfaction"] = pick((None, 1, 3, 5))
            if chance(0.06):
                update["sla_due_at"] = moment + pick((-1, 1, 3)) * self.step()
            if chance(0.3):
                update |= {name: pick(values) for name, values in RESULTS.items() if chance(0.4)}
            yield update
            moment = self.rounded(moment + self.step())

    def update_id(self, own):
        if self.chance(0.3):
            return None
        self.update_ids.append(self.random.choice(self.update_ids) if self.chance(0.05) else own)
        return self.update_ids[-1]

    def identity(self, update, text):
        return (update["source"] or "helpdesk", update["update_id"] or md5(text))

    def latest(self, update):
        return max(update["updated_at"], update["created_at"])

    def contradiction(self, update):
        return {"status": self.random.choice(STATUSES), "market": self.random.choice(MARKETS)}

    def faults(self, update, day):
        pick = self.random.choice
        return [
            *self.missing(*REQUIRED),
            *self.bad_timestamps("updated_at", "created_at", "sla_due_at"),
            ("bad_sequence", {"sequence": pick(("1", "x", 1.0, True, 2**63))}),
            ("bad_satisfaction", {"satisfaction": pick((0, 6, "5", 4.5))}),
            ("unknown_status", {"status": pick(("reopened", "OPEN", "open "))}),
            ("unknown_severity", {"severity": pick(("P5", "p1", 1))}),
            ("unknown_market", {"market": pick(("XX", "de", " DE"))}),
            self.in_the_future("updated_at", day),
        ]


def landed_lines(lake):
    """The lines of ticket_updates in a lake that its builds read, by ticket, moment and sequence."""
    found = [
        json.loads(line)
        for path in sorted(lake.glob("raw/ticket_updates/dt=*/[!_.]*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]
    return sorted(found, key=lambda line: (line["ticket_id"], line["updated_at"], line["sequence"]))
