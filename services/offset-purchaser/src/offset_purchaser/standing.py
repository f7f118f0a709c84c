"""The live state of campaigns for people and metrics: counted beside forecast, waiting, ordered, carried.

Reads only; the arithmetic is in ``forecast``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from offset_purchaser import report
from offset_purchaser.campaign import Campaign
from offset_purchaser.campaign_claims import claims_in
from offset_purchaser.forecast import FLAT, Shape, hours_of_day, last_before, still_to_ship_g, until
from offset_purchaser.store import books, campaigns
from offset_purchaser.store import forecast as store
from offset_purchaser.store.campaigns import InForce
from offset_purchaser.terms import LegalEntity
from shared.clock import local_day
from shared.errors import Rejected
from shared.estimate import ChannelName
from shared.postgres import Pool
from shared.units import decimal_text


@dataclass
class Shapes:
    """Shapes of settled campaigns, read once each: what froze never changes."""

    known: dict[str, Shape] = field(default_factory=dict)

    async def of(self, pool: Pool, campaign: Campaign, everything: list[InForce]) -> Shape:
        """The shape that a campaign's forecast has."""
        name = last_before(campaign, [found.campaign for found in everything])
        model = next((found.campaign for found in everything if found.campaign.id == name), None)
        if model is None:
            return FLAT
        if name not in self.known:
            shape = await store.shape_of(pool, model)
            if not shape.weights:
                return FLAT  # not settled yet: ask again
            self.known[name] = shape
        return self.known[name]


@dataclass(frozen=True, slots=True)
class Expectation:
    """One channel of one campaign day, in grams: counted, expected by now, expected in all."""

    channel: ChannelName
    counted_g: Decimal
    by_now_g: Decimal
    of_day_g: Decimal


@dataclass(frozen=True, slots=True)
class LiveDay:
    """One campaign day as it stands."""

    campaign: str
    day: date
    channels: tuple[Expectation, ...]
    unshipped_orders: int
    unshipped_g: Decimal | None
    """What they will emit at the mean of the parcels so far; ``None`` when there are none to take the mean of."""
    settlements: tuple[dict[str, Any], ...]

    @property
    def running(self) -> tuple[Decimal, Decimal, Decimal]:
        """(counted, expected by now, expected in all) over the channels."""
        rows = self.channels
        return (
            sum((row.counted_g for row in rows), Decimal(0)),
            sum((row.by_now_g for row in rows), Decimal(0)),
            sum((row.of_day_g for row in rows), Decimal(0)),
        )


async def live_days(pool: Pool, shapes: Shapes, now: datetime, campaign: str | None = None) -> list[LiveDay]:
    """Every campaign day that has begun or has a forecast."""
    everything = await campaigns.in_force(pool)
    rows = (await report.build(pool, campaign))["days"]
    by_campaign = {found.campaign.id: found for found in everything}
    found = []
    for name in dict.fromkeys(row["campaign"] for row in rows):
        one = by_campaign[name].campaign
        shape = await shapes.of(pool, one, everything)
        unshipped = await store.expected_deliveries(pool, name)
        found += [
            _day(one, shape, row, unshipped.get(date.fromisoformat(row["day"]), 0), now)
            for row in rows
            if row["campaign"] == name
        ]
    return found


def _day(campaign: Campaign, shape: Shape, row: dict[str, Any], unshipped: int, now: datetime) -> LiveDay:
    day = date.fromisoformat(row["day"])
    channels = []
    for channel in campaign.channels:
        counted = Decimal(row["channels"].get(channel, {}).get("emissions_g", {}).get("central", 0))
        hours = hours_of_day(campaign, channel, day, shape)
        channels.append(
            Expectation(channel, counted, until(hours, now), sum((h.expected_g for h in hours), Decimal(0)))
        )
    parcels = row["channels"].get("delivery", {"events": 0, "emissions_g": {"central": "0"}})
    grams = still_to_ship_g(unshipped, Decimal(parcels["emissions_g"]["central"]), parcels["events"])
    return LiveDay(campaign.id, day, tuple(channels), unshipped, grams, tuple(row["settlements"]))


async def show(pool: Pool, campaign: str | None, now: datetime) -> list[dict[str, Any]]:
    """Campaigns for people: what is in force, and every day as it stands. Raises ``Rejected`` for an unknown one."""
    heads = await campaigns.overview(pool, campaign)
    if campaign is not None and not heads:
        raise Rejected(f"there is no campaign {campaign}")
    days = await live_days(pool, Shapes(), now, campaign)
    carried = await books.carried(pool)
    for head in heads:
        entity = head["content"]["legal_entity"]["id"]
        rules = Campaign.model_validate(head["content"]["campaign"])
        head["today"] = local_day(now, rules.tz)
        head["claims"] = claims_in(rules, LegalEntity.model_validate(head["content"]["legal_entity"]))
        head["days"] = [_plain(day) for day in days if day.campaign == head["campaign"]]
        head["carried_g"] = {p: carry for (e, p), (_, carry) in carried.items() if e == entity and carry}
        head["surplus_g"] = {p: surplus for (e, p), (surplus, _) in carried.items() if e == entity and surplus}
    return heads


def _plain(day: LiveDay) -> dict[str, Any]:
    counted, by_now, of_day = day.running
    return {
        "day": day.day.isoformat(),
        "states": [f"{s['number']} {s['state']}" for s in day.settlements],
        "counted_g": _grams(counted),
        "forecast_by_now_g": _grams(by_now),
        "forecast_day_g": _grams(of_day),
        "channels": {
            row.channel.value: {
                "counted_g": _grams(row.counted_g),
                "forecast_by_now_g": _grams(row.by_now_g),
                "forecast_day_g": _grams(row.of_day_g),
            }
            for row in day.channels
        },
        "ordered_g": sum(s["quantity_g"] or 0 for s in day.settlements),
        "expected_deliveries": {
            "orders": day.unshipped_orders,
            "grams": None if day.unshipped_g is None else _grams(day.unshipped_g),
        },
        "waiting_for": "; ".join(dict.fromkeys(s["waiting_for"] for s in day.settlements if s["waiting_for"])),
    }


def _grams(value: Decimal) -> str:
    return decimal_text(value.quantize(Decimal("0.001")))
