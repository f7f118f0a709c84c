"""Webhook endpoints, what each still has to hear, and the log of attempts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from offset_purchaser.webhooks import OVERLAP, Message
from shared.postgres import Connection, Pool

COLUMNS = "endpoint_id, url, created_at, created_by, disabled_at, disabled_reason, old_secret_until"


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt ended. ``status`` is ``None`` when there was no answer."""

    at: datetime
    took_ms: int
    status: int | None
    outcome: str

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


async def add(pool: Pool, endpoint_id: UUID, url: str, secret: str, by: str, now: datetime) -> None:
    """Register an endpoint; it hears what happens from now on."""
    await pool.execute(
        "INSERT INTO webhook_endpoints (endpoint_id, url, secret, created_at, created_by) VALUES ($1, $2, $3, $4, $5)",
        *(endpoint_id, url, secret, now, by),
    )


async def rotate(pool: Pool, endpoint_id: UUID, secret: str, now: datetime) -> bool:
    """Give an endpoint a new secret; the old one signs besides for a day. False when there is no such endpoint."""
    done = await pool.execute(
        """
        UPDATE webhook_endpoints SET old_secret = secret, old_secret_until = $3, secret = $2 WHERE endpoint_id = $1
        """,
        *(endpoint_id, secret, now + OVERLAP),
    )
    return done.endswith(" 1")


async def disable(pool: Pool, endpoint_id: UUID, reason: str, now: datetime) -> bool:
    """Stop calling an endpoint; what it has not heard is kept. False when it is off or unknown."""
    done = await pool.execute(
        """
        UPDATE webhook_endpoints SET disabled_at = $3, disabled_reason = $2
        WHERE endpoint_id = $1 AND disabled_at IS NULL
        """,
        *(endpoint_id, reason, now),
    )
    return done.endswith(" 1")


async def enable(pool: Pool, endpoint_id: UUID, now: datetime) -> bool:
    """Call an endpoint again, from where it stopped. False when it is on or unknown."""
    done = await pool.execute(
        """
        UPDATE webhook_endpoints SET disabled_at = NULL, disabled_reason = ''
        WHERE endpoint_id = $1 AND disabled_at IS NOT NULL
        """,
        endpoint_id,
    )
    await pool.execute(
        """
        UPDATE webhook_messages SET next_try_at = $2, first_try_at = NULL, tries = 0
        WHERE endpoint_id = $1 AND delivered_at IS NULL
        """,
        *(endpoint_id, now),
    )
    return done.endswith(" 1")


async def resend(pool: Pool, endpoint_id: UUID, sequence: int, now: datetime) -> bool:
    """Send a message once more, under the same webhook-id. False when the endpoint never had it."""
    done = await pool.execute(
        """
        UPDATE webhook_messages SET delivered_at = NULL, next_try_at = $3, first_try_at = NULL, tries = 0
        WHERE endpoint_id = $1 AND outbox_id = $2
        """,
        *(endpoint_id, sequence, now),
    )
    return done.endswith(" 1")


async def due(pool: Pool, now: datetime, limit: int) -> list[Message]:
    """The oldest unheard message of every (endpoint, campaign day) whose time has come: later ones wait behind it."""
    rows = await pool.fetch(
        """
        SELECT m.endpoint_id, m.outbox_id, m.type, m.tries, m.first_try_at, o.value, e.url, e.secret,
               CASE WHEN e.old_secret_until > $1 THEN e.old_secret END AS old_secret
        FROM (SELECT DISTINCT ON (endpoint_id, lane) * FROM webhook_messages WHERE delivered_at IS NULL
              ORDER BY endpoint_id, lane, outbox_id) m
        JOIN webhook_endpoints e ON e.endpoint_id = m.endpoint_id AND e.disabled_at IS NULL
        JOIN outbox o ON o.id = m.outbox_id
        WHERE m.next_try_at <= $1 ORDER BY m.next_try_at, m.outbox_id LIMIT $2
        """,
        *(now, limit),
    )
    return [
        Message(
            endpoint_id=UUID(str(row["endpoint_id"])),
            outbox_id=row["outbox_id"],
            type=row["type"],
            value=row["value"],
            url=row["url"],
            secrets=tuple(secret for secret in (row["secret"], row["old_secret"]) if secret),
            tries=row["tries"],
            first_try_at=row["first_try_at"],
        )
        for row in rows
    ]


async def record(connection: Connection, message: Message, attempt: Attempt, next_try_at: datetime) -> None:
    """Log an attempt and say when the next one is due, if there is one."""
    await connection.execute(
        "INSERT INTO webhook_attempts (endpoint_id, outbox_id, at, took_ms, status, outcome) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        *(message.endpoint_id, message.outbox_id, attempt.at, attempt.took_ms, attempt.status, attempt.outcome),
    )
    await connection.execute(
        """
        UPDATE webhook_messages SET tries = tries + 1, first_try_at = coalesce(first_try_at, $3),
            next_try_at = $4, delivered_at = CASE WHEN $5 THEN $3 END
        WHERE endpoint_id = $1 AND outbox_id = $2 AND delivered_at IS NULL
        """,
        *(message.endpoint_id, message.outbox_id, attempt.at, next_try_at, attempt.delivered),
    )


async def endpoints(reader: Connection | Pool, endpoint_id: UUID | None = None) -> list[dict[str, Any]]:
    """Endpoints for people, without their secrets, with what they have heard and not."""
    rows = await reader.fetch(
        f"""
        SELECT {COLUMNS},
               (SELECT count(*) FROM webhook_messages m WHERE m.endpoint_id = e.endpoint_id
                AND delivered_at IS NOT NULL) AS delivered,
               (SELECT count(*) FROM webhook_messages m WHERE m.endpoint_id = e.endpoint_id
                AND delivered_at IS NULL) AS waiting
        FROM webhook_endpoints e WHERE $1::uuid IS NULL OR endpoint_id = $1 ORDER BY created_at
        """,  # noqa: S608
        endpoint_id,
    )
    return [dict(row) for row in rows]


async def attempts(reader: Connection | Pool, endpoint_id: UUID, limit: int) -> list[dict[str, Any]]:
    """The newest attempts at an endpoint."""
    rows = await reader.fetch(
        """
        SELECT a.outbox_id AS sequence, m.lane, m.type, a.at, a.took_ms, a.status, a.outcome
        FROM webhook_attempts a JOIN webhook_messages m USING (endpoint_id, outbox_id)
        WHERE endpoint_id = $1 ORDER BY a.id DESC LIMIT $2
        """,
        *(endpoint_id, limit),
    )
    return [dict(row) for row in rows]
