"""What each number says, read from definitions.yml, and from the project's metrics where it is one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

FILE = Path(__file__).with_name("definitions.yml")
METRICS = Path(__file__).parents[1] / "models" / "marts" / "_metrics.yml"


@dataclass(frozen=True)
class Definition:
    """`source` is the table and column that it is counted from; `better` says of what one wants more or less."""

    name: str
    title: str
    text: str
    source: str
    better: Literal["more", "less"] | None = None


@cache
def definitions() -> dict[str, Definition]:
    """All of them by name, in the order in which they stand."""
    metrics = {one["name"]: one for one in yaml.safe_load(METRICS.read_text(encoding="utf-8"))["metrics"]}
    found = {}
    for name, one in yaml.safe_load(FILE.read_text(encoding="utf-8")).items():
        metric = metrics[one["metric"]] if "metric" in one else {}
        title, text = one.get("title") or metric["label"], one.get("text") or metric["description"]
        if "more" in one:
            text = f"{text} {one['more']}"
        found[name] = Definition(name, title, text, one["from"], one.get("better"))
    return found
