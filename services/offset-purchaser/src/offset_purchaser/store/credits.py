"""Credit notes: what was asked for, what was issued, and what they leave of orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from offset_purchaser.documents.correction import CreditLine
from offset_purchaser.documents.parts import Correction
from shared.postgres import Connection, Pool

Reader = Connection | Pool


@dataclass(frozen=True, slots=True)
class Corrected:
    """The document that a note takes back, as it is stored."""

    number: str
    kind: str
    imported: bool
    legal_entity: str
    campaign: str
    buy_day: date
    settlement: int
    provider: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """A note that is asked for and not issued yet."""

    credit: int
    document: str
    campaign: str
    correction: Correction
    reason: str


async def locked(connection: Connection, number: str) -> Corrected | None:
    """A document, locked: nothing else is taken back of it until this transaction ends."""
    row = await connection.fetchrow(
        """
        SELECT number, kind, imported, legal_entity, campaign, buy_day, settlement, provider, content_bytes AS content
        FROM documents WHERE number = $1 FOR UPDATE
        """,
        number,
    )
    return Corrected(**dict(row)) if row else None


async def lines(connection: Connection, document: str, *, besides: int | None = None) -> list[CreditLine]:
    """What notes that stand took back of a document, those that wait to be issued too."""
    rows = await connection.fetch(
        """
        SELECT l.order_id, l.cancelled_g, l.net FROM credits c JOIN credit_lines l USING (credit)
        WHERE c.document = $1 AND c.refused = '' AND c.credit IS DISTINCT FROM $2 ORDER BY c.credit, l.order_id
        """,
        *(document, besides),
    )
    return [CreditLine(UUID(str(row["order_id"])), row["cancelled_g"], row["net"]) for row in rows]


async def lines_of(connection: Connection, credit: int) -> list[CreditLine]:
    """The lines of one note."""
    rows = await connection.fetch("SELECT * FROM credit_lines WHERE credit = $1 ORDER BY order_id", credit)
    return [CreditLine(UUID(str(row["order_id"])), row["cancelled_g"], row["net"]) for row in rows]


async def ask(
    connection: Connection,
    document: str,
    found: Sequence[CreditLine],
    *,
    correction: Correction,
    reason: str,
    by: str,
    now: datetime,
) -> int:
    """Keep what is to be taken back; the instance that acts issues the note."""
    credit: int = await connection.fetchval(
        """
        INSERT INTO credits (document, correction, reason, requested_by, requested_at) VALUES ($1, $2, $3, $4, $5)
        RETURNING credit
        """,
        *(document, correction, reason, by, now),
    )
    await connection.executemany(
        "INSERT INTO credit_lines VALUES ($1, $2, $3, $4)",
        [(credit, line.order_id, line.cancelled_g, line.net) for line in found],
    )
    return credit


async def waiting(reader: Reader) -> list[Asked]:
    """Notes to issue, in the order in which they were asked for."""
    rows = await reader.fetch(
        """
        SELECT c.credit, c.document, d.campaign, c.correction, c.reason FROM credits c
        JOIN documents d ON d.number = c.document WHERE c.number IS NULL AND c.refused = '' ORDER BY c.credit
        """
    )
    return [Asked(**dict(row)) for row in rows]


async def asked_before(connection: Connection, document: str, order_id: UUID) -> str | None:
    """What became of the newest note over an order: ``waiting``, ``issued`` or why it was refused; None: no note."""
    state: str | None = await connection.fetchval(
        """
        SELECT CASE WHEN c.number IS NOT NULL THEN 'issued' WHEN c.refused = '' THEN 'waiting' ELSE c.refused END
        FROM credits c JOIN credit_lines l USING (credit) WHERE c.document = $1 AND l.order_id = $2
        ORDER BY c.credit DESC LIMIT 1
        """,
        *(document, order_id),
    )
    return state


async def issued(connection: Connection, credit: int, number: str) -> None:
    """The note has its number."""
    await connection.execute("UPDATE credits SET number = $2 WHERE credit = $1", credit, number)


async def refuse(connection: Connection, credit: int, why: str) -> None:
    """The note cannot be issued: a person must look."""
    await connection.execute("UPDATE credits SET refused = $2 WHERE credit = $1", credit, why[:500])


async def take_over(connection: Connection, document: str, number: str, line: CreditLine, now: datetime) -> None:
    """Remember a note that was announced before a restore, so that no more than the document is ever credited."""
    credit = await connection.fetchval(
        """
        INSERT INTO credits (document, correction, reason, requested_by, requested_at, number)
        SELECT $1, $3, '', 'announcement', $4, $2 WHERE EXISTS (SELECT 1 FROM documents WHERE number = $1)
        ON CONFLICT DO NOTHING RETURNING credit
        """,
        *(document, number, "cancellation" if line.cancelled_g else "price", now),
    )
    if credit is not None:
        await connection.execute(
            "INSERT INTO credit_lines VALUES ($1, $2, $3, $4)", credit, line.order_id, line.cancelled_g, line.net
        )


@dataclass(frozen=True, slots=True)
class Imported:
    """A note that was taken over from its announcement, all of it as one line."""

    number: str
    line: CreditLine
    currency: str
    vat: Decimal


async def imported(connection: Connection, document: str) -> list[Imported]:
    """The notes over a document that were taken over and have not acted on an order here."""
    rows = await connection.fetch(
        """
        SELECT n.number, l.order_id, l.cancelled_g, l.net, n.content #>> '{totals,currency}' AS currency,
               (n.content #>> '{totals,vat}')::numeric AS vat
        FROM credits c JOIN credit_lines l USING (credit) JOIN documents n ON n.number = c.number
        JOIN orders o ON o.order_id = l.order_id AND o.document = c.document
        WHERE c.document = $1 AND n.imported AND NOT EXISTS (
            SELECT 1 FROM postings WHERE posting = 'document|' || n.number || '|' || l.order_id) ORDER BY c.credit
        """,
        document,
    )
    return [
        Imported(
            row["number"],
            CreditLine(UUID(str(row["order_id"])), row["cancelled_g"], row["net"]),
            row["currency"],
            row["vat"],
        )
        for row in rows
    ]


async def subtract(connection: Connection, line: CreditLine) -> None:
    """Note on the order what a note took back of it."""
    await connection.execute(
        "UPDATE orders SET credited_g = credited_g + $2, credited_amount = credited_amount + $3 WHERE order_id = $1",
        *(line.order_id, line.cancelled_g, line.net),
    )


async def listing(reader: Reader, document: str | None) -> list[dict[str, Any]]:
    """Credit notes for people: what was asked for, by whom, and what became of it."""
    rows = await reader.fetch(
        """
        SELECT c.credit, c.document, c.number, c.correction, c.reason, c.requested_by, c.requested_at, c.refused,
               CASE WHEN c.number IS NOT NULL THEN 'issued' WHEN c.refused = '' THEN 'waiting' ELSE 'refused' END
               AS state, sum(l.cancelled_g)::bigint AS cancelled_g, sum(l.net) AS net,
               d.content #>> '{totals,currency}' AS currency
        FROM credits c JOIN credit_lines l USING (credit) JOIN documents d ON d.number = c.document
        WHERE $1::text IS NULL OR c.document = $1 GROUP BY c.credit, d.number ORDER BY c.credit
        """,
        document,
    )
    return [dict(row) for row in rows]


async def left_of_order(reader: Reader, order_id: UUID) -> tuple[int, Decimal]:
    """(grams, net amount) of a confirmed order that credit notes have left."""
    row = await reader.fetchrow(
        "SELECT confirmed_g - credited_g AS grams, amount - credited_amount AS net FROM orders WHERE order_id = $1",
        order_id,
    )
    assert row is not None
    return row["grams"], row["net"]
