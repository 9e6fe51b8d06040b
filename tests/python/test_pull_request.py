"""What a pull request is told of columns, full refreshes and rows, for real changes to a copy of the project."""

import json
import shutil
import subprocess
import sys

import duckdb
import pytest
from lakes import PROJECT, Dbt, Lake

from scripts.build_changed import difference
from scripts.changes import FullRefresh, column_changes, unseen_macros
from scripts.pr_report import report

IGNORED = shutil.ignore_patterns(".git", ".venv", "lake", "target", "logs", "__pycache__", "python")
NEW_MODEL = "{{ config(materialized='incremental') }}\nselect ticket_key from {{ ref('int_tickets') }}\n"
NEW_PROPERTIES = "models:\n  - name: int_new\n    config: {group: tickets}\n"


class Branch:
    """A copy of the project to make changes in."""

    def __init__(self, folder):
        self.project, self.folder = folder / "project", folder
        shutil.copytree(PROJECT, self.project, symlinks=True, ignore=IGNORED)
        self.dbt = Dbt(folder / "dbt", project=self.project)
        self.lake = Lake(folder / "lake")
        self.base = self.parse()
        (folder / "base").mkdir()
        (folder / "base" / "manifest.json").write_text(json.dumps(self.base))

    def parse(self):
        # Parsed in part, a model keeps an access that its .yml no longer gives it.
        outcome = self.dbt.run(self.lake, "parse", "--no-partial-parse")
        assert outcome.exit_code == 0, outcome.output
        return json.loads((self.dbt.home / "target" / "manifest.json").read_bytes())

    def change(self, *edits):
        """The manifest once the edits, (path, old, new), are made to what main has; old is none for a new file."""
        for folder in ("models", "macros", "seeds"):
            shutil.rmtree(self.project / folder)
            shutil.copytree(PROJECT / folder, self.project / folder)
        edit(self.project, *edits)
        return self.parse()

    def refresh(self, *edits):
        """What needs a full refresh after the edits, by dbt's own judgement of what is modified."""
        head = self.change(*edits)
        listed = self.dbt.run(
            self.lake, "--quiet", "ls", "--select", "state:modified", "--state", str(self.folder / "base"),
            "--resource-type", "model", "seed", "source", "--output", "json", "--output-keys", "unique_id",
        )  # fmt: skip
        assert listed.exit_code == 0, listed.output
        modified = [json.loads(line)["unique_id"] for line in listed.output.splitlines() if line.startswith("{")]
        return FullRefresh(self.base, head, modified), {"failed": None, "modified": modified}


def edit(project, *edits):
    for path, old, new in edits:
        file = project / path
        text = "" if old is None else file.read_text(encoding="utf-8")
        assert old is None or old in text, (path, old)
        file.write_text(text.replace(old, new, 1) if old else text + new, encoding="utf-8")


@pytest.fixture(scope="module")
def branch(tmp_path_factory):
    made = Branch(tmp_path_factory.mktemp("branch"))
    yield made
    made.dbt.close()


def stored(refresh):
    """Names of the models that hold rows of other SQL."""
    return [key.split(".")[2] for key in refresh.models]


def test_nothing_is_told_of_no_change(branch):
    refresh, said = branch.refresh()
    assert (said["modified"], stored(refresh), refresh.select, refresh.unseen_macros) == ([], [], [], [])
    assert column_changes(branch.base, refresh.head) == []
    text = report(said, branch.base, refresh.head)
    assert "No model, seed or source." in text and "No model needs one." in text
    assert "None is added or removed, and none has another type." in text


def test_changes_of_public_columns_are_told_apart(branch):
    dates, markets = "models/marts/dim_dates.yml", "models/marts/dim_markets.yml"
    head = branch.change(
        (
            dates,
            "data_type: integer\n        description: Its calendar year",
            "data_type: bigint\n        description: Y",
        ),
        (dates, "Its quarter, 1 to 4.", "The quarter."),
        (dates, "      - name: month\n", "      - name: month_of_year\n"),
        (markets, "    config:\n", "    config:\n      access: protected\n"),
        ("models/intermediate/int_tickets.yml", "    config:\n", "    config:\n      access: public\n"),
    )
    columns = len(head["nodes"]["model.ticketlake.int_tickets"]["columns"])
    assert column_changes(branch.base, head) == [
        ("dim_dates", "month", "removed"),
        ("dim_dates", "year", "type changed from integer to bigint"),
        ("dim_dates", "quarter", "description changed"),
        ("dim_dates", "month_of_year", "added, integer"),
        ("dim_markets", None, "the table is no longer public"),
        ("int_tickets", None, f"new table of {columns} columns"),
    ]
    text = report({"failed": "A reason."}, branch.base, head)
    assert "**A reason.**" in text
    assert "| `dim_dates` | `year` | type changed from integer to bigint |" in text
    assert "Described in other words: `dim_dates.quarter`." in text
    assert "Full refresh" not in text


