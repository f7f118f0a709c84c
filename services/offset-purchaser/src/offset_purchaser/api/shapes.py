"""What routes take: names, pages, text. One place for limits, so that nothing unbounded or unprintable passes."""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Header, Path, Query, Request, Response, params
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from offset_purchaser.api.problems import forbidden, not_found
from offset_purchaser.handlers.context import Context
from offset_purchaser.handlers.live import LiveTotals
from offset_purchaser.keys import Principal, Role
from offset_purchaser.store import campaigns
from offset_purchaser.store.campaigns import InForce
from shared.postgres import Connection, Pool

T = TypeVar("T")
PAGE_MAX = 500
"""Rows of one page: some 200 kB."""


def _printable(text: str) -> str:
    found = text.strip()
    if not found.isprintable():
        raise ValueError("control characters and line breaks are not accepted")
    return found


Line = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S"), AfterValidator(_printable)]
"""One line of text that people read."""
CampaignId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Campaign id.")]


def _written_day(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError("write a day as 2026-11-27")  # a bare number would be taken for seconds since 1970
    return value


Day = Annotated[date, BeforeValidator(_written_day), Path(description="Campaign day, 2026-11-27.")]
Number = Annotated[int, Path(ge=1, le=1000, description="Settlement number: 1, then 2 for the true-up.")]
InCampaign = Annotated[
    str | None, Query(alias="campaign", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Only this campaign.")
]


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError("this is not base64") from None


Base64 = Annotated[
    bytes,
    BeforeValidator(_from_base64, json_schema_input_type=str),
    Field(min_length=1, max_length=20_000_000),
    WithJsonSchema({"type": "string", "format": "byte", "minLength": 1, "contentEncoding": "base64"}),
]
"""A file's bytes: 20 MB at most."""
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,255}$",
        description="Chosen by the client, new for every new request; a repeat under it has no second effect.",
    ),
]


class Body(BaseModel):
    """Base of bodies: an unknown field is an error, not a silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Upload(Body):
    """A file."""

    filename: FileName
    content: Base64


class Page(BaseModel, Generic[T]):
    """Some rows of a longer list."""

    items: list[T]
    total: int
    next_offset: int | None = Field(description="Where the next page begins; null on the last one.")


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of a list are asked for."""

    limit: int
    offset: int

    def of(self, rows: Sequence[dict[str, Any]], shape: Callable[[dict[str, Any]], T]) -> Page[T]:
        """That part of a list, each row in its shape."""
        end = self.offset + self.limit
        items = [shape(row) for row in rows[self.offset : end]]
        return Page(items=items, total=len(rows), next_offset=end if end < len(rows) else None)


async def window(
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="Rows at most.")] = 100,
    offset: Annotated[int, Query(ge=0, le=10**6, description="Rows to skip.")] = 0,
) -> Window:
    """A page as it is asked for. (Dependencies are coroutines: plain functions would each wait for a thread.)"""
    return Window(limit, offset)


async def caller(request: Request) -> Principal:
    """Who asks; the gate has checked the key."""
    found: Principal = request.state.principal
    return found


def needs(role: Role) -> params.Depends:
    """A dependency that lets through keys of this role and above. Every route has one."""

    async def check(request: Request) -> None:
        who = await caller(request)
        if not who.role.covers(role):
            raise forbidden(who, role)

    check.role = role  # type: ignore[attr-defined]
    return params.Depends(check)


async def afterwards(request: Request) -> list[Callable[[Connection], Awaitable[None]]]:
    """What a route wants kept although it fails; each is called after everything else was rolled back."""
    found: list[Callable[[Connection], Awaitable[None]]] = request.state.afterwards
    return found


async def tables(request: Request) -> Pool:
    """The store: of a POST, its one transaction."""
    found: Pool = request.state.pool
    return found


async def context_of(request: Request) -> Context:
    """Settings and clock of the service."""
    found: Context = request.app.state.context
    return found


async def live_of(request: Request) -> LiveTotals:
    """The live totals."""
    found: LiveTotals = request.app.state.live
    return found


def file_answer(content: bytes, media_type: str, filename: str) -> Response:
    """A file to keep under its name."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", filename)
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{safe}"'})


def is_file(media_type: str, what: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of such an answer."""
    schema = {"type": "string", "format": "binary"}
    return {200: {"description": what, "content": {media_type: {"schema": schema}}}}


Caller = Annotated[Principal, Depends(caller)]
Tables = Annotated[Pool, Depends(tables)]
Afterwards = Annotated[list[Callable[[Connection], Awaitable[None]]], Depends(afterwards)]
Here = Annotated[Context, Depends(context_of)]
Live = Annotated[LiveTotals, Depends(live_of)]
Rows = Annotated[Window, Depends(window)]


async def campaign_of(pool: Pool, campaign: str) -> InForce:
    """A campaign in force. Raises ``Problem`` 404."""
    found = await campaigns.in_force(pool, campaign)
    if not found:
        raise not_found(f"there is no campaign {campaign}")
    return found[0]
