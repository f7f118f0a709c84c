"""What a campaign is expected to emit by the hour: totals from its file, shaped by the last campaign's hours. Pure.

A forecast guards and is shown; it is never bought. Orders that have not shipped are apart from it: a number of parcels
at the mean of those that have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from offset_purchaser.campaign import Campaign
from shared.clock import day_bounds
from shared.estimate import ChannelName

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Shape:
    """When a campaign emitted: central micrograms by channel, day (0 is its first) and hour on the wall clock."""

    days: int = 0
    weights: Mapping[ChannelName, Mapping[tuple[int, int], int]] = field(default_factory=dict)
    campaign: str = ""

    def weight(self, channel: ChannelName, index: int, hour: int, days: int) -> int:
        """How much of a channel fell into an hour: of the same day when both campaigns are as long, else of any day."""
        hours = self.weights.get(channel, {})
        if self.days == days:
            return max(hours.get((index, hour), 0), 0)
        return sum(max(weight, 0) for (_, at), weight in hours.items() if at == hour)


FLAT = Shape()
"""Every hour alike: there was no campaign before."""


@dataclass(frozen=True, slots=True)
class Hour:
    """What one hour is expected to emit, in grams."""

    start: datetime
    expected_g: Decimal


def last_before(campaign: Campaign, others: Iterable[Campaign]) -> str:
    """The campaign whose hours shape the forecast: the one named, else the entity's last one; ``""`` without any."""
    if campaign.forecast_from:
        return campaign.forecast_from
    before = [c for c in others if c.entity_id == campaign.entity_id and c.last_day < campaign.first_day]
    return max(before, key=lambda c: (c.last_day, c.id)).id if before else ""


def hours_of_day(campaign: Campaign, channel: ChannelName, day: date, shape: Shape) -> list[Hour]:
    """The hours of a campaign day (23, 24 or 25) with what each is expected to emit; empty without an expectation."""
    total = day_total_g(campaign, channel, day, shape)
    if not total:
        return []
    start, end = day_bounds(day, campaign.tz)
    starts = [start + n * HOUR for n in range(-(-int((end - start).total_seconds()) // 3600))]
    index, days = (day - campaign.first_day).days, _days(campaign)
    weights = [shape.weight(channel, index, at.astimezone(campaign.tz).hour, days) for at in starts]
    whole = sum(weights)
    if not whole:
        return [Hour(at, total / len(starts)) for at in starts]
    return [Hour(at, total * weight / whole) for at, weight in zip(starts, weights, strict=True)]


def day_total_g(campaign: Campaign, channel: ChannelName, day: date, shape: Shape = FLAT) -> Decimal:
    """What a channel is expected to emit on a day: its own total, or the day's part of the campaign's."""
    expected = campaign.expected.get(channel)
    if expected is None:
        return Decimal(0)
    if expected.total_kg_per_day:
        return expected.total_kg_per_day * 1000
    days = _days(campaign)
    by_day = [sum(shape.weight(channel, n, hour, days) for hour in range(24)) for n in range(days)]
    if shape.days != days or not sum(by_day):
        return expected.total_kg * 1000 / days
    return expected.total_kg * 1000 * by_day[(day - campaign.first_day).days] / sum(by_day)


def until(hours: Sequence[Hour], now: datetime) -> Decimal:
    """Grams expected up to a moment: whole hours, and the running one by its minutes."""
    grams = Decimal(0)
    for hour in hours:
        passed = min(max((now - hour.start) / HOUR, 0.0), 1.0)
        grams += hour.expected_g * Decimal(str(round(passed, 6)))
    return grams


def still_to_ship_g(orders: int, delivery_g: Decimal, deliveries: int) -> Decimal | None:
    """What orders that have not shipped will emit at the mean of those that have; ``None`` before the first parcel."""
    return delivery_g / deliveries * orders if deliveries else None


def _days(campaign: Campaign) -> int:
    return (campaign.last_day - campaign.first_day).days + 1
