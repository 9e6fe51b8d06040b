"""The summary's queries give the same figures on both engines."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pytest

from infra import query
from scripts.summary import HEADLINE, SEVERITIES

TABLES = {
    "fct_tickets": """
        select
            ticket_key,
            severity,
            cast(created_at || ':00:00.000000' as timestamp(6)) as created_at,
            cast(resolved_at || ':00:00.000000' as timestamp(6)) as resolved_at,
            timestamp '2026-02-01 20:00:00.000000' as last_updated_at,
            cast(age_hours as double) as age_hours,
            is_sla_breached,
            cast(first_reply_hours as double) as first_reply_hours,
            cast(resolution_hours as double) as resolution_hours
        from (values
            ('a', 'P1', '2026-02-01 08', '2026-02-01 10', null, true, 1, 2),
            ('b', 'P1', '2026-02-01 08', '2026-02-01 12', null, false, 3, 4),
            ('c', 'P2', '2026-02-01 08', '2026-02-01 13', null, null, null, 5),
            ('d', 'P2', '2026-01-01 08', '2026-01-03 10', null, true, 1, 50),
            ('e', 'P3', '2026-02-01 10', null, 12.5e0, null, null, null)
        ) as t (
            ticket_key, severity, created_at, resolved_at, age_hours,
            is_sla_breached, first_reply_hours, resolution_hours
        )
        """,
    "fct_ticket_slas": """
        select *
        from (values ('a', 'first_reply', false), ('b', 'first_reply', true), ('c', 'resolution', true))
            as t (ticket_key, metric, is_breached)
        """,
    "backlog_daily": """
        select *
        from (values
            (date '2026-01-31', 'DE', 'P3', 9, 9),
            (date '2026-02-01', 'DE', 'P3', 1, 0),
            (date '2026-02-01', 'FR', 'P3', 2, 1)
        ) as t (day, market, severity, closing, overdue)
        """,
    "ingestion_state": """
        select *
        from (values
            ('ticket_updates', 10, 1, 0),
            ('ticket_updates', 20, 2, 3),
            ('support_logs', 4, 1, 0),
            ('calls', 2, 0, 1)
        ) as t (feed, accepted, duplicates, quarantined)
        """,
}
HEAD = [(datetime(2026, 2, 1, 22, 30), 5, 30, 4, 2, 0, 4, 4)]
ROWS = [
    ("P1", 0, 0, 2, 50.0, 50.0, 1.0, 2.0),
    ("P2", 0, 0, 1, None, None, None, 5.0),
    ("P3", 3, 1, 0, None, None, None, None),
    ("all", 3, 1, 3, 50.0, 50.0, 1.0, 4.0),
]


def test_on_duckdb():
    with duckdb.connect() as database:
        for name, sql in TABLES.items():
            database.execute(f"create table {name} as {sql}")
        assert database.execute(HEADLINE).fetchall() == HEAD
        assert database.execute(SEVERITIES).fetchall() == ROWS


def test_on_athena(local, desk, monkeypatch):
    for name, sql in TABLES.items():
        desk.iceberg(name, sql)
    for name, value in (local.environment | {"TICKETLAKE_SCHEMA": desk.database}).items():
        monkeypatch.setenv(name, value)
    assert query.run(HEADLINE) == HEAD
    assert query.run(SEVERITIES) == ROWS


def test_a_query_that_fails_says_why(local, desk, monkeypatch):
    for name, value in (local.environment | {"TICKETLAKE_SCHEMA": desk.database}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(query.aws.Refused, match="nowhere"):
        query.run("select * from nowhere")
