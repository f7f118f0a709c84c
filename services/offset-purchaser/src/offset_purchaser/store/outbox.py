"""What will be said on Kafka, written in the transaction that makes it true."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.postgres import Connection, Pool


@dataclass(frozen=True, slots=True)
class Message:
    """One message to publish. ``id`` gives the order."""

    id: int
    topic: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Hook:
    """What webhook endpoints hear of a message: its kind, and the campaign day within which the order is kept."""

    type: str
    lane: str


async def put(
    connection: Connection,
    topic: str,
    key: bytes,
    value: bytes | None,
    now: datetime,
    headers: Sequence[tuple[str, str]] = (),
    *,
    hook: Hook | None = None,
) -> None:
    """Promise a message; it is published after the commit, at least once. With a ``hook`` webhooks tell it too."""
    number = await connection.fetchval(
        "INSERT INTO outbox (topic, key, value, headers, created_at) VALUES ($1, $2, $3, $4::jsonb, $5) RETURNING id",
        *(topic, key, value, json.dumps(list(headers)), now),
    )
    if hook is not None:
        await connection.execute(
            """
            INSERT INTO webhook_messages (endpoint_id, outbox_id, lane, type, next_try_at)
            SELECT endpoint_id, $1, $2, $3, $4 FROM webhook_endpoints
            """,
            *(number, hook.lane, hook.type, now),
        )


async def unsent(pool: Pool, limit: int = 500) -> list[Message]:
    """The oldest messages that are not known to be published."""
    rows = await pool.fetch("SELECT * FROM outbox WHERE sent_at IS NULL ORDER BY id LIMIT $1", limit)
    return [
        Message(
            row["id"],
            row["topic"],
            row["key"],
            row["value"],
            tuple((name, text) for name, text in json.loads(row["headers"])),
        )
        for row in rows
    ]


async def mark_sent(pool: Pool, ids: Sequence[int], now: datetime) -> None:
    """Note that the broker acknowledged these messages."""
    await pool.execute("UPDATE outbox SET sent_at = $2 WHERE id = ANY($1)", list(ids), now)


async def repeat(connection: Connection, topic: str, key: bytes, now: datetime) -> None:
    """Promise the newest message of a key once more: readers know it by its id."""
    await connection.execute(
        """
        INSERT INTO outbox (topic, key, value, headers, created_at)
        SELECT topic, key, value, headers, $3 FROM outbox WHERE topic = $1 AND key = $2 AND NOT EXISTS (
            SELECT 1 FROM outbox w WHERE w.topic = $1 AND w.key = $2 AND w.sent_at IS NULL)
        ORDER BY id DESC LIMIT 1
        """,
        *(topic, key, now),
    )
