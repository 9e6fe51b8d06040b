"""The stand-in as a process: what it prints, and that it leaves nothing behind."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3

from infra.local.standin import _remove_abandoned

ROOT = Path(__file__).parents[2]


def spawn(folder: Path, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "infra.local", *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def processes(folder: Path) -> list[str]:
    """The programs, Trino and its keeper, that have a folder in their command line."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in line.read_bytes():
                found.append(line.parent.name)
        except OSError:
            pass
    return found


def until(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_it_prints_what_to_set_and_a_kill_leaves_nothing(tmp_path):
    file = tmp_path / "athena.env"
    running = spawn(tmp_path, "--env", str(file))
    try:
        lines = [running.stdout.readline() for _ in range(7)]
        given = dict(shlex.split(line.removeprefix("export "))[0].split("=", 1) for line in lines)
        assert file.read_text() == "".join(lines)
        athena = boto3.client(
            "athena",
            endpoint_url=given["AWS_ENDPOINT_URL"],
            region_name=given["AWS_REGION"],
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        )
        query = athena.start_query_execution(
            QueryString="select 1", ResultConfiguration={"OutputLocation": given["TICKETLAKE_STAGING"]}
        )["QueryExecutionId"]
        status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        assert status["State"] == "SUCCEEDED"
        assert len(processes(tmp_path)) >= 2
    finally:
        running.kill()
        running.wait()
    assert until(lambda: not [p for p in processes(tmp_path) if p != str(os.getpid())], 20)
    assert until(lambda: not list(tmp_path.glob("ticketlake-athena-*")), 20)


def test_a_signal_while_it_starts_ends_it_cleanly(tmp_path):
    for sign in (signal.SIGINT, signal.SIGTERM):
        running = spawn(tmp_path)
        assert until(lambda: len(processes(tmp_path)) >= 2, 60)
        running.send_signal(sign)
        assert running.wait(30) == 0
        assert processes(tmp_path) == []
        assert list(tmp_path.glob("ticketlake-athena-*")) == []


def test_trino_ends_when_its_keeper_is_killed_and_the_next_start_removes_the_folder(tmp_path, monkeypatch):
    running = spawn(tmp_path)
    assert until(lambda: len(processes(tmp_path)) >= 2, 60)
    running.kill()
    running.wait()
    keepers = [p for p in processes(tmp_path) if b"keeper.py" in Path(f"/proc/{p}/cmdline").read_bytes()]
    for keeper in keepers:
        os.kill(int(keeper), signal.SIGKILL)
    assert until(lambda: processes(tmp_path) == [], 20)
    left = tmp_path / "ticketlake-athena-left"
    left.mkdir()
    (left / "alive").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    _remove_abandoned()
    assert list(tmp_path.glob("ticketlake-athena-*")) == []
