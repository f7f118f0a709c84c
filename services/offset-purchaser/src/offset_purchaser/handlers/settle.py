"""Due settlements: wait, hold or freeze; then plan what to buy. One transaction sees one moment of all readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from offset_purchaser import ledger, metrics
from offset_purchaser.formulas import FORMULAS, NEWEST
from offset_purchaser.handlers.context import Context, acting
from offset_purchaser.handlers.isolate import isolated
from offset_purchaser.handlers.plan import plan_purchases
from offset_purchaser.settlement import (
    Booked,
    Decision,
    Freeze,
    Hold,
    Quantity,
    Wait,
    file_reasons,
    gate,
    placement_reasons,
    quantity,
    review,
    shared,
    source_reasons,
)
from offset_purchaser.sources import Reason, TopicState, topic_state
from offset_purchaser.store import campaigns, manual, settlements, totals
from offset_purchaser.store import ledger as ledger_store
from offset_purchaser.store.campaigns import InForce, Rules
from offset_purchaser.store.leadership import Term
from offset_purchaser.store.readings import partition_balances, partition_states
from offset_purchaser.store.settlements import Frozen, Open
from offset_purchaser.totals import DayTotal, Part, day_total
from shared.estimate import RangeG
from shared.postgres import Connection, Pool
from shared.telemetry import log
from shared.units import decimal_text

DAYS_AT_ONCE = 400
"""Days frozen in one transaction: a replay of ten years takes ten of them, each about a second."""


async def settle(context: Context, term: Term) -> int:
    """Look at every campaign once; returns how many settlements froze."""
    frozen = 0
    for found in await campaigns.in_force(context.pool):
        if not found.stopped:
            with isolated("settle", campaign=found.campaign.id):
                frozen += await _settle_campaign(context, term, found)
    return frozen


async def _settle_campaign(context: Context, term: Term, found: InForce) -> int:
    waiting = await settlements.open_settlements(context.pool, found.campaign, context.clock())
    if not waiting:
        return 0
    rules = await campaigns.rules(context.pool, found.campaign.id)
    by_version: dict[int, list[Open]] = {}
    for item in waiting:
        by_version.setdefault(rules.version_on(item.due.day), []).append(item)
    return sum([await _settle_days(context, term, rules, items) for items in by_version.values()])


async def _settle_days(context: Context, term: Term, rules: Rules, waiting: Sequence[Open]) -> int:
    """Days that began under the same version of a campaign."""
    found = rules.on(waiting[0].due.day)
    topics = await topic_states(context, context.pool, found)
    ready, changes = [], []
    for item in waiting:
        decision = gate(found.campaign, item.due, topics, item.release, context.clock())
        if isinstance(decision, Freeze):
            ready.append(item)
        else:
            changes += _changed(item, decision)
    if changes:
        async with acting(context, term) as connection:
            await settlements.save_waiting(connection, found.campaign.id, changes)
    frozen = 0
    for number in sorted({item.due.number for item in ready}):
        of_number = [item for item in ready if item.due.number == number]
        for start in range(0, len(of_number), DAYS_AT_ONCE):
            frozen += await _freeze(context, term, rules, of_number[start : start + DAYS_AT_ONCE])
    return frozen


async def topic_states(context: Context, connection: Connection | Pool, found: InForce) -> list[TopicState]:
    """How far each of a campaign's source topics is counted."""
    names = context.source_topics()
    mine = {channel: names[channel] for channel in found.campaign.channels}
    states = await partition_states(connection, list(mine.values()))
    return [topic_state(channel, topic, states) for channel, topic in mine.items()]


def _changed(item: Open, decision: Decision) -> list[tuple[Any, bool, Sequence[Reason]]]:
    match decision:
        case Wait(reasons):
            held = False
        case Hold(reasons):
            held = True
        case Freeze():
            return []
    if held == item.held and reasons == item.reasons:
        return []
    return [(item.due, held, reasons)]


async def _freeze(context: Context, term: Term, rules: Rules, items: Sequence[Open]) -> int:
    found = rules.on(items[0].due.day)
    campaign, number = found.campaign, items[0].due.number
    now = context.clock()
    async with acting(context, term, snapshot=True) as connection:
        topics = await topic_states(context, connection, found)
        sums = await totals.day_sums(connection, campaign, [item.due for item in items])
        files = await manual.arrived(connection, campaign.id)
        twice = await manual.beside_events(connection, campaign, [item.due for item in items])
        ready: list[tuple[Open, DayTotal, Freeze]] = []
        changes = []
        for item in items:
            total = day_total(campaign, sums.get(item.due.day, []))
            reasons = [
                *source_reasons(campaign, item.due, topics),
                *file_reasons(campaign, files),
                *placement_reasons(twice.get(item.due.day, {})),
            ]
            decision = review(campaign, item.due, total, reasons, item.release, now)
            if isinstance(decision, Freeze):
                ready.append((item, total, decision))
            else:
                changes += _changed(item, decision)
        if changes:
            await settlements.save_waiting(connection, campaign.id, changes)
        if ready:
            await _write(context, connection, found, number, ready, topics)
            await plan_purchases(context, connection, rules)
            await settlements.refresh_states(connection, campaign.id)
            await settlements.complete_without_legs(connection, campaign.id)
    if ready:
        metrics.SETTLEMENTS_FROZEN.labels(campaign.id).inc(len(ready))
        log(__name__).info("settlements frozen", campaign=campaign.id, number=number, days=len(ready))
    return len(ready)


