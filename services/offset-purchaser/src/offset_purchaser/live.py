"""What a campaign day shows while it runs: two figures, emissions and credits, each with how fresh it is. Pure.

The shape of ``GET /v1/campaigns/{campaign}/days/{day}`` and of ``offset-purchaser totals``. Grams are decimal strings.
Not promised: that the parts of a range add up to the total. Central values do; errors of different factor groups are
independent, so low and high of a total are nearer to its central value than the sums of its parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from offset_purchaser.campaign import Campaign, Due
from offset_purchaser.settlement import file_reasons, placement_reasons, source_reasons, total_reasons
from offset_purchaser.sources import TopicState
from offset_purchaser.totals import Part, Sums, day_total, part_of, recorded_only
from shared.estimate import ChannelName, RangeG
from shared.units import decimal_text

Grams = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["1204.350112"])]
MICROGRAM = Decimal("0.000001")
UNKNOWN = "unknown"
"""Stands for a country that no event named."""


@dataclass(frozen=True, slots=True)
class Place:
    """Registers of one shop and one country (``""``: unknown) that are treated alike, added up."""

    shop: str
    country: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Frozen:
    """The newest settlement of a day that froze."""

    number: int
    frozen_at: datetime
    owed_g: int
    last: bool
    """Whether no later settlement of the day is to come."""


@dataclass(frozen=True, slots=True)
class Credits:
    """The day's share of purchases, in grams, by how far they are; each figure is inside the one before it."""

    ordered_g: int
    confirmed_g: int
    certified_g: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything above as of one moment of the tables."""

    places: tuple[Place, ...]
    topics: tuple[TopicState, ...]
    files: frozenset[str]
    beside: Mapping[str, int]
    """Formats of manual lines that stand beside events of the same format, with how many."""
    frozen: Frozen | None
    credits: Credits


class Shown(BaseModel):
    """Base of what is shown: frozen, nothing besides."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RangeOut(Shown):
    """Grams of CO2e to the microgram."""

    low: Grams
    central: Grams
    high: Grams


class PartOut(Shown):
    """Events and their emissions."""

    events: int
    late: int
    emissions_g: RangeOut


class ChannelOut(PartOut):
    """One channel, with the moment through which all of its records are counted."""

    as_of: AwareDatetime | None
    not_bought: dict[str, PartOut]
    """By reason: ``bots`` and ``late_unprovable`` are outside the figure, ``paid_by_others`` is inside."""


class WaitsFor(Shown):
    """Somebody whose word is missing."""

    who: str
    why: str


class EmissionsOut(Shown):
    """The first figure: what was emitted, as counted so far."""

    total_g: RangeOut
    owed_g: int
    paid_by_others_g: int
    channels: dict[str, ChannelOut]
    shops: dict[str, PartOut]
    countries: dict[str, PartOut]
    not_estimated: tuple[str, ...]
    """Activity without a method; it is never counted as 0 and holds the day."""


class CreditsOut(Shown):
    """The second figure: the day's share of purchased credits, by how far they are. Never taken off the first one."""

    ordered_g: int
    confirmed_g: int
    certified_g: int


class FrozenOut(Shown):
    """The newest settlement that froze; later readings count for the next one."""

    number: int
    frozen_at: AwareDatetime
    owed_g: int


class DayTotals(Shown):
    """One campaign day as of now."""

    campaign: str
    day: date
    zone: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    hours: int
    """23 or 25 when the clocks change."""
    computed_at: AwareDatetime
    as_of: AwareDatetime | None
    """Everything that producers sent before this moment is counted; null when a source has said nothing yet."""
    complete: bool
    waits_for: tuple[WaitsFor, ...]
    emissions: EmissionsOut
    credits: CreditsOut
    frozen: FrozenOut | None


def day_view(campaign: Campaign, due: Due, seen: Snapshot, now: datetime) -> DayTotals:
    """What a day shows."""
    total = day_total(campaign, [place.sums for place in seen.places])
    topics = {topic.channel: topic for topic in seen.topics}
    reasons = [
        *source_reasons(campaign, due, seen.topics),
        *file_reasons(campaign, seen.files),
        *placement_reasons(seen.beside),
        *total_reasons(campaign, total),
    ]
    counted = [place for place in seen.places if place.sums.estimated and not recorded_only(campaign, place.sums)]
    return DayTotals(
        campaign=campaign.id,
        day=due.day,
        zone=campaign.zone,
        starts_at=due.start,
        ends_at=due.end,
        hours=int((due.end - due.start).total_seconds() // 3600),
        computed_at=now,
        as_of=_as_of(seen.topics),
        complete=not reasons and now >= due.due_at,
        waits_for=tuple(WaitsFor(who=reason.who, why=reason.why) for reason in reasons),
        emissions=EmissionsOut(
            total_g=_range(total.total),
            owed_g=total.owed_g,
            paid_by_others_g=total.paid_by_others_g,
            channels={
                name.value: ChannelOut(
                    **_part(total.channels.get(name, part_of(()))).model_dump(),
                    as_of=topics[name].as_of if name in topics else None,
                    not_bought={why: _part(part) for why, part in total.not_bought.get(name, {}).items()},
                )
                for name in ChannelName
                if name in campaign.channels
            },
            shops=_grouped((place.shop, place.sums) for place in counted),
            countries=_grouped((place.country or UNKNOWN, place.sums) for place in counted),
            not_estimated=total.not_estimated,
        ),
        credits=CreditsOut(
            ordered_g=seen.credits.ordered_g,
            confirmed_g=seen.credits.confirmed_g,
            certified_g=seen.credits.certified_g,
        ),
        frozen=seen.frozen
        and FrozenOut(number=seen.frozen.number, frozen_at=seen.frozen.frozen_at, owed_g=seen.frozen.owed_g),
    )


def _as_of(topics: Iterable[TopicState]) -> datetime | None:
    moments = [topic.as_of for topic in topics]
    known = [moment for moment in moments if moment is not None]
    return min(known) if known and len(known) == len(moments) else None


def _grouped(rows: Iterable[tuple[str, Sums]]) -> dict[str, PartOut]:
    groups: dict[str, list[Sums]] = {}
    for name, sums in rows:
        groups.setdefault(name, []).append(sums)
    return {name: _part(part_of(found)) for name, found in sorted(groups.items())}


def _part(part: Part) -> PartOut:
    return PartOut(events=part.events, late=part.late, emissions_g=_range(part.emissions_g))


def _range(value: RangeG) -> RangeOut:
    low, central, high = (decimal_text(v.quantize(MICROGRAM)) for v in (value.low, value.central, value.high))
    return RangeOut(low=low, central=central, high=high)
