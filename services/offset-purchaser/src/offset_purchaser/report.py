"""The purchaser's report: every campaign day, what it emitted, what was bought for it, and the meters' balance.

``build`` reads, ``assemble`` is pure. This is the shape that the demonstration, the replay and ``report --json`` share.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from offset_purchaser.allocation import allocated
from offset_purchaser.campaign import Due, timetable
from offset_purchaser.handlers.settle import result_json
from offset_purchaser.store import campaigns, readings, totals
from offset_purchaser.store.campaigns import InForce
from offset_purchaser.totals import day_total
from shared.estimate import ChannelName
from shared.postgres import Pool
from shared.units import decimal_text

Rows = Sequence[Mapping[str, Any]]


async def build(pool: Pool, campaign: str | None = None) -> dict[str, Any]:
    """The whole report, or one campaign's."""
    days: list[dict[str, Any]] = []
    orders: list[dict[str, Any]] = []
    for found in await campaigns.in_force(pool, campaign):
        settlements = [dict(row) for row in await pool.fetch(SETTLEMENTS, found.campaign.id)]
        legs = [dict(row) for row in await pool.fetch(LEGS, found.campaign.id)]
        live = await _live(pool, found, {row["day"] for row in settlements if row["result"] is None})
        days += assemble(found.campaign.id, settlements, legs, live)
        orders += [_order(row) for row in legs if row["order_id"]]
    unique = {order["order_id"]: order for order in orders}
    return {"days": days, "orders": list(unique.values()), "balance": await readings.balances(pool)}


async def settlement_entries(pool: Pool, campaign: str | None = None) -> list[dict[str, Any]]:
    """Only the settlements: one entry per leg, without totals, which cost more than all the rest."""
    entries: list[dict[str, Any]] = []
    for found in await campaigns.in_force(pool, campaign):
        settlements = [dict(row) for row in await pool.fetch(SETTLEMENTS, found.campaign.id)]
        legs = [dict(row) for row in await pool.fetch(LEGS, found.campaign.id)]
        days = assemble(found.campaign.id, settlements, legs, {})
        entries += [{"campaign": d["campaign"], "day": d["day"], **entry} for d in days for entry in d["settlements"]]
    return entries


SETTLEMENTS = """
SELECT s.day, s.number, s.due_at, s.state, s.reasons, f.result, f.need_g, f.owed_g, f.committed_g
FROM settlements s LEFT JOIN frozen_settlements f USING (campaign, day, number)
WHERE campaign = $1 ORDER BY day, number
"""
LEGS = """
SELECT l.day, l.number, l.leg, l.provider, l.need_g, l.buy_day, p.ordered_g, p.carry_added_g, o.order_id,
       o.provider AS order_provider, o.state, o.quantity_g,
       CASE WHEN o.state = 'confirmed' THEN o.confirmed_g - o.credited_g ELSE o.confirmed_g END AS confirmed_g,
       o.price_per_tonne, o.currency, o.amount - o.credited_amount AS amount,
       o.document, o.attempt, o.reference, o.campaign, count(*) OVER (PARTITION BY l.buy_day, l.number, l.leg) AS days
FROM settlement_legs l LEFT JOIN purchases p USING (campaign, buy_day, number, leg)
LEFT JOIN LATERAL (SELECT * FROM orders o WHERE (o.campaign, o.buy_day, o.number, o.leg)
    = (l.campaign, l.buy_day, l.number, l.leg) ORDER BY attempt DESC LIMIT 1) o ON true
WHERE l.campaign = $1 ORDER BY l.day, l.number, l.leg
"""


async def _live(pool: Pool, found: InForce, open_days: set[date]) -> dict[date, dict[str, Any]]:
    rules = await campaigns.rules(pool, found.campaign.id)
    by_version: dict[int, list[Due]] = {}
    for due in timetable(found.campaign):
        if due.number == 1 and due.day in open_days:
            by_version.setdefault(rules.version_on(due.day), []).append(due)
    live: dict[date, dict[str, Any]] = {}
    for dues in by_version.values():
        campaign = rules.on(dues[0].day).campaign
        sums = await totals.day_sums(pool, campaign, dues)
        live |= {day: result_json(day_total(campaign, rows)) for day, rows in sums.items()}
    return live


EMPTY = {"low": "0", "central": "0", "high": "0"}


