"""The curated zone on S3, and readers beside builds and publications that fail and are killed."""

import re
import uuid

import pytest
from test_curated import Desk, rows

import curated
from bench.curated import FATES, soak
from curated.places import Busy
from curated.publishing import Kept
from curated.s3 import Bucket
from infra.aws import client


@pytest.fixture
def address(aws, tmp_path, monkeypatch):
    """Of a curated zone of its own on S3."""
    bucket = f"curated-{uuid.uuid4().hex}"
    client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": aws["AWS_REGION"]})
    monkeypatch.setenv("TICKETLAKE_CACHE", str(tmp_path / "cache"))
    return f"s3://{bucket}/zone"


@pytest.fixture
def bucket(address, tmp_path):
    """A desk that publishes there."""
    desk = Desk(tmp_path)
    desk.address, desk.place = address, Bucket(address)
    return desk


def keys(desk):
    bucket, prefix = desk.address.removeprefix("s3://").split("/")
    found = client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    return [one["Key"].removeprefix(f"{prefix}/") for one in found]


def test_versions_are_published_read_kept_and_removed(bucket, tmp_path):
    for build in ("one", "two", "three"):
        bucket.passes(build)
        bucket.publish(Kept(versions=1, hours=0))
    found = curated.read(bucket.address)
    assert found.versions == [2, 3]
    assert [len(rows(curated.read(bucket.address, version))) for version in (2, 3)] == [3, 4]
    assert found.damaged() == []
    assert {key.split("/")[0] for key in keys(bucket)} == {
        "manifest.json",
        *(curated.read(bucket.address, version).manifest.folder for version in (2, 3)),
    }
    # What this machine keeps goes when S3 has it no longer.
    bucket.passes("four")
    bucket.publish(Kept(versions=0, hours=0))
    latest = curated.read(bucket.address)
    assert len(rows(latest)) == 5
    assert [path.name for path in (tmp_path / "cache").rglob("v0*")] == [latest.manifest.folder]
    with pytest.raises(curated.VersionGone):
        found.files("nobody")


def test_of_two_publications_at_once_the_later_says_so(bucket):
    bucket.passes("one")
    bucket.publish()
    slow = Bucket(bucket.address)
    old = slow.current()
    bucket.passes("two")
    bucket.publish()
    with pytest.raises(Busy, match="another publication was faster"):
        slow.switch(old)
    assert curated.read(bucket.address).version == 2


def test_a_publication_leaves_alone_what_a_later_one_is_writing(bucket):
    bucket.passes("one")
    name, prefix = bucket.address.removeprefix("s3://").split("/")
    for folder in ("v000001-00000000", "v000002-00000000"):
        client("s3").put_object(Bucket=name, Key=f"{prefix}/{folder}/tickets/data_0.parquet", Body=b"half")
    bucket.publish()
    folders = {key.split("/")[0] for key in keys(bucket)}
    assert folders == {"manifest.json", curated.read(bucket.address).manifest.folder, "v000002-00000000"}


def test_nothing_published_there_is_told(bucket):
    with pytest.raises(curated.NotPublished, match=bucket.address):
        curated.read(bucket.address)


def test_readers_see_one_whole_version_whatever_befalls_builds_and_publications(address, tmp_path):
    addresses = [str(tmp_path / "lake" / "curated"), address]
    text, wrong = soak(tmp_path, [*FATES, "passes"], 40, addresses, seed=7)
    assert wrong == [], text
    assert all(f"1 builds: {fate}" in text for fate in FATES if fate != "passes")
    found = [re.search(rf"{where}: (\d+) times all tables read, (\d+) versions", text) for where in addresses]
    assert all(int(reads) > int(versions) > 1 for reads, versions in (one.groups() for one in found)), text
