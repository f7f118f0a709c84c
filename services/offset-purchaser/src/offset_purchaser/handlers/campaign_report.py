"""Gathers what a campaign's report shows: its days, the campaign before, what refurbished devices avoid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offset_purchaser.campaign import Campaign
from offset_purchaser.campaign_report import Page, Proof, assemble
from offset_purchaser.campaign_report.facts import Facts
from offset_purchaser.report import build
from offset_purchaser.store import campaigns
from offset_purchaser.store.campaign_report import facts, modes
from offset_purchaser.store.campaigns import InForce
from shared.avoided import avoided_report
from shared.errors import Rejected
from shared.factors import current_factor_set_id, load_factor_set
from shared.postgres import Pool


async def campaign_page(
    pool: Pool, campaign: str, *, against: str | None = None, mode: str = "rehearsal", proof: Proof | None = None
) -> tuple[Page, str]:
    """The report of a campaign and its company's language. ``mode`` is for a campaign that has settled nothing yet.

    ``against`` names the campaign to compare with; without it, the company's last one before this. Raises ``Rejected``
    for an unknown campaign.
    """
    every = await campaigns.in_force(pool)
    found = _named(every, campaign)
    earlier = _named(every, against) if against else _before(every, found)
    everything = [one.campaign for one in every]
    before = await _counted(pool, earlier.campaign, everything) if earlier else None
    report, numbers = (await _counted(pool, found.campaign, everything))[1:]
    page = assemble(
        found.campaign,
        found.entity.party.name,
        await modes(pool, campaign) or mode,
        report,
        numbers,
        before=before,
        avoided=_avoided(found.campaign),
        proof=proof,
    )
    return page, found.entity.language


async def _counted(
    pool: Pool, campaign: Campaign, everything: list[Campaign]
) -> tuple[Campaign, Mapping[str, Any], Facts]:
    others = [other for other in everything if other.id != campaign.id]
    return campaign, await build(pool, campaign.id), await facts(pool, campaign, others)


def _named(every: list[InForce], campaign: str) -> InForce:
    for found in every:
        if found.campaign.id == campaign:
            return found
    known = ", ".join(found.campaign.id for found in every) or "none yet"
    raise Rejected(f"there is no campaign {campaign}; there are: {known}")


def _before(every: list[InForce], now: InForce) -> InForce | None:
    """The same company's newest campaign that ended before this one began."""
    earlier = [
        found
        for found in every
        if found.campaign.entity_id == now.campaign.entity_id and found.campaign.last_day < now.campaign.first_day
    ]
    return max(earlier, key=lambda found: found.campaign.last_day, default=None)


def _avoided(campaign: Campaign) -> Mapping[str, Any] | None:
    if not campaign.units_sold:
        return None
    factors = load_factor_set(current_factor_set_id(campaign.last_day))
    sold = {str(kind): units for kind, units in campaign.units_sold.items()}
    return avoided_report(sold, campaign.years_of_use, factors)
