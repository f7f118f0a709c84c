"""Makes the page of what the purchaser's report and tables say. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from offset_purchaser.campaign import Campaign
from offset_purchaser.campaign_report.facts import Facts
from offset_purchaser.campaign_report.page import (
    NOTHING,
    Before,
    Bought,
    Channel,
    Country,
    Grams,
    Kind,
    LeftOut,
    Page,
    Period,
    Proof,
    Saved,
)
from shared.estimate import ChannelName
from shared.units import UG_PER_G

HOURS_MAX_DAYS = 8
"""Up to eight days are drawn hour by hour; a longer campaign shows the hours of the day."""
DAYS_MAX, MONTHS_MAX_DAYS = 45, 1280
"""Up to 45 days are listed one by one, up to three and a half years by month, longer ones by year."""
RECORDED_ONLY = ("bots", "late_unprovable")
COUNTRIES_MAX = 8
ORDERED = frozenset({"planned", "held", "ready", "sending", "unknown", "placed", "confirmed"})
"""States of orders that are shown, all but the confirmed ones as open; a refused one bought nothing."""


def assemble(
    campaign: Campaign,
    company: str,
    mode: str,
    report: Mapping[str, Any],
    facts: Facts,
    *,
    before: tuple[Campaign, Mapping[str, Any], Facts] | None = None,
    avoided: Mapping[str, Any] | None = None,
    proof: Proof | None = None,
) -> Page:
    """The page of one campaign. ``report`` is the purchaser's (``report.build``), ``avoided`` that of ``shared``."""
    days = report["days"]
    total = sum((_grams(day["total_g"]) for day in days), NOTHING)
    kind = _kind(campaign)
    return Page(
        campaign=campaign.id,
        title=campaign.title,
        company=company,
        mode=mode,
        zone=campaign.zone,
        first_day=campaign.first_day,
        last_day=campaign.last_day,
        open_days=sum(_is_open(day) for day in days),
        kind=kind,
        periods=_periods(days, kind),
        channels=_channels(campaign, days, facts),
        total=total,
        hours=_hours(campaign, facts),
        of_the_day=_is_long(campaign),
        countries=_countries(facts),
        before=_before(before, facts) if before else None,
        known_shares={name.value: share / 100 for name, share in campaign.known_shares.items()},
        left_out=_left_out(report, facts),
        saved=tuple(_saved(avoided)) if avoided else (),
        bought=tuple(_bought(report)),
        balance=tuple(sorted(report["balance"].items())),
        methods=tuple(sorted(facts.methods, key=lambda row: (_place(row[0]), row))),
        proof=proof,
    )


def _place(channel: str) -> int:
    return [str(name) for name in ChannelName].index(channel)


def _is_open(day: Mapping[str, Any]) -> bool:
    return any(entry["state"] in {"waiting", "held"} and entry["number"] == 1 for entry in day["settlements"])


def _is_long(campaign: Campaign) -> bool:
    return (campaign.last_day - campaign.first_day).days >= HOURS_MAX_DAYS


def _kind(campaign: Campaign) -> Kind:
    days = (campaign.last_day - campaign.first_day).days + 1
    return "day" if days <= DAYS_MAX else "month" if days <= MONTHS_MAX_DAYS else "year"


def _periods(days: Sequence[Mapping[str, Any]], kind: Kind) -> tuple[Period, ...]:
    """Every day of a short campaign; the months or years of a long one in which something happened."""
    found: dict[date, list[Mapping[str, Any]]] = defaultdict(list)
    for entry in days:
        day = date.fromisoformat(entry["day"])
        month, first = (day.month if kind == "month" else 1), (day.day if kind == "day" else 1)
        found[day if kind == "day" else date(day.year, month, first)].append(entry)
    periods = []
    for start, entries in sorted(found.items()):
        channels: dict[str, Decimal] = defaultdict(Decimal)
        for entry in entries:
            for name, channel in entry["channels"].items():
                channels[name] += Decimal(channel["emissions_g"]["central"])
        total = sum((_grams(entry["total_g"]) for entry in entries), NOTHING)
        if kind == "day" or total.central or any(entry["channels"] for entry in entries):
            periods.append(Period(start, dict(channels), total))
    return tuple(periods)


def _channels(campaign: Campaign, days: Sequence[Mapping[str, Any]], facts: Facts) -> tuple[Channel, ...]:
    sums = {name.value: (NOTHING, 0, 0) for name in campaign.channels}
    for day in days:
        for name, channel in day["channels"].items():
            grams, events, late = sums.get(name, (NOTHING, 0, 0))
            apart = sum(channel["not_bought"][why]["events"] for why in RECORDED_ONLY if why in channel["not_bought"])
            sums[name] = (
                grams + _grams(channel["emissions_g"]),
                events + channel["events"] + apart,
                late + channel["late"],
            )
    duplicates, rejected = Counter[str](), Counter[str]()
    for row in facts.apart:
        duplicates[row.channel] += row.duplicates
        rejected[row.channel] += row.rejected
    whole = sum((grams.central for grams, _, _ in sums.values()), Decimal(0))
    return tuple(
        Channel(name, events, late, duplicates[name], rejected[name], grams, _share(grams.central, whole))
        for name, (grams, events, late) in sorted(sums.items(), key=lambda row: _place(row[0]))
    )


