"""What a method is and what an estimate says: the types between activity and emissions.

A **method** is a pure function, linear in its activity: ``estimate(a) + estimate(b) == estimate(a + b)`` before the one
rounding. Meters therefore keep sums of activity and apply the method to the sum, at publication, as often as they like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from shared.factors import FactorSet


class ChannelName(StrEnum):
    """The four channels of a campaign, in the order every table shows them."""

    SITE = "site"
    EMAIL = "email"
    ADS = "ads"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True)
class RangeG:
    """Emissions in grams of CO2e with the 95 % interval; ``low <= central <= high`` always holds."""

    low: Decimal
    central: Decimal
    high: Decimal

    def __post_init__(self) -> None:
        if not self.low <= self.central <= self.high:
            raise ValueError(f"range out of order: {self.low} <= {self.central} <= {self.high}")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a trail: ``result = op(inputs)``.

    ``op`` is ``input``, ``factor`` or ``constant``, which carry ``value`` and no inputs, or ``add``, ``subtract``,
    ``multiply``, ``divide`` or ``power``, which name earlier steps by id in ``inputs``. Another program replays a trail
    by evaluating its steps in order with at least 50 significant digits.
    """

    id: str
    op: str
    value: Decimal
    unit: str = ""
    inputs: tuple[str, ...] = ()
    factor: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The result of a method: what, by which factors, how sure, and how it came about.

    ``segments_g`` adds up to ``emissions_g.central`` exactly. ``data_quality`` runs from 5 (measured) to 1 (guess).
    """

    emissions_g: RangeG
    segments_g: Mapping[str, Decimal]
    method: str
    method_version: str
    factor_set: str
    factor_set_sha256: str
    factor_group: str
    factors: tuple[str, ...]
    ghg_scope: int
    ghg_category: str
    data_quality: int
    flags: tuple[str, ...] = ()
    trail: tuple[Step, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a register's activity is about: the country (``""`` when unknown) and the register's detail.

    ``detail`` holds the channel's own labels (``{"kind": "view", "device": "smartphone"}``); methods ignore labels that
    they do not know.
    """

    country: str
    detail: Mapping[str, str]


class Method(Protocol):
    """A pure function from activity to an estimate, linear in every measure of ``activity``."""

    @property
    def id(self) -> str:
        """Name in schedules and readings, e.g. ``swd-v4``."""

    @property
    def version(self) -> str:
        """Moves whenever a result could change for the same activity and factors."""

    @property
    def channel(self) -> ChannelName:
        """The channel whose activity this method reads."""

    def accepts(self, subject: Subject) -> bool:
        """Whether this method can estimate such a register; if none can, it is *not estimated* and holds."""

    def estimate(self, subject: Subject, activity: Mapping[str, int | Decimal], factors: FactorSet) -> Estimate:
        """Estimate the emissions of an activity vector (measures absent from the mapping are 0).

        Raises ``Rejected`` when a factor is missing from the set. Not promised: any rounding; the caller rounds once.
        """
