"""A SQL database that is read: its address from the environment, and in no message what is secret of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from landing import Refused

try:
    import sqlalchemy as sa
except ImportError:
    sa = None

URL = "TICKETLAKE_SQL_URL"
_FORM = (
    "Write it as mysql+pymysql://USER:PASSWORD@db.example.com:3306/desk, and in a user or password @ as %40, : as %3A, "
    "/ as %2F and % as %25."
)
# What drivers raise at settings that they do not know, or cannot follow.
_OF_DRIVERS = (OSError, TypeError, ValueError, AttributeError, RuntimeError)
_BIT, _TIMESTAMP, _MYSQL_TIMES = 16, 7, (7, 10, 12)  # types of columns, as drivers of MySQL number them


class Database:
    """A connection that only reads, in one snapshot where the database has those."""

    def __init__(self, address: str | None = None):
        address = os.environ.get(URL, "") if address is None else address
        if sa is None:
            raise Refused("Databases are read by SQLAlchemy, which is not installed here: make .venv/landing")
        if not address:
            raise Refused(f"{URL}, the address of the database, is not set. {_FORM}")
        url = self._read(address)
        self.address = (
            f"{url.get_backend_name()}://{url.host or ''}{f':{url.port}' if url.port else ''}/{url.database or ''}"
        )
        with_settings = f" with what follows ? in {URL}" if url.query else ""
        with self.mending(f"cannot be reached{with_settings}", *_OF_DRIVERS):
            try:
                engine = sa.create_engine(url, hide_parameters=True, poolclass=sa.pool.NullPool)
            except (ImportError, sa.exc.NoSuchModuleError) as error:
                raise Refused(
                    f"A driver is missing: {error}. Install it, or name another in {URL}: for MySQL and MariaDB it is "
                    "mysql+pymysql://, which make .venv/landing installs."
                ) from None
            self.is_mysql = engine.dialect.name in ("mysql", "mariadb")
            if self.is_mysql or engine.dialect.name == "postgresql":
                engine = engine.execution_options(isolation_level="REPEATABLE READ")
            self.connection = engine.connect()
            if self.is_mysql:
                # TIMESTAMP columns are told in UTC; the server waits while a batch lands.
                self.connection.exec_driver_sql("set time_zone = '+00:00', net_write_timeout = 1800")

    def _read(self, address: str) -> sa.URL:
        try:
            if address.count("@") > 1:
                raise ValueError
            url = sa.make_url(address)
        except (sa.exc.SQLAlchemyError, ValueError):
            raise Refused(f"{URL} is no address that can be read. {_FORM}") from None
        written = address.rpartition("@")[0].partition("://")[2].partition(":")[2]
        secrets = {str(url.password or ""), written}
        secrets |= {str(value) for key, value in url.query.items() if re.search("(?i)pass|pwd|secret|token|key", key)}
        self._secrets = sorted(secrets - {""}, key=len, reverse=True)
        return url

    @contextmanager
    def mending(self, problem: str, *others: type[Exception]) -> Iterator[None]:
        """Errors of the database, and others, become messages for the caller."""
        try:
            yield
        except (sa.exc.SQLAlchemyError, *others) as error:
            text = " ".join(str(getattr(error, "orig", None) or error).split())
            for secret in self._secrets:
                text = text.replace(secret, "***")
            raise Refused(f"{self.address} {problem}: {text}") from None

    def rows(self, select: sa.Select, size: int) -> Iterator[tuple[list[int | None], list[tuple]]]:
        """The rows of a select, `size` at a time as they are sent, with the types of columns as MySQL numbers them."""
        result = self.connection.execute(select, execution_options={"stream_results": True, "yield_per": size})
        cursor = result.cursor
        kinds = [column[1] if self.is_mysql else None for column in cursor.description]
        try:
            for rows in result.partitions():
                yield kinds, rows
        except BaseException:
            # What is not wanted, or broken off, pymysql would yet read to its end.
            with suppress(AttributeError):
                cursor._result.unbuffered_active = False
            self.connection.invalidate()
            raise

    def close(self) -> None:
        self.connection.close()


def is_time(value: Any, kind: int | None) -> bool:
    """Whether a value's column is one of times."""
    return kind in _MYSQL_TIMES or isinstance(value, date)


def is_utc(value: datetime, kind: int | None) -> bool:
    """Whether a time of no zone is one of UTC."""
    return kind == _TIMESTAMP and value.tzinfo is None


def text(value: Any, kind: int | None) -> str | None:
    """A value as a file would have it: times in ISO, whole numbers without a fraction.

    A date or time that there is not, such as 0000-00-00, comes as a text.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        # Of a TIMESTAMP the zone is known; a time of a zone is told with it.
        return f"{value.isoformat(' ')}{'Z' if is_utc(value, kind) else ''}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | float):
        if value == value and abs(value) < 10**18 and value == int(value):
            return str(int(value))
        return format(value, "f") if isinstance(value, Decimal) else repr(value)
    if isinstance(value, bytes | bytearray | memoryview):
        value = bytes(value)
        if kind == _BIT:
            return str(int.from_bytes(value, "big"))
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    return str(value)
