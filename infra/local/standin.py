"""The stand-in as a whole: starts, says how to reach it, and leaves nothing behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

import boto3

# Before moto is imported: it reads them then.
os.environ.setdefault("MOTO_S3_DEFAULT_KEY_BUFFER_SIZE", str(64 * 1024 * 1024))

from moto.core.base_backend import BackendDict

from infra.local import cloudformation  # noqa: F401 (moto learns of its resources)
from infra.local.athena import Athena
from infra.local.engine import Engine
from infra.local.glue import Glue
from infra.local.server import Endpoint, Server
from infra.stack import Stack

REGION = "eu-central-1"
_KEY, _SECRET = "local", "local-athena"
_PREFIX = "ticketlake-athena-"


class LocalAthena:
    """AWS of this machine's own, with what stack.yml makes, from `with` to its end; one at a time in a process.

    with LocalAthena() as local:
        subprocess.run(["dbt", "build", "--target", "athena"], env=os.environ | local.environment)
    """

    def __init__(self) -> None:
        _remove_abandoned()
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._alive: IO[str] | None = None

    def __enter__(self) -> LocalAthena:
        self._alive = open(self.folder / "alive", "w")
        fcntl.flock(self._alive, fcntl.LOCK_EX)
        BackendDict.reset()
        self.glue = Glue(REGION)
        self.athena = Athena(REGION, self.glue, lambda: self.engine.port)
        self._server = Server(Endpoint(self.glue, self.athena))
        self._server.start()
        self.engine = Engine(self.folder, self._server.url, REGION, _KEY, _SECRET)
        try:
            self.stack = Stack("ticketlake", self.client)
            self.stack.deploy()
            self.engine.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.athena.close()
        self.engine.stop()
        self._server.stop()
        BackendDict.reset()
        self._alive.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        """What dbt and AWS's own tools are to find in their environment."""
        return {
            "AWS_ENDPOINT_URL": self._server.url,
            "AWS_ACCESS_KEY_ID": _KEY,
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_DEFAULT_REGION": REGION,
            **self.stack.settings(),
        }

    def client(self, service: str):
        return boto3.client(
            service,
            endpoint_url=self._server.url,
            region_name=REGION,
            aws_access_key_id=_KEY,
            aws_secret_access_key=_SECRET,
        )


def _remove_abandoned() -> None:
    """Removes the folders of stand-ins that were killed together with their keeper."""
    for folder in Path(tempfile.gettempdir()).glob(_PREFIX + "*"):
        try:
            with open(folder / "alive") as alive:
                fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        shutil.rmtree(folder, ignore_errors=True)
