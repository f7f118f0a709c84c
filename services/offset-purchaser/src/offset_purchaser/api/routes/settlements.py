"""Settlements: what each campaign day owes, how far it is, its proof, its audit file."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from offset_purchaser.api.problems import DECIDING, READING, not_found
from offset_purchaser.api.shapes import (
    Body,
    Caller,
    CampaignId,
    Day,
    Here,
    IdempotencyKey,
    InCampaign,
    Line,
    Number,
    Page,
    Rows,
    Tables,
    file_answer,
    is_file,
    needs,
)
from offset_purchaser.handlers.dossier import settlement_dossier
from offset_purchaser.handlers.release import release_settlement
from offset_purchaser.keys import Role
from offset_purchaser.report import settlement_entries
from offset_purchaser.settlement import Release
from offset_purchaser.store.inspect import settlement
from offset_purchaser.verify import verify_settlement
from shared.postgres import Pool
from shared.problems import Problem

router = APIRouter(prefix="/v1/settlements", tags=["settlements"])
ONE = "/{campaign}/{day}/{number}"
State = Literal["waiting", "held", "frozen", "ordered", "settled", "documented", "complete"]
_dossiers = asyncio.Semaphore(1)
"""An audit file of 10^5 registers takes seconds and 300 MB: one at a time."""


class Entry(BaseModel):
    """One leg of one settlement; the leg's fields are null before it freezes or when nothing was owed."""

    campaign: str
    day: date
    number: int
    state: State
    waiting_for: str | None
    quantity_g: int | None
    price_per_tonne: str | None
    currency: str | None
    amount: str | None
    provider: str | None
    leg: str | None
    order_id: str | None
    order_state: str | None
    document: str | None
    need_g: int | None = None
    carried_g: int | None = None
    bought_with_days: int | None = None


class SettlementOut(BaseModel):
    """One settlement with what it froze, its legs, orders and ledger entries as they are stored."""

    campaign: str
    day: date
    number: int
    due_at: datetime
    state: State
    reasons: list[list[Any]]
    released: dict[str, Any] | None
    frozen: dict[str, Any] | None
    legs: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    ledger: list[dict[str, Any]]


class CheckOut(BaseModel):
    """One value, stored and recomputed."""

    what: str
    stored: str
    recomputed: str
    same: bool


class Verification(BaseModel):
    """Whether a settlement recomputed from its frozen registers gives the same integers."""

    same: bool
    checks: list[CheckOut]


class ReleaseIn(Body):
    """A person's decision to freeze without somebody."""

    without: Annotated[list[Line], Field(min_length=1, max_length=20)]
    reason: Line


class Released(BaseModel):
    """What was decided, by whom."""

    campaign: str
    day: date
    number: int
    without: list[str]
    by: str


@router.get("", responses=READING, dependencies=[needs(Role.READ)])
async def list_settlements(
    pool: Tables,
    rows: Rows,
    campaign: InCampaign = None,
    state: Annotated[State | None, Query(description="Only this state.")] = None,
) -> Page[Entry]:
    """One row per settlement and leg, with whom it waits for."""
    found = await settlement_entries(pool, campaign)
    return rows.of([entry for entry in found if state in (None, entry["state"])], Entry.model_validate)


@router.get(ONE, responses=READING, dependencies=[needs(Role.READ)])
async def one_settlement(campaign: CampaignId, day: Day, number: Number, pool: Tables) -> SettlementOut:
    """Everything about one settlement."""
    found = await _existing(pool, campaign, day, number)
    for order in found["orders"]:
        order.pop("request", None)
    return SettlementOut.model_validate(found)


@router.get(f"{ONE}/verification", responses=READING, dependencies=[needs(Role.READ)])
async def verify(campaign: CampaignId, day: Day, number: Number, pool: Tables) -> Verification:
    """Recompute a frozen settlement from its stored registers."""
    await _frozen(pool, campaign, day, number)
    checks = await verify_settlement(pool, campaign, day, number)
    shown = [CheckOut(what=c.what, stored=c.stored, recomputed=c.recomputed, same=c.same) for c in checks]
    return Verification(same=all(check.same for check in shown), checks=shown)


@router.get(
    f"{ONE}/dossier",
    response_class=Response,
    responses={**READING, **is_file("application/zip", "The audit file.")},
    dependencies=[needs(Role.READ)],
)
async def dossier(campaign: CampaignId, day: Day, number: Number, pool: Tables) -> Response:
    """The audit file of a frozen settlement: one zip that `offset-purchaser dossier verify` checks offline."""
    await _frozen(pool, campaign, day, number)
    if _dossiers.locked():
        raise Problem(503, "busy", "another audit file is being made; try again", headers={"Retry-After": "5"})
    async with _dossiers:
        name, content = await settlement_dossier(pool, campaign, day, number)
    return file_answer(content, "application/zip", name)


@router.post(f"{ONE}/release", responses=DECIDING, dependencies=[needs(Role.APPROVE)])
async def release(
    campaign: CampaignId,
    day: Day,
    number: Number,
    *,
    body: ReleaseIn,
    key: IdempotencyKey,
    pool: Tables,
    who: Caller,
    here: Here,
) -> Released:
    """Let a waiting or held settlement freeze without somebody; the gap, reason and name stand on every document."""
    await _existing(pool, campaign, day, number)
    decision = Release(tuple(body.without), body.reason, who.name)
    await release_settlement(pool, campaign, day, number, decision, here.clock())
    return Released(campaign=campaign, day=day, number=number, without=list(body.without), by=who.name)


async def _existing(pool: Pool, campaign: str, day: date, number: int) -> dict[str, Any]:
    found = await settlement(pool, campaign, day, number)
    if found is None:
        raise not_found(f"there is no settlement {number} of {day.isoformat()} in campaign {campaign}")
    return found


async def _frozen(pool: Pool, campaign: str, day: date, number: int) -> None:
    if (await _existing(pool, campaign, day, number))["frozen"] is None:
        raise not_found(f"settlement {number} of {day.isoformat()} in campaign {campaign} has not frozen yet")
