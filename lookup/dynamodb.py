"""Records in a table on DynamoDB."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra import aws
from lookup.stores import Refused, State

KEY = "service_record_id"
# The state stands beside the records, by an id that none of them can have: one of white space is a missing one.
_STATE = {KEY: {"S": " "}}
_GET, _PUT, _THREADS = 100, 25, 16

# A load tells every _BEAT seconds that it goes on. Who finds that it has not for _LEASE seconds takes over. It starts
# no write later than _TRUSTED seconds after it has last been heard, and a write is given up well before the lease ends.
_BEAT, _TRUSTED, _LEASE = 5.0, 20.0, 60.0
_CALLS = Config(
    retries={"mode": "standard", "max_attempts": 2},
    connect_timeout=5,
    read_timeout=10,
    max_pool_connections=_THREADS + 2,
)


class DynamoDB:
    """Records are written in batches, several at once; those that are not changed are left alone."""

    max_id_bytes = 2048
    # An item has 400 KB at most, names, id and document together.
    max_document_bytes = 400 * 1024 - 2048 - 1024
    is_read_quickly = False

    def __init__(self, table: str, client: Any = None):
        self.table = table
        self.client = client or boto3.client("dynamodb", region_name=aws.region(), config=_CALLS)

    def __str__(self) -> str:
        return f"DynamoDB table {self.table}"

    def find(self, ids: Sequence[str]) -> dict[str, str]:
        found, asked = {}, [{KEY: {"S": id}} for id in ids]
        if len(asked) == 1:
            answer = self._call("get_item", Key=asked[0], ConsistentRead=True)
            return dict([_pair(answer["Item"])]) if "Item" in answer else {}
        pauses = _pauses()
        while asked:
            some, asked = asked[:_GET], asked[_GET:]
            request = {self.table: {"Keys": some, "ConsistentRead": True}}
            answer = self._call("batch_get_item", RequestItems=request)
            found.update(map(_pair, answer["Responses"].get(self.table, [])))
            if left := answer.get("UnprocessedKeys", {}).get(self.table):
                asked += left["Keys"]
                time.sleep(next(pauses))
        return found

    def state(self) -> State:
        item = self.state_item()
        return State.from_json(item["state"]["S"]) if "state" in item else State()

    def state_item(self) -> dict[str, Any]:
        return self._call("get_item", Key=_STATE, ConsistentRead=True).get("Item", {})

    def create(self) -> bool:
        """Makes the table, paid by request, and waits until it is there; False if it was."""
        try:
            self.client.create_table(
                TableName=self.table,
                AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
                KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
            )
        except self.client.exceptions.ResourceInUseException:
            made = False
        else:
            made = True
        self.client.get_waiter("table_exists").wait(TableName=self.table, WaiterConfig={"Delay": 2})
        keys = self._call("describe_table")["Table"]["KeySchema"]
        if [(key["AttributeName"], key["KeyType"]) for key in keys] != [(KEY, "HASH")]:
            raise Refused(f"{self} is there with other keys. Name another in TICKETLAKE_LOOKUP_TABLE.")
        return made

    @contextmanager
    def loading(self) -> Iterator[_Load]:
        load = _Load(self)
        try:
            yield load
        finally:
            load.end()

    def _call(self, name: str, **arguments: Any) -> Any:
        if not name.startswith("batch"):
            arguments["TableName"] = self.table
        try:
            return getattr(self.client, name)(**arguments)
        except self.client.exceptions.ResourceNotFoundException as error:
            raise Refused(f"There is no {self}. Make it: python -m lookup create-table") from error


class _Load:
    """The table as the one load that may write to it has it."""

    def __init__(self, store: DynamoDB):
        self._store, self._owner = store, uuid4().hex
        self._take()
        self._ended = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)
        self._beating.start()
        self._pool = ThreadPoolExecutor(_THREADS)

    def _take(self) -> None:
        before = self._store.state_item()
        if "owner" in before:
            before = self._after_silence(before)
        mark = {name: before[name] for name in ("owner", "beat") if name in before}
        condition = "#owner = :owner_before and beat = :beat_before" if mark else "attribute_not_exists(#owner)"
        values = {f":{name}_before": value for name, value in mark.items()}
        self._heard = time.monotonic()
        self._update("set #owner = :owner, beat = :beat", condition, values | {":beat": {"S": uuid4().hex}})

    def _after_silence(self, before: dict[str, Any]) -> dict[str, Any]:
        """The state's item once the load that it names is known to be dead or has ended."""
        print(
            f"{self._store}: a load has not ended. Waiting up to {_LEASE:.0f} s to see whether it goes on.",
            file=sys.stderr,
        )
        until = time.monotonic() + _LEASE
        while time.monotonic() < until:
            time.sleep(min(1, _LEASE / 20))
            item = self._store.state_item()
            if "owner" not in item:
                return item
            if item["beat"] != before["beat"]:
                raise self._lost()
        return before

    def _lost(self) -> Refused:
        return Refused(f"{self._store}: another load is going on. Wait for its end, then load again.")

    def _update(self, update: str, condition: str = "#owner = :owner", values: dict[str, Any] | None = None) -> None:
        try:
            self._store._call(
                "update_item",
                Key=_STATE,
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#owner": "owner"} | ({"#state": "state"} if "#state" in update else {}),
                ExpressionAttributeValues={":owner": {"S": self._owner}} | (values or {}),
            )
        except self._store.client.exceptions.ConditionalCheckFailedException as error:
            raise self._lost() from error

    def _beat(self) -> None:
        while not self._ended.wait(_BEAT):
            began = time.monotonic()
            try:
                self._update("set beat = :beat", values={":beat": {"S": uuid4().hex}})
            except Refused:
                self._heard = float("-inf")
                return
            except (BotoCoreError, ClientError):
                continue
            self._heard = began

    def end(self) -> None:
        self._ended.set()
        self._beating.join()
        self._pool.shutdown(cancel_futures=True)
        # If that fails, the next load finds this one silent.
        with suppress(Refused, BotoCoreError, ClientError):
            self._update("remove #owner, beat")

    def state(self) -> State:
        return self._store.state()

    def note(self, state: State) -> None:
        self._update("set #state = :state", values={":state": {"S": state.to_json()}})

    def write(self, changes: Sequence[tuple[str, str | None]]) -> None:
        some = [changes[start : start + _PUT] for start in range(0, len(changes), _PUT)]
        for _ in self._pool.map(self._write_some, some):
            pass

    def _write_some(self, changes: Sequence[tuple[str, str | None]]) -> None:
        left = [
            {"DeleteRequest": {"Key": {KEY: {"S": id}}}}
            if document is None
            else {"PutRequest": {"Item": {KEY: {"S": id}, "document": {"S": document}}}}
            for id, document in changes
        ]
        pauses = _pauses()
        while left:
            if time.monotonic() - self._heard > _TRUSTED:
                raise Refused(
                    f"{self._store}: for {_TRUSTED:.0f} s this load could not say that it goes on, and another may "
                    "have taken over. Load again."
                )
            answer = self._store._call("batch_write_item", RequestItems={self._store.table: left})
            if left := answer.get("UnprocessedItems", {}).get(self._store.table, []):
                time.sleep(next(pauses))

    def stored(self) -> Iterator[list[tuple[str, str]]]:
        pages = self._store.client.get_paginator("scan").paginate(TableName=self._store.table, ConsistentRead=True)
        for page in pages:
            yield [_pair(item) for item in page["Items"] if item[KEY] != _STATE[KEY]]


def _pair(item: dict[str, Any]) -> tuple[str, str]:
    return item[KEY]["S"], item["document"]["S"]


def _pauses() -> Iterator[float]:
    """Seconds to wait before each further try, longer and longer, and not all threads the same."""
    longest = 0.05
    while True:
        yield random.uniform(longest / 2, longest)
        longest = min(2 * longest, 5)
