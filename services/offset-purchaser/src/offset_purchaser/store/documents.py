"""Documents: gapless numbers, frozen content, first bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from offset_purchaser.documents import DocumentContent
from offset_purchaser.documents.parts import Party
from offset_purchaser.documents.series import supplier_code as new_supplier_code
from offset_purchaser.documents.series import supplier_key
from shared.postgres import Connection, Pool


@dataclass(frozen=True, slots=True)
class Undocumented:
    """Confirmed orders of one provider, bought together, that no document covers yet."""

    campaign: str
    buy_day: date
    number: int
    provider: str


async def undocumented(pool: Pool) -> list[Undocumented]:
    """Purchases whose orders are all final, with something bought and no document."""
    rows = await pool.fetch(
        """
        SELECT campaign, buy_day, number, provider FROM orders
        GROUP BY 1, 2, 3, 4
        HAVING bool_and(state IN ('confirmed', 'rejected', 'cancelled'))
           AND bool_or(state = 'confirmed' AND confirmed_g > 0 AND document IS NULL)
        ORDER BY buy_day, number, campaign, provider
        """
    )
    return [Undocumented(**dict(row)) for row in rows]


async def confirmed_orders(connection: Connection, what: Undocumented) -> list[dict[str, Any]]:
    """The orders that a document will cover, locked."""
    rows = await connection.fetch(
        """
        SELECT * FROM orders WHERE campaign = $1 AND buy_day = $2 AND number = $3 AND provider = $4
        AND state = 'confirmed' AND confirmed_g > 0 AND document IS NULL ORDER BY leg, attempt FOR UPDATE
        """,
        *(what.campaign, what.buy_day, what.number, what.provider),
    )
    return [dict(row) for row in rows]


async def next_number(connection: Connection, series: str) -> int:
    """The next number of a series; gapless, because the row stays locked until the document commits with it."""
    await connection.execute("INSERT INTO document_series VALUES ($1, 1) ON CONFLICT DO NOTHING", series)
    number: int = await connection.fetchval(
        "UPDATE document_series SET next_number = next_number + 1 WHERE series = $1 RETURNING next_number - 1", series
    )
    return number


async def supplier_code(connection: Connection, legal_entity: str, supplier: Party) -> str:
    """The code of a supplier in a legal entity's numbers, given at its first document and kept for ever."""
    key = supplier_key(supplier)
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('supplier_codes'))")
    rows = await connection.fetch("SELECT supplier, code FROM supplier_codes WHERE legal_entity = $1", legal_entity)
    codes = {row["supplier"]: row["code"] for row in rows}
    if key not in codes:
        codes[key] = new_supplier_code(supplier.name, codes.values())
        await connection.execute("INSERT INTO supplier_codes VALUES ($1, $2, $3)", legal_entity, key, codes[key])
    return str(codes[key])


async def insert(
    connection: Connection,
    content: DocumentContent,
    *,
    series: str,
    sequence: int,
    what: Undocumented,
    order_ids: Sequence[Any],
    now: datetime,
) -> None:
    """Write a document and link its orders."""
    data = content.canonical()
    await connection.execute(
        "INSERT INTO documents VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13, $14)",
        *(content.number, series, sequence, content.kind, content.mode, content.legal_entity, what.campaign),
        *(what.buy_day, what.number, what.provider, now, data.decode(), data, content.sha256()),
    )
    await connection.execute("UPDATE orders SET document = $1 WHERE order_id = ANY($2)", content.number, order_ids)


@dataclass(frozen=True, slots=True)
class Unrendered:
    """A document without bytes, and the files that its page carries."""

    number: str
    campaign: str
    buy_day: date
    content: bytes
    attachments: tuple[tuple[str, bytes], ...]


async def unrendered(pool: Pool, limit: int = 5) -> list[Unrendered]:
    """Documents without bytes, oldest first."""
    rows = await pool.fetch(
        """
        SELECT d.number, d.campaign, d.buy_day, d.content_bytes FROM documents d
        LEFT JOIN document_files f USING (number) WHERE f.number IS NULL AND NOT d.imported
        ORDER BY d.issued_at, d.number LIMIT $1
        """,
        limit,
    )
    return [
        Unrendered(row["number"], row["campaign"], row["buy_day"], row["content_bytes"], await _attached(pool, row))
        for row in rows
    ]


async def _attached(pool: Pool, row: Any) -> tuple[tuple[str, bytes], ...]:
    files = await pool.fetch(
        """
        SELECT DISTINCT i.filename, i.bytes FROM provider_invoices i JOIN orders o USING (order_id)
        WHERE o.document = $1 ORDER BY 1
        """,
        row["number"],
    )
    return tuple((file["filename"], file["bytes"]) for file in files)


async def provider_invoices(connection: Connection, order_ids: Sequence[Any]) -> list[dict[str, Any]]:
    """The providers' own invoices for some orders."""
    rows = await connection.fetch("SELECT * FROM provider_invoices WHERE order_id = ANY($1)", list(order_ids))
    return [dict(row) for row in rows]


async def insert_provider_invoice(
    connection: Connection, order_id: UUID, number: str, issued_on: date, file: tuple[str, bytes], now: datetime
) -> None:
    """Keep a provider's invoice unchanged."""
    filename, data = file
    await connection.execute(
        "INSERT INTO provider_invoices VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *(order_id, number, issued_on, filename, data, hashlib.sha256(data).hexdigest(), now),
    )


async def store_file(
    connection: Connection, number: str, filename: str, data: bytes, sha256: str, now: datetime
) -> bool:
    """Keep the first bytes of a document; false when it has bytes already."""
    done = await connection.execute(
        "INSERT INTO document_files VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        *(number, now, filename, data, sha256),
    )
    return done.endswith(" 1")


async def files(pool: Pool, campaign: str | None = None, number: str | None = None) -> list[tuple[str, bytes, str]]:
    """(file name, bytes, SHA-256) of rendered documents."""
    rows = await pool.fetch(
        """
        SELECT f.filename, f.bytes, f.sha256 FROM document_files f JOIN documents d USING (number)
        WHERE ($1::text IS NULL OR d.campaign = $1) AND ($2::text IS NULL OR d.number = $2) ORDER BY d.number
        """,
        *(campaign, number),
    )
    return [(row["filename"], row["bytes"], row["sha256"]) for row in rows]


async def known(reader: Connection | Pool, number: str) -> bool:
    """Whether there is such a document."""
    return bool(await reader.fetchval("SELECT EXISTS (SELECT 1 FROM documents WHERE number = $1)", number))


async def listing(pool: Pool, campaign: str | None) -> list[dict[str, Any]]:
    """Documents for people."""
    rows = await pool.fetch(
        """
        SELECT d.number, d.kind, d.mode, d.legal_entity, d.campaign, d.buy_day, d.settlement, d.provider, d.issued_at,
               d.content_sha256, f.filename, f.sha256, octet_length(f.bytes) AS size,
               d.content #>> '{totals,gross}' AS gross, d.content #>> '{totals,currency}' AS currency,
               (SELECT c.document FROM credits c WHERE c.number = d.number) AS credits
        FROM documents d LEFT JOIN document_files f USING (number)
        WHERE $1::text IS NULL OR d.campaign = $1 ORDER BY d.issued_at, d.number
        """,
        campaign,
    )
    return [dict(row) for row in rows]