def test_a_changed_incremental_model_needs_a_full_refresh(branch):
    refresh, said = branch.refresh(
        ("models/marts/ops_metrics_daily.sql", "cast(days.created as", "cast(-days.created as")
    )
    assert (stored(refresh), refresh.select) == (["ops_metrics_daily"], ["ops_metrics_daily+"])
    text = report(said, branch.base, refresh.head)
    assert "- `ops_metrics_daily`: SQL changed" in text
    assert "dbt build --full-refresh --select ops_metrics_daily+\n" in text


def test_so_does_all_that_keeps_rows_below_a_change(branch):
    """Of a table, which itself is made anew by each build: the clocks were measured with the old one."""
    refresh, _ = branch.refresh(("models/intermediate/int_business_time.sql", "select", "select distinct"))
    assert refresh.select == ["int_business_time+"]
    names = stored(refresh)
    assert {"int_ticket_states", "int_ticket_sla_clocks", "int_tickets", "ticket_kpis_daily"} <= set(names)
    assert names.index("int_ticket_states") < names.index("int_ticket_sla_clocks") < names.index("int_tickets")
    assert not {"stg_ticket_updates__lines", "int_ticket_updates", "ingestion_state"} & set(names)
    assert refresh.models["model.ticketlake.int_tickets"] == "reads from `int_business_time`"


def test_a_macro_counts_for_those_who_use_it(branch):
    refresh, _ = branch.refresh(("macros/metrics/sla.sql", "{% macro", "{# said otherwise #}\n{% macro"))
    assert refresh.models == {}
    path = "macros/metrics/durations.sql"
    refresh, said = branch.refresh((path, "({{ micros }} / 3.6e9)", "({{ micros }} / 3600e6)"))
    assert refresh.models["model.ticketlake.ops_metrics_daily.v1"] == "macro `hours` changed"
    assert "model.ticketlake.fct_tickets.v1" in said["modified"]
    assert not {"int_tickets", "int_ticket_states"} & set(stored(refresh))


def test_a_macro_that_dbt_calls_itself_counts_for_every_incremental_model(branch):
    refresh, said = branch.refresh(("macros/incremental/replace_strategy.sql", "delete from", "delete  from"))
    assert said["modified"] == []  # dbt does not see it
    assert refresh.unseen_macros == ["get_incremental_replace_sql"]
    incremental = [node for node in refresh.head["nodes"].values() if node["config"]["materialized"] == "incremental"]
    assert sorted(stored(refresh)) == sorted(node["name"] for node in incremental)
    staging = [node["name"] for node in incremental if node["fqn"][1] == "staging"]
    assert sorted(refresh.select) == sorted(f"{name}+" for name in staging) and len(staging) == 4
    assert set(refresh.models.values()) == {"macro `get_incremental_replace_sql` changed"}
    head = branch.change(("macros/engine/text.sql", "", "{% macro athena__unheard_of() %}{% endmacro %}\n"))
    assert unseen_macros(branch.base, head) == []


def test_reference_data_takes_effect_by_itself(branch):
    rows = {
        "agents": "de-99,A,EMEA,x",
        "currencies": "XTS",
        "failure_codes": "BAT-F99,Another failure,battery",
        "holidays": "de_service,2026-05-04,Another day",
        "parts": "BAT-9999,Another part,battery,10.00",
    }
    refresh, said = branch.refresh(*((f"seeds/{seed}.csv", "", f"{row}\n") for seed, row in rows.items()))
    assert sorted(said["modified"]) == [f"seed.ticketlake.{seed}" for seed in rows]
    assert refresh.models == {}
    text = report(said, branch.base, refresh.head)
    seeds = ", ".join(f"`{seed}`" for seed in rows)
    assert f"The next build computes everything anew by itself, since {seeds} changed." in text
    assert f"- {seeds}: rows changed" in text


