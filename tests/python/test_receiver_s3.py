"""A raw zone on S3, of moto: what was acknowledged is in it once, whichever instance dies between marker and file."""

import importlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from feed_landings import service_line
from receivers import a_record, land, receiver

from receiver import Refused, s3
from receiver.definition import FEED, ID
from receiver.keys import digest
from receiver.landing import Contradiction, Submission, Unavailable
from receiver.s3 import S3Landing

BUCKET = "receiver"
RAW = f"s3://{BUCKET}/here/raw"


@pytest.fixture
def cloud(aws):
    """A client of an empty bucket, which the environment names, too."""
    client = boto3.client("s3", region_name="eu-central-1", config=Config(retries={"max_attempts": 1}))
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    yield client
    try:
        for found in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            client.delete_object(Bucket=BUCKET, Key=found["Key"])
        client.delete_bucket(Bucket=BUCKET)
    except ClientError:
        pass


@pytest.fixture
def started(cloud):
    running = []

    def start(client=None):
        running.append(S3Landing(RAW, 0, client))
        running[-1].start()
        return running[-1]

    yield start
    for landing in running:
        landing.close()


def files(cloud):
    """The lines of each file that the lake reads."""
    found = cloud.list_objects_v2(Bucket=BUCKET, Prefix=f"here/raw/{FEED}/dt=").get("Contents", [])
    return [cloud.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read().splitlines() for one in found]


def landed(cloud):
    return sorted(json.loads(line)[ID] for lines in files(cloud) for line in lines)


class Failing:
    """A client whose calls fail when they are told to: `fails(method, key)` says "before", "after", or nothing."""

    def __init__(self, client, fails):
        self._client, self._fails = client, fails

    def put_object(self, **call):
        return self._called("put_object", **call)

    def get_object(self, **call):
        return self._called("get_object", **call)

    def _called(self, method, **call):
        how = self._fails(method, call["Key"])
        if how == "before":
            raise s3.BotoCoreError()
        answer = getattr(self._client, method)(**call)
        if how == "after":
            raise s3.BotoCoreError()
        return answer


def is_file(key):
    return "/dt=" in key


# ---------- in good order


def test_a_group_is_one_object(cloud):
    landing = S3Landing(RAW, 0.2)
    landing.start()
    answers = [landing.submit([a_record(f"{number}.{part}") for part in range(3)]) for number in range(20)]
    assert [answer.result(timeout=60) for answer in answers] == [[False] * 3] * 20
    landing.close()
    assert len(files(cloud)) == 1 and len(set(landed(cloud))) == 60


def test_the_same_record_lands_once_whichever_instance_gets_it(cloud, started):
    one, other = started(), started()
    assert land(one, a_record("1"), a_record("2"), a_record("1")) == [False, False, True]
    assert land(other, a_record("1"), a_record("3")) == [True, False]
    with pytest.raises(Contradiction) as raised:
        land(other, a_record("4"), a_record("2", odometer_km=1))
    assert raised.value.places == [1]
    # Nothing of that batch has landed, nor is in the way.
    assert land(one, a_record("4")) == [False]
    assert landed(cloud) == ["1", "2", "3", "4"]


def test_of_a_batch_that_contradicts_itself_nothing_lands(cloud, started):
    landing = started()
    with pytest.raises(Contradiction) as raised:
        land(landing, a_record("1"), a_record("2"), a_record("2", odometer_km=1))
    assert raised.value.places == [2]
    assert landed(cloud) == []
    assert land(landing, a_record("2", odometer_km=1)) == [False]


def test_in_one_group_each_is_compared_with_what_has_landed(cloud, started):
    landing = started()
    land(landing, a_record("1"))
    group = [Submission([a_record("1", odometer_km=1)]), Submission([a_record("1")])]
    refused, duplicate = landing.land(group)
    assert isinstance(refused, Contradiction) and duplicate == [True]


def test_many_instances_at_once_land_each_record_once(cloud, started):
    landings = [started() for _ in range(4)]
    records = [a_record(str(number)) for number in range(12)]

    def until_acknowledged(case):
        landing, record = case
        while True:
            try:
                return land(landing, record)
            except Unavailable:
                continue

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(until_acknowledged, [(landing, record) for record in records for landing in landings]))
    assert sum(not duplicate for (duplicate,) in answers) == len(records)
    assert landed(cloud) == sorted(record.id for record in records)


