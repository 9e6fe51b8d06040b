"""A MariaDB server of a test session's own, from Debian's packages."""

import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

USER, PASSWORD = "reader", "s3cret@:/%word"
ESCAPED = "s3cret%40%3A%2F%25word"


def _free_port():
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class MariaDB:
    """A server with databases `desk`, and a user who may do all there."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port
        self.url = f"mysql+pymysql://{USER}:{ESCAPED}@127.0.0.1:{port}/desk"

    def connect(self, **options):
        """A connection as the administrator, with zero dates allowed."""
        import pymysql

        return pymysql.connect(
            unix_socket=str(self.folder / "socket"),
            user="root",
            autocommit=True,
            init_command="set sql_mode = '', time_zone = '+00:00'",
            **options,
        )

    def execute(self, *statements):
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()


@contextmanager
def server():
    """Skips the test where there is none."""
    program = shutil.which("mariadbd", path="/usr/sbin:/usr/bin:/usr/local/bin")
    install = shutil.which("mariadb-install-db")
    if not program or not install:
        pytest.skip("MariaDB is not installed: apt-get install mariadb-server")
    pytest.importorskip("pymysql", reason="pymysql is not installed: pip install pymysql")
    # The path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="mariadb-") as name:
        folder, port = Path(name), _free_port()
        common = ["--no-defaults", f"--datadir={folder / 'data'}", "--user=root"]
        subprocess.run(
            [install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True,
            capture_output=True,
        )
        options = [f"--socket={folder / 'socket'}", f"--port={port}", "--bind-address=127.0.0.1"]
        options += [f"--pid-file={folder / 'pid'}", "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([program, *common, *options], stdout=log, stderr=log)
        try:
            database = MariaDB(folder, port)
            for _ in range(300):
                with suppress(Exception):
                    database.execute("select 1")
                    break
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
            database.execute(
                "create database desk character set utf8mb4",
                f"create user {USER}@'127.0.0.1' identified by '{PASSWORD}'",
                f"grant all on desk.* to {USER}@'127.0.0.1'",
            )
            yield database
        finally:
            process.terminate()
            process.wait(60)
