"""The figures that the documentation states are those that its examples come out with."""

import ast
import json
import operator
import os
import re
import runpy
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import unquote

import pytest
from lakes import PROJECT, Dbt, Lake
from landings import file_of, ticket_line

# The pages that state figures of the examples.
METRICS_PAGE = (PROJECT / "docs" / "metrics.md").read_text(encoding="utf-8")
FEEDS_PAGE = (PROJECT / "docs" / "feeds.md").read_text(encoding="utf-8")
PAGES = f"{METRICS_PAGE}\n{FEEDS_PAGE}"
EXAMPLES = PROJECT / "docs" / "examples"
YEAR = "2026"
# A paragraph that ends with a model's name and a colon, then a table: "in `fct_tickets` as of `2026-03-20 17:00:00`:".
TABLE = re.compile(r"^(?!\|).*`(\w+)`(?:\s+as of `([^`]+)`)?:\n\n((?:\|.*\n)+)", re.MULTILINE)
CALCULATION = re.compile(r"`([\d\s.:()+*/-]+)=\s*(-?[\d.]+)`")
OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
LETTERS = {"new": "n", "open": "o", "pending": "p", "on_hold": "h"}


@dataclass
class Tables:
    """What was built: the rows of each model for each as_of, their types, and the key of each model."""

    rows: dict[str, dict[str, list[dict]]]
    types: dict[str, dict[str, str]]
    keys: dict[str, list[str]]
    lake: Lake


def copy_project(folder):
    """A copy of the project with the examples' seeds."""
    ignored = shutil.ignore_patterns(".git", ".venv", "lake", "target", "logs", "python", "generator", "__pycache__")
    shutil.copytree(PROJECT, folder, symlinks=True, ignore=ignored)
    shutil.copytree(EXAMPLES / "seeds", folder / "seeds", dirs_exist_ok=True)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The examples, built by a copy of the project that has their seeds."""
    folder = tmp_path_factory.mktemp("docs")
    copy_project(folder / "project")
    dbt, lake = Dbt(folder / "dbt", project=folder / "project"), Lake(folder / "lake")
    shutil.copytree(EXAMPLES / "raw", lake.folder / "raw", dirs_exist_ok=True)
    rows, types = {}, {}
    for as_of in sorted({as_of for _, as_of, _ in TABLE.findall(PAGES)}, reverse=True):
        dbt.build(lake, "--vars", json.dumps({"as_of": as_of}))
        built = dbt.read(lake)
        types = {model: dict(columns) for model, (columns, *_) in built.items()}
        rows[as_of] = {
            model: [dict(zip(types[model], row, strict=True)) for row in found] for model, (_, *found) in built.items()
        }
    nodes = json.loads((dbt.home / "target" / "manifest.json").read_bytes())["nodes"]
    dbt.close()
    keys = {
        nodes[node["attached_node"]]["alias"]: node["test_metadata"]["kwargs"]
        for node in nodes.values()
        if node.get("test_metadata", {}).get("name") == "primary_key"
    }
    return Tables(
        rows, types, {model: key.get("columns", [key.get("column_name")]) for model, key in keys.items()}, lake
    )


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def in_code(text):
    """What stands in `code`, else nothing."""
    return text[1:-1] if re.fullmatch(r"`[^`]+`", text) else None


def stated(table):
    """What a table says: a dictionary of columns and figures for each row of the model."""
    header, _, *body = [cells(line) for line in table.splitlines()]
    names = [in_code(name) for name in header]
    if header[0] != "column":
        return [{name: cell for name, cell in zip(names, row, strict=True) if name} for row in body]
    # Figures below each other: a row for each column of the model, a column for each of its rows.
    return [{None: name} | {in_code(row[0]): row[place] for row in body} for place, name in enumerate(names) if name]


def shown(value, like):
    """A built value, written as `like` is: as many decimals, the year or not."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date):
        text = f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else f"{value:%Y-%m-%d}"
        if isinstance(value, datetime) and (value.second or value.microsecond):
            return str(value)
        return text if re.match(r"\d{4}-", like) else text.removeprefix(f"{YEAR}-")
    if isinstance(value, dict):
        amounts = dict(amount.split(" ", 1) for amount in like.split(", ") if " " in amount)
        return ", ".join(f"{key} {shown(amount, amounts.get(key, ''))}" for key, amount in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:.{len(like.partition('.')[2])}f}"
    return str(value)


