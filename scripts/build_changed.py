"""
Build what a branch changes on top of what main has built: `python -m scripts.build_changed [BASE]`.

On a small generated lake main builds all days but the last. On a copy of its database the branch builds what changed
and all below it, with every test, unit tests too; then the last day lands and it builds that. Models that need a full
refresh get one; what would come out if that was forgotten is built as well. `python -m scripts.pr_report` reads what
is written to target/pull_request: both manifests, and builds.json.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb

from scripts.changes import FullRefresh, key_columns, materialized, nodes_of, quoted

PROJECT = Path(__file__).resolve().parent.parent
HOME = PROJECT / "target" / "pull_request"
LANDINGS = ("--count", "500", "--end", "2026-02-15")
WITHOUT_TESTS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
SIDES, DECIMALS = ("one", "other"), ("DOUBLE", "FLOAT")
BOOKKEEPING = "load_id"  # Counts builds: it differs with their number, not with what was landed.


class Failure(Exception):
    """What ends the check, in words for whoever reads the report."""


class Lakes:
    """A folder for each lake, and landings that all share. LAKE is always one link: no path in a manifest differs."""

    def __init__(self, folder):
        self.folder, self.raw, self.lake = folder, folder / "raw", folder / "now"
        self.raw.mkdir(parents=True)
        self.of("base").mkdir()
        (self.of("base") / "raw").symlink_to(self.raw)
        self.use("base")

    def of(self, name):
        return self.folder / name

    def use(self, name):
        """Makes a lake the one that dbt builds."""
        self.lake.unlink(missing_ok=True)
        self.lake.symlink_to(self.of(name))

    def copy(self, name, to):
        shutil.copytree(self.of(name), self.of(to), symlinks=True)

    def database(self, name):
        return self.of(name) / "ticketlake.duckdb"


class Dbt:
    """Runs dbt in a project folder, on the lake of the hour."""

    def __init__(self, project, name, lake):
        self.project, self.target, self.lake = project, HOME / name, lake

    def run(self, title, *arguments):
        """Whether it succeeded."""
        print(f"\n{title}\n$ dbt {' '.join(arguments)}", flush=True)
        return subprocess.run(["dbt", *arguments], cwd=self.project, env=self.environment()).returncode == 0

    def ask(self, *arguments):
        """Whether it succeeded, and what it printed."""
        asked = ["dbt", "--no-use-colors", *arguments]
        done = subprocess.run(asked, cwd=self.project, env=self.environment(), stdout=subprocess.PIPE, text=True)
        if done.returncode:
            print(done.stdout)
        return done.returncode == 0, done.stdout

    def environment(self):
        places = {"LAKE": self.lake, "DBT_TARGET_PATH": self.target, "DBT_LOG_PATH": HOME / "logs"}
        return os.environ | {name: str(path) for name, path in places.items()}

    def manifest(self):
        return json.loads((self.target / "manifest.json").read_bytes())

    def failures(self):
        """What the last build did not build, and why: empty if that is only for what it reads."""
        results = json.loads((self.target / "run_results.json").read_bytes())["results"]
        return {one["unique_id"]: one["message"] or "" for one in results if one["status"] in ("error", "skipped")}


def main():
    base = sys.argv[1] if len(sys.argv) > 1 else "origin/main"
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    said = {"base": base, "failed": "The check itself failed; the log says why."}
    try:
        check(base, said)
        said["failed"] = None
    except Failure as failure:
        said["failed"] = str(failure)
    finally:
        (HOME / "builds.json").write_text(json.dumps(said, indent=2))
    if said["failed"]:
        sys.exit(f"\n{said['failed']}")
    print("\nWhat the change means: make pr-report")


def check(base, said):
    """Builds what changed, and notes in `said` what was found."""
    said["commit"] = unpack(base, HOME / "base_project")
    lakes = Lakes(HOME / "lakes")
    # The branch's dbt may be newer than what main asks for.
    main, branch = Dbt(HOME / "base_project", "base", lakes.lake), Dbt(PROJECT, "head", lakes.lake)
    for dbt, name in ((main, base), (branch, "This branch")):
        if not dbt.ask("parse", "--no-version-check")[0]:
            raise Failure(f"{name} does not parse; the log says why.")
    manifests = main.manifest(), branch.manifest()

    state = ("--state", str(main.target))
    listing = ("--resource-type", "model", "seed", "source", "--output", "json", "--output-keys", "unique_id")
    is_listed, listed = branch.ask("--quiet", "ls", "--select", "state:modified", *listing, *state)
    if not is_listed:
        raise Failure(refusal(listed))
    said["modified"] = [json.loads(line)["unique_id"] for line in listed.splitlines() if line.startswith("{")]
    refresh = FullRefresh(*manifests, said["modified"])
    if not (said["modified"] or refresh.unseen_macros or nodes_of(manifests[0]).keys() - nodes_of(manifests[1]).keys()):
        print(f"\nNo model, seed or source differs from {base}: there is nothing to build.")
        return

    generate(lakes, "generate", *LANDINGS)
    if not main.run(f"{base}, before the last day", "build", "--no-version-check", *WITHOUT_TESTS):
        raise Failure(f"{base} does not build; the log says why.")
    for lake in ("head", "without_refresh"):
        lakes.copy("base", lake)

    lakes.use("head")
    selected = ("state:modified+", *(["config.materialized:incremental+"] if refresh.unseen_macros else []))
    full_refresh = ["--full-refresh"] if refresh.models else []
    title = "What changed, and all below it, on the tables of " + base
    if not branch.run(title, "build", *full_refresh, "--select", *selected, "--defer", *state):
        raise Failure("What changed does not build, or a test of it fails; the log says which.")
    generate(lakes, "simulate")
    if not branch.run("The last day on top", "build"):
        raise Failure("The day after does not build on top, or a test fails; the log says which.")

    lakes.use("base")
    if not main.run(f"{base}, to compare with", "build", "--no-version-check", *WITHOUT_TESTS):
        raise Failure(f"{base} does not build a second day; the log says why.")
    said["rows"] = compared(lakes, ("base", "head"), manifests[1], lambda node: node.get("access") == "public")

    if refresh.models:
        lakes.use("without_refresh")
        branch.run("If the full refresh was forgotten: an error here is a finding, no failure", "build", *WITHOUT_TESTS)
        said["without_refresh"] = branch.failures()
        said["stored"] = compared(
            lakes, ("without_refresh", "head"), manifests[1], lambda node: materialized(node) == "incremental"
        )


def unpack(base, folder):
    """Writes the project as it was where the branch left base; its commit."""
    merge_base = subprocess.run(["git", "merge-base", base, "HEAD"], cwd=PROJECT, capture_output=True, text=True)
    if merge_base.returncode:
        raise Failure(
            f"git knows no commit that {base} and this branch share. Fetch it (git fetch origin main), or name another "
            "branch: make build-changed BASE=main"
        )
    commit = merge_base.stdout.strip()
    archive = folder.with_suffix(".tar")
    subprocess.run(["git", "archive", "--output", str(archive), commit], cwd=PROJECT, check=True)
    folder.mkdir()
    subprocess.run(["tar", "-xf", str(archive), "-C", str(folder)], check=True)
    return commit


def generate(lakes, *command):
    """Lands tickets that the branch's generator makes up."""
    arguments = [sys.executable, "-m", "generator", *command, "--output", str(lakes.raw)]
    if subprocess.run(arguments, cwd=PROJECT).returncode:
        raise Failure("The generator of this branch fails; the log says why.")


