"""Lands tickets of other systems in the raw zone: `python -m landing --help`, docs/bring-your-own-tickets.md."""


class Refused(Exception):
    """Something the caller can mend; the message says what is wrong, where, and what to do."""


def counted(count: int, one: str) -> str:
    """1 file, 2 files."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"