def differences(tables, model, as_of, expected):
    """What of one stated row is not so."""
    key = tables.keys[model]
    if None in expected:
        assert len(key) == 1, f"{model} has the key {key}: a table of its rows is needed"
        expected = {key[0]: expected.pop(None)} | expected
    known = {name: text for name, text in expected.items() if name in key}
    found = [
        row for row in tables.rows[as_of][model] if all(shown(row[name], text) == text for name, text in known.items())
    ]
    if len(found) != 1:
        return [f"{model} has {len(found)} rows with {known}"]
    return [
        f"{model} {known}: {name} is {shown(found[0][name], text)}, not {text}"
        for name, text in expected.items()
        if shown(found[0][name], text) != text
    ]


def test_tables_state_what_is_built(tables):
    found = TABLE.findall(PAGES)
    assert len(found) == len(re.findall(r"^\|.*`.*\|\n\|-", PAGES, re.MULTILINE)), (
        "a table's model is not named above it"
    )
    wrong = [
        difference
        for model, as_of, table in found
        for expected in stated(table)
        for difference in differences(tables, model, as_of, expected)
    ]
    assert wrong == []
    twice = [row for _, _, table in found for row in stated(table) if stated(table).count(row) > 1]
    assert twice == []


def test_every_number_and_moment_has_an_example(tables):
    documented = {
        (model, name) for model, _, table in TABLE.findall(PAGES) for expected in stated(table) for name in expected
    }
    missing = [
        f"{model}.{name}"
        for model, types in tables.types.items()
        for name, of_type in types.items()
        if not model.startswith("dim_")
        and of_type != "VARCHAR"
        and (model, name) not in documented
        and name not in tables.keys[model]
    ]
    assert missing == []


def calculated(text):
    """The value of an expression; a time of day is its hours."""
    hours = re.sub(r"(\d+):(\d\d)", lambda time: f"({int(time[1])} + {int(time[2])} / 60)", text)

    def value(node):
        if isinstance(node, ast.BinOp):
            return OPERATIONS[type(node.op)](value(node.left), value(node.right))
        return ast.literal_eval(node)

    return value(ast.parse(hours.strip(), mode="eval").body)


def test_calculations_come_out():
    found = CALCULATION.findall(PAGES)
    assert len(found) > 30
    assert [
        (left, right) for left, right in found if f"{calculated(left):.{len(right.partition('.')[2])}f}" != right
    ] == []


def test_the_drawing_shows_the_periods(tables):
    hours = [datetime(2026, 3, 16, 0, 30) + timedelta(hours=hour) for hour in range(24 + 24 + 12)]
    drawn = {}
    for period in tables.rows[""]["fct_ticket_periods"]:
        line = drawn.setdefault(period["ticket_key"].removeprefix("helpdesk:"), [" "] * len(hours))
        for place, hour in enumerate(hours):
            if period["valid_from"] <= hour < (period["valid_to"] or datetime.max):
                line[place] = LETTERS.get(period["status"], ".")
    lines = [f"{ticket}     {''.join(drawn[ticket])}" for ticket in sorted(drawn) if ticket < "K"]
    assert len(lines) == 10
    assert "\n".join(lines) in METRICS_PAGE


def test_metrics_are_what_the_page_quotes(tables):
    """Asked of MetricFlow itself, with the commands as they stand there."""
    folder = tables.lake.folder.parent
    (folder / "project" / "target").symlink_to(folder / "dbt" / "target")
    environment = os.environ | {"LAKE": str(tables.lake.folder), "DBT_LOG_PATH": str(folder / "logs")}
    quoted = re.findall(r"^\$ (mf query .*)\n((?:(?!```).*\n)+)", METRICS_PAGE, re.MULTILINE)
    assert len(quoted) == METRICS_PAGE.count("$ mf query")
    for command, output in quoted:
        asked = subprocess.run(
            shlex.split(command), cwd=folder / "project", env=environment, capture_output=True, text=True
        )
        assert asked.returncode == 0, asked.stdout + asked.stderr
        assert [line.rstrip() for line in asked.stdout.splitlines()] == output.splitlines()


def test_the_page_lists_every_metric(manifest):
    [rows] = page_table(METRICS_PAGE, "metric", "is of", "day by which it counts", "the same in")
    listed = [name for names, *_ in rows for name in re.findall(r"\w+", names)]
    assert sorted(listed) == sorted(metric["name"] for metric in manifest["metrics"].values())


