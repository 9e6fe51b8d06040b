"""Lands tickets of other systems in the raw zone: `python -m landing --help`, docs/bring-your-own-tickets.md."""

from collections.abc import Iterator
from contextlib import contextmanager


class Refused(Exception):
    """Something the caller can mend; the message says what is wrong, where, and what to do."""


@contextmanager
def shaped_like(product: str, where: str) -> Iterator[None]:
    """Refused if what is read there is not built as the product's records are: a text where they have a list."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Refused(
            f"{where}: this is not built as {product}'s answers are ({error}). Export it again as it comes, or take "
            "it out."
        ) from error


def counted(count: int, one: str) -> str:
    """1 file, 2 files."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"
