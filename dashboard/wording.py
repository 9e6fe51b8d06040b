"""Numbers, shares, durations and dates as the reader's locale writes them."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import cache
from typing import Any

import pandas as pd
import streamlit as st
from babel import Locale, UnknownLocaleError, dates, numbers

_MARKUP = re.compile(r"[!-/:-@\[-`{-~]")  # ASCII's punctuation
NOTHING = "\N{EN DASH}"


@cache
def _locale(name: str | None) -> Locale:
    try:
        return Locale.parse((name or "en").replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def locale() -> Locale:
    """The reader's, as the browser tells it."""
    return _locale(st.context.locale)


def separators() -> str:
    """Of decimals and thousands, as charts are told of them."""
    return numbers.get_decimal_symbol(locale()) + numbers.get_group_symbol(locale())


def count(value: Any) -> str:
    return _of(value, lambda known: numbers.format_decimal(round(known), locale=locale()))


def decimal(value: Any, digits: int = 1) -> str:
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return _of(value, lambda known: numbers.format_decimal(known, pattern, locale()))


def share(value: Any) -> str:
    """0 to 1, as a percentage."""
    return _of(value, lambda known: numbers.format_percent(known, "#,##0.0 %", locale()))


def hours(value: Any) -> str:
    return _of(value, lambda known: f"{decimal(known, 1 if abs(known) < 100 else 0)} h")


def minutes(value: Any) -> str:
    return _of(value, lambda known: f"{decimal(known)} min")


def average(value: Any) -> str:
    """Of few and small numbers, such as ratings."""
    return decimal(value, 2)


def day(value: date | None) -> str:
    return _of(value, lambda known: dates.format_date(known, "medium", locale()))


def moment(value: datetime | None) -> str:
    """UTC, and says so."""
    return _of(value, lambda known: f"{dates.format_datetime(known, 'medium', locale=locale())} UTC")


def plain(text: str) -> str:
    """A text of tickets or of the address, for what is read as Markdown: it stands there as it is."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(text.split()))


def _of(value: Any, write: Any) -> str:
    return NOTHING if value is None or pd.isna(value) else write(value)
