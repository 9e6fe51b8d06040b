"""The receiver over HTTP: who gets in, what is answered, and that ids are nothing but data."""

import json
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest
from feed_landings import service_line
from lakes import PROJECT
from receivers import LIMIT, landed_lines, receiver

from receiver import Refused
from receiver.definition import FEED
from receiver.keys import FixedKeys, KeyFile, digest
from receiver.reading import MOST


def record(name="S-1", **fields):
    return json.loads(service_line(service_record_id=name, **fields))


@pytest.fixture
def raw(tmp_path):
    return tmp_path / "raw"


@pytest.fixture
def http(raw):
    with receiver(raw) as running:
        yield running


# ---------- what is acknowledged


def test_a_record_lands_as_it_was_sent(raw):
    text = service_line(odometer_km="<>", unknown={"kept": [1.50, 10**30]}, notes="Köln 充電").replace('"<>"', "1.50e2")
    with receiver(raw) as http:
        answer = http.post(text.encode())
    assert (answer.status, answer.body) == (202, {"service_record_id": "S-1", "duplicate": False})
    assert landed_lines(raw) == [text.encode()]
    [path] = (raw / FEED).glob("dt=*/*.jsonl")
    assert path.parent.name == f"dt={datetime.now(timezone.utc).date()}"


def test_line_ends_between_the_tokens_do_not_cut_a_record(raw):
    pretty = json.dumps([record("1", notes="a\nb\rc"), record("2")], indent=2).replace("\n", "\r\n").encode()
    with receiver(raw) as http:
        answer = http.post(b"\n" + pretty + b"\r\n")
    assert [found["service_record_id"] for found in answer.body["records"]] == ["1", "2"]
    assert list(map(json.loads, landed_lines(raw))) == [record("1", notes="a\nb\rc"), record("2")]


def test_an_integer_id_is_its_digits(raw):
    with receiver(raw) as http:
        assert http.post(record(7)).body == {"service_record_id": "7", "duplicate": False}


def test_a_batch_takes_a_thousand(raw):
    with receiver(raw) as http:
        answer = http.post([{**record(), "service_record_id": str(number)} for number in range(MOST)])
        assert answer.status == 202 and len(answer.body["records"]) == MOST
        assert http.post([record(str(number)) for number in range(MOST + 1)]).status == 413
    assert len(landed_lines(raw)) == MOST


# ---------- the same twice


def test_the_same_record_is_acknowledged_again_and_lands_once(raw):
    one, same = (
        record(odometer_km=5, vehicle_model="E1"),
        dict(reversed(record(odometer_km=5.0, vehicle_model="E1").items())),
    )
    with receiver(raw) as http:
        assert [http.post(given).body["duplicate"] for given in (one, same)] == [False, True]
        assert http.post([record("2"), one, record("2")]).body["records"] == [
            {"service_record_id": "2", "duplicate": False},
            {"service_record_id": "S-1", "duplicate": True},
            {"service_record_id": "2", "duplicate": True},
        ]
    with receiver(raw) as http:
        assert http.post(one).body["duplicate"] is True
    assert len(landed_lines(raw)) == 2


def test_another_record_of_the_same_id_is_refused_and_the_first_stands(raw):
    with receiver(raw) as http:
        http.post(record())
        answer = http.post([record("2"), record(odometer_km=1), record("3"), record("3", odometer_km=1)])
        assert answer.status == 409
        assert answer.reasons() == [(place, "other_content", "service_record_id") for place in (1, 3)]
        assert http.post(record("2")).body["duplicate"] is False
    assert [json.loads(line) for line in landed_lines(raw)] == [record(), record("2")]


def test_of_many_at_once_with_one_id_one_lands(raw):
    with receiver(raw) as http, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: http.post(record()), range(64)))
        assert {answer.status for answer in answers} == {202}
        assert sum(not answer.body["duplicate"] for answer in answers) == 1
        answers = list(pool.map(lambda number: http.post(record("x", odometer_km=number)), range(32)))
        assert sorted(answer.status for answer in answers) == [202] + [409] * 31
    assert len(landed_lines(raw)) == 2


# ---------- who gets in


@pytest.mark.parametrize(
    "headers",
    [
        {"X_API_Key": None},
        {"X_API_Key": ""},
        {"X_API_Key": "tl_wrong"},
        {"X_API_Key": None, "Authorization": "Basic dGVzdDp0ZXN0"},
        {"X_API_Key": None, "Authorization": "Bearer"},
        {"X_API_Key": None, "Authorization": "Bearer tl_wrong"},
        {"X_API_Key": "\xff\xfe"},
    ],
)
def test_nobody_gets_in_without_a_key(raw, headers):
    with receiver(raw) as http:
        answer = http.post(record(), **headers)
        assert answer.status == 401 and answer.headers["www-authenticate"] == "Bearer"
        # The hash is no key.
        assert http.post(record(), X_API_Key=digest(http.key)).status == 401
    assert landed_lines(raw) == []