def test_the_summary_reads_the_tables_that_its_exposure_names(manifest):
    summary = runpy.run_path(str(PROJECT / "scripts" / "summary.py"))
    sql = summary["HEADLINE"] + summary["SEVERITIES"]
    read = set(re.findall(r"\b(?:from|join) (\w+)", sql)) - set(re.findall(r"\b(\w+) as \(\s+select", sql))
    nodes = manifest["exposures"]["exposure.ticketlake.summary"]["depends_on"]["nodes"]
    assert sorted(manifest["nodes"][node]["alias"] for node in nodes) == sorted(read)


def test_the_dashboard_reads_the_tables_that_its_exposure_names(manifest):
    code = "\n".join(path.read_text(encoding="utf-8") for path in (PROJECT / "dashboard").rglob("*.py"))
    public = {node["alias"] for node in manifest["nodes"].values() if node.get("access") == "public"}
    nodes = manifest["exposures"]["exposure.ticketlake.dashboard"]["depends_on"]["nodes"]
    read = public & set(re.findall(r"\b(?:from|join)\s+(\w+)", code))
    assert sorted(manifest["nodes"][node]["alias"] for node in nodes) == sorted(read)


# ---------- docs/seeds.md

SEEDS_PAGE = (PROJECT / "docs" / "seeds.md").read_text(encoding="utf-8")


def page_table(page, *header):
    """The rows of each table with this header, code marks left out."""
    pattern = r"^" + re.escape(f"| {' | '.join(header)} |") + r"\n\|[-|]+\n((?:\|.*\n)+)"
    return [
        [[cell.strip("`") for cell in cells(line)] for line in body.splitlines()]
        for body in re.findall(pattern, page, re.MULTILINE)
    ]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with the examples' seeds, and what runs dbt in it."""
    folder = tmp_path_factory.mktemp("seeds") / "project"
    copy_project(folder)
    dbt = Dbt(folder.parent / "dbt", project=folder)
    yield folder, dbt
    dbt.close()


REFUSED = page_table(SEEDS_PAGE, "seed", "instead of", "written", "the build says")


@pytest.mark.parametrize("flaws", REFUSED, ids=["file", "sense", "clock"])
def test_a_seed_is_refused_with_the_words_that_the_page_quotes(project, tmp_path, flaws):
    folder, dbt = project
    shutil.copytree(EXAMPLES / "seeds", folder / "seeds", dirs_exist_ok=True)
    for seed, old, new, _ in flaws:
        path = folder / "seeds" / f"{seed}.csv"
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{seed} has no {old}"
        path.write_text(text.replace(old, new, 1) if old else f"{text}{new}\n", encoding="utf-8")
    lake = Lake(tmp_path / "lake")
    lake.land({"dt=2026-03-02/a.jsonl": file_of(ticket_line(market="UK"))})
    outcome = dbt.run(lake, "build", "--exclude-resource-type", "unit_test")
    output = " ".join(outcome.output.split())
    assert outcome.exit_code == 1
    assert [message for *_, message in flaws if message not in output] == []