def test_words_views_and_new_models_need_no_full_refresh(branch):
    refresh, said = branch.refresh(
        ("models/marts/ops_metrics_daily.yml", "The support desk at a glance", "The desk at a glance"),
        ("models/marts/fct_tickets.sql", "select", "select distinct"),
        ("models/intermediate/int_new.sql", None, NEW_MODEL),
        ("models/intermediate/int_new.yml", None, NEW_PROPERTIES),
    )
    assert sorted(said["modified"]) == ["model.ticketlake.fct_tickets.v1", "model.ticketlake.int_new"]
    assert refresh.models == {}
    assert "- `int_new`: new" in report(said, branch.base, refresh.head)


@pytest.fixture
def database():
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as one; attach ':memory:' as other")
        yield connection


def test_rows_are_compared_by_their_key(database):
    columns = "(k integer, load_id integer, day date, hours double, note varchar)"
    for side in ("one", "other"):
        database.execute(f"create table {side}.t {columns}")
    database.execute("insert into one.t values (1, 1, null, 0.3, 'a'), (2, 1, null, 1, 'b'), (3, 1, null, 7, 'c')")
    database.execute(
        "insert into other.t values (1, 2, null, 0.1::double + 0.2, 'a'), (2, 2, null, null, 'x'), (4, 2, null, 7, 'c')"
    )
    assert difference(database, "t", ["k"]) == {
        "before": 3, "after": 3, "removed": 1, "added": 1, "changed": 1, "columns": {"hours": 1, "note": 1},
    }  # fmt: skip
    # Without a key, or if it is none, the changed row is another one.
    facts = {"before": 3, "after": 3, "removed": 2, "added": 2, "changed": 0, "columns": {}}
    assert difference(database, "t", None) == facts
    database.execute("insert into one.t values (1, 1, null, 0.3, 'a')")
    assert difference(database, "t", ["k"]) == facts | {"before": 4, "removed": 3}
    assert difference(database, "nowhere", ["k"]) == {"before": None, "after": None}


def test_a_branch_is_built_on_what_main_has_built(tmp_path):
    project = tmp_path / "project"
    shutil.copytree(PROJECT, project, symlinks=True, ignore=IGNORED)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "core.hooksPath="]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "main"], ["branch", "base"]):
        subprocess.run([*git, *command], cwd=project, check=True)
    ops, net = "models/marts/ops_metrics_daily", "      - {name: net, data_type: integer, description: Net.}\n"
    edit(
        project,
        (f"{ops}.sql", "    days.day,\n", "    days.day,\n    cast(days.created - days.resolved as integer) as net,\n"),
        (f"{ops}.yml", "      - name: created\n", f"{net}      - name: created\n"),
        ("models/intermediate/int_tickets.sql", "last_updates.subject,", "upper(last_updates.subject) as subject,"),
    )
    built = run(project, "scripts.build_changed", "base")
    assert built.returncode == 0, built.stdout + built.stderr
    told = run(project, "scripts.pr_report").stdout
    said = json.loads((project / "target/pull_request/builds.json").read_bytes())
    tickets = said["rows"]["model.ticketlake.fct_tickets.v1"]
    count, changed = tickets["after"], tickets["changed"]
    assert tickets["before"] == count > 500 and tickets["columns"] == {"subject": changed}
    assert 0 < said["stored"]["model.ticketlake.int_tickets"]["changed"] < changed
    assert said["stored"]["model.ticketlake.int_ticket_states"]["changed"] == 0
    for line in (
        "| `ops_metrics_daily` | `net` | added, integer |",
        "dbt build --full-refresh --select int_tickets+\n",
        "| `ops_metrics_daily` | SQL, columns changed | the build fails: its table has other columns |",
        f"| `fct_tickets` | {count} | {count} | {changed} changed (`subject` {changed}) |",
        "tables have the same rows in all columns that both have",
    ):
        assert line in told, told

    edit(project, (f"{ops}.yml", "backlog\n        data_type: integer", "backlog\n        data_type: bigint"))
    refused = run(project, "scripts.build_changed", "base")
    assert refused.returncode == 1
    assert "A column of `ops_metrics_daily` is removed or has another type" in refused.stderr
    told = run(project, "scripts.pr_report").stdout
    assert "| `ops_metrics_daily` | `backlog` | type changed from integer to bigint |" in told


def run(project, module, *arguments):
    return subprocess.run([sys.executable, "-m", module, *arguments], cwd=project, capture_output=True, text=True)
