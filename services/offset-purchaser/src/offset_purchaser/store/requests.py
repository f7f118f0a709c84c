"""POSTs that were decided, by key and idempotency key: written with the effect, replayed to a repeat."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from shared.postgres import Connection


@dataclass(frozen=True, slots=True)
class Decided:
    """What a request was answered."""

    fingerprint: bytes
    status: int
    content_type: str
    body: bytes


async def claim(connection: Connection, key_id: str, idempotency_key: str) -> bool:
    """Take a key for the rest of the transaction; false while its twin is at work. A crash lets go of it."""
    digest = hashlib.blake2b(f"{key_id}|{idempotency_key}".encode(), digest_size=8, person=b"api-request").digest()
    number = int.from_bytes(digest, "big", signed=True)
    taken: bool = await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", number)
    return taken


async def decided(connection: Connection, key_id: str, idempotency_key: str) -> Decided | None:
    """What an earlier request under this key was answered."""
    row = await connection.fetchrow(
        "SELECT fingerprint, status, content_type, body FROM api_requests WHERE key_id = $1 AND idempotency_key = $2",
        *(key_id, idempotency_key),
    )
    return Decided(**dict(row)) if row else None


async def keep(
    connection: Connection,
    key_id: str,
    idempotency_key: str,
    request: tuple[str, str],
    answer: Decided,
    now: datetime,
) -> None:
    """Remember the answer; ``request`` is (method, path)."""
    await connection.execute(
        "INSERT INTO api_requests VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        *(key_id, idempotency_key, answer.fingerprint, *request, answer.status, answer.content_type, answer.body, now),
    )
