"""From what a leg needs to what it orders: surplus first, then lots, and the rest is carried. Pure.

Two accounts per legal entity and provider, neither ever negative: ``carried`` (owed, too little to order) and
``surplus`` (ordered, no longer owed: a void after the purchase). Both are used by the next purchase.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel.numbers import get_currency_precision

from offset_purchaser.allocation import allocated
from offset_purchaser.campaign import Campaign
from offset_purchaser.documents.values import line_amount
from offset_purchaser.forecast import day_total_g
from offset_purchaser.person import person_key
from offset_purchaser.terms import Caps, Leg
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


def charged(ordered_g: int, needs: Mapping[date, int]) -> dict[date, int]:
    """The grams of an order by the campaign days it is for, in proportion to what its leg needed for each; they add up
    exactly. Carry that it took along goes with them; a day that needed nothing is charged nothing."""
    weights = [max(need, 0) for need in needs.values()]
    shares = allocated(Decimal(ordered_g), weights)
    return {day: int(grams) for day, grams in zip(needs, shares, strict=True)}


@dataclass(frozen=True, slots=True)
class Spent:
    """Grams that a campaign has ordered so far, this order not included: for each campaign day, and in all."""

    days: Mapping[date, int]
    campaign_g: int


@dataclass(frozen=True, slots=True)
class Wish:
    """An order that asks to go: its grams, the most it can cost, and the campaign days it is for."""

    ordered_g: int
    amount: Decimal
    days: Mapping[date, int]
    """Its grams by campaign day (``charged``)."""
    emitted_g: int
    """What those days owe in all, whatever share of it this order buys."""


@dataclass(frozen=True, slots=True)
class Approved:
    """One person's yes, up to an amount."""

    by: str
    amount: Decimal


def guard(campaign: Campaign, wish: Wish, spent: Spent, approved: Sequence[Approved]) -> str:
    """Why an order must wait for a person; ``""`` when it may go.

    The cap per day holds for every campaign day that the order is for, with what other orders buy for it; the forecast
    is that of as many days. A yes counts for the amount it was given for, not for a dearer one.
    """
    if campaign.stop_buying:
        return "buying is stopped for this campaign"
    caps, approval = campaign.caps, campaign.approval
    if why := _above_cap(caps, wish, spent):
        return why
    if len({person_key(one.by) for one in approved if one.amount >= wish.amount}) >= approval.people:
        return ""
    if approval.above_amount is not None and wish.amount > approval.above_amount:
        return f"approval by {approval.people}: {wish.amount} is above {approval.above_amount}"
    of_a_day = sum((day_total_g(campaign, channel, campaign.first_day) for channel in campaign.expected), Decimal(0))
    forecast_g = of_a_day * len(wish.days)
    times = approval.above_forecast_times
    if times is not None and forecast_g and wish.emitted_g > times * forecast_g:
        forecast = f"{decimal_text(forecast_g / 1000)} kg"
        return f"approval by {approval.people}: {wish.emitted_g} g is above {times} x the forecast of {forecast}"
    return ""


def _above_cap(caps: Caps, wish: Wish, spent: Spent) -> str:
    if caps.per_day_t is not None:
        for day, grams in sorted(wish.days.items()):
            used = spent.days.get(day, 0) + grams
            if grams and used > caps.per_day_t * G_PER_T:
                allowed = f"{decimal_text(caps.per_day_t)} t allowed"
                return f"cap per day: {used} g for {day} with this order, {allowed}"
    used = spent.campaign_g + wish.ordered_g
    if caps.per_campaign_t is not None and used > caps.per_campaign_t * G_PER_T:
        return f"cap per campaign: {used} g with this order, {decimal_text(caps.per_campaign_t)} t allowed"
    return ""
