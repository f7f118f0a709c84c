"""A method bound to a subject: grams of CO2e per unit of each measure, with the trail that led there.

``ModelBuilder`` is what a method's ``build`` writes into; ``LinearModel`` is what remains, ready for any activity. Not
promised: anything about the activity itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from shared.estimate import Step
from shared.factors import FactorSet
from shared.measure_units import GRAMS, parse_unit
from shared.ranges import interval, product_uncertainty_pct
from shared.trail import Term, Trail

Options = Mapping[str, "Decimal | str | bool"]
"""What a caller may set instead of a method's defaults; registers never carry options."""

NO_OPTIONS: Options = MappingProxyType({})

Derive = Callable[[Trail], Mapping[str, Term]]
"""Computes measures on a trail from what they follow from."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the result: grams per unit of each measure, and what to multiply them with for low and high."""

    name: str
    coefficients: tuple[tuple[str, Term], ...]
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Note:
    """A flag with the data quality it leaves, applying when one of ``measures`` is not 0 (always, when empty)."""

    flag: str
    quality: int
    measures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A method bound to a subject and a factor set: all that is left to know is the activity."""

    group: str
    segments: tuple[Segment, ...]
    steps: tuple[Step, ...]
    factors: tuple[str, ...]
    quality: int
    notes: tuple[Note, ...]

    def judged(self, activity: Mapping[str, int | Decimal]) -> tuple[int, tuple[str, ...]]:
        """Data quality and flags for an activity."""
        found = [note for note in self.notes if not note.measures or any(activity.get(name) for name in note.measures)]
        quality = min([self.quality, *(note.quality for note in found)])
        return quality, tuple(dict.fromkeys(note.flag for note in found if note.flag))


class ModelBuilder:
    """Collects the segments of a model. Options replace factors by name; what is missing is flagged."""

    def __init__(self, factors: FactorSet, measures: Mapping[str, str], options: Options = NO_OPTIONS) -> None:
        self.trail = Trail(factors, prefix="m")
        self.factors = factors
        self.options = options
        self.quality = 5
        self.notes: list[Note] = []
        self.range_factor = ""
        self._measures = measures
        self._parts: dict[str, dict[str, Term]] = {}
        self._uncertainty: dict[str, tuple[Decimal, ...]] = {}

    def __call__(self, factor_id: str) -> Term:
        """A factor of the set."""
        return self.trail.factor(factor_id)

    def option(self, name: str, factor_id: str) -> Term:
        """The caller's value for ``name`` in the unit of the factor it replaces, else that factor."""
        given = self.options.get(name)
        if isinstance(given, Decimal):
            return self.trail.input(
                f"option.{name}", given, self.factors.get(factor_id).unit, note=f"given instead of {factor_id}"
            )
        return self(factor_id)

    def add(self, segment: str, measure: str, per_unit: Term) -> None:
        """State that one unit of ``measure`` emits ``per_unit`` in ``segment``; repeated statements add up."""
        unit = GRAMS / parse_unit(self._measures[measure])
        part = self._parts.setdefault(segment, {})
        part[measure] = part[measure] + per_unit if measure in part else per_unit.to(unit)

    def empty(self, segment: str) -> None:
        """A segment that is there and is 0."""
        self._parts.setdefault(segment, {})

    def flag(self, flag: str, quality: int = 5, *measures: str) -> None:
        """Flag what was missing or assumed, for the measures concerned."""
        self.notes.append(Note(flag, quality, measures))

    def uncertainty(self, segment: str, *percentages: Decimal) -> None:
        """Half widths of the factors multiplied in a segment, where they differ from the method's own."""
        self._uncertainty[segment] = percentages

    def finish(self, group: str) -> LinearModel:
        """The model as stated so far."""
        limit = self.factors.value("project.range.lognormal_above")
        segments = []
        for name, part in self._parts.items():
            own = self._uncertainty.get(name) or (self.factors.value(self.range_factor),)
            low, high = interval(product_uncertainty_pct(own), limit)
            segments.append(Segment(name, tuple(part.items()), low, high))
        used = tuple(self.trail.factors) + ((self.range_factor,) if self.range_factor else ())
        return LinearModel(group, tuple(segments), tuple(self.trail.steps), used, self.quality, tuple(self.notes))
