"""Keys of the HTTP API: hashes only, revoked rather than deleted, because approvals and requests name them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from offset_purchaser.keys import KeyRecord, Role
from shared.postgres import Connection, Pool

USED_EVERY = timedelta(minutes=1)
"""How exactly the last use is known: a write for every request would cost more than the request."""


async def insert(pool: Pool, record: KeyRecord, now: datetime) -> None:
    """Keep a new key."""
    await pool.execute(
        """
        INSERT INTO api_keys (key_id, name, role, secret_sha256, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        *(record.key_id, record.name, record.role.value, record.secret_sha256, now, record.expires_at),
    )


async def find(reader: Connection | Pool, key_id: str) -> KeyRecord | None:
    """A key by its id."""
    row = await reader.fetchrow(
        "SELECT key_id, name, role, secret_sha256, expires_at, revoked_at FROM api_keys WHERE key_id = $1", key_id
    )
    return KeyRecord(**(dict(row) | {"role": Role(row["role"])})) if row else None


async def used(pool: Pool, key_id: str, now: datetime) -> None:
    """Note that a key was used, once a minute."""
    await pool.execute(
        "UPDATE api_keys SET last_used_at = $2 WHERE key_id = $1 AND (last_used_at IS NULL OR last_used_at < $3)",
        *(key_id, now, now - USED_EVERY),
    )


async def revoke(pool: Pool, key_id: str, now: datetime) -> bool:
    """End a key; false when there is no such key in use."""
    done = await pool.execute(
        "UPDATE api_keys SET revoked_at = $2 WHERE key_id = $1 AND revoked_at IS NULL", key_id, now
    )
    return done.endswith(" 1")


async def listing(pool: Pool) -> list[dict[str, Any]]:
    """Keys for people, without their hashes."""
    rows = await pool.fetch(
        "SELECT key_id, name, role, created_at, expires_at, revoked_at, last_used_at FROM api_keys ORDER BY created_at"
    )
    return [dict(row) for row in rows]
