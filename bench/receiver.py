"""python -m bench.receiver: posts service records to a receiver that is killed again and again; counts what landed."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench.report import table
from receiver.definition import EXAMPLE, FEED, ID
from receiver.keys import KeyFile

PROJECT = Path(__file__).resolve().parent.parent
REPEATED = 0.02  # of requests are sent again although they were acknowledged

DESCRIPTION = """\
Starts a receiver on a free port of this machine and posts service records from several connections, which try again
until each is acknowledged. At random moments the receiver is killed (kill -9) and started again, the last time at the
end. Then counts in the raw zone's files what landed, and fails if an acknowledged record is lost or there twice.
"""


@dataclass
class Counts:
    """What the clients saw; milliseconds of each request from sending it to its 202."""

    acknowledged: set[str] = field(default_factory=set)
    milliseconds: list[float] = field(default_factory=list)
    retries: int = 0
    repeats: int = 0


@dataclass
class Run:
    """A run, and what the files say: ids that landed, acknowledged ones that are lost, those that stand there twice."""

    batch: int
    connections: int
    kills: int
    seconds: float
    down: float
    counts: Counts
    landed: int
    lost: int
    doubled: int

    def row(self) -> list[object]:
        times = sorted(self.counts.milliseconds)
        requests = len(times)
        return [
            self.batch,
            self.connections,
            self.kills,
            f"{requests / (self.seconds - self.down):,.0f}",
            f"{requests * self.batch / (self.seconds - self.down):,.0f}",
            *(f"{times[int(share * (requests - 1))]:,.1f}" for share in (0.5, 0.99)),
            *(f"{count:,}" for count in (len(self.counts.acknowledged), self.landed, self.lost, self.doubled)),
        ]


HEADS = (
    *("records a request", "connections", "kills", "requests a second", "records a second", "p50 ms", "p99 ms"),
    *("acknowledged", "landed", "lost", "doubled"),
)


class Server:
    """A receiver as a process of its own."""

    def __init__(self, lake: Path, log: Path, arguments: tuple[str, ...] = ()):
        self._lake, self._log = lake, log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._command = [sys.executable, "-m", "receiver", "--port", str(self.port), *arguments]
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKETLAKE_")}
        self._environment["LAKE"] = str(lake)
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, cwd=PROJECT, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )

    async def ready(self) -> None:
        """Returns once it answers."""
        while True:
            if self.process.poll() is not None:
                sys.exit(f"{self._log.read_text()}\nThe receiver ended by itself, see above.")
            try:
                client = await Client.connected(self.port)
                status, _ = await client.request(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                client.close()
                if status == 200:
                    return
            except OSError:
                await asyncio.sleep(0.02)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def run(self, *arguments: str) -> None:
        """Another command of the receiver on the same lake, which must succeed."""
        subprocess.run(
            [sys.executable, "-m", "receiver", *arguments], cwd=PROJECT, env=self._environment, check=True, timeout=60
        )


class Client:
    """An HTTP connection that is kept. OSError when it breaks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader, self._writer = reader, writer

    @classmethod
    async def connected(cls, port: int) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def request(self, text: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        try:
            self._writer.write(text)
            await self._writer.drain()
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.partition(b":")[2])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            )
            return int(head[9:12]), await self._reader.readexactly(length)
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("the connection ended") from error

    def close(self) -> None:
        self._writer.close()


