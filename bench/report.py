"""The tables of docs/performance.md."""

from __future__ import annotations

from collections import defaultdict
from statistics import median

BEGIN, END = "<!-- measured by make bench: begin -->", "<!-- measured by make bench: end -->"
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
SHOWN_STEPS = 0.02


def written_into(document, text):
    """The document with `text` between its markers."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or END not in rest:
        raise SystemExit(f"docs/performance.md has lost its markers. Put back the lines\n{BEGIN}\n{END}\nand run again.")
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"


def report(results):
    """Markdown of what `python -m bench` found."""
    sizes = results["sizes"]
    parts = [
        _machine(results),
        "### Builds and the floor",
        _builds(sizes),
        "### Ratios",
        _ratios(sizes),
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
            walls = [one["wall"] for one in rounds]
            rows.append(
                [
                    f"{size['tickets']:,}",
                    f"{size['lines']:,}",
                    name,
                    len(rounds),
                    _number(median(walls)),
                    f"{_number(min(walls))}–{_number(max(walls))}",
                    _number(_median(rounds, "cpu")),
                    f"{max(one['memory'] for one in rounds) / 1e6:,.0f}",
                    f"{_median(rounds, 'database') / 1e6:,.0f}",
                ]
            )
    heads = ["tickets", "lines", "", "runs", "seconds", "from–to", "CPU seconds", "peak memory MB", "database MB"]
    return _table(heads, rows, left=(2,))


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
    return _table(["", *heads], rows)


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
                    *(_number(median(one[of] for one in sums)) for of in ("model", "seed", "test", "unit_test")),
                ]
            )
    heads = ["tickets", "", "seconds", "dbt itself", "any node at work", "models", "seeds", "data tests", "unit tests"]
    return _table(heads, rows, left=(1,))


def _models(sizes):
    def seconds(kind):
        return [
            _by_name([found[kind] for found in size["rounds"]], lambda unique_id: unique_id.startswith("model."))
            for size in sizes
        ]

    full, day = seconds(FULL), seconds(DAY)
    names = sorted({name for found in full for name in found}, key=lambda name: -full[-1].get(name, 0))
    rows = [[f"`{name}`"] + [_number(found.get(name)) for both in zip(full, day, strict=True) for found in both] for name in names]
    rows.append(["all"] + [_number(sum(found.values())) for both in zip(full, day, strict=True) for found in both])
    heads = [f"{size['tickets']:,}: {kind}" for size in sizes for kind in ("all", "day")]
    return _table(["seconds", *heads], rows)


def _tests(sizes):
    found = [
        _by_name(
            [one[FULL_TESTED] for one in size["rounds"]], lambda unique_id: unique_id.startswith(("test.", "unit_test."))
        )
        for size in sizes
    ]
    names = sorted(found[-1], key=lambda name: -found[-1][name])
    rows = [[f"`{name}`"] + [_number(one.get(name)) for one in found] for name in names[:10]]
    rows.append([f"the other {len(names[10:])}"] + [_number(sum(one.get(name, 0) for name in names[10:])) for one in found])
    return _table(["seconds", *(f"{size['tickets']:,}" for size in sizes)], rows)


def _steps(sizes):
    found = []
    for size in sizes:
        steps = defaultdict(list)
        for one in size["rounds"]:
            sums = defaultdict(float)
            for name, seconds, _ in one[FLOOR]["steps"]:
                sums[name] += seconds
            for name, seconds in sums.items():
                steps[name].append(seconds)
        found.append({name: median(seconds) for name, seconds in steps.items()})
    total = sum(found[-1].values())
    shown = [name for name, seconds in found[-1].items() if seconds >= SHOWN_STEPS * total]
    rows = [[f"`{name}`"] + [_number(one[name]) for one in found] for name in shown]
    rows.append(["all else"] + [_number(sum(seconds for name, seconds in one.items() if name not in shown)) for one in found])
    return _table(["seconds", *(f"{size['tickets']:,}" for size in sizes)], rows)


def _sums_by_type(build):
    sums = dict.fromkeys(("model", "seed", "test", "unit_test", "operation"), 0.0)
    for unique_id, seconds in build["nodes"]:
        sums[unique_id.split(".")[0]] += seconds
    return sums


def _by_name(builds, wanted):
    """The median seconds of each node, by name."""
    seconds = defaultdict(list)
    for build in builds:
        for unique_id, took in build["nodes"]:
            if wanted(unique_id):
                seconds[unique_id.split(".")[-1 if unique_id.startswith(("model.", "unit_test.")) else 2]].append(took)
    return {name: median(took) for name, took in seconds.items()}


def _median(rounds, key):
    return median(one[key] for one in rounds)


def _number(value):
    """Three digits that count, at most two after the point."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _table(heads, rows, left=()):
    marks = [":--" if n == 0 or n in left else "--:" for n in range(len(heads))]
    return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in [heads, marks, *rows])
