"""The stand-in as a process: what it prints, and that it leaves nothing behind."""

from __future__ import annotations

import fcntl
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
        lines = [running.stdout.readline() for _ in range(11)]
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
            QueryString="select 1", ResultConfiguration={"OutputLocation": given["TICKETLAKE_RESULTS"]}
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


def test_trino_ends_when_its_keeper_is_killed(tmp_path):
    running = spawn(tmp_path)
    assert until(lambda: len(processes(tmp_path)) >= 2, 60)
    (keeper,) = (p for p in processes(tmp_path) if b"keeper.py" in Path(f"/proc/{p}/cmdline").read_bytes())
    os.kill(int(keeper), signal.SIGKILL)
    # Its parent then finds that Trino does not start.
    assert running.wait(30) == 1
    assert until(lambda: processes(tmp_path) == [], 20)


def test_a_start_removes_what_a_killed_one_left_and_nothing_else(tmp_path, monkeypatch):
    for name in ("left", "alive"):
        (tmp_path / f"ticketlake-athena-{name}").mkdir()
        (tmp_path / f"ticketlake-athena-{name}/alive").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with open(tmp_path / "ticketlake-athena-alive/alive") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        _remove_abandoned()
    assert [folder.name for folder in tmp_path.iterdir()] == ["ticketlake-athena-alive"]


def test_a_second_one_in_the_same_process_starts_empty(tmp_path):
    script = """if True:
        from infra.local import standin

        standin.Engine.start = lambda self: None
        for _ in range(2):
            with standin.LocalAthena() as local:
                assert len(local.client("s3").list_buckets()["Buckets"]) == 4
                names = {d["Name"] for d in local.client("glue").get_databases()["DatabaseList"]}
                assert names == {"ticketlake", "ticketlake_raw"}
                local.client("s3").create_bucket(
                    Bucket="key", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
                )
                local.client("glue").create_database(DatabaseInput={"Name": "d"})
        """
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True)
    assert list(tmp_path.iterdir()) == []
