"""Service records that are published as a build would, without the build."""

import random
from datetime import date, datetime, timedelta, timezone

import duckdb
import pyarrow as pa

from curated.places import Folder
from curated.publishing import Kept, publish

START = datetime(2026, 3, 1, 9, tzinfo=timezone.utc)
RECORD = {
    "service_record_id": pa.string(),
    "dealership_id": pa.string(),
    "vehicle_id": pa.string(),
    "technician_id": pa.string(),
    "serviced_at": pa.timestamp("us"),
    "service_type": pa.string(),
    "odometer_km": pa.float64(),
    "vehicle_model": pa.string(),
    "city": pa.string(),
    "notes": pa.string(),
    "is_warranty": pa.bool_(),
    "failure_count": pa.int64(),
    "parts_count": pa.int64(),
    "parts_cost": pa.float64(),
    "labor_hours": pa.float64(),
    "labor_cost": pa.float64(),
    "total_cost": pa.float64(),
    "currency": pa.string(),
}
PART = {
    "line": pa.int32(),
    "part_code": pa.string(),
    "part_name": pa.string(),
    "quantity": pa.float64(),
    "unit_price": pa.float64(),
    "cost": pa.float64(),
}


def record(name, seed, **fields):
    """What a look-up has to answer for a record, which differs with the seed."""
    chance = random.Random(f"{name} {seed}")
    parts = [
        {
            "line": line,
            "part_code": f"P-{chance.randrange(99)}",
            "part_name": chance.choice(["Brake disc", "Bremsscheibe für „vorn“", None]),
            "quantity": chance.choice([1.0, 0.5]),
            "unit_price": 19.99,
            "cost": 19.99 * line,
        }
        for line in range(1, chance.randrange(4) + 1)
    ]
    moment = START + timedelta(seconds=chance.randrange(10**6), microseconds=chance.choice([0, 250_000]))
    made = {
        "service_record_id": name,
        "dealership_id": "D-1",
        "vehicle_id": f"V-{chance.randrange(99)}",
        "technician_id": None,
        "serviced_at": moment.isoformat().replace(".250000", ".25").replace("+00:00", "Z").replace(".25Z", ".250000Z"),
        "service_type": "repair",
        "odometer_km": 12_345.5,
        "vehicle_model": "Model 'S\"\\",
        "city": "Zürich",
        "notes": f"seed {seed}\nsecond line\t\x00 \U0001f697",
        "is_warranty": chance.choice([True, False, None]),
        "failure_count": 2,
        "parts_count": len(parts),
        "parts_cost": 1e-7,
        "labor_hours": 1e22,
        "labor_cost": 0.1,
        "total_cost": 123_456_789.123,
        "currency": "EUR",
        "parts": parts,
        "failure_codes": ["F-1", f"F-2{seed}"],
    }
    return {**made, **fields}


class Services:
    """A small database such as a build leaves, and the folder that it is published in."""

    def __init__(self, folder):
        folder.mkdir(exist_ok=True)
        self.database, self.folder, self._builds = folder / "lake.duckdb", folder / "curated", 0

    def publish(self, records, kept=3):
        """Publishes records, as `record` makes them; the version's number."""
        records = list(records)
        tables = {
            "fct_service_records": _table(RECORD, records),
            "fct_service_parts": _table(
                {"service_record_id": pa.string(), **PART, "landed_on": pa.date32()},
                # As they come, not in order.
                [
                    {**part, "service_record_id": one["service_record_id"], "landed_on": date(2026, 3, 2)}
                    for one in records
                    for part in reversed(one["parts"])
                ],
            ),
            "fct_service_failures": _table(
                {"service_record_id": pa.string(), "failure_code": pa.string()},
                [
                    {"service_record_id": one["service_record_id"], "failure_code": code}
                    for one in records
                    for code in reversed(one["failure_codes"])
                ],
            ),
        }
        self._builds += 1
        with duckdb.connect(str(self.database)) as connection:
            for name, table in tables.items():
                connection.register("found", table)
                connection.execute(f"create or replace table {name} as from found")
                connection.unregister("found")
            connection.execute("create or replace table int_as_of as select ? as as_of", [self.as_of])
            connection.execute("create or replace table passed_builds (build_id varchar, public_table varchar)")
            connection.executemany(
                "insert into passed_builds values (?, ?)", [(f"{self._builds}", one) for one in tables]
            )
        return publish(self.database, Folder(self.folder), Kept(kept, hours=0))[0].version

    @property
    def as_of(self):
        return datetime(2026, 3, 20, 12) + timedelta(hours=self._builds)

    @property
    def place(self):
        return str(self.folder)


def _table(types, rows):
    return pa.table(
        {name: pa.array([_as_published(row[name], kind) for row in rows], kind) for name, kind in types.items()}
    )


def _as_published(value, kind):
    return datetime.fromisoformat(value.removesuffix("Z")) if value and pa.types.is_timestamp(kind) else value
