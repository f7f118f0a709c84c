"""Documents issued to finance: list, page, e-invoice."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel

from offset_purchaser.api.problems import READING, not_found
from offset_purchaser.api.shapes import InCampaign, Page, Rows, Tables, file_answer, is_file, needs
from offset_purchaser.documents.archive import embedded_xml
from offset_purchaser.keys import Role
from offset_purchaser.store import documents
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


@router.get("", responses=READING, dependencies=[needs(Role.READ)])
async def list_documents(pool: Tables, rows: Rows, campaign: InCampaign = None) -> Page[DocumentOut]:
    """Documents in the order in which they were issued."""
    return rows.of(await documents.listing(pool, campaign), DocumentOut.model_validate)


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
