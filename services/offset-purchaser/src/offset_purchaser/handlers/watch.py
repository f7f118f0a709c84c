"""What an operator must hear before it costs something: caps, silent sources, books that disagree. Into metrics.

Read less often than the counts of ``observe``: totals of open days and the whole ledger are larger than those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from offset_purchaser import metrics
from offset_purchaser.campaign import Campaign, Due
from offset_purchaser.handlers.context import Context
from offset_purchaser.handlers.isolate import isolated
from offset_purchaser.store import books, campaigns, purchases, settlements, totals
from offset_purchaser.terms import Caps
from offset_purchaser.totals import day_total
from shared.clock import QUARTER_S, day_bounds, local_day
from shared.telemetry import log
from shared.units import G_PER_T

GAUGES = (metrics.CAP, metrics.CAP_USED, metrics.SOURCE_SILENT)
DAYS_MAX = 14
"""Open days that are looked at: a day freezes within hours, and a replay of ten years needs no watch."""


@dataclass(slots=True)
class _Seen:
    """What the gauges will show. Read first and shown at once: a scrape must never find them half empty."""

    caps: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)
    silent_s: dict[tuple[str, str], float] = field(default_factory=dict)


async def watch(context: Context) -> None:
    """Set the gauges of every campaign in force; what no longer applies is taken away."""
    seen = _Seen()
    for found in await campaigns.in_force(context.pool):
        if not found.stopped:
            with isolated("watch", campaign=found.campaign.id):
                await _watch_campaign(context, found.campaign, seen)
    for gauge in GAUGES:
        gauge.clear()
    for key, (cap_g, used_g) in seen.caps.items():
        metrics.CAP.labels(*key).set(cap_g)
        metrics.CAP_USED.labels(*key).set(used_g)
    for key, seconds in seen.silent_s.items():
        metrics.SOURCE_SILENT.labels(*key).set(seconds)


async def watch_books(context: Context) -> None:
    """Reconcile everything and show how many things disagree."""
    findings = await books.reconciled(context.pool, None)
    metrics.BROKEN.set(len(findings.broken))
    if findings.broken:
        log(__name__).error("books disagree", number=len(findings.broken), first=findings.broken[0])


async def _watch_campaign(context: Context, campaign: Campaign, seen: _Seen) -> None:
    now, pool = context.clock(), context.pool
    today = local_day(now, campaign.tz)
    dues = [_due(campaign, day) for day in await settlements.unfrozen_days(pool, campaign.id, today, DAYS_MAX)]
    sums = await totals.day_sums(pool, campaign, dues)
    open_days = {due.day: day_total(campaign, sums.get(due.day, [])) for due in dues}
    if campaign.first_day <= today <= campaign.last_day:
        seen.silent_s |= await _silences(context, campaign, _due(campaign, today), now)
    grams = await purchases.ordered_by_day(pool, campaign.id) if campaign.caps != Caps() else {}
    for day, total in open_days.items():
        grams[day] = grams.get(day, 0) + total.owed_g - total.paid_by_others_g
    seen.caps |= _caps(campaign, grams)


def _caps(campaign: Campaign, grams: Mapping[date, int]) -> dict[tuple[str, str], tuple[float, int]]:
    """(cap, used) in grams. ``grams``: by campaign day, what is ordered or will be, and what open days owe so far."""
    caps = campaign.caps
    used = (max(grams.values(), default=0), sum(grams.values()))
    both = zip(("day", "campaign"), (caps.per_day_t, caps.per_campaign_t), used, strict=True)
    return {(campaign.id, name): (float(cap * G_PER_T), used_g) for name, cap, used_g in both if cap is not None}


async def _silences(context: Context, campaign: Campaign, due: Due, now: datetime) -> dict[tuple[str, str], float]:
    """Silence counts from the end of the newest quarter-hour with events, and never from before the day began."""
    newest = await totals.newest_quarters(context.pool, campaign, due)
    found = {}
    for channel, expected in campaign.expected.items():
        if expected.events_per_day:
            quarter = newest.get(channel)
            since = due.start if quarter is None else quarter + timedelta(seconds=QUARTER_S)
            found[campaign.id, channel.value] = max(0.0, (now - since).total_seconds())
    return found


def _due(campaign: Campaign, day: date) -> Due:
    start, end = day_bounds(day, campaign.tz)
    return Due(day, 1, start, end, end)
