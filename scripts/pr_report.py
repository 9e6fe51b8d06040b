"""
What a pull request changes, as Markdown: `python -m scripts.pr_report`, after `python -m scripts.build_changed`.

Public columns that are not what they were, incremental models that need a full refresh, and rows that differ.
"""

import json
import sys
from pathlib import Path

from scripts.changes import FullRefresh, column_changes, name_of, quoted

HOME = Path(__file__).resolve().parent.parent / "target" / "pull_request"
MARK = "<!-- ticketlake: what a pull request changes -->"  # By this line the workflow finds its comment again.


def main():
    if not (HOME / "builds.json").exists():
        sys.exit(f"{HOME}/builds.json is not there. Run first: make build-changed")
    said = json.loads((HOME / "builds.json").read_bytes())
    manifests = [HOME / side / "manifest.json" for side in ("base", "head")]
    base, head = (json.loads(path.read_bytes()) if path.exists() else None for path in manifests)
    print(report(said, base, head))


def report(said, base, head):
    """The whole report. A manifest is none if that side does not parse."""
    parts = [MARK, "## What this pull request changes"]
    if "commit" in said:
        parts.append(f"Compared with {said['base']} at {said['commit'][:7]}.")
    if said["failed"]:
        parts.append(f"**{said['failed']}**")
    if base and head:
        if "modified" in said:
            refresh = FullRefresh(base, head, said["modified"])
            parts += [models(said, refresh), columns(base, head), full_refresh(said, refresh), rows(said, refresh)]
        else:
            parts.append(columns(base, head))
    return "\n\n".join(part for part in parts if part)


def models(said, refresh):
    """Each changed model, seed and source, those with the same reason in one line."""
    lines = {}
    for key in said["modified"]:
        reason = refresh.what_changed(key) or "changed"
        lines.setdefault(reason, []).append(name_of(refresh.nodes[key]))
    for name in refresh.unseen_macros:
        lines.setdefault("macro changed", []).append(name)
    gone = sorted(refresh.old.keys() - refresh.nodes.keys())
    if gone:
        lines["gone"] = [name_of(refresh.old[key]) for key in gone]
    return "\n".join(f"- {quoted(sorted(names))}: {reason}" for reason, names in lines.items()) or (
        "No model, seed or source."
    )


def columns(base, head):
    """What became of public columns."""
    changes = column_changes(base, head)
    listed = [change for change in changes if change[2] != "description changed"]
    described = [f"{table}.{column}" for table, column, what in changes if what == "description changed"]
    lines = ["### Public columns"]
    if listed:
        cells = [[f"`{table}`", f"`{column}`" if column else "", what] for table, column, what in listed]
        lines.append(table_of(["table", "column", ""], cells))
    else:
        lines.append("None is added or removed, and none has another type.")
    if described:
        lines.append(f"Described in other words: {quoted(described)}.")
    return "\n\n".join(lines)


def full_refresh(said, refresh):
    """What to run once after the merge, and what each model holds if it is not run."""
    by_itself = [name_of(refresh.nodes[key]) for key in said["modified"] if refresh.takes_effect_by_itself(key)]
    lines = ["### Full refresh"]
    if by_itself:
        lines.append(f"The next build computes everything anew by itself, since {quoted(by_itself)} changed.")
    if not refresh.models:
        return "\n\n".join([*lines, "No model needs one."])
    lines.append(
        "These keep rows that main's SQL has computed. Run once after the merge:\n\n"
        f"```sh\ndbt build --full-refresh --select {' '.join(refresh.select)}\n```"
    )
    if "stored" in said:
        cells = [
            [f"`{name_of(refresh.nodes[key])}`", reason, without(said, key)] for key, reason in refresh.models.items()
        ]
        lines.append(table_of(["model", "why", "if that is forgotten, on the generated lake"], cells))
        if all(holds_the_same(said, key) for key in refresh.models):
            lines.append(
                "If the change is meant to leave every row as it is, this confirms it, as far as generated tickets go, "
                "and the full refresh can be spared."
            )
    else:
        lines.append(
            table_of(
                ["model", "why"], [[f"`{name_of(refresh.nodes[key])}`", why] for key, why in refresh.models.items()]
            )
        )
    return "\n\n".join(lines)


def without(said, key):
    """What comes of an incremental model that is not refreshed."""
    message = said["without_refresh"].get(key)
    if message is not None:
        return failure(message)
    return "the same rows" if holds_the_same(said, key) else differences(said["stored"][key])


def holds_the_same(said, key):
    facts = said["stored"].get(key)
    # A table that only counts loads is not compared.
    return key not in said["without_refresh"] and (facts is None or not differs(facts))


def failure(message):
    if not message:
        return "is not built, as what it reads is not"
    if "out of sync" in message:
        return "the build fails: its table has other columns"
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return f"the build fails: {lines[min(1, len(lines) - 1)]}"


def rows(said, refresh):
    """Public tables whose rows are not what they were."""
    if "rows" not in said:
        return ""
    other = {key: facts for key, facts in said["rows"].items() if differs(facts)}
    lines = ["### Rows of public tables"]
    if other:
        cells = [
            [f"`{refresh.nodes[key]['alias']}`", number(facts["before"]), number(facts["after"]), differences(facts)]
            for key, facts in sorted(other.items(), key=lambda item: refresh.nodes[item[0]]["alias"])
        ]
        lines.append(table_of(["table", "main", "here", ""], cells))
    same = len(said["rows"]) - len(other)
    tables = f"{'The other ' if other else 'All '}{same} tables have" if same > 1 else "One table has"
    after = ", after that full refresh" if refresh.models else ""
    lines.append(
        f"{tables} the same rows in all columns that both have. Both built the same generated lake, day on day{after}."
    )
    return "\n\n".join(lines)


def differs(facts):
    return (
        facts["before"] is None
        or facts["after"] is None
        or any(facts[kind] for kind in ("removed", "added", "changed"))
    )


def differences(facts):
    """In words: "3 removed, 34 changed (`resolution_hours` 34)"."""
    if facts["before"] is None or facts["after"] is None:
        return "new" if facts["before"] is None else "not built"
    columns = ", ".join(f"`{name}` {number(count)}" for name, count in facts["columns"].items())
    counts = [f"{number(facts[kind])} {kind}" for kind in ("removed", "added", "changed") if facts[kind]]
    return f"{', '.join(counts)}{f' ({columns})' if columns else ''}"


def number(count):
    return "" if count is None else f"{count:,}"


def table_of(heads, lines):
    rule = ["---"] * len(heads)
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |" for cells in (heads, rule, *lines))


if __name__ == "__main__":
    main()
