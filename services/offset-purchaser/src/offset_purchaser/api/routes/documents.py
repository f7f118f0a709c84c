"""Documents issued to finance: list, page, e-invoice, and what takes them back."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from offset_purchaser.api.problems import DECIDING, READING, not_found
from offset_purchaser.api.shapes import (
    Body,
    Caller,
    Here,
    IdempotencyKey,
    InCampaign,
    Line,
    Page,
    Rows,
    Tables,
    file_answer,
    is_file,
    needs,
)
from offset_purchaser.documents.archive import embedded_xml
from offset_purchaser.documents.correction import Part
from offset_purchaser.handlers.credit import ask_for_credit
from offset_purchaser.keys import Role
from offset_purchaser.store import credits, documents
from shared.postgres import Pool

router = APIRouter(prefix="/v1/documents", tags=["documents"])
DocumentNumber = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="Document number.")]


class DocumentOut(BaseModel):
    """One issued document; ``filename``, ``sha256`` and ``size`` are null until its page is rendered."""

    number: str
    kind: str
    mode: str
    legal_entity: str
    campaign: str
    buy_day: date
    settlement: int
    provider: str
    issued_at: datetime
    content_sha256: str
    filename: str | None
    sha256: str | None
    size: int | None
    gross: str | None
    currency: str | None
    credits: str | None = Field(description="The document that this one takes back, for credit notes.")


class CreditIn(Body):
    """What to take back: everything, or of one order all, some grams with their share of the price, or money alone."""

    reason: Line = Field(description="Why; it stands on the note.")
    order_id: UUID | None = Field(None, description="Of this order only; needed for parts where there are several.")
    grams: Annotated[int | None, Field(strict=True, ge=1, le=10**15)] = None
    amount: Annotated[
        Decimal | None,
        Field(ge=0, max_digits=18, allow_inf_nan=False, description="Before VAT. Without grams a price is corrected."),
    ] = None


class CreditOut(BaseModel):
    """A credit note of a document: the running service issues it; ``number`` is null until then."""

    credit: int
    document: str
    state: Literal["waiting", "issued", "refused"]
    number: str | None
    correction: Literal["cancellation", "price"]
    cancelled_g: int
    net: str
    currency: str
    reason: str
    requested_by: str
    requested_at: datetime
    refused: str = Field(description="Why it could not be issued; empty otherwise.")


@router.get("", responses=READING, dependencies=[needs(Role.READ)])
async def list_documents(pool: Tables, rows: Rows, campaign: InCampaign = None) -> Page[DocumentOut]:
    """Documents in the order in which they were issued."""
    return rows.of(await documents.listing(pool, campaign), DocumentOut.model_validate)


@router.post("/{number}/credit", responses=DECIDING, dependencies=[needs(Role.APPROVE)])
async def credit(
    number: DocumentNumber, body: CreditIn, key: IdempotencyKey, pool: Tables, who: Caller, context: Here
) -> CreditOut:
    """Ask for a credit note: 261 for a self-billed invoice, a correction for a statement. One waits at a time (409).

    Cancelled grams are owed again. All notes together never exceed the document. What is retired cannot be cancelled.
    """
    await _known(pool, number)
    wanted = Part(body.order_id, body.grams, body.amount)
    credit = await ask_for_credit(context, pool, number, wanted, reason=body.reason, by=who.name)
    return next(one for one in await _credits(pool, number) if one.credit == credit)


@router.get("/{number}/credits", responses=READING, dependencies=[needs(Role.READ)])
async def list_credits(number: DocumentNumber, pool: Tables) -> list[CreditOut]:
    """Credit notes of a document, those that wait to be issued too."""
    await _known(pool, number)
    return await _credits(pool, number)


async def _known(pool: Pool, number: str) -> None:
    if not await documents.known(pool, number):
        raise not_found(f"there is no document {number}")


async def _credits(pool: Pool, number: str) -> list[CreditOut]:
    return [
        CreditOut.model_validate({**row, "net": format(row["net"], "f")}) for row in await credits.listing(pool, number)
    ]


@router.get(
    "/{number}/pdf",
    response_class=Response,
    responses={**READING, **is_file("application/pdf", "The document: its first bytes.")},
    dependencies=[needs(Role.READ)],
)
async def pdf(number: DocumentNumber, pool: Tables) -> Response:
    """The document as it was issued; nothing is rendered again."""
    filename, data = await _file(pool, number)
    return file_answer(data, "application/pdf", filename)


@router.get(
    "/{number}/xml",
    response_class=Response,
    responses={**READING, **is_file("application/xml", "Factur-X, EN 16931.")},
    dependencies=[needs(Role.READ)],
)
async def xml(number: DocumentNumber, pool: Tables) -> Response:
    """The structured invoice inside the document; statements have none (404)."""
    filename, data = await _file(pool, number)
    found = await asyncio.to_thread(embedded_xml, data)
    if found is None:
        raise not_found(f"document {number} holds no structured invoice")
    return file_answer(found, "application/xml", f"{filename.removesuffix('.pdf')}.xml")


async def _file(pool: Pool, number: str) -> tuple[str, bytes]:
    found = await documents.files(pool, number=number)
    if not found:
        raise not_found(f"there is no rendered document {number}")
    return found[0][0], found[0][1]
