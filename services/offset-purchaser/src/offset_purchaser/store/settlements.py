"""Settlement rows: open ones, what they wait for, what they froze, and the state that follows from their orders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from offset_purchaser.campaign import Campaign, Due
from offset_purchaser.settlement import Booked, Quantity, Release
from offset_purchaser.sources import Reason
from offset_purchaser.store.totals import as_json
from shared.clock import day_bounds
from shared.postgres import Connection, Pool


@dataclass(frozen=True, slots=True)
class Open:
    """A settlement that has not frozen."""

    due: Due
    held: bool
    reasons: tuple[Reason, ...]
    release: Release | None


async def open_settlements(connection: Connection | Pool, campaign: Campaign, now: datetime) -> list[Open]:
    """Settlements that are due and not frozen, oldest day first; a true-up only after the first has frozen."""
    rows = await connection.fetch(
        """
        SELECT * FROM settlements s WHERE campaign = $1 AND state IN ('waiting', 'held') AND due_at <= $2
        AND NOT EXISTS (SELECT 1 FROM frozen_settlements f
                        WHERE f.campaign = s.campaign AND f.day = s.day AND f.number = s.number)
        AND NOT EXISTS (SELECT 1 FROM settlements e WHERE e.campaign = s.campaign AND e.day = s.day
                        AND e.number < s.number AND NOT EXISTS (
                            SELECT 1 FROM frozen_settlements f
                            WHERE f.campaign = e.campaign AND f.day = e.day AND f.number = e.number))
        ORDER BY number, day
        """,
        campaign.id,
        now,
    )
    found = []
    for row in rows:
        start, end = day_bounds(row["day"], campaign.tz)
        release = json.loads(row["released"]) if row["released"] else None
        found.append(
            Open(
                Due(row["day"], row["number"], start, end, row["due_at"]),
                row["state"] == "held",
                tuple(Reason(*three) for three in json.loads(row["reasons"])),
                Release(tuple(release["without"]), release["reason"], release["by"]) if release else None,
            )
        )
    return found


async def unfrozen_days(pool: Pool, campaign: str, until: date, days_max: int) -> list[date]:
    """Days that have begun and are not frozen, the newest first."""
    rows = await pool.fetch(
        """
        SELECT day FROM settlements s WHERE campaign = $1 AND number = 1 AND day <= $2
        AND state IN ('waiting', 'held') AND NOT EXISTS (
            SELECT 1 FROM frozen_settlements f WHERE f.campaign = s.campaign AND f.day = s.day AND f.number = s.number)
        ORDER BY day DESC LIMIT $3
        """,
        *(campaign, until, days_max),
    )
    return [row["day"] for row in rows]


async def save_waiting(
    connection: Connection, campaign: str, changes: Sequence[tuple[Due, bool, Sequence[Reason]]]
) -> None:
    """Note for whom settlements wait, or what holds them."""
    await connection.execute(
        """
        UPDATE settlements s SET state = c.state, reasons = c.reasons::jsonb
        FROM unnest($2::date[], $3::int[], $4::text[], $5::text[]) AS c(day, number, state, reasons)
        WHERE s.campaign = $1 AND s.day = c.day AND s.number = c.number AND s.state IN ('waiting', 'held')
        """,
        campaign,
        [due.day for due, _, _ in changes],
        [due.number for due, _, _ in changes],
        ["held" if held else "waiting" for _, held, _ in changes],
        [json.dumps([(r.who, r.why, r.holds) for r in reasons]) for _, _, reasons in changes],
    )


async def release(pool: Pool, campaign: str, day: date, number: int, decision: Release, now: datetime) -> bool:
    """Record a person's decision; false when there is no such open settlement."""
    content = {"without": decision.without, "reason": decision.reason, "by": decision.by, "at": now.isoformat()}
    done = await pool.execute(
        """
        UPDATE settlements s SET released = $4::jsonb
        WHERE campaign = $1 AND day = $2 AND number = $3 AND state IN ('waiting', 'held') AND NOT EXISTS (
            SELECT 1 FROM frozen_settlements f
            WHERE f.campaign = s.campaign AND f.day = s.day AND f.number = s.number)
        """,
        *(campaign, day, number, json.dumps(content)),
    )
    return done.endswith(" 1")


async def booked(connection: Connection, campaign: str, number: int) -> dict[date, Booked]:
    """What the settlements before a number booked, by day."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (day) day, owed_g, paid_by_others_g, waived_g FROM frozen_settlements
        WHERE campaign = $1 AND number < $2 ORDER BY day, number DESC
        """,
        *(campaign, number),
    )
    return {row["day"]: Booked(row["owed_g"], row["paid_by_others_g"], row["waived_g"]) for row in rows}


@dataclass(frozen=True, slots=True)
class Frozen:
    """What one settlement froze."""

    due: Due
    quantity: Quantity
    gaps: Sequence[Mapping[str, str]]
    result: Mapping[str, Any]
    lines: int
    lines_sha256: str