def test_a_bearer_gets_in(http):
    assert http.post(record(), X_API_Key=None, Authorization=f"bearer {http.key}").status == 202


def test_a_revoked_key_is_refused_at_once_and_a_new_one_taken(http):
    assert http.post(record()).status == 202
    http.keys.revoke("test")
    assert http.post(record()).status == 401
    assert http.post(record(), X_API_Key=http.keys.add("next")).status == 202


def test_the_key_is_looked_at_before_the_body(http):
    with socket.create_connection(("127.0.0.1", http.port), timeout=60) as client:
        client.sendall(b"POST /service-records HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 401 ")


def test_keys_that_cannot_be_read_let_nobody_in(http):
    http.keys.path.write_text("[{]")
    answer = http.post(record())
    assert answer.status == 503 and "keys cannot be read" in answer.body["error"]


def test_key_files_hold_hashes_for_their_owner_only(tmp_path):
    keys = KeyFile(tmp_path / "keys.json")
    with pytest.raises(Refused, match="keys add NAME"):
        keys.demand()
    token = keys.add("garage")
    assert token not in keys.path.read_text() and keys.path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refused, match="a key garage already"):
        keys.add("garage")
    keys.revoke("garage")
    with pytest.raises(Refused, match="no key garage in force"):
        keys.revoke("garage")
    other = keys.add("garage")
    assert (keys.holder(token), keys.holder(other)) == (None, "garage")
    for name in ("", "../x", "a b", "a=b"):
        with pytest.raises(Refused, match="no name for a key"):
            keys.add(name)


def test_keys_of_the_environment():
    keys = FixedKeys(f"garage={digest('one')}  other={digest('two')}\n")
    assert [keys.holder(token) for token in ("one", "two", "three", digest("one"))] == ["garage", "other", None, None]
    for text in ("", "garage", "garage=one", f"={digest('one')}"):
        with pytest.raises(Refused, match="NAME=HASH"):
            FixedKeys(text)


# ---------- bodies


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "Expecting value"),
        (b"{", "character 1"),
        (b"{}{}", "character 2"),
        (b"[]", "1 to 1,000"),
        (b'[{"a": 1},]', "Expecting value"),
        (b"{'a': 1}", "character 1"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1, "b": {"c": 1, "c": 1}}', 'key "c" stands twice'),
        (b'\xef\xbb\xbf{"a": 1}', "character 0"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b'{"a": "\x00"}', "character 7"),
        (b"[" * 100_000, "100 deep"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "100 deep"),
        (b'[{"a":' + b"[" * 100 + b"1" + b"]" * 100 + b"}]", "100 deep"),
    ],
)
def test_a_body_that_is_no_json_is_refused(http, body, says):
    answer = http.post(body)
    assert (answer.status, answer.reasons()) == (400, [(0, "not_json", None)])
    assert says in answer.body["error"]


@pytest.mark.parametrize(
    "body", [b"7", b'"x"', b"null", b"[7]", b"[[]]", b'{"a": ' + b"9" * 5000 + b"}", b'{"a": 1e999}']
)
def test_json_that_is_no_record_is_refused(http, body):
    assert http.post(body).status == 422


def test_one_bad_record_refuses_the_batch_with_all_reasons(raw):
    with receiver(raw) as http:
        answer = http.post([record("1"), record("2", vehicle_id=None, odometer_km=-1), 3, record("4", city=[])])
        assert answer.status == 422
        assert answer.reasons() == [
            (1, "missing_vehicle_id", "vehicle_id"),
            (1, "out_of_range_odometer_km", "odometer_km"),
            (2, "not_json", None),
            (3, "bad_city", "city"),
        ]
    assert landed_lines(raw) == []


@pytest.mark.parametrize(
    "headers",
    [
        *(
            {"Content_Type": kind}
            for kind in (None, "text/plain", "application/jsonl", "application/x-www-form-urlencoded")
        ),
        {"Content_Encoding": "gzip"},
    ],
)
def test_another_content_type_is_refused(http, headers):
    assert http.post(record(), **headers).status == 415


def test_a_content_type_may_name_its_charset(http):
    assert http.post(record(), Content_Type="Application/JSON; charset=utf-8").status == 202


def test_an_oversized_body_is_refused(http):
    assert http.post(b" " * (LIMIT + 1)).status == 413
    assert http.post(json.dumps(record()).encode().ljust(LIMIT)).status == 202


