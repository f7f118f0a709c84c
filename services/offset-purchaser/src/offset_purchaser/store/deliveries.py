"""Where documents go: what waits, what was sent, what was refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from shared.postgres import Connection, Pool

Channel = Literal["folder", "mail"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One document on its way to one place. ``target`` is the address of a mail, ``""`` for the folder."""

    number: str
    channel: Channel
    target: str
    attempts: int
    issued_at: datetime
    content: bytes
    filename: str
    file: bytes


async def plan(connection: Connection, number: str, addresses: Sequence[str], now: datetime) -> None:
    """Promise a document to the folder and to some people; what was promised before stays as it is."""
    places = [("folder", ""), *(("mail", address) for address in dict.fromkeys(addresses))]
    await connection.executemany(
        """
        INSERT INTO deliveries (number, channel, target, next_try_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
        """,
        [(number, channel, target, now) for channel, target in places],
    )


async def due(pool: Pool, now: datetime, limit: int = 20) -> list[Delivery]:
    """What waits and may be tried now, oldest first."""
    rows = await pool.fetch(
        """
        SELECT v.number, v.channel, v.target, v.attempts, d.issued_at, d.content_bytes AS content, f.filename,
               f.bytes AS file
        FROM deliveries v JOIN documents d USING (number) JOIN document_files f USING (number)
        WHERE v.state = 'waiting' AND v.next_try_at <= $1 ORDER BY v.next_try_at, v.number, v.channel, v.target LIMIT $2
        """,
        *(now, limit),
    )
    return [Delivery(**dict(row)) for row in rows]


async def sent(connection: Connection, what: Delivery, now: datetime) -> None:
    """Note that a document reached its place."""
    await _change(connection, what, "state = 'sent', sent_at = $4, reason = ''", now)


async def refused(connection: Connection, what: Delivery, reason: str) -> None:
    """Note that a place takes it never: a person must look."""
    await _change(connection, what, "state = 'refused', reason = $4", reason)


async def later(connection: Connection, what: Delivery, reason: str, next_try_at: datetime) -> None:
    """Note why it is tried again, and when."""
    await _change(connection, what, "next_try_at = $5, reason = $4", reason, next_try_at)


async def _change(connection: Connection, what: Delivery, change: str, *values: object) -> None:
    await connection.execute(
        f"UPDATE deliveries SET attempts = attempts + 1, {change} "  # noqa: S608  (one of the constants above)
        "WHERE number = $1 AND channel = $2 AND target = $3",
        *(what.number, what.channel, what.target, *values),
    )


async def again(connection: Connection, number: str, now: datetime, *, also_sent: bool) -> int:
    """Let what has not been sent, or everything, be tried now; returns how many places."""
    done = await connection.execute(
        """
        UPDATE deliveries SET state = 'waiting', next_try_at = $2 WHERE number = $1 AND ($3 OR state <> 'sent')
        """,
        *(number, now, also_sent),
    )
    return int(done.rpartition(" ")[2])


async def of_document(reader: Connection | Pool, number: str) -> list[dict[str, Any]]:
    """Every place of a document, for people."""
    rows = await reader.fetch(
        """
        SELECT number, channel, target, state, attempts, next_try_at, sent_at, reason FROM deliveries
        WHERE number = $1 ORDER BY channel, target
        """,
        number,
    )
    return [dict(row) for row in rows]
