"""Lands tickets of other systems in the raw zone: `python -m landing --help`, docs/bring-your-own-tickets.md."""


class Refused(Exception):
    """Something the caller can mend; the message says what is wrong, where, and what to do."""
