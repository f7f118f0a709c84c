"""The tables of delivery-emissions in plain SQL: event ids, for ever, and the newest state of each shipment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from delivery_emissions.shipment import Booking, ShipmentState
from shared.meter.position import Position
from shared.meter.stretch import Record
from shared.postgres import Connection, Pool, transaction


@dataclass(frozen=True, slots=True)
class Held:
    """A validated row waiting for its decision."""

    identity: int
    record: Record
    row: dict[str, Any]


@dataclass(slots=True)
class Stored:
    """A shipment's state while a flush decides about it."""

    shipment_id: str
    state: ShipmentState
    offset: int
    changed: bool = field(default=False)


_NEW_IDS = """
INSERT INTO shipment_event_ids SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING RETURNING identity"""

_STUBS = """INSERT INTO shipments (shipment_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"""

_LOCK = """SELECT * FROM shipments WHERE shipment_id = ANY($1::text[]) ORDER BY shipment_id FOR UPDATE"""

_WRITE = """
UPDATE shipments AS s SET status = d.status, status_revision = d.status_revision,
    status_occurred_at = d.status_occurred_at, status_event_id = d.status_event_id, revision = d.revision,
    occurred_at = d.occurred_at, event_id = d.event_id, quarter = d.quarter, shop = d.shop, country = d.country,
    payer = d.payer, detail = d.detail, activity = d.activity::bigint[], explanation = d.explanation::jsonb,
    topic = $1, partition = $2, record_offset = d.record_offset, updated_at = now()
FROM unnest($3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::text[], $8::bigint[], $9::timestamptz[],
    $10::text[], $11::timestamptz[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[],
    $18::bigint[])
    AS d (shipment_id, status, status_revision, status_occurred_at, status_event_id, revision, occurred_at, event_id,
        quarter, shop, country, payer, detail, activity, explanation, record_offset)
WHERE s.shipment_id = d.shipment_id"""


_READ = """
SELECT *, (SELECT factor_set FROM restatements AS r
           WHERE r.channel = 'delivery' AND r.day = (s.quarter AT TIME ZONE 'UTC')::date
           ORDER BY revision DESC LIMIT 1) AS restated_with
FROM shipments AS s WHERE shipment_id = $1"""


async def new_event_ids(connection: Connection, identities: Sequence[int]) -> set[int]:
    """Remember ids and return those not seen before, in one order for every process so that none waits in a circle."""
    ids = [UUID(int=value) for value in sorted(set(identities))]
    return {row["identity"].int for row in await connection.fetch(_NEW_IDS, ids)}


async def lock_shipments(connection: Connection, shipment_ids: Sequence[str]) -> dict[str, Stored]:
    """Create what is missing and lock all rows in the order of their ids (``shipment_ids`` must be sorted)."""
    await connection.execute(_STUBS, shipment_ids)
    return {row["shipment_id"]: _stored(row) for row in await connection.fetch(_LOCK, shipment_ids)}


async def write_shipments(connection: Connection, position: Position, shipments: Sequence[Stored]) -> None:
    """Write the states that a flush changed."""
    columns: list[list[Any]] = [[] for _ in range(16)]
    for item in shipments:
        for column, value in zip(columns, _columns(item), strict=True):
            column.append(value)
    await connection.execute(_WRITE, position.topic, position.partition, *columns)


async def read_shipment(pool: Pool, shipment_id: str) -> dict[str, Any] | None:
    """A shipment as it is booked, with its explanation; ``None`` when it is unknown. Raises ``Transient``.

    ``restated_with`` is the factor set that its day was estimated again with, or null.
    """
    async with transaction(pool) as connection:
        row = await connection.fetchrow(_READ, shipment_id)
    return None if row is None else {**dict(row), "explanation": json.loads(row["explanation"])}


def _columns(item: Stored) -> tuple[Any, ...]:
    state = item.state
    booking = state.booking or Booking(0, "", "", "", "", ())
    return (
        item.shipment_id,
        state.status,
        *state.status_order,
        *state.order,
        datetime.fromtimestamp(booking.quarter_s, UTC),
        booking.shop,
        booking.country,
        booking.payer,
        booking.detail,
        "{" + ",".join(map(str, booking.activity)) + "}",
        json.dumps(dict(state.explanation), default=str),
        item.offset,
    )


def _stored(row: Any) -> Stored:
    booking = None
    if row["detail"]:
        booking = Booking(
            int(row["quarter"].timestamp()),
            row["shop"],
            row["country"],
            row["payer"],
            row["detail"],
            tuple(row["activity"]),
        )
    state = ShipmentState(
        row["status"],
        (row["status_revision"], row["status_occurred_at"], row["status_event_id"]),
        (row["revision"], row["occurred_at"], row["event_id"]),
        booking,
        json.loads(row["explanation"]),
    )
    return Stored(row["shipment_id"], state, row["record_offset"])
