"""Whether the numbers can be trusted today: what landed, what was refused and why, the last build."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import streamlit as st

from dashboard import charts, shown, wording
from dashboard.filters import Scope
from dashboard.lake import Lake

FILTERS = frozenset({"period"})
DAY = "landed_on"
PROJECT = Path(__file__).resolve().parents[2]
LATE_DAYS = 2

ALL = """
select sum(lines) as lines, sum(accepted) as accepted, sum(duplicates) as duplicates, sum(quarantined) as quarantined,
    sum(quarantined) / nullif(sum(lines), 0) as quarantined_share
from ingestion_state
where {scope}
"""
FRESHNESS = f"""
select
    feed, max(landed_on) as last_landed, datediff('day', max(landed_on), ?::date) as days_behind, sum(files) as files,
    sum(lines) as lines, sum(accepted) as accepted, sum(duplicates) as duplicates, sum(quarantined) as quarantined,
    if(datediff('day', max(landed_on), ?::date) > {LATE_DAYS}, '⚠ late', 'fresh') as freshness
from ingestion_state
group by 1
order by 1
"""
BY_DAY = "select landed_on as day, feed, lines from ingestion_state where {scope}"
REASONS = """
select feed, reason, sum(occurrences) as lines, max(landed_on) as last_landed
from quarantined_lines where {scope} group by all order by 3 desc, 1, 2
"""
SAMPLES = """
select feed, landed_on, file, reason, occurrences, left(line, 2000) as line
from quarantined_lines
where {scope} and reason = ?
order by landed_on desc, file, line_id
limit 50
"""
AGREEMENT = "from source_agreement order by source, metric"
DISAGREEMENTS = "from source_disagreements where metric = ? order by abs(difference) desc, ticket_key limit 50"


def last_day(lake: Lake) -> date:
    """Of what has landed, too: where all lines are refused, no ticket moves on."""
    landed = lake.rows("select max(landed_on) as day from ingestion_state")["day"][0]
    return lake.last_day if pd.isna(landed) else max(lake.last_day, landed.date())


def show(lake: Lake, scope: Scope) -> None:
    now, before = (one.row(lake, ALL, DAY, ()) for one in (scope, scope.before))
    with shown.numbers():
        shown.number("landed_lines", now["lines"], before["lines"], wording.count)
        shown.number("duplicates", now["duplicates"], before["duplicates"], wording.count)
        shown.number("quarantined", now["quarantined"], before["quarantined"], wording.count)
        shown.number(
            "quarantined_share", now["quarantined_share"], before["quarantined_share"], wording.share, is_share=True
        )
    shown.table("freshness", lake.rows(FRESHNESS, (last_day(lake),) * 2))
    by_day = (
        scope.rows(lake, BY_DAY, DAY, ()).pivot(index="day", columns="feed", values="lines").fillna(0).reset_index()
    )
    feeds = {feed: feed for feed in by_day.columns if feed != "day"}
    shown.chart("lines_by_day", by_day, lambda rows: charts.columns(rows, "day", feeds))
    reasons = scope.rows(lake, REASONS, DAY, ())
    shown.table("quarantine", reasons)
    _samples(
        "quarantine_samples", "Lines refused with reason", "reason", reasons["reason"],
        lambda reason: scope.rows(lake, SAMPLES, DAY, (), (reason,)),
    )  # fmt: skip
    agreement = lake.rows(AGREEMENT)
    shown.table("agreement", agreement, empty="No line states a result of its source's own: nothing to compare.")
    _samples(
        "disagreements", "Tickets that differ in", "metric", agreement.loc[agreement["differ"] > 0, "metric"],
        lambda metric: lake.rows(DISAGREEMENTS, (metric,)),
    )  # fmt: skip
    with shown.panel("last_build"):
        _build(lake)


def _samples(name: str, alt: str, kind: str, values: pd.Series, rows_of: Callable[[str], pd.DataFrame]) -> None:
    """Rows of one of the values, which the reader chooses; nothing if there are none."""
    if values.empty:
        return
    with shown.panel(name):
        chosen = st.selectbox(kind.capitalize(), sorted(set(values)), key=kind, bind="query-params")
        rows = rows_of(chosen)
        shown.sheet(rows, f"{alt} {chosen}")
        shown.downloads(name, rows)


def _build(lake: Lake) -> None:
    manifest = lake.manifest
    st.markdown(
        f"Version {manifest.version} was published {manifest.published_at[:19].replace('T', ' ')} UTC, after build "
        f"`{manifest.build_id}`, all of whose models and tests had passed."
    )
    results = _results()
    if results is None or not results["results"]:
        st.caption("What each test said is in target/run_results.json of the machine that built it, not here.")
        return
    metadata = results["metadata"]
    rows = pd.DataFrame([
        {
            "node": one["unique_id"].split(".", 2)[2], "kind": one["unique_id"].split(".")[0], "status": one["status"],
            "seconds": one["execution_time"], "message": one.get("message"),
        }
        for one in results["results"]
    ])  # fmt: skip
    # What went wrong first, then what took longest.
    fine = rows["status"].isin(["success", "pass", "no-op"])
    rows = rows.iloc[(-rows["seconds"]).add(fine * 1e6).argsort(kind="stable")]
    is_shown = metadata["invocation_id"] == manifest.build_id
    st.markdown(
        f"The last run of dbt on this machine was {'that one' if is_shown else 'another'}, "
        f"at {metadata['generated_at'][:19].replace('T', ' ')} UTC: "
        + ", ".join(f"{count} {status}" for status, count in rows["status"].value_counts().items())
        + "."
    )
    shown.sheet(rows, "Models and tests of the last run of dbt")


def _results() -> dict | None:
    path = Path(os.environ.get("DBT_TARGET_PATH", PROJECT / "target")) / "run_results.json"
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
