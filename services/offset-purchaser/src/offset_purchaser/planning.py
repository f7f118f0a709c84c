"""From what a leg needs to what it orders: surplus first, then lots, and the rest is carried. Pure.

Two accounts per legal entity and provider, neither ever negative: ``carried`` (owed, too little to order) and
``surplus`` (ordered, no longer owed: a void after the purchase). Both are used by the next purchase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel.numbers import get_currency_precision

from offset_purchaser.campaign import Campaign
from offset_purchaser.documents.values import line_amount
from offset_purchaser.forecast import day_total_g
from offset_purchaser.person import person_key
from offset_purchaser.terms import Leg
from shared.units import G_PER_T, decimal_text


@dataclass(frozen=True, slots=True)
class LegPlan:
    """``ordered = need − surplus used + surplus added + carry drawn − carry added``."""

    need_g: int
    surplus_used_g: int
    surplus_added_g: int
    carry_drawn_g: int
    carry_added_g: int
    ordered_g: int
    amount: Decimal


def plan_leg(need_g: int, *, surplus_g: int, carried_g: int, leg: Leg, day: date, lot_g: int = 1) -> LegPlan:
    """Plan one purchase of a leg. Orders whole lots only, and nothing that costs less than one minor unit.

    ``lot_g``: the provider's lot, unless the leg names a greater one.
    """
    lot_g = leg.lot_g or lot_g
    price = leg.ceiling(day)
    if need_g <= 0:
        drawn = min(-need_g, carried_g)
        return LegPlan(need_g, 0, -need_g - drawn, drawn, 0, 0, Decimal(0))
    used = min(need_g, surplus_g)
    rest = need_g - used
    pool = rest + carried_g
    ordered = pool - pool % lot_g
    if not ordered or Decimal(ordered) * price / G_PER_T < minor_unit(leg.currency):
        return LegPlan(need_g, used, 0, 0, rest, 0, Decimal(0))
    amount = line_amount(ordered, price, leg.currency)
    return LegPlan(need_g, used, 0, carried_g, pool - ordered, ordered, amount)


def minor_unit(currency: str) -> Decimal:
    """The smallest amount of a currency: 0.01 for the euro, 1 for the yen."""
    return Decimal(1).scaleb(-get_currency_precision(currency))


@dataclass(frozen=True, slots=True)
class Spent:
    """What a campaign has ordered so far, this purchase not included."""

    day_g: int
    campaign_g: int


@dataclass(frozen=True, slots=True)
class Wish:
    """An order that asks to go: its grams, the most it can cost, and the campaign days it is for."""

    ordered_g: int
    amount: Decimal
    days: int
    emitted_g: int
    """What those days owe in all, whatever share of it this order buys."""


@dataclass(frozen=True, slots=True)
class Approved:
    """One person's yes, up to an amount."""

    by: str
    amount: Decimal


def guard(campaign: Campaign, wish: Wish, spent: Spent, approved: Sequence[Approved]) -> str:
    """Why an order must wait for a person; ``""`` when it may go.

    A purchase for several days has the caps and the forecast of as many days. A yes counts for the amount it was given
    for, not for a dearer one.
    """
    if campaign.stop_buying:
        return "buying is stopped for this campaign"
    caps, approval = campaign.caps, campaign.approval
    for cap, before, what in (
        (caps.per_day_t and caps.per_day_t * wish.days, spent.day_g, "day"),
        (caps.per_campaign_t, spent.campaign_g, "campaign"),
    ):
        if cap is not None and before + wish.ordered_g > cap * G_PER_T:
            return f"cap per {what}: {before + wish.ordered_g} g with this order, {decimal_text(cap)} t allowed"
    if len({person_key(one.by) for one in approved if one.amount >= wish.amount}) >= approval.people:
        return ""
    if approval.above_amount is not None and wish.amount > approval.above_amount:
        return f"approval by {approval.people}: {wish.amount} is above {approval.above_amount}"
    of_a_day = sum((day_total_g(campaign, channel, campaign.first_day) for channel in campaign.expected), Decimal(0))
    forecast_g = of_a_day * wish.days
    times = approval.above_forecast_times
    if times is not None and forecast_g and wish.emitted_g > times * forecast_g:
        forecast = f"{decimal_text(forecast_g / 1000)} kg"
        return f"approval by {approval.people}: {wish.emitted_g} g is above {times} x the forecast of {forecast}"
    return ""
