"""What a campaign day owes, from grouped register sums. Pure; low / central / high in integer micrograms until the end.

Ranges: linear inside a factor group (its errors are common to all of its registers), quadrature between groups (theirs
are independent). Rounded up to grams once per day, ours and what others pay each by itself (``formulas``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from offset_purchaser.campaign import Campaign
from offset_purchaser.formulas import FORMULAS, NEWEST, Ranges
from shared.estimate import ChannelName, RangeG
from shared.ranges import combine_ranges
from shared.units import ug_to_g


@dataclass(frozen=True, slots=True)
class Sums:
    """Registers of one day that are treated alike, added up."""

    channel: ChannelName
    factor_group: str
    paid: bool
    unprovable: bool
    bot: bool
    estimated: bool
    events: int
    late: int
    low_ug: int
    central_ug: int
    high_ug: int
    example: str = ""
    """The detail of one of the registers, named when something about it holds the day."""


@dataclass(frozen=True, slots=True)
class Part:
    """Events and grams of one treatment."""

    events: int
    late: int
    emissions_g: RangeG


@dataclass(frozen=True, slots=True)
class DayTotal:
    """One campaign day: what counts, what others pay, what is recorded only, and what nobody could estimate."""

    channels: Mapping[ChannelName, Part]
    not_bought: Mapping[ChannelName, Mapping[str, Part]]
    """By channel and reason: ``bots``, ``late_unprovable``, ``paid_by_others`` (the last is inside ``total``)."""
    total: RangeG
    owed_g: int
    paid_by_others_g: int
    not_estimated: tuple[str, ...]

    @property
    def is_nothing(self) -> bool:
        """No events at all."""
        return not self.channels and not self.not_bought and not self.not_estimated


ZERO = RangeG(Decimal(0), Decimal(0), Decimal(0))


def day_total(campaign: Campaign, sums: Iterable[Sums], formula: int = NEWEST) -> DayTotal:
    """Total one day under a campaign's rules. ``sums`` holds the campaign's own registers (``store.totals``);
    ``formula`` is the newest for what is still to be settled, the stored one for what is frozen."""
    rows = list(sums)
    counted = [row for row in rows if row.estimated and not recorded_only(campaign, row)]
    channels = {name: part_of(r for r in counted if r.channel is name) for name in ChannelName}
    not_bought: dict[ChannelName, dict[str, Part]] = {}
    for name in ChannelName:
        reasons = {
            reason: part
            for reason in ("bots", "late_unprovable", "paid_by_others")
            if (part := part_of(_recorded(campaign, rows, name, reason))).events
        }
        if reasons:
            not_bought[name] = reasons
    total = _range(counted)
    own, paid = (_range(row for row in counted if row.paid is others) for others in (False, True))
    grams = FORMULAS[formula].grams(Ranges(total, own, paid), campaign.cover)
    return DayTotal(
        channels={name: part for name, part in channels.items() if part.events},
        not_bought=not_bought,
        total=total,
        owed_g=grams.owed_g,
        paid_by_others_g=grams.paid_by_others_g,
        not_estimated=tuple(sorted({_name(row) for row in rows if not row.estimated and _matters(campaign, row)})),
    )


def recorded_only(campaign: Campaign, row: Sums) -> str:
    """Why a register is shown but not bought by the campaign's rules; ``""`` when it is bought."""
    if row.bot and campaign.bots == "record":
        return "bots"
    if row.unprovable and campaign.late_unprovable == "record":
        return "late_unprovable"
    return ""


def _matters(campaign: Campaign, row: Sums) -> bool:
    return row.events > 0 and not recorded_only(campaign, row)


def _recorded(campaign: Campaign, rows: Iterable[Sums], channel: ChannelName, reason: str) -> Iterable[Sums]:
    for row in rows:
        why = recorded_only(campaign, row) or ("paid_by_others" if row.paid and row.estimated else "")
        if row.channel is channel and why == reason:
            yield row


def _name(row: Sums) -> str:
    return f"{row.channel}: {row.example}" if row.example else str(row.channel)


def part_of(rows: Iterable[Sums]) -> Part:
    """Events and grams of some rows together."""
    kept = list(rows)
    return Part(sum(r.events for r in kept), sum(r.late for r in kept), _range(kept))


def _range(rows: Iterable[Sums]) -> RangeG:
    groups: dict[str, tuple[int, int, int]] = {}
    for row in rows:
        low, central, high = groups.get(row.factor_group, (0, 0, 0))
        groups[row.factor_group] = (low + row.low_ug, central + row.central_ug, high + row.high_ug)
    if not groups:
        return ZERO
    return combine_ranges(
        {name: (ug_to_g(low), ug_to_g(mid), ug_to_g(high)) for name, (low, mid, high) in groups.items()}
    )
