"""Fields that are left out, or hashed with a key, before anything is written."""

from __future__ import annotations

import hashlib
import hmac
import os

import duckdb

from landing import Refused

WAYS = ("drop", "hash")
REDACTABLE = (
    "customer_id",
    "agent_id",
    "vehicle_id",
    "subject",
    "team",
    "category",
    "channel",
    "product",
    "ticket_id",
    "update_id",
)
NEVER_DROPPED = ("ticket_id", "update_id")
KEY = "TICKETLAKE_REDACT_KEY"
_BLOCK = 64  # bytes of a block of SHA-256


def key_of(redact: dict[str, str]) -> bytes | None:
    """The key, if one is needed. Refused if there is none."""
    if "hash" not in redact.values():
        return None
    key = os.environ.get(KEY, "").encode("utf-8", "surrogateescape")
    if not 16 <= len(key) <= _BLOCK:
        raise Refused(
            f"{KEY} has to be 16 to {_BLOCK} bytes, by which fields are hashed; it "
            f"{f'has {len(key)}' if key else 'is not set'}. "
            "Make one, keep it, and use the same for all that belongs together: openssl rand -hex 24"
        )
    return key


def prepare(connection: duckdb.DuckDBPyConnection, redact: dict[str, str]) -> None:
    """Gives a connection the key, if one is needed. Refused if there is none."""
    key = key_of(redact)
    if key is None:
        return
    padded = key.ljust(_BLOCK, b"\0")
    connection.execute("set variable inner_pad = ?", [bytes(byte ^ 0x36 for byte in padded)])
    connection.execute("set variable outer_pad = ?", [bytes(byte ^ 0x5C for byte in padded)])


def redacted(value: str, way: str | None) -> str:
    """SQL of a value that is redacted: `hash` is HMAC-SHA256 in hexadecimal digits."""
    if way == "drop":
        return "null"
    if way == "hash":
        inner = f"unhex(sha256(getvariable('inner_pad') || encode({value})))"
        return f"sha256(getvariable('outer_pad') || {inner})"
    return value


def hashed(text: str, key: bytes) -> str:
    """What `hash` makes of a text, without SQL."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
