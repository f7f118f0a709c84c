"""Manual lines and arrivals. A line also stands among the readings, so totals, freezing and verifying see one thing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from offset_purchaser.campaign import Campaign, Due
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
            'manual', '1', 'manual', $7, $8, 3, '', 2, true, $9, $10, $11, 1, 1, 0, 0)
        """,  # noqa: S608
        *(f"manual|{line.line}", quarter, line.channel, shop, country, labels, digest, f"manual|{line.line}", *grams),
    )


async def events_of(
    reader: Connection | Pool, campaign: Campaign, channel: str, label: str, start: datetime, end: datetime
) -> int:
    """A campaign's events that meters counted between two moments in a channel under a detail label."""
    count: int = await reader.fetchval(
        """
        SELECT coalesce(sum(events), 0)::bigint FROM readings
        WHERE quarter >= $3 AND quarter < $4 AND channel = $1 AND topic <> 'manual'
        AND position(';' || $2 || ';' IN ';' || detail || ';') > 0 AND ($5::text[] IS NULL OR shop = ANY($5))
        AND ($6::text[] IS NULL OR country = '' OR country = ANY($6))
        """,
        *(channel, label, start, end),
        None if campaign.shops == "*" else list(campaign.shops),
        None if campaign.countries == "*" else list(campaign.countries),
    )
    return count


async def beside_events(connection: Connection, campaign: Campaign, dues: Sequence[Due]) -> dict[date, dict[str, int]]:
    """By day: formats of manual lines that stand beside events of the same format, with how many."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT l.day, l.channel, l.format FROM manual_lines l LEFT JOIN withdrawn_lines w USING (line)
        WHERE l.campaign = $1 AND l.day = ANY($2) AND l.format <> '' AND w.line IS NULL
        """,
        *(campaign.id, [due.day for due in dues]),
    )
    bounds = {due.day: (due.start, due.end) for due in dues}
    found: dict[date, dict[str, int]] = {}
    for row in rows:
        start, end = bounds[row["day"]]
        label = f"format={row['format']}"
        if events := await events_of(connection, campaign, row["channel"], label, start, end):
            found.setdefault(row["day"], {})[row["format"]] = events
    return found


async def withdraw(connection: Connection, line: UUID, *, by: str, reason: str, now: datetime) -> None:
    """Take a line back: its row and evidence stay, its reading counts nothing from now on."""
    await connection.execute("INSERT INTO withdrawn_lines VALUES ($1, $2, $3, $4)", line, now, by, reason)
    await connection.execute(
        """
        UPDATE readings SET events = 0, low_ug = 0, central_ug = 0, high_ug = 0, revision = revision + 1
        WHERE register = $1
        """,
        f"manual|{line}",
    )


async def of_line(connection: Connection, line: UUID) -> tuple[str, date, bool] | None:
    """(campaign, day, whether withdrawn) of a line."""
    row = await connection.fetchrow(
        """
        SELECT l.campaign, l.day, w.line IS NOT NULL AS withdrawn
        FROM manual_lines l LEFT JOIN withdrawn_lines w USING (line) WHERE line = $1
        """,
        line,
    )
    return None if row is None else (row["campaign"], row["day"], row["withdrawn"])


async def lines(pool: Pool, campaign: str | None) -> list[dict[str, Any]]:
    """Manual lines for people, without the evidence itself."""
    rows = await pool.fetch(
        """
        SELECT l.line, campaign, day, channel, format, low_kg, central_kg, high_kg, description, author, filename,
               sha256, added_at, w.withdrawn_by, w.reason AS withdrawn_reason
        FROM manual_lines l LEFT JOIN withdrawn_lines w USING (line)
        WHERE $1::text IS NULL OR campaign = $1 ORDER BY campaign, day, added_at
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


async def evidence(reader: Connection | Pool, line: UUID) -> tuple[str, bytes] | None:
    """(file name, bytes) of a line's evidence."""
    row = await reader.fetchrow("SELECT filename, evidence FROM manual_lines WHERE line = $1", line)
    return (row["filename"], row["evidence"]) if row else None
