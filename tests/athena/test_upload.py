"""`make upload`: what has landed on this machine reaches the raw zone once, whole and unchanged."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra import aws
from infra.upload import Raw, upload

ROOT = Path(__file__).resolve().parents[2]
FIRST = "ticket_updates/dt=2026-01-01/a.jsonl"


@pytest.fixture
def folder(tmp_path) -> Path:
    for day in range(1, 6):
        land(tmp_path, f"ticket_updates/dt=2026-01-0{day}/a.jsonl", f'{{"day": {day}}}\n' * 1000)
    return tmp_path


@pytest.fixture
def raw(local) -> Raw:
    """An empty raw zone."""
    return Raw(f"{local.environment['TICKETLAKE_RAW']}-{uuid.uuid4().hex}", local.client("s3"))


def land(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def content(raw: Raw) -> dict[str, str]:
    return {
        name: raw.s3.get_object(Bucket=raw.bucket, Key=raw.prefix + name)["Body"].read().decode()
        for name in raw.objects()
    }


def counts(outcome) -> tuple[int, int, int]:
    return len(outcome.uploaded), len(outcome.present), len(outcome.differing)


def start(folder: Path, raw: Raw, environment: dict[str, str]) -> subprocess.Popen:
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TICKETLAKE_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "infra.upload", str(folder)],
        cwd=ROOT,
        env=variables | environment | {"TICKETLAKE_RAW": f"s3://{raw.bucket}/{raw.prefix}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_files_are_uploaded_once(folder, raw):
    assert counts(upload(folder, raw)) == (5, 0, 0)
    assert content(raw) == {str(path.relative_to(folder)): path.read_text() for path in folder.glob("*/*/*")}
    assert counts(upload(folder, raw)) == (0, 5, 0)
    land(folder, "calls/dt=2026-01-06/late.jsonl.gz", "compressed")
    assert counts(upload(folder, raw)) == (1, 5, 0)


def test_only_landings_are_uploaded(folder, raw):
    for name in (
        "_generator.json",
        "ticket_updates/readme.jsonl",
        "ticket_updates/dt=2026-01-01/_half.jsonl",
        "ticket_updates/dt=2026-01-01/.hidden.jsonl",
        "ticket_updates/dt=2026-01-01/notes.txt",
        "ticket_updates/dt=2026-02-30/no_day.jsonl",
        "ticket_updates/dt=2026-01-01/deeper/a.jsonl",
    ):
        land(folder, name, "x")
    assert counts(upload(folder, raw)) == (5, 0, 0)


@pytest.mark.parametrize("text", ['{"day": 2}\n' * 1000, "longer" * 9999])
def test_what_has_landed_is_never_overwritten(folder, raw, local, text):
    upload(folder, raw)
    before = content(raw)
    land(folder, FIRST, text)
    land(folder, "ticket_updates/dt=2026-01-07/new.jsonl", "x")
    running = start(folder, raw, local.environment)
    output, errors = running.communicate()
    assert running.returncode == 1
    assert "1 uploaded, 4 already there, 1 differing" in output
    assert f"{raw.prefix}{FIRST} differs from {folder / FIRST}" in errors
    assert content(raw) == before | {"ticket_updates/dt=2026-01-07/new.jsonl": "x"}


def test_an_object_whose_tag_is_no_md5_is_read(folder, raw):
    text = (folder / FIRST).read_bytes()
    key = {"Bucket": raw.bucket, "Key": raw.prefix + FIRST}
    for body, expected in ((text, (4, 1, 0)), (text.replace(b"1", b"2"), (0, 4, 1))):
        parts = raw.s3.create_multipart_upload(**key)["UploadId"]
        part = raw.s3.upload_part(**key, UploadId=parts, PartNumber=1, Body=body)
        raw.s3.complete_multipart_upload(
            **key, UploadId=parts, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        )
        assert "-" in raw.objects()[FIRST].tag
        assert counts(upload(folder, raw)) == expected


def test_uploads_at_once_agree(folder, raw):
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: upload(folder, raw), range(4)))
    assert [outcome.differing for outcome in outcomes] == [[]] * 4
    assert len(content(raw)) == 5


def test_a_file_that_comes_first_is_not_overwritten(folder, raw, monkeypatch):
    """Another uploader puts a file of the same name between the look at what is there and the upload."""
    look = raw.objects
    empty = iter([{}])
    monkeypatch.setattr(raw, "objects", lambda: next(empty, None) or look())
    raw.s3.put_object(Bucket=raw.bucket, Key=raw.prefix + FIRST, Body=b"first")
    assert counts(upload(folder, raw)) == (4, 0, 1)
    assert content(raw)[FIRST] == "first"


def wait_for_requests(raw):
    """The endpoint may still be storing what it had received whole from a process that was killed."""
    there = None
    while there != (there := raw.objects()):
        time.sleep(0.5)


def test_a_killed_upload_leaves_whole_files_and_the_next_one_ends_it(tmp_path, raw, local):
    for day in range(400):
        land(tmp_path, f"ticket_updates/dt=20{day // 28:02d}-01-{day % 28 + 1:02d}/a.jsonl", f"{day}\n" * 20_000)
    running = start(tmp_path, raw, local.environment)
    deadline = time.monotonic() + 60
    while not raw.objects() and time.monotonic() < deadline:
        time.sleep(0.02)
    running.kill()
    running.wait()
    wait_for_requests(raw)
    arrived = content(raw)
    assert 0 < len(arrived) < 400
    assert all(text == (tmp_path / name).read_text() for name, text in arrived.items())
    there = len(raw.objects())
    outcome = upload(tmp_path, raw)
    assert counts(outcome) == (400 - there, there, 0)


def test_a_file_that_is_still_written_is_refused(folder, raw):
    path = folder / FIRST

    class Growing:
        """An S3 client before whose call the file grows."""

        def put_object(self, **given):
            path.write_text("more" + path.read_text())
            return raw.s3.put_object(**given)

    landing = next(iter(upload(folder, raw).uploaded))
    other = Raw(f"s3://{raw.bucket}/{raw.prefix}other", Growing())
    assert landing.md5
    with pytest.raises(aws.Refused, match="changed while it was read"):
        other.put(landing)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"TICKETLAKE_RAW": ""}, "TICKETLAKE_RAW is not set"),
        ({"TICKETLAKE_RAW": "lake/raw"}, "has to be s3://BUCKET/FOLDER"),
        ({"TICKETLAKE_RAW": "s3://no-such-bucket/raw"}, "There is no bucket no-such-bucket"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "No AWS credentials were found"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "Set AWS_REGION"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "check that it still runs"),
        ({"AWS_PROFILE": "nobody"}, "aws configure list-profiles"),
    ],
)
def test_what_is_in_the_way_is_said_with_what_to_do(folder, local, change, message):
    environment = os.environ | local.environment | change | {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", "infra.upload", str(folder)],
        cwd=ROOT,
        env={key: value for key, value in environment.items() if value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert message in done.stderr and "Traceback" not in done.stderr


def test_a_folder_without_landings_is_refused(tmp_path, local):
    done = subprocess.run(
        [sys.executable, "-m", "infra.upload", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | local.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "Set LAKE to its parent" in done.stderr
