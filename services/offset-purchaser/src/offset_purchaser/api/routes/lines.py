"""Manual lines: figures that people answer for, with their evidence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from offset_purchaser.api.problems import DECIDING, READING, not_found
from offset_purchaser.api.shapes import (
    Body,
    Caller,
    IdempotencyKey,
    InCampaign,
    Line,
    Page,
    Rows,
    Tables,
    Upload,
    campaign_of,
    file_answer,
    is_file,
    needs,
)
from offset_purchaser.handlers.lines import FORMAT, Figure, add_line, withdraw_line
from offset_purchaser.keys import Role
from offset_purchaser.store import manual
from offset_purchaser.terms import Identifier
from shared.estimate import ChannelName
from shared.units import decimal_text

router = APIRouter(prefix="/v1/lines", tags=["lines"])
LineId = Annotated[UUID, Path(description="Line id.")]
Kilograms = Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=6, allow_inf_nan=False)]


class LineIn(Body):
    """A figure in kilograms of CO2e with its evidence; the author is the key's name."""

    campaign: Identifier
    day: date
    channel: ChannelName
    kg: Annotated[Decimal, Field(gt=0, le=10**9, decimal_places=6, allow_inf_nan=False)]
    low_kg: Kilograms | None = None
    high_kg: Kilograms | None = None
    format: Annotated[str, Field(pattern=rf"^{FORMAT}$", description="Advertising format it stands for.")] = ""
    description: Line
    evidence: Upload


class LineOut(BaseModel):
    """A manual line, without the evidence itself."""

    line: UUID
    campaign: str
    day: date
    channel: str
    format: str
    low_kg: str
    central_kg: str
    high_kg: str
    description: str
    author: str
    filename: str
    sha256: str
    added_at: datetime
    withdrawn_by: str | None
    withdrawn_reason: str | None


class Withdrawal(Body):
    """Why."""

    reason: Line


@router.get("", responses=READING, dependencies=[needs(Role.READ)])
async def list_lines(pool: Tables, rows: Rows, campaign: InCampaign = None) -> Page[LineOut]:
    """Manual lines with author and the hash of the evidence."""
    return rows.of(await manual.lines(pool, campaign), _line)


@router.post("", responses=DECIDING, dependencies=[needs(Role.APPROVE)])
async def add(body: LineIn, key: IdempotencyKey, pool: Tables, who: Caller) -> LineOut:
    """Add a figure to a campaign day. Refused when events of the same advertising format were counted that day."""
    await campaign_of(pool, body.campaign)
    figure = Figure(
        campaign=body.campaign,
        day=body.day,
        channel=body.channel.value,
        format=body.format,
        kg=body.kg,
        low_kg=body.low_kg,
        high_kg=body.high_kg,
        description=body.description,
        author=who.name,
    )
    line = await add_line(pool, figure, body.evidence.filename, body.evidence.content)
    return next(_line(row) for row in await manual.lines(pool, body.campaign) if str(row["line"]) == str(line))


@router.post("/{line}/withdraw", responses=DECIDING, dependencies=[needs(Role.APPROVE)])
async def withdraw(line: LineId, body: Withdrawal, key: IdempotencyKey, pool: Tables, who: Caller) -> LineOut:
    """Take a line back before its day is settled for the last time; row and evidence are kept."""
    if await manual.evidence(pool, line) is None:
        raise not_found(f"there is no line {line}")
    await withdraw_line(pool, str(line), by=who.name, reason=body.reason)
    return next(_line(row) for row in await manual.lines(pool, None) if str(row["line"]) == str(line))


@router.get(
    "/{line}/evidence",
    response_class=Response,
    responses={**READING, **is_file("application/octet-stream", "The evidence as received.")},
    dependencies=[needs(Role.READ)],
)
async def evidence(line: LineId, pool: Tables) -> Response:
    """The evidence file of a line, as received."""
    found = await manual.evidence(pool, line)
    if found is None:
        raise not_found(f"there is no line {line}")
    return file_answer(found[1], "application/octet-stream", found[0])


def _line(row: Mapping[str, Any]) -> LineOut:
    values = {name: row[name] for name in LineOut.model_fields}
    values |= {name: decimal_text(row[name]) for name in ("low_kg", "central_kg", "high_kg")}
    return LineOut.model_validate({**values, "line": str(row["line"])})
