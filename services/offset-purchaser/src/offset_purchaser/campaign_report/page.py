"""What the report says, as plain data. Masses are grams of CO2e."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

Kind = Literal["day", "month", "year"]


@dataclass(frozen=True, slots=True)
class Grams:
    """Emissions with their range."""

    low: Decimal = Decimal(0)
    central: Decimal = Decimal(0)
    high: Decimal = Decimal(0)

    def __add__(self, other: Grams) -> Grams:
        """Ranges of days add end to end: the same factors stand behind all of them."""
        return Grams(self.low + other.low, self.central + other.central, self.high + other.high)


NOTHING = Grams()


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of the whole campaign. ``share`` is its part (0 to 1) of the best estimate."""

    channel: str
    events: int
    late: int
    duplicates: int
    rejected: int
    emissions: Grams
    share: Decimal


@dataclass(frozen=True, slots=True)
class Period:
    """A day, a month or a year of the campaign."""

    first: date
    channels: Mapping[str, Decimal]
    """Best estimate by channel."""
    total: Grams


@dataclass(frozen=True, slots=True)
class Country:
    """What was counted for one country, ``""`` where nobody knows."""

    code: str
    events: int
    grams: Decimal
    share: Decimal


@dataclass(frozen=True, slots=True)
class Before:
    """The campaign to compare with."""

    title: str
    first: date
    last: date
    days: int
    total: Grams
    channels: Mapping[str, Decimal]
    same_methods: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is not in the emissions, or not bought. ``reason`` is a key of the texts."""

    reason: str
    events: int | None
    grams: Decimal | None


@dataclass(frozen=True, slots=True)
class Bought:
    """One order. Nothing is bought before its state is ``confirmed``."""

    day: date
    quantity_g: int
    price_per_tonne: Decimal
    currency: str
    amount: Decimal
    provider: str
    state: str
    order_id: str
    document: str


@dataclass(frozen=True, slots=True)
class Saved:
    """One indicator of one kind of device for all units sold; ``None`` where the study has no figure."""

    device: str
    units: int
    years: Decimal
    """Years that each of them is used."""
    indicator: str
    unit: str
    low: Decimal | None
    central: Decimal | None
    high: Decimal | None


@dataclass(frozen=True, slots=True)
class Proof:
    """What a run that knows what it sent compared: how many values, how many of them differ, and restarts."""

    compared: int
    differing: int
    restarts: int


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the report shows."""

    campaign: str
    title: str
    company: str
    mode: str
    zone: str
    first_day: date
    last_day: date
    open_days: int
    """Days that have not settled yet: their figures still move."""
    kind: Kind
    periods: tuple[Period, ...]
    channels: tuple[Channel, ...]
    total: Grams
    hours: tuple[tuple[datetime, Mapping[str, Decimal]], ...]
    """Grams by channel per hour of the campaign; of a long one, per hour of the day, all days together."""
    of_the_day: bool
    countries: tuple[Country, ...]
    before: Before | None
    known_shares: Mapping[str, Decimal]
    """Shares (0 to 1) known from before, to draw beside the measured ones."""
    left_out: tuple[LeftOut, ...]
    saved: tuple[Saved, ...]
    bought: tuple[Bought, ...]
    balance: tuple[tuple[str, Mapping[str, int]], ...]
    methods: tuple[tuple[str, str, str, str], ...]
    proof: Proof | None = None

    @property
    def events(self) -> int:
        """All accepted events of the campaign."""
        return sum(row.events for row in self.channels)

    @property
    def confirmed(self) -> tuple[Bought, ...]:
        """Orders that the provider confirmed: only these are bought."""
        return tuple(order for order in self.bought if order.state == "confirmed")

    @property
    def unconfirmed(self) -> tuple[Bought, ...]:
        """Orders that are planned, held for approval or on their way."""
        return tuple(order for order in self.bought if order.state != "confirmed")

    @property
    def factor_sets(self) -> tuple[str, ...]:
        """The factor sets behind the figures, each once."""
        return tuple(dict.fromkeys(row[3] for row in self.methods))
