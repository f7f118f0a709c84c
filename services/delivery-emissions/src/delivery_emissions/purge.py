"""Anonymising old shipments: what could lead to a person goes, what totals and duplicates rest on stays.

Kept: registers, ids of events, the booking (quarter, shop, country, payer, detail, activity) with its method's flags.
Gone: the shipment's id, its events' ids, its order and return, places and everything else the assessment looked at.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from shared.errors import Rejected
from shared.meter import interventions
from shared.meter.identity import identity
from shared.meter.interventions import Why
from shared.postgres import Connection, Pool, transaction

BATCH = 5_000
"""Shipments of one transaction, during which flushes wait: well under a second."""

KEPT = ("detail", "activity", "flags", "data_quality", "distance_method", "country", "direction")
"""Of an explanation: everything else names places, orders or other shipments."""

# A flush begins by inserting event ids, so it waits here and sees the purge, or has ended before it.
_ALONE = "LOCK TABLE shipment_event_ids IN SHARE ROW EXCLUSIVE MODE"

_OLD = """
SELECT shipment_id FROM shipments WHERE purged_at IS NULL AND updated_at < $1 AND quarter < $1
ORDER BY updated_at LIMIT $2"""

_REMEMBER = "INSERT INTO purged_shipments (identity) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING"

_ANONYMISE = """
UPDATE shipments SET shipment_id = 'purged-' || gen_random_uuid(), status_event_id = '', event_id = '',
    purged_at = now(), explanation = (
        SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(explanation) WHERE key = ANY($2))
WHERE shipment_id = ANY($1)"""


async def purge(pool: Pool, before: datetime, why: Why, *, now: datetime, age_days_max: int) -> int:
    """Anonymise shipments whose day and last change lie before a moment; returns how many.

    Raises ``Rejected`` for a moment so near that events about those shipments may still be counted. Safe to repeat; an
    interrupted purge goes on where it stopped.
    """
    latest = now - timedelta(days=age_days_max)
    if before > latest:
        text = f"events are counted up to {age_days_max} days back; purge before {latest.date()} at the latest"
        raise Rejected(text, field="before")
    done = 0
    while number := await _batch(pool, before):
        done += number
    await interventions.note(pool, why, "purge", {"before": before.isoformat(), "shipments": done})
    return done


async def _batch(pool: Pool, before: datetime) -> int:
    async with transaction(pool) as connection:
        await connection.execute(_ALONE)
        ids = [row["shipment_id"] for row in await connection.fetch(_OLD, before, BATCH)]
        await connection.execute(_REMEMBER, [UUID(int=identity(shipment)) for shipment in ids])
        await connection.execute(_ANONYMISE, ids, list(KEPT))
    return len(ids)


async def purged_among(connection: Connection | Pool, shipment_ids: set[str]) -> set[str]:
    """Which of these shipments were anonymised."""
    by_identity = {UUID(int=identity(shipment)): shipment for shipment in shipment_ids}
    rows = await connection.fetch("SELECT identity FROM purged_shipments WHERE identity = ANY($1)", list(by_identity))
    return {by_identity[row["identity"]] for row in rows}