def exchange(port, *parts, ends=False):
    """What the receiver answers to these bytes, until it ends the connection; `ends`: no more will come."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(b"".join(parts))
        if ends:
            client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def head(http, *lines):
    lines = (
        "POST /service-records HTTP/1.1",
        "Host: x",
        f"X-API-Key: {http.key}",
        "Content-Type: application/json",
        *lines,
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def test_an_oversized_body_is_refused_before_it_comes(http):
    assert exchange(http.port, head(http, "Content-Length: 1000000000000")).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_a_length_is_cut_off_at_the_limit(raw):
    chunk = b"%x\r\n%s\r\n" % (LIMIT + 1, b" " * (LIMIT + 1))
    with receiver(raw) as http:
        answer = exchange(http.port, head(http, "Transfer-Encoding: chunked"), chunk)
        assert answer.startswith(b"HTTP/1.1 413 ")
        body = json.dumps(record()).encode()
        answer = exchange(
            http.port,
            head(http, "Transfer-Encoding: chunked", "Connection: close"),
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
        )
        assert answer.startswith(b"HTTP/1.1 202 ")
    assert len(landed_lines(raw)) == 1


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "+5", "9" * 5000])
def test_a_length_that_is_none_is_refused(http, length):
    answer = exchange(http.port, head(http, f"Content-Length: {length}"))
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")), answer
    assert http.request("GET", "/health").status == 200


def test_a_body_that_ends_too_early_does_not_land(raw):
    body = json.dumps(record()).encode()
    with receiver(raw) as http:
        answer = exchange(http.port, head(http, f"Content-Length: {len(body) + 1}"), body, ends=True)
        assert b" 202 " not in answer and b" 500 " not in answer
        assert http.post(record("2")).status == 202
    assert [json.loads(line)["service_record_id"] for line in landed_lines(raw)] == ["2"]


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "/etc/passwd", "dt=2026-01-01/x", "..", "a\x00b", "%2e%2e%2f", "a\nb", "C:\\x"]
)
def test_an_id_is_no_path(raw, name):
    with receiver(raw) as http:
        assert http.post(record(name)).body["service_record_id"] == name
        assert http.post(record(name)).body["duplicate"] is True
    today = f"dt={datetime.now(timezone.utc).date()}"
    files = [path.relative_to(raw.parent).parts for path in raw.parent.rglob("*") if path.is_file()]
    assert {parts[:3] for parts in files if parts[0] == "raw"} >= {("raw", FEED, today)}
    assert {parts[0] for parts in files} == {"raw", "receiver-keys.json", "receiver-keys.json.lock"}
    [landed] = [parts[-1] for parts in files if parts[-1].endswith(".jsonl")]
    assert landed.startswith("receiver-")


@pytest.mark.parametrize("path", ["/service-records/../../etc/passwd", "/service-records/1", "/", "/..%2f"])
def test_there_are_no_other_paths(http, path):
    assert http.request("POST", path, b"{}").status in (404, 405)
    assert http.request("GET", "/service-records").status == 405


# ---------- what the receiver says of itself


def test_the_openapi_page_describes_a_record_as_the_lake_does(http):
    found = http.request("GET", "/openapi.json", X_API_Key=None).body
    schemas = found["components"]["schemas"]
    fields = schemas["ServiceRecord"]["properties"]
    assert fields["service_type"]["enum"] == ["maintenance", "repair", "recall", "inspection", "warranty"]
    assert fields["odometer_km"]["description"] == "What the odometer showed, in km; null if it is not given."
    assert schemas["Part"]["properties"]["quantity"]["exclusiveMinimum"] == 0
    assert schemas["ServiceRecord"]["required"] == [
        *("service_record_id", "dealership_id", "vehicle_id", "serviced_at", "service_type")
    ]
    post = found["paths"]["/service-records"]["post"]
    assert set(post["responses"]) == {"202", "400", "401", "408", "409", "413", "415", "422", "503"}
    for example in post["requestBody"]["content"]["application/json"]["examples"].values():
        assert http.post(example["value"]).status == 202
    assert "swagger" in http.request("GET", "/docs").body
    references = {text.split('"')[0] for text in json.dumps(found).split('"$ref": "#/components/schemas/')[1:]}
    assert references <= schemas.keys()


def command(tmp_path, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "receiver", *arguments],
        cwd=PROJECT,
        env={"PATH": "", "LAKE": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_without_a_key_there_is_no_server(tmp_path):
    ended = command(tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert (
        ended.stderr
        == f"There is no key file {tmp_path}/receiver-keys.json. Make a key: python -m receiver keys add NAME\n"
    )


def test_keys_are_made_listed_and_revoked(tmp_path):
    made = command(tmp_path, "keys", "add", "garage")
    token, hashed = made.stdout.splitlines()[0], made.stdout.splitlines()[-1]
    assert hashed == f"garage={digest(token)}"
    assert "in force" in command(tmp_path, "keys", "list").stdout
    assert command(tmp_path, "keys", "revoke", "garage").returncode == 0
    listed = command(tmp_path, "keys", "list").stdout
    assert "revoked" in listed and token not in listed
    assert command(tmp_path, "keys", "revoke", "garage").returncode == 1


def test_a_second_receiver_of_a_raw_zone_is_refused(http, raw):
    for arguments in ((), ("recover",)):
        ended = command(raw.parent, *arguments)
        assert ended.returncode == 1
        assert ended.stderr == f"A receiver is running on {raw}. One raw zone has one: end that one first.\n"