async def _write(
    context: Context,
    connection: Connection,
    found: InForce,
    number: int,
    ready: Sequence[tuple[Open, DayTotal, Freeze]],
    topics: Sequence[TopicState],
) -> None:
    campaign, now, mode, formula = found.campaign, context.clock(), context.settings.mode, FORMULAS[NEWEST].text
    before = await settlements.booked(connection, campaign.id, number)
    returned = await ledger_store.returned(connection, campaign.id)
    by_leg = await ledger_store.returned_by_leg(connection, campaign.id)
    days = [item.due.day for item, _, _ in ready]
    await totals.freeze_lines(connection, campaign, [item.due for item, _, _ in ready], number)
    hashes = await totals.frozen_hashes(connection, campaign.id, days, number)
    evidence = await totals.frozen_evidence(connection, campaign.id, days, number)
    rows, legs, postings = [], [], []
    for item, total, decision in ready:
        day = item.due.day
        was = replace(before.get(day, Booked()), returned_g=returned.get(day, 0))
        q = quantity(total, was, record_only=number > 1 and campaign.late == "record")
        lines, sha256 = hashes.get(day, (0, totals.NO_LINES_SHA256))
        gaps = [{"who": gap.who, "why": gap.why, **_released(item)} for gap in decision.gaps]
        back = _to_legs(by_leg.get(day, {}), was.returned_g)
        result = result_json(total) | evidence[day] | {"formula": formula, "returned_g": back}
        rows.append(Frozen(item.due, q, gaps, result, lines, sha256))
        entries = ledger.frozen_entries(day, *_deltas(q, was))
        for leg, need in zip(campaign.legs, shared(q.need_g, campaign.legs, back), strict=True):
            if need:
                legs.append((day, number, leg.key, leg.provider, need, campaign.buying_day(leg, day)))
                entries += ledger.committed_entries(day, leg.provider, need)
        key = f"settlement|{campaign.id}|{day}|{number}"
        note = f"settlement {number} of {day}"
        postings.append(ledger.Posting(key, mode, campaign.entity_id, campaign.id, number, note, tuple(entries)))
    await settlements.insert_frozen(
        connection,
        campaign,
        version=found.version,
        mode=mode,
        now=now,
        sources=_sources(topics, await partition_balances(connection, [t.topic for t in topics])),
        rows=rows,
    )
    await settlements.insert_legs(connection, campaign.id, legs)
    await ledger_store.append(connection, postings, now)


def _to_legs(by_leg: Mapping[str, int], returned_g: int) -> dict[str, int]:
    """What orders gave back to their own legs; nothing where an earlier settlement has taken a part of it again."""
    return dict(by_leg) if sum(by_leg.values()) == returned_g else {}


def _released(item: Open) -> dict[str, str]:
    return {"reason": item.release.reason, "by": item.release.by} if item.release else {}


def _deltas(now: Quantity, was: Booked) -> tuple[int, int, int]:
    return (
        now.owed_g - was.owed_g,
        now.paid_by_others_g - was.paid_by_others_g,
        now.waived_g - was.waived_g,
    )


def _sources(topics: Sequence[TopicState], balances: dict[str, list[dict[str, int]]]) -> dict[str, Any]:
    return {
        topic.topic: {
            "as_of": topic.as_of.isoformat() if topic.as_of else None,
            "through": {str(number): offset for number, offset in topic.through.items()},
            "counted": topic.counted,
            "partitions": balances.get(topic.topic, []),
        }
        for topic in topics
    }


def range_json(value: RangeG) -> dict[str, str]:
    """A range as decimal strings."""
    return {name: decimal_text(number) for name, number in asdict(value).items()}


def part_json(part: Part) -> dict[str, Any]:
    """Events and grams as stored and reported."""
    return {"events": part.events, "late": part.late, "emissions_g": range_json(part.emissions_g)}


def result_json(total: DayTotal) -> dict[str, Any]:
    """A day's total as stored with the settlement, and as the report shows it."""
    return {
        "channels": {channel.value: part_json(part) for channel, part in total.channels.items()},
        "not_bought": {
            channel.value: {reason: part_json(part) for reason, part in reasons.items()}
            for channel, reasons in total.not_bought.items()
        },
        "total_g": range_json(total.total),
        "owed_g": total.owed_g,
        "paid_by_others_g": total.paid_by_others_g,
    }
