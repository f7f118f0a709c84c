"""Credit notes: what was asked for, what was issued, and what they leave of orders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from offset_purchaser.documents.content import DocumentContent
from offset_purchaser.documents.correction import CreditLine, Left, left_of
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
    await _insert_lines(connection, credit, found)
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


async def refused_before(connection: Connection, document: str, order_id: UUID, by: str) -> str:
    """Why the newest note over an order that ``by`` asked for was refused; ``""`` when it was not, or there is none."""
    refused: str | None = await connection.fetchval(
        """
        SELECT c.refused FROM credits c JOIN credit_lines l USING (credit)
        WHERE c.document = $1 AND l.order_id = $2 AND c.requested_by = $3 ORDER BY c.credit DESC LIMIT 1
        """,
        *(document, order_id, by),
    )
    return refused or ""


async def unsplit(connection: Connection, document: str) -> str | None:
    """A note over several orders of a document whose lines are not known here; None: all are."""
    number: str | None = await connection.fetchval(
        """
        SELECT c.number FROM credits c JOIN documents n ON n.number = c.number
        WHERE c.document = $1 AND n.imported AND jsonb_array_length(n.content -> 'order_ids') > (
            SELECT count(*) FROM credit_lines l WHERE l.credit = c.credit) ORDER BY c.credit LIMIT 1
        """,
        document,
    )
    return number


async def issued(connection: Connection, credit: int, number: str) -> None:
    """The note has its number."""
    await connection.execute("UPDATE credits SET number = $2 WHERE credit = $1", credit, number)


async def refuse(connection: Connection, credit: int, why: str) -> None:
    """The note cannot be issued: a person must look."""
    await connection.execute("UPDATE credits SET refused = $2 WHERE credit = $1", credit, why[:500])


async def take_over(connection: Connection, note: Announced) -> None:
    """Remember a note that was announced before a restore, so that no more than the document is ever credited.

    A note that waits for the same sums is that note: it was issued after the backup.
    """
    found = await locked(connection, note.document)
    if found is None or await connection.fetchval("SELECT true FROM credits WHERE number = $1", note.number):
        return
    waits = await connection.fetchval(
        """
        SELECT credit FROM credits c WHERE document = $1 AND number IS NULL AND refused = '' AND ($2, $3) = (
            SELECT sum(cancelled_g)::bigint, sum(net) FROM credit_lines l WHERE l.credit = c.credit)
        """,
        *(note.document, note.cancelled_g, note.net),
    )
    if waits is not None:
        await issued(connection, waits, note.number)
        return
    credit = await connection.fetchval(
        """
        INSERT INTO credits (document, correction, reason, requested_by, requested_at, number)
        VALUES ($1, $2, '', 'announcement', $3, $4) RETURNING credit
        """,
        *(note.document, "cancellation" if note.cancelled_g else "price", note.announced_at, note.number),
    )
    left = []
    if not found.imported:
        left = left_of(DocumentContent.model_validate_json(found.content), await lines(connection, note.document))
    await _insert_lines(connection, credit, split(note, [one for one in left if one.order_id in note.order_ids]))


async def _insert_lines(connection: Connection, credit: int, found: Sequence[CreditLine]) -> None:
    await connection.executemany(
        "INSERT INTO credit_lines VALUES ($1, $2, $3, $4)",
        [(credit, line.order_id, line.cancelled_g, line.net) for line in found],
    )


@dataclass(frozen=True, slots=True)
class Announced:
    """A note as its announcement tells it: the sums of all its orders."""

    document: str
    number: str
    order_ids: tuple[UUID, ...]
    cancelled_g: int
    net: Decimal
    announced_at: datetime


def split(note: Announced, left: Sequence[Left]) -> list[CreditLine]:
    """A note's lines: one over several orders takes back all that is left of them. ``[]`` when that is not its sum."""
    if len(note.order_ids) == 1:
        return [CreditLine(note.order_ids[0], note.cancelled_g, note.net)]
    grams, net = sum(one.grams for one in left), sum((one.net for one in left), Decimal(0))
    if (grams, net) != (note.cancelled_g, note.net):
        return []
    return [CreditLine(one.order_id, one.grams, one.net) for one in left]


@dataclass(frozen=True, slots=True)
class Imported:
    """A note that was taken over from its announcement. ``lines`` is empty where the sums do not say what it took back
    of which order."""

    number: str
    currency: str
    vat: Decimal
    lines: tuple[CreditLine, ...]


async def imported(connection: Connection, document: str) -> list[Imported]:
    """The notes over a document that were taken over and have not acted on its orders here, in their order; lines that
    only the orders tell are kept now.

    None while an order of theirs is not on the document here.
    """
    rows = await connection.fetch(
        """
        SELECT c.credit, n.number, n.content, n.issued_at, n.content #>> '{totals,currency}' AS currency,
               (n.content #>> '{totals,vat}')::numeric AS vat
        FROM credits c JOIN documents n ON n.number = c.number
        WHERE c.document = $1 AND n.imported AND NOT EXISTS (
            SELECT 1 FROM jsonb_array_elements_text(n.content -> 'order_ids') AS i(id)
            LEFT JOIN orders o ON o.order_id = i.id::uuid
            WHERE o.document IS DISTINCT FROM c.document
            OR EXISTS (SELECT 1 FROM postings WHERE posting = 'document|' || n.number || '|' || i.id)) ORDER BY c.credit
        """,
        document,
    )
    found, before = [], dict[UUID, tuple[int, Decimal]]()
    for row in rows:
        taken = await lines_of(connection, row["credit"])
        order_ids = tuple(UUID(text) for text in json.loads(row["content"])["order_ids"])
        if len(taken) < len(order_ids):
            content, left = json.loads(row["content"]), []
            for order_id in order_ids:
                grams, net = await left_of_order(connection, order_id)
                earlier = before.get(order_id, (0, Decimal(0)))
                left.append(Left(order_id, grams - earlier[0], net - earlier[1]))
            sums = (content["lines"][0]["quantity_g"], Decimal(content["totals"]["net"]))
            taken = split(Announced(document, row["number"], order_ids, *sums, row["issued_at"]), left)
            await _insert_lines(connection, row["credit"], taken)
        for line in taken:
            grams, net = before.get(line.order_id, (0, Decimal(0)))
            before[line.order_id] = (grams + line.cancelled_g, net + line.net)
        found.append(Imported(row["number"], row["currency"], row["vat"], tuple(taken)))
    return found


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
               AS state, coalesce(sum(l.cancelled_g), 0)::bigint AS cancelled_g, coalesce(sum(l.net), 0) AS net,
               d.content #>> '{totals,currency}' AS currency
        FROM credits c LEFT JOIN credit_lines l USING (credit) JOIN documents d ON d.number = c.document
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
