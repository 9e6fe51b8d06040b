"""A dbt-duckdb plugin: looks at the database file before DuckDB opens it, and says what to do if it cannot be used."""

import os
from pathlib import Path

from dbt.adapters.duckdb.plugins import BasePlugin

try:
    import fcntl
except ImportError:  # Windows: DuckDB's own message has to do
    fcntl = None


class Plugin(BasePlugin):
    """Refuses, with the remedy, a lake that is no folder and a database that another process has open."""

    def update_connection_config(self, creds, config):
        database = Path(creds.path)
        if not database.parent.is_dir():
            raise RuntimeError(
                f"LAKE is {database.parent}, and there is no such folder. Set LAKE to the folder that holds raw/, "
                f"or make it: mkdir -p {database.parent}"
            )
        if not os.access(database if database.exists() else database.parent, os.W_OK):
            raise RuntimeError(
                f"{database} cannot be written. Give yourself the right to, or set LAKE to another folder."
            )
        if fcntl and database.exists() and _is_locked(database):
            raise RuntimeError(
                f"{database} is in use: another build is running, or a program holds the file open. Nothing was "
                f"changed. Wait for it to end, or close it, then build again; to see which it is: fuser {database}"
            )


def _is_locked(path):
    """Whether another process holds the lock that DuckDB takes on a database that it has open."""
    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