class Sender:
    """Posts records of its own until a moment, each until it is acknowledged."""

    def __init__(self, name: str, port: int, key: str, batch: int, counts: Counts):
        self._name, self._port, self._batch, self._counts = name, port, batch, counts
        self._head = (
            "POST /service-records HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"X-API-Key: {key}\r\nContent-Length: "
        )
        self._random = random.Random(name)
        self._client: Client | None = None

    async def run(self, until: float) -> None:
        number = 0
        while time.perf_counter() < until:
            ids = [f"{self._name}-{number + offset}" for offset in range(self._batch)]
            number += self._batch
            records = [EXAMPLE | {ID: name, "vehicle_id": f"V-{self._random.randrange(10_000)}"} for name in ids]
            body = json.dumps(records if self._batch > 1 else records[0])
            request = f"{self._head}{len(body)}\r\n\r\n{body}".encode()
            self._counts.milliseconds.append(await self._acknowledged(request))
            self._counts.acknowledged.update(ids)
            if self._random.random() < REPEATED:
                self._counts.repeats += 1
                await self._acknowledged(request)
        if self._client:
            self._client.close()

    async def _acknowledged(self, request: bytes) -> float:
        """Milliseconds of the attempt that succeeded."""
        while True:
            start = time.perf_counter()
            try:
                self._client = self._client or await Client.connected(self._port)
                status, answer = await self._client.request(request)
            except OSError:
                self._client, status = None, None
            if status == 202:
                return (time.perf_counter() - start) * 1000
            if status not in (None, 503):
                sys.exit(f"The receiver answered {status}: {answer.decode()}")
            self._counts.retries += 1
            await asyncio.sleep(0.02)


async def measure(folder: Path, seconds: float, kills: int, connections: int, batch: int, seed: int = 1) -> Run:
    """A run on a new lake in a folder."""
    lake = folder / "lake"
    key = KeyFile(lake / "receiver-keys.json").add("bench")
    server = Server(lake, folder / "receiver.log", ("--file-seconds", "5"))
    server.start()
    await server.ready()
    counts, down = Counts(), 0.0
    begun = time.perf_counter()
    senders = [
        asyncio.create_task(Sender(f"S-{number}", server.port, key, batch, counts).run(begun + seconds))
        for number in range(connections)
    ]
    rng = random.Random(seed)
    for moment in sorted(rng.uniform(0, seconds) for _ in range(kills)):
        await asyncio.sleep(max(0, begun + moment - time.perf_counter()))
        killed = time.perf_counter()
        server.kill()
        server.start()
        await server.ready()
        down += time.perf_counter() - killed
    await asyncio.gather(*senders)
    elapsed = time.perf_counter() - begun
    server.kill()
    server.run("recover")
    landed = landed_ids(lake / "raw")
    return Run(
        *(batch, connections, kills + 1, elapsed, down, counts, len(landed)),
        lost=len(counts.acknowledged - landed.keys()),
        doubled=sum(count > 1 for count in landed.values()),
    )


def landed_ids(raw: Path) -> Counter[str]:
    """How often each id stands in the files that the lake reads."""
    return Counter(
        json.loads(line)[ID]
        for path in (raw / FEED).glob("dt=*/[!_.]*.jsonl")
        for line in path.read_bytes().splitlines()
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.receiver", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60, help="of each run (default: %(default)g)")
    parser.add_argument(
        "--kills", type=int, default=6, help="during each run (default: %(default)s), and one at its end"
    )
    parser.add_argument("--connections", type=int, default=16, help="that post (default: %(default)s)")
    parser.add_argument(
        "--batches", type=int, nargs="+", default=[1, 100], help="records a request, a run for each (default: 1 100)"
    )
    options = parser.parse_args()
    runs = []
    for batch in options.batches:
        with tempfile.TemporaryDirectory(prefix="receiver-") as folder:
            runs.append(asyncio.run(measure(Path(folder), options.seconds, options.kills, options.connections, batch)))
        print(
            f"{runs[-1].seconds:.1f} s, {runs[-1].down:.1f} s of them down; tried again {runs[-1].counts.retries:,} "
            f"times; {runs[-1].counts.repeats:,} acknowledged requests sent once more",
            file=sys.stderr,
        )
    print(table(HEADS, [run.row() for run in runs]))
    return int(any(run.lost or run.doubled for run in runs))


if __name__ == "__main__":
    sys.exit(main())