def refusal(output):
    """Why dbt would not compare the manifests: the broken contract of a model with versions, or what it says itself."""
    broken = re.findall(r"contract Error in model (\w+)", output)
    if not broken:
        return f"dbt cannot compare this branch with main: {' '.join(output.split())}"
    return (
        f"A column of {quoted(broken)} is removed or has another type, and others read that table. Leave it as it is "
        "and add a version of the model that has the change (`versions:` in its .yml), or only add columns."
    )


def compared(lakes, names, manifest, is_wanted):
    """How each wanted table of the second lake differs from that of the first."""
    found = {}
    with duckdb.connect() as database:
        for side, name in zip(SIDES, names, strict=True):
            database.execute(f"attach '{lakes.database(name)}' as {side} (read_only)")
        for key, node in manifest["nodes"].items():
            keys = key_columns(manifest, key)
            if is_wanted(node) and keys != [BOOKKEEPING]:
                found[key] = difference(database, node["alias"], keys)
    return found


def difference(database, table, keys):
    """Its rows before and after; which are only there before, only after, or differ in a column that both have."""
    types = [columns_of(database, side, table) for side in SIDES]
    rows = [count(database, f"{side}.{table}") if has else None for side, has in zip(SIDES, types, strict=True)]
    facts = {"before": rows[0], "after": rows[1]}
    if not all(types):
        return facts
    shared = {column: of_type for column, of_type in types[1].items() if types[0].get(column) == of_type}
    shared.pop(BOOKKEEPING, None)
    if keys and set(keys) <= shared.keys():
        distinct = [count(database, f"(select distinct {', '.join(keys)} from {side}.{table})") for side in SIDES]
        if distinct == rows:
            return facts | by_key(database, table, keys, shared)
    return facts | as_a_whole(database, table, shared)


def count(database, rows):
    return database.execute(f"select count(*) from {rows}").fetchone()[0]


def columns_of(database, side, table):
    """Its columns and their types; none if there is no such table."""
    found = database.execute(
        "select column_name, data_type from duckdb_columns() where database_name = ? and table_name = ?", [side, table]
    )
    return dict(found.fetchall())


def by_key(database, table, keys, shared):
    """Rows with the same key are the same row."""
    on = " and ".join(f"one.{column} = other.{column}" for column in keys)
    conditions = {column: differs(column, of_type) for column, of_type in shared.items() if column not in keys}
    counted = [
        f"count(*) filter ({condition})"
        for condition in (" or ".join(conditions.values()) or "false", *conditions.values())
    ]
    changed, *by_column = database.execute(
        f"select {', '.join(counted)} from one.{table} as one inner join other.{table} as other on {on}"
    ).fetchone()
    return {
        "removed": count(database, f"one.{table} as one anti join other.{table} as other on {on}"),
        "added": count(database, f"other.{table} as other anti join one.{table} as one on {on}"),
        "changed": changed,
        "columns": {column: rows for column, rows in zip(conditions, by_column, strict=True) if rows},
    }


def differs(column, of_type):
    """Whether rows differ in a column. The last digits of a decimal depend on the order of a sum: they do not count."""
    is_other = f"one.{column} is distinct from other.{column}"
    if of_type not in DECIMALS:
        return is_other
    is_close = f"abs(one.{column} - other.{column}) <= 1e-9 * greatest(1, abs(one.{column}))"
    return f"({is_other} and not coalesce({is_close}, false))"


def as_a_whole(database, table, shared):
    """Without a key a changed row is one removed and one added."""
    columns = ", ".join(f"round({name}, 6)" if of_type in DECIMALS else name for name, of_type in shared.items())
    one, other = (f"(select {columns} from {side}.{table}" for side in SIDES)
    return {
        "removed": count(database, f"{one} except all {other[1:]})"),
        "added": count(database, f"{other} except all {one[1:]})"),
        "changed": 0,
        "columns": {},
    }


if __name__ == "__main__":
    main()
