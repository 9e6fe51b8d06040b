"""Lands updates in child processes that are killed, each before another line of the code that lands, and land again.

python killed_landing.py FOLDER prints, as JSON, for each such line what the lake then lacks, has twice, has left over.
"""

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pyarrow as pa

from landing import core
from landing.contract import Reference

FEED = "raw/ticket_updates"
WATCHED = {"land", "_rename", "_recover", "_land_file", "_append"}
MOMENT = pa.scalar(1_772_442_000_000_000, pa.timestamp("us"))


def batches(count=3, size=4):
    """Each becomes a file. The last update of one is repeated in the next."""
    for number in range(count):
        ids = [f"T-{max(number * size + place - 1, 0)}" for place in range(size + 1)]
        columns = {
            name: [value] * len(ids) for name, value in {"status": "new", "severity": "P1", "market": "DE"}.items()
        }
        times = pa.array([MOMENT.as_py()] * len(ids), pa.timestamp("us"))
        yield core.Batch(pa.table({"ticket_id": ids, "updated_at": times, "created_at": times, **columns}), len(ids))


def land(lake, kill_at=None):
    """In a child process, killed at a count of lines. Returns at which counts it came to a line for the first time, and
    for the second, None if it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        seen, times, counts = 0, Counter(), []

        def trace(frame, event, argument):
            nonlocal seen
            name = frame.f_code.co_filename
            if not name.endswith(("landing/ledger.py", "landing/core.py")) or frame.f_code.co_name not in WATCHED:
                return None
            if event == "line":
                seen += 1
                times[frame.f_lineno, name] += 1
                if times[frame.f_lineno, name] <= 2:
                    counts.append(seen)
                if seen == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        core.FILE_BYTES = 1
        sys.settrace(trace)
        core.land(lake, batches(), Reference.read())
        sys.settrace(None)
        os.write(writing, json.dumps(counts).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return None
    assert os.waitstatus_to_exitcode(status) == 0, "the landing failed"
    return json.loads(text)


def state(lake):
    """How often each ticket stands in the files that the lake reads, and files that it does not read."""
    landed = Counter(
        json.loads(line)["ticket_id"]
        for path in lake.glob(f"{FEED}/dt=*/[!_.]*.jsonl")
        for line in path.read_bytes().splitlines()
    )
    return landed, [path.name for path in lake.glob(f"{FEED}/**/_*")]


def main(folder):
    counts = land(folder / "whole")[::3]
    expected, _ = state(folder / "whole")
    found = []
    for kill_at in counts:
        lake = folder / f"killed_{kill_at}"
        assert land(lake, kill_at) is None
        # Of those that land again some are killed, too, while they mend what the first has left.
        if kill_at % 3 == 0:
            land(lake, 1 + kill_at // 3 % 12)
        land(lake)
        landed, left = state(lake)
        found.append([kill_at, dict(expected - landed), dict(landed - expected), left])
    print(json.dumps([len(counts), expected.total(), found]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
