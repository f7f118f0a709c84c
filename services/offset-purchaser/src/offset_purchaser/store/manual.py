"""Manual lines and arrivals. A line also stands among the readings, so totals, freezing and verifying see one thing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from offset_purchaser.store.readings import NAMES
from shared.postgres import Connection, Pool
from shared.units import g_to_ug


@dataclass(frozen=True, slots=True)
class ManualLine:
    """A figure in kilograms that a person answers for, with its evidence."""

    line: UUID
    campaign: str
    day: date
    channel: str
    format: str
    low_kg: Decimal
    central_kg: Decimal
    high_kg: Decimal
    description: str
    author: str
    filename: str
    evidence: bytes


async def insert_line(
    connection: Connection, line: ManualLine, *, quarter: datetime, shop: str, country: str, now: datetime
) -> None:
    """Keep a line and its evidence, and let it count."""
    digest = hashlib.sha256(line.evidence).hexdigest()
    await connection.execute(
        "INSERT INTO manual_lines VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        *(line.line, line.campaign, line.day, line.channel, line.format, line.low_kg, line.central_kg, line.high_kg),
        *(line.description, line.author, line.filename, line.evidence, digest, now),
    )
    grams = [g_to_ug(value * 1000) for value in (line.low_kg, line.central_kg, line.high_kg)]
    labels = ";".join(f"{name}={value}" for name, value in (("format", line.format), ("source", "manual")) if value)
    await connection.execute(
        f"""
        INSERT INTO readings ({NAMES}) VALUES ($1, 'manual', 0, 1, $2, $3, $4, $5, '', $6, false, false, 1, 0, '{{}}',
            'manual', '1', 'manual', $7, $8, 3, '', 2, true, $9, $10, $11, 1, 1)
        """,  # noqa: S608
        *(f"manual|{line.line}", quarter, line.channel, shop, country, labels, digest, f"manual|{line.line}", *grams),
    )


async def events_of(reader: Connection | Pool, channel: str, label: str, start: datetime, end: datetime) -> int:
    """Events that meters counted between two moments in a channel under a detail label."""
    count: int = await reader.fetchval(
        """
        SELECT coalesce(sum(events), 0)::bigint FROM readings
        WHERE quarter >= $3 AND quarter < $4 AND channel = $1 AND topic <> 'manual'
        AND position(';' || $2 || ';' IN ';' || detail || ';') > 0
        """,
        *(channel, label, start, end),
    )
    return count


async def lines(pool: Pool, campaign: str | None) -> list[dict[str, Any]]:
    """Manual lines for people, without the evidence itself."""
    rows = await pool.fetch(
        """
        SELECT line, campaign, day, channel, format, low_kg, central_kg, high_kg, description, author, filename, sha256,
               added_at FROM manual_lines WHERE $1::text IS NULL OR campaign = $1 ORDER BY campaign, day, added_at
        """,
        campaign,
    )
    return [dict(row) for row in rows]


async def arrive(pool: Pool, campaign: str, name: str, by: str, now: datetime) -> bool:
    """Note that a file arrived; false when that was noted before."""
    done = await pool.execute(
        "INSERT INTO arrivals VALUES ($1, $2, $4, $3) ON CONFLICT DO NOTHING", campaign, name, by, now
    )
    return done.endswith(" 1")


async def arrived(reader: Connection | Pool, campaign: str) -> set[str]:
    """Names of the files that arrived for a campaign."""
    return {row["name"] for row in await reader.fetch("SELECT name FROM arrivals WHERE campaign = $1", campaign)}
