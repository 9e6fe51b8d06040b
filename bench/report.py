"""The tables of docs/performance.md."""

from __future__ import annotations

from collections import defaultdict
from statistics import median

BEGIN, END = "<!-- measured by make bench: begin -->", "<!-- measured by make bench: end -->"
FEEDS_MARKS = "<!-- feeds, measured by make bench: begin -->", "<!-- feeds, measured by make bench: end -->"
FULL, FULL_TESTED, DAY, DAY_TESTED, FLOOR = (
    "build without tests",
    "build with tests",
    "day without tests",
    "day with tests",
    "floor",
)
NAMES = {
    FULL_TESTED: "`dbt build`",
    FULL: "`dbt build`, no tests",
    DAY_TESTED: "further day, `dbt build`",
    DAY: "further day, no tests",
    FLOOR: "floor",
}
SHOWN_STEPS = 0.02  # of all the floor's seconds
SHOWN_TESTS = 10
LEAST_SHOWN = 0.1  # seconds
RUN_HEADS = ("seconds", "from, to", "CPU seconds", "peak memory MB", "database MB")


def written_into(document, text, begin=BEGIN, end=END):
    """Puts `text` between the marks of a page."""
    page = document.read_text(encoding="utf-8")
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    if end not in rest:
        raise SystemExit(f"{document} has lost its marks. Put back these lines:\n{begin}\n{end}")
    document.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}", encoding="utf-8")


def report(results):
    """Markdown of what `python -m bench` found."""
    sizes = results["sizes"]
    parts = [
        _machine(results),
        "### Builds and the floor",
        _builds(sizes),
        "### Ratios",
        _ratios(sizes),
        "### A further day, without what dbt needs for itself",
        _days(sizes),
        "### Where a build's time goes",
        _shares(sizes),
        "### Models",
        _models(sizes),
        "### Tests",
        _tests(sizes),
        "### Steps of the floor",
        _steps(sizes),
    ]
    return "\n\n".join(parts)


def report_feeds(results):
    """Markdown of what it found of the feeds besides that of tickets."""
    rounds = results["feeds"]["rounds"]
    sides = {"build": "`dbt build`, no tests", "floor": "floor"}
    runs = [
        [
            name,
            len(rounds),
            *_of_runs([one[kind] for one in rounds]),
        ]
        for kind, name in sides.items()
    ]
    ratios = {measure: [one["build"][measure] / one["floor"][measure] for one in rounds] for measure in ("wall", "cpu")}
    ratio_rows = [
        [name, *map(_number, (median(ratios[measure]), min(ratios[measure]), max(ratios[measure])))]
        for measure, name in (("wall", "seconds"), ("cpu", "CPU seconds"))
    ]
    models = _medians([_node_seconds(one["build"], "model") for one in rounds])
    steps = _medians([_step_seconds(one["floor"]) for one in rounds])
    busy, wall = (_median([one["build"] for one in rounds], measure) for measure in ("busy", "wall"))
    lines = ", ".join(f"{count:,} lines of `{feed}`" for feed, count in results["feeds"]["lines"].items())
    return "\n\n".join(
        (
            _machine(results),
            f"{lines}. Any node was at work for {_number(busy)} of the build's {_number(wall)} seconds.",
            table(["", "runs", *RUN_HEADS], runs),
            table(["build ÷ floor", "median", "least", "most"], ratio_rows),
            _side_by_side(models, steps),
        )
    )


def _side_by_side(models, steps):
    """Seconds of each model, and of the floor's step of the same name; then of the floor's other steps."""
    sides = (models, steps)
    names = sorted(models.keys() | steps.keys(), key=lambda name: [-side.get(name, 0) for side in sides])
    shown = [name for name in names if max(side.get(name, 0) for side in sides) >= LEAST_SHOWN]
    rest = [sum(seconds for name, seconds in side.items() if name not in shown) for side in sides]
    rows = [[f"`{name}`", *(_number(side.get(name)) for side in sides)] for name in shown]
    rows += [["all else", *map(_number, rest)], ["all", *(_number(sum(side.values())) for side in sides)]]
    return table(["seconds", "model", "step of the floor"], rows)


def _machine(results):
    machine = results["machine"]
    versions = ", ".join(f"{name} {machine[name]}" for name in ("dbt-core", "dbt-duckdb", "duckdb"))
    return (
        f"{machine['cores']} cores ({machine['processor']}), load {machine['load']:.1f} at the start; DuckDB may use "
        f"{machine['memory limit']}; Python {machine['python']}, {versions}. dbt reads the whole project in "
        f"{results['parse']['wall']:.1f} s, once; the builds below find it read."
    )


def _builds(sizes):
    rows = []
    for size in sizes:
        for kind, name in NAMES.items():
            rounds = [found[kind] for found in size["rounds"]]
            rows.append([f"{size['tickets']:,}", f"{size['lines']:,}", name, len(rounds), *_of_runs(rounds)])
    return table(["tickets", "lines", "", "runs", *RUN_HEADS], rows, left=(2,))


def _of_runs(runs):
    walls = [one["wall"] for one in runs]
    return [
        _number(median(walls)),
        f"{_number(min(walls))} to {_number(max(walls))}" if len(walls) > 1 else "",
        _number(_median(runs, "cpu")),
        f"{max(one['memory'] for one in runs) / 1e6:,.0f}",
        f"{_median(runs, 'database') / 1e6:,.0f}",
    ]


