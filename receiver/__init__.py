"""Receives service records over HTTP and lands each in the raw zone, once: docs/receiving.md."""


class Refused(Exception):
    """What is in the way, and what to do."""