def test_tickets_get_the_policies_that_the_page_says(project, tmp_path):
    folder, dbt = project
    shutil.copytree(EXAMPLES / "seeds", folder / "seeds", dirs_exist_ok=True)
    names = (folder / "seeds" / "sla_policies.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    [policies] = page_table(SEEDS_PAGE, *names)
    rows = "\n".join(map(",".join, [names, *policies]))
    (folder / "seeds" / "sla_policies.csv").write_text(f"{rows}\n", encoding="utf-8")
    header = ("created", "source", "market", "category", "severity", "policy", "because")
    [tickets] = page_table(SEEDS_PAGE, *header)
    lake, lines, expected = Lake(tmp_path / "lake"), [], {}
    for number, (created, source, market, category, severity, policy, _) in enumerate(tickets):
        moment = f"{created}T00:00:00Z"
        fields = {"source": source, "market": market, "category": category, "severity": severity}
        lines.append(ticket_line(ticket_id=str(number), created_at=moment, updated_at=moment, **fields))
        expected[f"{source}:{number}"] = policy
    lake.land({"dt=2026-04-01/a.jsonl": file_of(*lines)})
    dbt.build(lake)
    assert dict(lake.query("select ticket_key, policy from fct_ticket_slas")) == expected


# ---------- docs/layers.md

LAYERS_PAGE = (PROJECT / "docs" / "layers.md").read_text(encoding="utf-8")


def test_the_page_on_layers_lists_every_model(manifest):
    models = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    keys = {
        node["attached_node"]: node["test_metadata"]["kwargs"]
        for node in manifest["nodes"].values()
        if node.get("test_metadata", {}).get("name") == "primary_key"
    }
    expected = {
        (
            node["alias"],
            node["group"],
            ", ".join(keys[key].get("columns") or [keys[key]["column_name"]]) if key in keys else "none",
            node["config"]["materialized"],
            node["config"]["meta"].get("replaces", ""),
        )
        for key, node in models.items()
        if node["version"] == node["latest_version"]
    }
    [rows] = page_table(LAYERS_PAGE, "model", "group", "a row for each", "key", "kept as", "replaces")
    assert {(name, group, key, kept, replaces) for name, group, _, key, kept, replaces in rows} == expected
    assert len(rows) == len(expected)


def test_queries_find_what_the_page_says(tables):
    pages = LAYERS_PAGE + FEEDS_PAGE
    queries = re.findall(r"```sql\n(.*?)-- (.*?)\n```", pages, re.DOTALL)
    assert len(queries) == pages.count("```sql")
    found = {}
    for sql, result in queries:
        [row] = tables.lake.query(sql)
        found[sql] = ", ".join(shown(value, like) for value, like in zip(row, result.split(", "), strict=True))
    assert found == dict(queries)


# ---------- models/docs/overview.md

DOCUMENTED = ("nodes", "sources", "exposures", "semantic_models", "metrics")


def test_the_start_page_leads_to_what_there_is(manifest):
    page = (PROJECT / "models" / "docs" / "overview.md").read_text(encoding="utf-8")
    nodes = {key: node for part in DOCUMENTED for key, node in manifest[part].items()}
    linked = re.findall(r"\(#!/(\w+)/([\w.]+)\)", page)
    assert [key for kind, key in linked if key not in nodes or nodes[key]["resource_type"] != kind] == []
    drawn = re.findall(r"group \[(\w+)\]\(\?\1#!/overview\?g_v=1&g_i=group:\1\)", page)
    assert drawn == [group["name"] for group in manifest["groups"].values()]
    layers = {node["fqn"][1] for node in nodes.values() if node["resource_type"] == "model"}
    assert [layer for layer in layers if f"`{layer}` " not in page] == []
    shown = {key for _, key in linked}
    assert [key for key, node in nodes.items() if node.get("access") == "public" and key not in shown] == []
    assert manifest["metrics"].keys() | manifest["semantic_models"].keys() <= shown


def test_the_start_page_draws_what_there_is(manifest):
    """A drawing opens with its page only, so each link to one has a query of its own before the #."""
    page = (PROJECT / "models" / "docs" / "overview.md").read_text(encoding="utf-8")
    links = re.findall(r"\(\?(\w+)#!/overview\?g_v=1&g_i=([^&)]+)(?:&g_e=[^)]+)?\)", page)
    assert len(links) == page.count("g_v=1") > len(manifest["groups"])
    assert len({query for query, _ in links}) == len(links)
    there = {
        f"{kind.removesuffix('s')}:{one['name']}"
        for kind in ("groups", "exposures", "metrics")
        for one in manifest[kind].values()
    }
    chosen = {re.sub(r"^\d*\+", "", one) for _, include in links for one in unquote(include).split()}
    assert chosen <= there


# ---------- pictures


def test_every_picture_is_there_used_and_told_in_words():
    pages = [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")]
    shown = [
        (page.parent / file, words)
        for page in pages
        for words, file in re.findall(r"!\[([^]]*)\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    ]
    pictures = sorted((PROJECT / "docs" / "pictures").iterdir())
    assert sorted(path.resolve() for path, _ in shown) == pictures
    assert [path.name for path, words in shown if len(words.split()) < 8] == []
    assert [path.name for path in pictures if path.stat().st_size > 150_000] == []


def test_the_picture_of_the_backlog_shows_the_lake_of_the_summary():
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    [summary] = re.findall(r"^all +(\d+) +(\d+) \|", readme, re.MULTILINE)
    [told] = re.findall(r"!\[[^]]*?(\d+) open tickets, (\d+) of them overdue", readme)
    assert told == summary
