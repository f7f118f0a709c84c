"""A campaign: what is counted, for whom, by which calendar, and bought where at most at which price.

Pure: no file, no clock. ``campaign_file`` reads the YAML; ``timetable`` says when each settlement is due.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from offset_purchaser.terms import (
    PER_CAMPAIGN_PROVIDERS,
    Approval,
    BuyMode,
    Caps,
    Country,
    DeviceKind,
    Expected,
    Identifier,
    Leg,
    LegalEntity,
    Passed,
    Percent,
    Shop,
    Strict,
    Zone,
    parse_span,
)
from shared.avoided import YEARS_LIMIT
from shared.clock import day_bounds, local_day
from shared.estimate import ChannelName


class Campaign(Strict):
    """One sales event. See ``campaigns.yaml`` for every field explained."""

    id: Identifier
    name: str = ""
    legal_entity: Identifier | LegalEntity
    """An id of the file's ``legal_entities``, or the party itself."""
    shops: tuple[Shop, ...] | Literal["*"]
    countries: tuple[Country, ...] | Literal["*"] = "*"
    unknown_country: Literal["include", "exclude"] = "include"
    zone: Zone
    first_day: date
    last_day: date
    channels: Annotated[tuple[ChannelName, ...], Field(min_length=1)]
    expected: dict[ChannelName, Expected] = Field(default_factory=dict)
    forecast_from: str = ""
    """The campaign whose hours shape the forecast; the entity's last one before this when left out."""
    expected_files: tuple[str, ...] = ()
    """Files that must be said to have arrived (``campaigns arrived``) before any day freezes."""
    cover: Literal["central", "high"] = "central"
    buy: BuyMode | None = None
    grace: timedelta = timedelta(hours=6)
    true_up_days: Annotated[int, Field(ge=0, le=366)] = 14
    wait_at_most: timedelta = timedelta(hours=48)
    late_unprovable: Literal["buy", "record"] = "record"
    late: Literal["true_up", "record"] = "true_up"
    bots: Literal["buy", "record"] = "record"
    unprovable_duplicates_share: Annotated[Decimal, Field(ge=0, le=1)] = Decimal("0.01")
    opens_after: tuple[Passed, ...] = ()
    legs: Annotated[tuple[Leg, ...], Field(min_length=1)]
    caps: Caps = Caps()
    approval: Approval = Approval()
    stop_buying: bool = False
    units_sold: dict[DeviceKind, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """Refurbished devices sold: the report shows what they avoid against new ones, apart from everything else."""
    years_of_use: Annotated[Decimal, Field(gt=0, le=YEARS_LIMIT, decimal_places=2)] = Decimal(1)
    """How long each of them is used, for what the report says they avoid."""
    known_shares: dict[ChannelName, Percent] = Field(default_factory=dict)
    """Shares of the footprint found before anything was measured: a yardstick in the report, never a target."""

    @field_validator("grace", "wait_at_most", mode="before")
    @classmethod
    def _span(cls, value: object) -> object:
        if isinstance(value, bool):
            raise ValueError(f"{str(value).lower()} is not a span of time; write 90s, 15m, 6h or 2d")
        if isinstance(value, int):
            raise ValueError(f"{value} has no unit; write {value}s, {value}m, {value}h or {value}d")
        return parse_span(value) if isinstance(value, str) and not value.startswith("P") else value  # P: ISO 8601

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError(f"last_day: {self.last_day} is before first_day {self.first_day}")
        total = sum((leg.share for leg in self.legs), Decimal(0))
        if total != 100:
            raise ValueError(f"legs: the shares add up to {total} %, not to 100 %")
        names = [leg.key for leg in self.legs]
        if len(set(names)) != len(names):
            raise ValueError("legs: two legs have the same name; give one of them a name of its own")
        for name, count in (("channels", self.channels), ("shops", self.shops)):
            if len(set(count)) != len(count):
                raise ValueError(f"{name}: the same one is listed twice")
        if self.grace < timedelta(0):
            raise ValueError("grace: a span of time cannot be negative")
        if self.wait_at_most <= timedelta(0):
            raise ValueError("wait_at_most: a settlement cannot wait for no time; write 1h or more")
        return self

    @property
    def entity_id(self) -> str:
        """Who buys, by id."""
        return self.legal_entity if isinstance(self.legal_entity, str) else self.legal_entity.id

    @property
    def tz(self) -> ZoneInfo:
        """The campaign's time zone."""
        return ZoneInfo(self.zone)

    @property
    def title(self) -> str:
        """The campaign's name for people."""
        return self.name or self.id

    def days(self) -> Iterator[date]:
        """Every calendar day from the first to the last."""
        for n in range((self.last_day - self.first_day).days + 1):
            yield self.first_day + timedelta(days=n)

    def buys(self, leg: Leg) -> BuyMode:
        """Whether a leg is bought per day or once per campaign: its own word, else its partner's nature, else ours."""
        if leg.buy is None and leg.provider in PER_CAMPAIGN_PROVIDERS:
            return "per_campaign"
        return leg.buy or self.buy or "per_day"

    def buying_day(self, leg: Leg, day: date) -> date:
        """The day under which a leg's share of a campaign day is ordered."""
        return day if self.buys(leg) == "per_day" else self.last_day

    def canonical(self) -> bytes:
        """The stored content: equal campaigns have equal bytes."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()

    def sha256(self) -> str:
        """SHA-256 (hex) of ``canonical()``."""
        return hashlib.sha256(self.canonical()).hexdigest()


@dataclass(frozen=True, slots=True)
class Due:
    """One settlement of the timetable: the first has number 1, the true-up after the campaign number 2."""

    day: date
    number: int
    start: datetime
    end: datetime
    due_at: datetime


def first_due(campaign: Campaign, day: date) -> Due:
    """A day's first settlement: due at the day's end + grace."""
    start, end = day_bounds(day, campaign.tz)
    return Due(day, 1, start, end, end + campaign.grace)


def timetable(campaign: Campaign) -> list[Due]:
    """When every settlement of a campaign is due: each day's end + grace, then the campaign's end + N days."""
    rows: list[Due] = []
    _, last_end = day_bounds(campaign.last_day, campaign.tz)
    final = last_end + timedelta(days=campaign.true_up_days)
    for day in campaign.days():
        first = first_due(campaign, day)
        rows.append(first)
        if campaign.true_up_days:
            rows.append(Due(day, 2, first.start, first.end, max(final, first.due_at)))
    return rows


FIXED_ONCE_BEGUN = ("entity_id", "zone", "first_day", "channels")


def refuse_edit(old: Campaign, new: Campaign, today: date) -> str:
    """Why a changed campaign may not replace the one in force; ``""`` when it may.

    Nothing fixed changes once the first day has begun; ``last_day`` may not move into the days that have begun.
    """
    if today < old.first_day:
        return ""
    for name in FIXED_ONCE_BEGUN:
        if getattr(old, name) != getattr(new, name):
            field = name.replace("entity_id", "legal_entity")
            return f"{field}: campaign {old.id} began on {old.first_day}, so its {field} can no longer change"
    if why := _buys_otherwise(old, new):
        return why
    if new.last_day < min(today, old.last_day):
        return f"last_day: {new.last_day} lies before today ({today}); days that have begun cannot be taken away"
    return ""


def _buys_otherwise(old: Campaign, new: Campaign) -> str:
    """What would take a begun day's shares from the purchase that they are waiting for."""
    began = f"campaign {old.id} began on {old.first_day}, so"
    if {leg.key: leg.currency for leg in old.legs} != {leg.key: leg.currency for leg in new.legs}:
        return f"legs: {began} its legs and currencies can no longer change"
    ways = {leg.key: new.buys(leg) for leg in new.legs}
    for leg in old.legs:
        if ways[leg.key] != old.buys(leg):
            return f"buy: {began} {leg.key} stays bought {old.buys(leg)}"
    if old.true_up_days and not new.true_up_days:
        return f"true_up_days: {began} its true-up can no longer be taken away"
    return ""


ACTS_AT_ONCE = (
    "name",
    "caps",
    "approval",
    "stop_buying",
    "wait_at_most",
    "opens_after",
    "expected",
    "expected_files",
    "forecast_from",
)
"""What a changed file changes for days that have begun too: guards and waiting. Everything else that a day is counted,
covered and bought by stays as it was when the day began. Where a leg's orders are mailed to (``mail_to``) acts at once
too."""


def rules_of_day(day: date, versions: Sequence[tuple[datetime, Campaign]]) -> int:
    """The index of the version that a campaign day is settled by: the last one loaded before the day began.

    ``versions`` in the order in which they were loaded. A day that began before the first version was loaded (a replay)
    or that an older version does not have is settled by the first version that has it.
    """
    having = [n for n, (_, campaign) in enumerate(versions) if campaign.first_day <= day <= campaign.last_day]
    if not having:
        return len(versions) - 1
    for n in reversed(having):
        loaded_at, campaign = versions[n]
        if local_day(loaded_at - timedelta(microseconds=1), campaign.tz) < day:
            return n
    return having[0]


def claims(current: Campaign, versions: Sequence[tuple[datetime, Campaign]]) -> list[Campaign]:
    """What a campaign claims: its days, each span of them as a campaign under the rules that settle it.

    ``versions`` as for ``rules_of_day``; ``current`` says which days there are.
    """
    spans: list[tuple[int, date, date]] = []
    for day in current.days():
        n = rules_of_day(day, versions)
        if spans and spans[-1][0] == n:
            spans[-1] = (n, spans[-1][1], day)
        else:
            spans.append((n, day, day))
    return [versions[n][1].model_copy(update={"first_day": first, "last_day": last}) for n, first, last in spans]


def with_guards_of(rules: Campaign, current: Campaign) -> Campaign:
    """A day's rules under the guards that are in force now, its orders mailed to where they are now to be mailed."""
    mailed = {leg.key: leg.mail_to for leg in current.legs}
    legs = tuple(leg.model_copy(update={"mail_to": mailed.get(leg.key, leg.mail_to)}) for leg in rules.legs)
    return rules.model_copy(update={"legs": legs} | {name: getattr(current, name) for name in ACTS_AT_ONCE})


def clash(one: Campaign, other: Campaign) -> str:
    """What two campaigns would both count and buy, as a sentence; ``""`` when nothing.

    Compared by moments, not by dates: a day in Paris begins an hour before the same day in London.
    """
    channels = sorted(set(one.channels) & set(other.channels))
    if not channels or not _share(one.shops, other.shops):
        return ""
    first, last = max(one.first_day, other.first_day), min(one.last_day, other.last_day)
    start = max(day_bounds(c.first_day, c.tz)[0] for c in (one, other))
    end = min(day_bounds(c.last_day, c.tz)[1] for c in (one, other))
    if start >= end:
        return ""
    when = f"on {first}" if first <= last else f"from {start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC (their zones differ)"
    if _share(one.countries, other.countries):
        return f"campaigns {one.id} and {other.id} both claim {channels[0]} of the same shop {when}"
    if one.unknown_country == other.unknown_country == "include":
        return (
            f"campaigns {one.id} and {other.id} both claim {channels[0]} without a country {when}: "
            "say unknown_country: exclude in one of them"
        )
    return ""


def _share(one: tuple[str, ...] | Literal["*"], other: tuple[str, ...] | Literal["*"]) -> bool:
    return one == "*" or other == "*" or bool(set(one) & set(other))
