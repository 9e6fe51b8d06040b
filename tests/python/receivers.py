"""Receivers that listen on a free port of this machine, in a thread of this process, on raw zones of their own."""

import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection

import uvicorn
from feed_landings import service_line

from receiver.app import create_app
from receiver.definition import FEED
from receiver.folder import FolderLanding
from receiver.keys import KeyFile
from receiver.reading import record_of

LIMIT = 200_000


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict
    body: dict

    def reasons(self):
        """(index, reason, field) of each."""
        return [(reason["index"], reason["reason"], reason["field"]) for reason in self.body["reasons"]]


class Receiver:
    """Posts to a receiver with a key that is in force."""

    def __init__(self, port, landing, keys, key):
        self.port, self.landing, self.keys, self.key = port, landing, keys, key

    def post(self, content, **headers):
        """content: the body, or what is to be JSON; headers: besides those that it takes, None for one to leave out."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.request("POST", "/service-records", body, **headers)

    def request(self, method, path, body=None, **headers):
        given = {"X_API_Key": self.key, "Content_Type": "application/json"} | headers
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {name.replace("_", "-"): value for name, value in given.items() if value is not None}
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        is_json = response.headers["Content-Type"] == "application/json"
        return Answer(response.status, dict(response.headers), json.loads(text) if is_json else text.decode())


@contextmanager
def receiver(raw, landing=None, **options):
    """A receiver that ends in good order; `options` are those of FolderLanding."""
    keys = KeyFile(raw.parent / "receiver-keys.json")
    if any(key.revoked_at is None for key in keys.read()):
        keys.revoke("test")
    key = keys.add("test")
    landing = landing or FolderLanding(raw, **options)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(landing, keys, LIMIT), log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield Receiver(listening.getsockname()[1], landing, keys, key)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def a_record(name="S-1", **fields):
    """A record as it comes to a landing."""
    text = service_line(service_record_id=name, **fields)
    return record_of(text, json.loads(text))


def land(landing, *records):
    """Of each, whether it had landed before."""
    return landing.submit(list(records)).result(timeout=60)


def landed_lines(raw):
    """The lines of all files that the lake reads."""
    return [line for path in sorted((raw / FEED).glob("dt=*/[!_.]*.jsonl")) for line in path.read_bytes().splitlines()]


def open_files(raw):
    return sorted((raw / FEED).glob("dt=*/_receiver-*.jsonl"))