def _share(part: Decimal, whole: Decimal) -> Decimal:
    return part / whole if whole else Decimal(0)


def _hours(campaign: Campaign, facts: Facts) -> tuple[tuple[datetime, Mapping[str, Decimal]], ...]:
    """Every hour between the first and the last, with nothing in the empty ones."""
    long, first = _is_long(campaign), datetime.combine(campaign.first_day, time())
    count = 24 if long else ((campaign.last_day - campaign.first_day).days + 1) * 24
    bars: dict[datetime, dict[str, Decimal]] = {first + timedelta(hours=n): {} for n in range(count)}
    for hour, channel, micrograms in facts.hours:
        bar = bars[datetime.combine(campaign.first_day, time(hour.hour)) if long else hour]
        bar[channel] = bar.get(channel, Decimal(0)) + Decimal(micrograms) / UG_PER_G
    return tuple(bars.items())


def _countries(facts: Facts) -> tuple[Country, ...]:
    """The countries with the most, then the others as one (``*``), then what nobody could place."""
    whole = sum((Decimal(ug) for _, _, ug in facts.countries), Decimal(0)) / UG_PER_G
    rows = [
        Country(code, n, Decimal(ug) / UG_PER_G, _share(Decimal(ug) / UG_PER_G, whole))
        for code, n, ug in facts.countries
    ]
    known, unknown = [row for row in rows if row.code], [row for row in rows if not row.code]
    shown, rest = known[:COUNTRIES_MAX], known[COUNTRIES_MAX:]
    if rest:
        grams = sum((row.grams for row in rest), Decimal(0))
        shown.append(Country("*", sum(row.events for row in rest), grams, _share(grams, whole)))
    return (*shown, *unknown)


def _before(found: tuple[Campaign, Mapping[str, Any], Facts], facts: Facts) -> Before:
    campaign, report, theirs = found
    channels: dict[str, Decimal] = defaultdict(Decimal)
    for day in report["days"]:
        for name, channel in day["channels"].items():
            channels[name] += Decimal(channel["emissions_g"]["central"])
    return Before(
        title=campaign.title,
        first=campaign.first_day,
        last=campaign.last_day,
        days=(campaign.last_day - campaign.first_day).days + 1,
        total=sum((_grams(day["total_g"]) for day in report["days"]), NOTHING),
        channels=dict(channels),
        same_methods=set(theirs.methods) == set(facts.methods),
    )


def _left_out(report: Mapping[str, Any], facts: Facts) -> tuple[LeftOut, ...]:
    apart: dict[str, tuple[int, Decimal]] = {}
    for entry in report["days"]:
        for channel in entry["channels"].values():
            for reason, part in channel["not_bought"].items():
                events, grams = apart.get(reason, (0, Decimal(0)))
                apart[reason] = (events + part["events"], grams + Decimal(part["emissions_g"]["central"]))
    rows = [
        LeftOut("rejected", sum(row.rejected for row in facts.apart), None),
        LeftOut("duplicates", sum(row.duplicates for row in facts.apart), None),
        *(LeftOut(reason, *apart.get(reason, (0, Decimal(0)))) for reason in reversed(RECORDED_ONLY)),
        LeftOut("outside", facts.outside, None),
        # The events of a register say nothing about how many parcels others pay for: only its mass is shown.
        LeftOut("paid_by_others", None, apart.get("paid_by_others", (0, Decimal(0)))[1]),
    ]
    if facts.not_estimated:
        rows.append(LeftOut("not_estimated", facts.not_estimated, None))
    if lost := sum(row["lost"] for row in report["balance"].values()):
        rows.append(LeftOut("lost", lost, None))
    return tuple(rows)


def _saved(avoided: Mapping[str, Any]) -> Iterable[Saved]:
    years = Decimal(avoided["years_of_use"])
    for device, found in avoided["devices"].items():
        for row in found["indicators"]:
            low, central, high = (Decimal(row[end]) if end in row else None for end in ("low", "central", "high"))
            yield Saved(device, found["units"], years, row["indicator"], row["unit"], low, central, high)


def _bought(report: Mapping[str, Any]) -> Iterable[Bought]:
    for order in sorted(report["orders"], key=lambda order: (order["day"], order["number"], order["leg"])):
        if order["state"] in ORDERED and order["quantity_g"]:
            yield Bought(
                day=date.fromisoformat(order["day"]),
                quantity_g=order["quantity_g"],
                price_per_tonne=Decimal(order["price_per_tonne"]),
                currency=order["currency"],
                amount=Decimal(order["amount"]),
                provider=order["provider"],
                state=order["state"],
                order_id=order["order_id"],
                document=order["document"] or "",
            )


def _grams(found: Mapping[str, str]) -> Grams:
    return Grams(Decimal(found["low"]), Decimal(found["central"]), Decimal(found["high"]))
