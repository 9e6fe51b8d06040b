"""A load that kills itself: `python killed_load.py PLACE CALL [SQLITE_FILE]`, before the so many-th call of its store.

Without a file, the DynamoDB table that the environment names. CALL 0: none; prints how many calls there were.
"""

import itertools
import os
import signal
import sqlite3
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lookup import loading
from lookup.stores import default_store

BATCH = 40
place, fatal, *file = sys.argv[1:]
calls = itertools.count(1)
last = 0


def count(*_, **__):
    global last
    last = next(calls)
    if last == int(fatal):
        os.kill(os.getpid(), signal.SIGKILL)


def traced(*arguments, connect=sqlite3.connect, **options):
    connection = connect(*arguments, **options)
    connection.set_trace_callback(count)
    return connection


loading.BATCH = BATCH
if file:
    from lookup.sqlite import SQLite

    sqlite3.connect = traced
    store = SQLite(Path(file[0]))
else:
    store = default_store()
    # Both before it is sent and when it has been answered.
    store.client.meta.events.register("before-call", count)
    store.client.meta.events.register("after-call", count)
loading.load(store, place)
print(last)