def test_over_http(cloud, tmp_path):
    with receiver(tmp_path / "raw", S3Landing(RAW, 0)) as http:
        assert http.post(service_line().encode()).body == {ID: "S-1", "duplicate": False}
        assert http.post(service_line().encode()).body == {ID: "S-1", "duplicate": True}
        assert http.request("GET", "/health").status == 200
        assert http.post(service_line(service_record_id="../../x").encode()).status == 202
    keys = [found["Key"] for found in cloud.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert all(key.startswith(f"here/raw/{FEED}/") and ".." not in key for key in keys)


# ---------- when something is lost on the way


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("where", ["marker", "file"])
def test_a_put_that_fails_is_made_up_for_by_the_next(cloud, started, how, where):
    """`after`: it was put, and the answer lost."""
    failures = iter([how])
    landing = started(
        Failing(cloud, lambda method, key: next(failures, None) if is_file(key) == (where == "file") else None)
    )
    with pytest.raises(Unavailable):
        land(landing, a_record("1"))
    assert land(landing, a_record("1"), a_record("2")) == [where == "file" and how == "after", False]
    assert landed(cloud) == ["1", "2"]


def test_an_instance_that_died_before_its_file_is_made_up_for(cloud, started, monkeypatch):
    dead = started(Failing(cloud, lambda method, key: "before" if is_file(key) else None))
    with pytest.raises(Unavailable):
        land(dead, a_record("1"))
    other = started()
    # It might live, and be about to put the file.
    with pytest.raises(Unavailable, match="another receiver"):
        land(other, a_record("1"))
    monkeypatch.setattr(s3, "_PATIENCE", 0)
    assert land(other, a_record("1"), a_record("2")) == [False, False]
    assert land(started(), a_record("1")) == [True]
    assert landed(cloud) == ["1", "2"]


def test_an_instance_that_was_taken_for_dead_acknowledges_nothing(cloud, started, monkeypatch):
    """It is about to put its file when another one takes over."""
    monkeypatch.setattr(s3, "_PATIENCE", 0)
    other, taken = started(), []

    def take_over(method, key):
        if is_file(key) and not taken:
            taken.append(land(other, a_record("1")))

    slow = started(Failing(cloud, take_over))
    with pytest.raises(Unavailable, match="would not come"):
        land(slow, a_record("1"), a_record("2"))
    assert taken == [[False]]
    assert land(slow, a_record("1"), a_record("2")) == [True, False]
    assert landed(cloud) == ["1", "2"]


def test_of_two_that_take_over_at_once_one_lands_the_record(cloud, started, monkeypatch):
    """The other has been faster, between this one's look at the marker and its change of it."""
    with pytest.raises(Unavailable):
        land(started(Failing(cloud, lambda method, key: "before" if is_file(key) else None)), a_record("1"))
    monkeypatch.setattr(s3, "_PATIENCE", 0)
    other, puts = started(), []

    def be_faster(method, key):
        if method == "put_object" and not is_file(key):
            puts.append(key)
            if len(puts) == 2:
                assert land(other, a_record("1")) == [False]

    assert land(started(Failing(cloud, be_faster)), a_record("1")) == [True]
    assert landed(cloud) == ["1"]


def test_a_lost_bucket_gives_503_until_it_is_back(cloud, tmp_path, monkeypatch):
    monkeypatch.setattr("receiver.landing._PROBED_FOR", 0)
    with receiver(tmp_path / "raw", S3Landing(RAW, 0)) as http:
        cloud.delete_bucket(Bucket=BUCKET)
        answer = http.post(service_line().encode())
        assert answer.status == 503 and answer.headers["retry-after"] == "1" and "bucket" in answer.body["error"]
        assert http.request("GET", "/health").status == 503
        cloud.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        assert http.post(service_line().encode()).status == 202
        assert http.request("GET", "/health").status == 200
    assert landed(cloud) == ["S-1"]


def test_an_address_that_is_none_is_refused(cloud):
    with pytest.raises(Refused, match="s3://BUCKET/FOLDER"):
        S3Landing("s3://", 0)


# ---------- under Lambda


def event(body, **headers):
    """What a function URL hands over."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/service-records",
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "x", **headers},
        "requestContext": {
            "http": {"method": "POST", "path": "/service-records", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "stage": "$default",
        },
        "body": body,
        "isBase64Encoded": False,
    }


def test_the_same_app_runs_under_lambda(cloud, monkeypatch):
    monkeypatch.setenv("TICKETLAKE_RAW", RAW)
    monkeypatch.setenv("TICKETLAKE_KEY_HASHES", f"garage={digest('secret')}")
    sys.modules.pop("receiver.lambda_handler", None)
    module = importlib.import_module("receiver.lambda_handler")
    for duplicate in (False, True):
        answer = module.handler(event(service_line(), **{"x-api-key": "secret"}), None)
        assert (answer["statusCode"], json.loads(answer["body"])) == (202, {ID: "S-1", "duplicate": duplicate})
    assert module.handler(event(service_line()), None)["statusCode"] == 401
    assert module.handler(event("{", **{"x-api-key": "secret"}), None)["statusCode"] == 400
    assert landed(cloud) == ["S-1"]
    module._landing.close()
