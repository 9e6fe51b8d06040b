"""What Zendesk itself has measured of a ticket: its metric set, and the metric events of its SLA policies."""

from __future__ import annotations

from typing import Any

_RESOLUTION = ("requester_wait_time", "agent_work_time", "resolution_time")  # the first one with a target counts


def results(metric_set: dict[str, Any] | None, events: list[dict[str, Any]]) -> dict[str, Any]:
    """By the contract's fields `source_…`, those of which nothing is said left out."""
    metric_set = metric_set or {}
    found = {}
    for name, key in (("resolution", "full_resolution_time_in_minutes"), ("first_reply", "reply_time_in_minutes")):
        minutes = metric_set.get(key) or {}
        found[f"source_{name}_minutes"] = _number(minutes, "calendar")
        found[f"source_{name}_business_minutes"] = _number(minutes, "business")
    found["source_reopen_count"] = _number(metric_set, "reopens")
    found["source_agent_reply_count"] = _number(metric_set, "replies")
    by_metric: dict[str, list[dict]] = {}
    for one in sorted(events, key=lambda one: (one.get("time") or "", one.get("id") or 0)):
        if one.get("metric") != "reply_time" or one.get("instance_id") in (None, 1):
            by_metric.setdefault(one.get("metric"), []).append(one)
    clocks = {"source_first_reply_sla": by_metric.get("reply_time", [])}
    clocks["source_sla"] = next(
        (by_metric[name] for name in _RESOLUTION if any(_target(one) for one in by_metric.get(name, ()))), []
    )
    for name, one_clock in clocks.items():
        found |= {f"{name}_{key}": value for key, value in _clock(one_clock).items()}
    return {name: value for name, value in found.items() if value is not None}


def _number(record: dict[str, Any], key: str) -> int | None:
    """A count or whole minutes, which 32 bits hold. TypeError if it is something else."""
    value = record.get(key)
    if value is None or (type(value) is int and abs(value) < 2**31):
        return value
    raise TypeError(f"{key} {value!r} is no number of theirs")


def _target(event: dict[str, Any]) -> dict[str, Any] | None:
    return (event.get("sla") or event.get("group_sla")) if event.get("type") == "apply_sla" else None


def _clock(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Whether a target was missed, and the minutes counted, of one metric: nothing if it had no target."""
    target = next((_target(one) for one in reversed(events) if _target(one)), None)
    if target is None:
        return {}
    hours = "business" if target.get("business_hours") else "calendar"
    counted = [
        _number(one["status"], hours) for one in events if one.get("type") == "update_status" and one.get("status")
    ]
    breached = any(one.get("type") == "breach" for one in events)
    fulfilled = any(one.get("type") == "fulfill" for one in events)
    return {
        "breached": True if breached else False if fulfilled else None,
        "elapsed_minutes": counted[-1] if counted else None,
    }
