"""The HTTP server, and S3 where it does not go through moto."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest
from scratch import LAKE_BUCKET

from infra.local.s3 import S3

KEYS = ["a/1", "a/2", "a/b/3", "a/b/4", "a/c/5", "ab", "b & <c>/6", "é/7"]


@pytest.fixture
def bucket(desk) -> str:
    name = desk.database.replace("_", "-")
    desk.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for key in KEYS:
        desk.s3.put_object(Bucket=name, Key=key, Body=key.encode() * 10)
    return name


@pytest.mark.parametrize("page", [1, 2, 3, 1000])
@pytest.mark.parametrize("prefix", ["", "a", "a/", "a/b/", "b & <", "é", "none"])
@pytest.mark.parametrize("delimiter", ["", "/"])
@pytest.mark.parametrize("call", ["list_objects", "list_objects_v2"])
def test_listing(desk, bucket, call, page, prefix, delimiter):
    found = {"Contents": [], "CommonPrefixes": []}
    paginator = desk.s3.get_paginator(call)
    for part in paginator.paginate(
        Bucket=bucket, Prefix=prefix, Delimiter=delimiter, PaginationConfig={"PageSize": page}
    ):
        assert len(part.get("Contents", [])) + len(part.get("CommonPrefixes", [])) <= page
        found["Contents"] += [c["Key"] for c in part.get("Contents", [])]
        found["CommonPrefixes"] += [c["Prefix"] for c in part.get("CommonPrefixes", [])]
    matching = [key for key in sorted(KEYS) if key.startswith(prefix)]
    deeper = {
        k: prefix + k[len(prefix) :].split("/")[0] + "/" for k in matching if delimiter and "/" in k[len(prefix) :]
    }
    assert found["Contents"] == [key for key in matching if key not in deeper]
    assert found["CommonPrefixes"] == sorted(set(deeper.values()))


def test_a_listing_follows_what_is_put_and_deleted(desk, bucket):
    def keys():
        return [c["Key"] for c in desk.s3.list_objects_v2(Bucket=bucket, Prefix="a/b/")["Contents"]]

    assert keys() == ["a/b/3", "a/b/4"]
    desk.s3.put_object(Bucket=bucket, Key="a/b/35", Body=b"x")
    assert keys() == ["a/b/3", "a/b/35", "a/b/4"]
    desk.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a/b/3"}]})
    assert keys() == ["a/b/35", "a/b/4"]


def test_reading(desk, bucket):
    whole = b"a/1" * 10

    def read(**more):
        return desk.s3.get_object(Bucket=bucket, Key="a/1", **more)["Body"].read()

    assert read() == whole
    assert read(Range="bytes=2-4") == whole[2:5]
    assert read(Range="bytes=25-") == whole[25:]
    assert read(Range="bytes=-4") == whole[-4:]
    assert desk.s3.head_object(Bucket=bucket, Key="a/1")["ContentLength"] == 30
    with pytest.raises(desk.s3.exceptions.NoSuchKey):
        desk.s3.get_object(Bucket=bucket, Key="nothing")


def test_plain_reads_and_lists_spare_moto(desk, bucket):
    s3 = S3()

    def environ(path, query=""):
        return {"REQUEST_METHOD": "GET", "RAW_URI": f"/{path}?{query}", "QUERY_STRING": query}

    assert s3.answer(environ(f"{bucket}/a/1"))[2] == b"a/1" * 10
    assert b"<KeyCount>2</KeyCount>" in s3.answer(environ(bucket, "list-type=2&prefix=a/b/"))[2]
    assert b"<Key>a/b/3</Key>" in s3.answer(environ(bucket, "prefix=a/b/&encoding-type=url"))[2]
    assert s3.answer(environ(f"{bucket}/a/1", "tagging")) is None
    assert s3.answer(environ(bucket, "location")) is None


def test_connections_are_kept(local):
    address = urlsplit(local.environment["AWS_ENDPOINT_URL"])
    connection = http.client.HTTPConnection(address.hostname, address.port)
    connection.request("GET", f"/{LAKE_BUCKET}?list-type=2")
    answer = connection.getresponse()
    answer.read()
    kept = connection.sock
    assert answer.version == 11 and kept is not None
    connection.request("GET", f"/{LAKE_BUCKET}?list-type=2")
    assert connection.getresponse().status == 200
    assert connection.sock is kept