def _ratios(sizes):
    """Each round's builds against its own floor and build: what else the machine did then weighs on both."""
    pairs = [
        (FULL, FLOOR, "build without tests ÷ floor"),
        (FULL_TESTED, FLOOR, "build with tests ÷ floor"),
        (FULL_TESTED, FULL, "build with tests ÷ without"),
        (DAY, FULL, "further day ÷ build, without tests"),
        (DAY_TESTED, FULL_TESTED, "further day ÷ build, with tests"),
    ]
    rows = [
        [name]
        + [
            _number(median(found[one][measure] / found[other][measure] for found in size["rounds"]))
            for size in sizes
            for measure in ("wall", "cpu")
        ]
        for one, other, name in pairs
    ]
    heads = [f"{size['tickets']:,}: {measure}" for size in sizes for measure in ("seconds", "CPU")]
    return table(["", *heads], rows)


def _days(sizes):
    """Seconds in which any node was at work, against the whole build's and against the smaller lake's."""
    rows = []
    for day, build in ((DAY, FULL), (DAY_TESTED, FULL_TESTED)):
        before = None
        for size in sizes:
            busy = median(found[day]["busy"] for found in size["rounds"])
            share = median(found[day]["busy"] / found[build]["busy"] for found in size["rounds"])
            rows.append(
                [f"{size['tickets']:,}", NAMES[day], *map(_number, (busy, share)), _number(before and busy / before)]
            )
            before = busy
    return table(["tickets", "", "any node at work", "÷ build", "÷ that of the lake before"], rows, left=(1,))


def _shares(sizes):
    rows = []
    for size in sizes:
        for kind in (FULL_TESTED, FULL, DAY_TESTED, DAY):
            rounds = [found[kind] for found in size["rounds"]]
            sums = [_sums_by_type(one) for one in rounds]
            rows.append(
                [
                    f"{size['tickets']:,}",
                    NAMES[kind],
                    _number(_median(rounds, "wall")),
                    _number(median(one["wall"] - one["busy"] for one in rounds)),
                    _number(_median(rounds, "busy")),
                    *(_number(median(one[of] for one in sums)) for of in ("model", "seed", "test")),
                ]
            )
    heads = ["tickets", "", "seconds", "dbt itself", "any node at work", "models", "seeds", "tests"]
    return table(heads, rows, left=(1,))


def _models(sizes):
    found = [_by_name(size, kind, "model") for size in sizes for kind in (FULL, DAY)]
    names = sorted(found[-2], key=lambda name: -found[-2][name])
    rows = [[f"`{name}`", *(_number(one.get(name)) for one in found)] for name in names]
    rows.append(["all", *(_number(sum(one.values())) for one in found)])
    heads = [f"{size['tickets']:,}: {kind}" for size in sizes for kind in ("all", "day")]
    return table(["seconds", *heads], rows)


def _tests(sizes):
    found = [_by_name(size, FULL_TESTED, "test") for size in sizes]
    names = sorted(found[-1], key=lambda name: -found[-1][name])
    return table(["seconds", *(f"{size['tickets']:,}" for size in sizes)], _rows(found, names[:SHOWN_TESTS]))


def _steps(sizes):
    found = []
    for size in sizes:
        found.append(_medians([_step_seconds(one[FLOOR]) for one in size["rounds"]]))
    least = SHOWN_STEPS * sum(found[-1].values())
    names = [name for name, seconds in found[-1].items() if seconds >= least]
    return table(["seconds", *(f"{size['tickets']:,}" for size in sizes)], _rows(found, names))


def _rows(found, names):
    """A row for each name with its seconds in each size, and one for all that is not named."""
    rest = [sum(seconds for name, seconds in one.items() if name not in names) for one in found]
    rows = [[f"`{name}`", *(_number(one.get(name)) for one in found)] for name in names]
    return [*rows, ["all else", *map(_number, rest)]]


def _sums(pairs):
    sums = defaultdict(float)
    for name, seconds in pairs:
        sums[name] += seconds
    return sums


def _sums_by_type(build):
    return _sums((unique_id.split(".")[0], seconds) for unique_id, seconds in build["nodes"])


def _by_name(size, kind, of_type):
    """The median seconds of each node of a type in one kind of build, by name."""
    return _medians([_node_seconds(found[kind], of_type) for found in size["rounds"]])


def _node_seconds(build, of_type):
    nodes = ((unique_id.split("."), seconds) for unique_id, seconds in build["nodes"])
    return {parts[2]: seconds for parts, seconds in nodes if parts[0] == of_type}


def _step_seconds(floor):
    return _sums((name, seconds) for name, seconds, _ in floor["steps"])


def _medians(rounds):
    """The median of each name's seconds."""
    return {name: median(one[name] for one in rounds) for name in rounds[0]}


def _median(rounds, key):
    return median(one[key] for one in rounds)


def _number(value):
    """Three digits that count, at most two after the point."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(heads, rows, left=()):
    marks = [":--" if n == 0 or n in left else "--:" for n in range(len(heads))]
    return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in [heads, marks, *rows])