def assemble(
    campaign: str, settlements: Rows, legs: Rows, live: Mapping[date, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """One entry per campaign day: the newest frozen result, or the live total while nothing has frozen."""
    by_day: dict[date, list[Mapping[str, Any]]] = {}
    for row in settlements:
        by_day.setdefault(row["day"], []).append(row)
    by_settlement: dict[tuple[date, int], list[Mapping[str, Any]]] = {}
    for row in legs:
        by_settlement.setdefault((row["day"], row["number"]), []).append(row)
    days: list[dict[str, Any]] = []
    for day, rows in sorted(by_day.items()):
        frozen = [json.loads(row["result"]) for row in rows if row["result"] is not None]
        result = frozen[-1] if frozen else live.get(day, {})
        entries = [e for row in rows for e in _settlement(row, by_settlement.get((day, row["number"]), []))]
        days.append(
            {
                "campaign": campaign,
                "day": day.isoformat(),
                "channels": _channels(result),
                "total_g": _micrograms(result.get("total_g", EMPTY)),
                "settlements": entries,
            }
        )
    _share_amounts([entry for day in days for entry in day["settlements"]], legs)
    return days


def _share_amounts(entries: Sequence[dict[str, Any]], legs: Rows) -> None:
    """Give each day of a purchase made for several days its share of the amount."""
    amounts = {str(leg["order_id"]): leg["amount"] for leg in legs if leg["order_id"] is not None and leg["days"] > 1}
    for order_id, amount in amounts.items():
        bought = [entry for entry in entries if entry["order_id"] == order_id]
        for entry, share in zip(bought, allocated(amount, [entry["quantity_g"] for entry in bought]), strict=True):
            entry["amount"] = format(share, "f")


def _channels(result: Mapping[str, Any]) -> dict[str, Any]:
    counted, apart = result.get("channels", {}), result.get("not_bought", {})
    nothing: dict[str, Any] = {"events": 0, "late": 0, "emissions_g": EMPTY}
    return {
        str(channel): {
            **counted.get(channel, nothing),
            "emissions_g": _micrograms(counted.get(channel, nothing)["emissions_g"]),
            "not_bought": apart.get(channel, {}),
        }
        for channel in ChannelName
        if channel in counted or channel in apart
    }


def _micrograms(grams: Mapping[str, str]) -> dict[str, str]:
    """A range to the microgram: its bounds are roots and have no end."""
    return {name: decimal_text(Decimal(grams[name]).quantize(Decimal("0.000001"))) for name in EMPTY}


def _settlement(row: Mapping[str, Any], legs: Rows) -> Iterable[dict[str, Any]]:
    reasons = json.loads(row["reasons"])
    waiting = "; ".join(f"{who}: {why}" for who, why, _ in reasons)
    if row["state"] == "waiting" and not waiting:
        waiting = f"calendar: due at {row['due_at'].isoformat()}"
    head = {"number": row["number"], "state": row["state"], "waiting_for": waiting or None}
    if not legs:
        quantity = 0 if row["result"] is not None else None
        yield {**head, "quantity_g": quantity, **dict.fromkeys(LEG_KEYS)}
    for leg in legs:
        alone = leg["days"] == 1 and leg["order_id"] is not None
        yield {
            **head,
            "quantity_g": (leg["confirmed_g"] or leg["quantity_g"]) if alone else _share(leg),
            "price_per_tonne": decimal_text(leg["price_per_tonne"]) if leg["order_id"] else None,
            "currency": leg["currency"],
            "amount": format(leg["amount"], "f") if alone else None,
            "provider": leg["order_provider"] or leg["provider"],
            "leg": leg["leg"],
            "order_id": str(leg["order_id"]) if leg["order_id"] else None,
            "order_state": leg["state"],
            "document": leg["document"],
            "need_g": leg["need_g"],
            "carried_g": leg["carry_added_g"],
            "bought_with_days": leg["days"],
        }


LEG_KEYS = ("price_per_tonne", "currency", "amount", "provider", "leg", "order_id", "order_state", "document")


def _share(leg: Mapping[str, Any]) -> int:
    """A day's share of a purchase of several days; 0 when the purchase ordered nothing."""
    return 0 if leg["ordered_g"] == 0 else int(leg["need_g"])


def _order(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "order_id": str(row["order_id"]),
        "campaign": row["campaign"],
        "day": row["buy_day"].isoformat(),
        "number": row["number"],
        "leg": row["leg"],
        "attempt": row["attempt"],
        "provider": row["order_provider"],
        "state": row["state"],
        "quantity_g": row["confirmed_g"] if row["confirmed_g"] is not None else row["quantity_g"],
        "price_per_tonne": decimal_text(row["price_per_tonne"]),
        "currency": row["currency"],
        "amount": format(row["amount"], "f"),
        "reference": row["reference"],
        "document": row["document"],
        "days": row["days"],
    }
