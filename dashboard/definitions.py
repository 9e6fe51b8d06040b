"""What each number says, read from definitions.yml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

FILE = Path(__file__).with_name("definitions.yml")


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
    found = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {
        name: Definition(name, one["title"], one["text"], one["from"], one.get("better")) for name, one in found.items()
    }
