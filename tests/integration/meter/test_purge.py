"""Anonymising shipments: totals and duplicates stay as they are, nothing that could lead to a person remains."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.meter.test_meters import counted, parcel
from tests.support import Message, Sandbox

PERSONAL = ("ORD-77", "s1", "s2", "p1-0", "p2-0")


def ordered(message: Message) -> Message:
    topic, key, value, stamp = message
    event = json.loads(value or b"") | {"order_id": "ORD-77"}
    return topic, key, json.dumps(event).encode(), stamp


async def aged(sandbox: Sandbox) -> None:
    """Let everything that is stored be 200 days old."""
    for table, column in (("shipments", "updated_at"), ("shipments", "quarter")):
        await sandbox.rows("delivery_emissions", f"UPDATE {table} SET {column} = {column} - interval '200 days'")


async def text_of(sandbox: Sandbox) -> str:
    rows = await sandbox.rows("delivery_emissions", "SELECT * FROM shipments")
    values = [
        json.loads(row["explanation"]).items() if name == "explanation" else [(name, str(row[name]))]
        for row in rows
        for name in row
    ]
    return json.dumps([pair for pairs in values for pair in pairs])


def purge(sandbox: Sandbox, before: datetime) -> Any:
    why = ("--by", "anna", "--reason", "half a year is over")
    return sandbox.ended("delivery-emissions", "purge", "--before", f"{before:%Y-%m-%d}", *why)


async def test_a_purge_takes_what_is_personal_and_leaves_totals_and_duplicates(sandbox: Sandbox) -> None:
    sandbox.prepare("delivery-emissions")
    first = [ordered(parcel(1, 0, "created", 500)), ordered(parcel(2, 0, "created", 400))]
    await sandbox.send(first)
    process = sandbox.start("delivery-emissions")
    await counted(sandbox, "delivery_emissions", "shipments", 2)
    totals = await sandbox.registers("delivery_emissions")
    before = await text_of(sandbox)
    assert [word for word in PERSONAL if f'"{word}"' not in before] == []
    await aged(sandbox)

    done = purge(sandbox, datetime.now(UTC) - timedelta(days=40))
    assert (done.returncode, done.stdout.strip()) == (0, "2 shipments anonymised")
    after = await text_of(sandbox)
    assert [word for word in PERSONAL if f'"{word}"' in after] == []
    assert await sandbox.registers("delivery_emissions") == totals
    (row, *_) = await sandbox.rows("delivery_emissions", "SELECT activity, detail, explanation FROM shipments")
    assert sum(row["activity"]) > 0
    assert "method=ademe-parcel" in row["detail"]
    assert set(json.loads(row["explanation"])) <= {
        "detail", "activity", "flags", "data_quality", "distance_method", "country", "direction",
    }  # fmt: skip

    await sandbox.send([*first, parcel(1, 1, "updated", 900), parcel(3, 0, "created", 300)])
    await counted(sandbox, "delivery_emissions", "shipments", 6)
    assert sandbox.stop(process) == 0
    assert (await sandbox.balance("delivery_emissions", "shipments"))["duplicate"] == 2
    booked = await sandbox.registers("delivery_emissions")
    details = [key[5] for key in booked]
    assert "outcome=purged" in details
    grown = {key: value for key, value in booked.items() if totals.get(key) != value and "method=" in key[5]}
    assert sum(value[0] for value in grown.values()) == sum(totals[key][0] for key in grown) + 1  # only parcel 3
    ended = sandbox.ended("delivery-emissions", "explain", "s1")
    assert ended.returncode == 1
    assert "shipment s1 was anonymised; its grams stay in the totals" in ended.stderr


async def test_what_may_still_change_is_not_purged(sandbox: Sandbox) -> None:
    sandbox.prepare("delivery-emissions")
    ended = purge(sandbox, datetime.now(UTC) - timedelta(days=20))
    assert ended.returncode == 1
    assert "events are counted up to 35 days back; purge before" in ended.stderr
    nothing = purge(sandbox, datetime.now(UTC) - timedelta(days=50))
    assert nothing.stdout.strip() == "0 shipments anonymised"
