"""Campaigns and their live day totals."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from offset_purchaser.api.problems import DECIDING, READING, not_found
from offset_purchaser.api.shapes import (
    Body,
    Caller,
    CampaignId,
    Day,
    Here,
    IdempotencyKey,
    Line,
    Live,
    Page,
    Rows,
    Tables,
    campaign_of,
    needs,
)
from offset_purchaser.handlers.live import find_due
from offset_purchaser.handlers.release import file_arrived
from offset_purchaser.keys import Role
from offset_purchaser.live import DayTotals
from offset_purchaser.store import campaigns

router = APIRouter(prefix="/v1", tags=["campaigns"])
DAYS_MAX = 31
"""Days of one page of totals."""


class Me(BaseModel):
    """Whose key this is."""

    key_id: str
    name: str
    role: Role


class CampaignOut(BaseModel):
    """A campaign in force."""

    campaign: str
    name: str
    legal_entity: str
    zone: str
    first_day: date
    last_day: date
    channels: list[str]
    version: int
    sha256: str
    loaded_at: datetime
    stopped: bool
    refusal: str
    settlements: dict[str, int]


class Arrival(Body):
    """A file that a campaign waits for."""

    name: Line


class Arrived(BaseModel):
    """Whether this was news."""

    name: str
    first: bool


@router.get("/me", responses=READING, dependencies=[needs(Role.READ)])
async def me(who: Caller) -> Me:
    """Whose key this is, and what it may do."""
    return Me(key_id=who.key_id, name=who.name, role=who.role)


@router.get("/campaigns", responses=READING, dependencies=[needs(Role.READ)])
async def list_campaigns(pool: Tables, rows: Rows) -> Page[CampaignOut]:
    """Campaigns in force, with the number of settlements in each state."""
    return rows.of(await campaigns.overview(pool, None), _campaign)


@router.get("/campaigns/{campaign}", responses=READING, dependencies=[needs(Role.READ)])
async def one_campaign(campaign: CampaignId, pool: Tables) -> CampaignOut:
    """One campaign in force; ``refusal`` says why a newer file is not."""
    found = await campaigns.overview(pool, campaign)
    if not found:
        raise not_found(f"there is no campaign {campaign}")
    return _campaign(found[0])


@router.get("/campaigns/{campaign}/days", responses=READING, dependencies=[needs(Role.READ)])
async def list_days(
    campaign: CampaignId,
    pool: Tables,
    live: Live,
    limit: Annotated[int, Query(ge=1, le=DAYS_MAX, description="Days at most.")] = DAYS_MAX,
    offset: Annotated[int, Query(ge=0, le=10**6, description="Days to skip.")] = 0,
) -> Page[DayTotals]:
    """The totals of several days as of now, each with its freshness."""
    found = await campaign_of(pool, campaign)
    days = list(found.campaign.days())
    dues = [due for day in days[offset : offset + limit] if (due := find_due(found, day))]
    items = [(await live.get(found, due)).totals for due in dues]
    return Page(items=items, total=len(days), next_offset=offset + limit if offset + limit < len(days) else None)


@router.get(
    "/campaigns/{campaign}/days/{day}",
    responses=READING,
    response_model=DayTotals,
    dependencies=[needs(Role.READ)],
)
async def one_day(campaign: CampaignId, day: Day, live: Live) -> Response:
    """A day's emissions as of now, and the credits bought for it: two figures, never netted.

    ``as_of`` says through which moment every source is counted, ``complete`` whether the day can be settled,
    ``waits_for`` who is missing. The answer is computed about once a second (``computed_at``).
    """
    found = await live.campaign(campaign)
    if found is None:
        raise not_found(f"there is no campaign {campaign}")
    due = find_due(found, day)
    if due is None:
        raise not_found(f"campaign {campaign} has no day {day.isoformat()}")
    return Response((await live.get(found, due)).body, media_type="application/json")


@router.post("/campaigns/{campaign}/arrivals", responses=DECIDING, dependencies=[needs(Role.APPROVE)])
async def arrive(
    campaign: CampaignId, body: Arrival, key: IdempotencyKey, pool: Tables, who: Caller, here: Here
) -> Arrived:
    """Say that an expected file has been loaded, so that days no longer wait for it."""
    await campaign_of(pool, campaign)
    return Arrived(name=body.name, first=await file_arrived(pool, campaign, body.name, by=who.name, now=here.clock()))


def _campaign(row: dict[str, Any]) -> CampaignOut:
    campaign, entity = row["content"]["campaign"], row["content"]["legal_entity"]
    names = ("name", "zone", "first_day", "last_day", "channels")
    return CampaignOut.model_validate({**row, **{name: campaign[name] for name in names}, "legal_entity": entity["id"]})
