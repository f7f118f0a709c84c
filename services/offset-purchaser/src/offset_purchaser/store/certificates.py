"""Certificates as received, with their hash; a serial block is accepted once."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

from offset_purchaser.certificate import Certificate
from shared.postgres import Connection, Pool


async def used_blocks(connection: Connection) -> list[tuple[str, str, str]]:
    """(registry, first, last) of every block accepted so far. Other receivers wait until the commit."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('certificates'))")
    rows = await connection.fetch("SELECT registry, serial_first, serial_last FROM certificates")
    return [(row["registry"], row["serial_first"], row["serial_last"]) for row in rows]


async def archived(connection: Connection, order_id: UUID) -> dict[tuple[str, str, str], int]:
    """Grams that an order's certificates stand for, by block."""
    rows = await connection.fetch(
        "SELECT registry, serial_first, serial_last, quantity_g FROM certificates WHERE order_id = $1", order_id
    )
    return {(row["registry"], row["serial_first"], row["serial_last"]): row["quantity_g"] for row in rows}


async def insert(
    connection: Connection, order_id: UUID, certificate: Certificate, file: bytes | None, now: datetime
) -> str:
    """Archive a certificate: the file when there is one, else its fields as received; returns the SHA-256."""
    content = certificate.model_dump_json()
    data = file if file is not None else content.encode()
    digest = hashlib.sha256(data).hexdigest()
    await connection.execute(
        "INSERT INTO certificates VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10)",
        *(certificate.registry, certificate.serial_first, certificate.serial_last, order_id, certificate.reference),
        *(certificate.quantity_g, content, data, digest, now),
    )
    return digest


async def digest(connection: Connection, block: tuple[str, str, str]) -> str:
    """The SHA-256 of an archived certificate."""
    found: str = await connection.fetchval(
        "SELECT sha256 FROM certificates WHERE (registry, serial_first, serial_last) = ($1, $2, $3)", *block
    )
    return found


async def of_orders(connection: Connection | Pool, order_ids: list[Any]) -> list[dict[str, Any]]:
    """The certificates of some orders."""
    rows = await connection.fetch(
        "SELECT * FROM certificates WHERE order_id = ANY($1) ORDER BY received_at, reference", order_ids
    )
    return [dict(row) for row in rows]
