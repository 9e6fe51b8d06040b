"""Zendesk: tickets and audits, from files or live, and rows of seeds by its policies and schedules: docs/zendesk.md."""
