"""From frozen shares to orders. Carry and surplus are used here, in the fenced transaction of the acting instance."""

from __future__ import annotations

from math import lcm

from offset_purchaser import ledger
from offset_purchaser.campaign import Campaign
from offset_purchaser.handlers.context import Context
from offset_purchaser.order import Order, OrderState, order_id
from offset_purchaser.planning import LegPlan, plan_leg
from offset_purchaser.providers import provider_kind
from offset_purchaser.store import ledger as ledger_store
from offset_purchaser.store import orders, purchases
from offset_purchaser.store.announced import left_before
from offset_purchaser.store.campaigns import Rules
from offset_purchaser.store.purchases import Unplanned
from offset_purchaser.terms import Leg
from shared.postgres import Connection


async def plan_purchases(context: Context, connection: Connection, rules: Rules) -> None:
    """Plan every purchase of a campaign whose shares are all frozen, each by the rules of its buying day."""
    campaign = rules.current.campaign
    counts = await purchases.frozen_counts(connection, campaign.id)
    days = sum(1 for _ in campaign.days())
    balances: dict[str, tuple[int, int]] = {}
    for what in await purchases.unplanned(connection, campaign.id):
        found = rules.on(what.buy_day).campaign
        leg = next(leg for leg in found.legs if leg.key == what.leg)
        if found.buys(leg) == "per_campaign" and counts[what.number] < days:
            continue
        if what.provider not in balances:
            balances[what.provider] = await ledger_store.provider_balances(
                connection, campaign.entity_id, what.provider
            )
        surplus, carried = balances[what.provider]
        lot = lcm(*(provider_kind(name).traits.lot_g for name in (what.provider, leg.fallback) if name))
        plan = plan_leg(what.need_g, surplus_g=surplus, carried_g=carried, leg=leg, day=what.buy_day, lot_g=lot)
        balances[what.provider] = (
            surplus - plan.surplus_used_g + plan.surplus_added_g,
            carried - plan.carry_drawn_g + plan.carry_added_g,
        )
        await _write(context, connection, campaign, leg, what, plan)


async def _write(
    context: Context, connection: Connection, campaign: Campaign, leg: Leg, what: Unplanned, plan: LegPlan
) -> None:
    now, mode = context.clock(), context.settings.mode
    await purchases.insert(connection, campaign.id, campaign.entity_id, what, plan, now)
    entries = ledger.planned_entries(what.buy_day, what.provider, plan)
    key = f"plan|{campaign.id}|{what.buy_day}|{what.number}|{leg.key}"
    note = f"purchase {what.number} of {what.buy_day} at {leg.key}"
    posting = ledger.Posting(key, mode, campaign.entity_id, campaign.id, what.number, note, tuple(entries))
    await ledger_store.append(connection, [posting], now)
    if not plan.ordered_g:
        return
    key_of_order = order_id(campaign.entity_id, campaign.id, what.buy_day, what.number, leg.key, 1)
    left = await left_before(connection, key_of_order)
    order = Order(
        order_id=key_of_order,
        mode=mode,
        legal_entity=campaign.entity_id,
        campaign=campaign.id,
        buy_day=what.buy_day,
        number=what.number,
        leg=leg.key,
        attempt=1,
        provider=what.provider,
        state=OrderState.UNKNOWN if left else OrderState.PLANNED,
        quantity_g=plan.ordered_g,
        price_per_tonne=leg.ceiling(what.buy_day),
        currency=leg.currency,
        amount=plan.amount,
        request=None,
        first_sent_at=left,
        reference=None,
        certified=False,
        find_only=left is not None,
        reminders=0,
        tries=0,
        last_sent_at=None,
        refusal="",
        last_deadline=None,
    )
    await orders.insert(connection, order, "", now, context.orders_topic)