async def insert_frozen(
    connection: Connection,
    campaign: Campaign,
    *,
    version: int,
    mode: str,
    now: datetime,
    sources: Mapping[str, Any],
    rows: Sequence[Frozen],
) -> None:
    """Write what settlements froze; never changed afterwards."""
    await connection.executemany(
        """
        INSERT INTO frozen_settlements VALUES
        ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11::jsonb, $12::jsonb, $13, $14, $15, $16, $17, $18, $19)
        """,
        [
            (
                *(campaign.id, row.due.day, row.due.number, version, mode, campaign.entity_id, now),
                *(row.due.start, row.due.end, as_json(sources), as_json(row.gaps), as_json(row.result)),
                *(row.lines, row.lines_sha256, row.quantity.owed_g, row.quantity.paid_by_others_g),
                *(row.quantity.waived_g, row.quantity.committed_g, row.quantity.need_g),
            )
            for row in rows
        ],
    )


async def insert_legs(
    connection: Connection, campaign: str, rows: Sequence[tuple[date, int, str, str, int, date]]
) -> None:
    """Write each leg's share: (day, number, leg, provider, need in grams, buying day)."""
    await connection.executemany(
        "INSERT INTO settlement_legs VALUES ($1, $2, $3, $4, $5, $6, $7)", [(campaign, *row) for row in rows]
    )


REFRESH = """
WITH legs AS (
    SELECT l.day, l.number, CASE
        WHEN p.campaign IS NULL THEN 2
        WHEN p.ordered_g = 0 THEN 6
        WHEN o.state IN ('rejected', 'cancelled') AND EXISTS (
            SELECT 1 FROM frozen_settlements t WHERE t.campaign = l.campaign AND t.day = l.buy_day
            AND t.number > l.number) THEN 6  -- a later settlement has taken its grams
        WHEN o.state IN ('held', 'rejected', 'cancelled') THEN 1
        WHEN o.state IN ('planned', 'ready') THEN 2
        WHEN o.state IN ('sending', 'unknown', 'placed') THEN 3
        WHEN o.document IS NULL THEN 4
        WHEN (f.number IS NULL AND NOT coalesce(d.imported, false)) OR NOT o.certified THEN 5
        ELSE 6 END AS rank, coalesce(o.reason, '') AS reason, coalesce(o.provider, l.provider) AS provider
    FROM settlement_legs l
    LEFT JOIN purchases p USING (campaign, buy_day, number, leg)
    LEFT JOIN LATERAL (SELECT * FROM orders o WHERE (o.campaign, o.buy_day, o.number, o.leg)
        = (l.campaign, l.buy_day, l.number, l.leg) ORDER BY attempt DESC LIMIT 1) o ON true
    LEFT JOIN document_files f ON f.number = o.document
    LEFT JOIN documents d ON d.number = o.document
    WHERE l.campaign = $1 AND ($2::date[] IS NULL OR EXISTS (
        SELECT 1 FROM settlement_legs b WHERE (b.campaign, b.day, b.number) = (l.campaign, l.day, l.number)
        AND b.buy_day = ANY($2)))
), states AS (
    SELECT day, number, min(rank) AS rank,
           coalesce(jsonb_agg(jsonb_build_array(provider, reason, true)) FILTER (WHERE rank = 1), '[]') AS reasons
    FROM legs GROUP BY day, number
)
UPDATE settlements s SET reasons = states.reasons,
    state = (ARRAY['held', 'frozen', 'ordered', 'settled', 'documented', 'complete'])[states.rank]
FROM states WHERE s.campaign = $1 AND s.day = states.day AND s.number = states.number
AND (s.state, s.reasons) IS DISTINCT FROM
    ((ARRAY['held', 'frozen', 'ordered', 'settled', 'documented', 'complete'])[states.rank], states.reasons)
"""


async def refresh_states(connection: Connection, campaign: str, buy_days: Sequence[date] | None = None) -> None:
    """Let the settlements of a campaign follow their orders and documents: each is as far as its slowest leg, whatever
    day that one is bought under. ``buy_days``: only settlements with a share bought under one of them."""
    await connection.execute(REFRESH, campaign, None if buy_days is None else list(buy_days))


async def complete_without_legs(connection: Connection, campaign: str) -> None:
    """Settlements that froze and had nothing to order are complete."""
    await connection.execute(
        """
        UPDATE settlements s SET state = 'complete', reasons = '[]' WHERE campaign = $1 AND state IN ('waiting', 'held')
        AND EXISTS (SELECT 1 FROM frozen_settlements f
                    WHERE f.campaign = s.campaign AND f.day = s.day AND f.number = s.number)
        AND NOT EXISTS (SELECT 1 FROM settlement_legs l
                        WHERE l.campaign = s.campaign AND l.day = s.day AND l.number = s.number)
        """,
        campaign,
    )
