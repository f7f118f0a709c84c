"""What an audit file of one settlement needs, as it was frozen and stored."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from shared.postgres import Connection, Pool

Reader = Connection | Pool


async def frozen(reader: Reader, campaign: str, day: date, number: int) -> dict[str, Any] | None:
    """What the settlement froze, with the campaign version of that time; None before it freezes."""
    row = await reader.fetchrow(
        """
        SELECT f.*, v.content FROM frozen_settlements f
        JOIN campaign_versions v ON v.campaign = f.campaign AND v.version = f.campaign_version
        WHERE f.campaign = $1 AND f.day = $2 AND f.number = $3
        """,
        *(campaign, day, number),
    )
    if row is None:
        return None
    return dict(row) | {name: json.loads(row[name]) for name in ("sources", "content", "result")}


async def registers(reader: Reader, campaign: str, day: date, number: int) -> list[dict[str, Any]]:
    """The frozen registers in the order in which they were hashed."""
    rows = await reader.fetch(
        """
        SELECT topic, partition, log_epoch, quarter, channel, shop, country, payer, detail, events, late,
               activity::text AS activity, method, method_version, factor_set, factor_set_sha256, factor_group,
               ghg_scope, ghg_category, data_quality, estimated, low_ug, central_ug, high_ug, revision, through_offset
        FROM frozen_lines WHERE campaign = $1 AND day = $2 AND number = $3 ORDER BY register COLLATE "C"
        """,
        *(campaign, day, number),
    )
    return [dict(row) for row in rows]


async def orders(reader: Reader, campaign: str, day: date, number: int) -> list[dict[str, Any]]:
    """The confirmed orders that bought for a settlement, alone or together with other days."""
    rows = await reader.fetch(
        """
        SELECT o.* FROM orders o JOIN settlement_legs l
        ON (l.campaign, l.buy_day, l.number, l.leg) = (o.campaign, o.buy_day, o.number, o.leg)
        WHERE l.campaign = $1 AND l.day = $2 AND l.number = $3 AND o.state = 'confirmed' AND o.confirmed_g > 0
        ORDER BY o.leg, o.attempt
        """,
        *(campaign, day, number),
    )
    return [dict(row) for row in rows]


async def documents(reader: Reader, campaign: str, day: date, number: int) -> list[dict[str, Any]]:
    """The documents about a settlement, credit notes with them, also where they took back all of an order: the stored
    bytes of the content, and of the file when it is rendered."""
    rows = await reader.fetch(
        """
        WITH covered AS (
            SELECT o.document AS number FROM orders o JOIN settlement_legs l
            ON (l.campaign, l.buy_day, l.number, l.leg) = (o.campaign, o.buy_day, o.number, o.leg)
            WHERE l.campaign = $1 AND l.day = $2 AND l.number = $3 AND o.document IS NOT NULL)
        SELECT d.number, d.content_bytes, f.filename, f.bytes FROM documents d LEFT JOIN document_files f USING (number)
        WHERE NOT d.imported AND d.number IN (
            SELECT number FROM covered UNION SELECT c.number FROM credits c JOIN covered ON c.document = covered.number)
        ORDER BY d.number
        """,
        *(campaign, day, number),
    )
    return [dict(row) for row in rows]


async def evidence(reader: Reader, campaign: str, day: date) -> list[dict[str, Any]]:
    """The files behind the figures that people brought for a day."""
    rows = await reader.fetch(
        "SELECT line, evidence FROM manual_lines WHERE campaign = $1 AND day = $2 ORDER BY line", campaign, day
    )
    return [dict(row) for row in rows]
