"""What all methods share: a linear model, built once per kind of register and applied to any activity.

A method's ``build`` states, per segment and measure, the grams of CO2e of one unit of the measure. Everything else
follows: estimates, their trail, their range, and the cached coefficients with which meters estimate registers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from shared.errors import Rejected
from shared.estimate import ChannelName, Estimate, Method, Subject
from shared.factors import FactorSet
from shared.linear_model import NO_OPTIONS, Derive, LinearModel, ModelBuilder, Options
from shared.ranges import ordered
from shared.readings import EmissionsUg
from shared.trail import Term, Trail
from shared.units import EXACT, g_to_ug

DIGITAL = (3, "3.1 Purchased goods and services")
FREIGHT = (3, "3.4 Upstream transportation and distribution")


class LinearMethod(ABC):
    """Base of all methods; implements ``shared.estimate.Method``."""

    id: ClassVar[str]
    version: ClassVar[str] = "1"
    channel: ClassVar[ChannelName]
    ghg: ClassVar[tuple[int, str]] = DIGITAL
    measures: ClassVar[Mapping[str, str]]
    """The measures this method reads, with their units."""
    title: ClassVar[str] = ""

    @abstractmethod
    def accepts(self, subject: Subject) -> bool:
        """Whether this method can estimate such a register."""

    @abstractmethod
    def build(self, subject: Subject, model: ModelBuilder) -> None:
        """State the model: segments, flags, data quality."""

    def group(self, subject: Subject) -> str:
        """The factor group: results that share their factors' errors."""
        return f"{self.channel}/{self.id}"

    def model(self, subject: Subject, factors: FactorSet, options: Options = NO_OPTIONS) -> LinearModel:
        """Bind the method to a subject. Raises ``Rejected`` when a factor or an option is wrong."""
        builder = ModelBuilder(factors, self.measures, options)
        builder.range_factor = f"project.range.{self.id}"
        self.build(subject, builder)
        return builder.finish(self.group(subject))

    def estimate(
        self,
        subject: Subject,
        activity: Mapping[str, int | Decimal],
        factors: FactorSet,
        options: Options = NO_OPTIONS,
        model: LinearModel | None = None,
        derive: Derive | None = None,
    ) -> Estimate:
        """Estimate an activity vector, with trail.

        ``model`` may be one that ``self.model`` returned before; ``derive`` computes measures on the trail itself, from
        whatever they follow from. The trail ends with the step ``central``; ``segment.<name>`` are its parts.
        """
        bound = model or self.model(subject, factors, options)
        trail = Trail(factors, prefix="e")
        derived = derive(trail) if derive else {}
        segments, low, high, central = _apply(bound, activity, self.measures, trail, derived)
        quality, flags = bound.judged({**activity, **{name: term.value for name, term in derived.items()}})
        return Estimate(
            emissions_g=ordered(low, central, high),
            segments_g=segments,
            method=self.id,
            method_version=self.version,
            factor_set=factors.id,
            factor_set_sha256=factors.sha256,
            factor_group=bound.group,
            factors=tuple(dict.fromkeys((*bound.factors, *trail.factors))),
            ghg_scope=self.ghg[0],
            ghg_category=self.ghg[1],
            data_quality=quality,
            flags=flags,
            trail=(*bound.steps, *trail.steps),
        )


def _apply(
    model: LinearModel,
    activity: Mapping[str, int | Decimal],
    measures: Mapping[str, str],
    trail: Trail,
    derived: Mapping[str, Term],
) -> tuple[dict[str, Decimal], Decimal, Decimal, Decimal]:
    """Segments, low, high and central of an activity."""
    used = {name for segment in model.segments for name, _ in segment.coefficients}
    inputs = {name: term.to(measures[name]) for name, term in derived.items()}
    for name in measures:
        if name in used and name not in inputs:
            inputs[name] = trail.input(name, Decimal(activity.get(name, 0)), measures[name])
    terms: list[Term] = []
    segments: dict[str, Decimal] = {}
    low = high = Decimal(0)
    zero = trail.constant(0, "gCO2e")
    for segment in model.segments:
        parts = [per_unit.on(trail) * inputs[name] for name, per_unit in segment.coefficients]
        amount = trail.total(parts) if parts else zero + zero
        amount = trail.rename(amount, f"segment.{segment.name}")
        segments[segment.name] = amount.value
        low = EXACT.add(low, EXACT.multiply(amount.value, segment.low))
        high = EXACT.add(high, EXACT.multiply(amount.value, segment.high))
        terms.append(amount)
    total = trail.total([zero, *terms])
    return segments, low, high, trail.rename(total, "central").value


Coefficients = tuple[tuple[str, Decimal, Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True)
class BoundRegister:
    """A model and its coefficients per measure (central, low, high in grams), ready for any number of registers."""

    model: LinearModel
    coefficients: Coefficients


ModelCache = MutableMapping[tuple[object, ...], BoundRegister]


def bind(method: Method, subject: Subject, factors: FactorSet, cache: ModelCache) -> BoundRegister:
    """The coefficients of a method for one kind of register, computed once per cache."""
    key = (method.id, method.version, factors.sha256, subject.country, tuple(sorted(subject.detail.items())))
    found = cache.get(key)
    if found is None:
        if not isinstance(method, LinearMethod):
            raise Rejected(f"method {method.id} is not linear", field="method")
        model = method.model(subject, factors)
        found = cache[key] = BoundRegister(model, _coefficients(model))
    return found


def _coefficients(model: LinearModel) -> Coefficients:
    sums: dict[str, tuple[Decimal, Decimal, Decimal]] = {}
    for segment in model.segments:
        for name, term in segment.coefficients:
            central, low, high = sums.get(name, (Decimal(0),) * 3)
            sums[name] = (
                EXACT.add(central, term.value),
                EXACT.add(low, EXACT.multiply(term.value, segment.low)),
                EXACT.add(high, EXACT.multiply(term.value, segment.high)),
            )
    return tuple((name, *values) for name, values in sums.items())


def estimate_ug(
    method: Method, subject: Subject, activity: Mapping[str, int], factors: FactorSet, cache: ModelCache
) -> EmissionsUg:
    """A register's emissions in micrograms, rounded once; the same numbers as ``method.estimate``, thousands a second.

    Negative net activity (corrections) gives a negative central value, with the range still in order.
    """
    return apply_coefficients(bind(method, subject, factors, cache).coefficients, activity)


def apply_coefficients(coefficients: Coefficients, activity: Mapping[str, int]) -> EmissionsUg:
    """Multiply, add and round once."""
    central = low = high = Decimal(0)
    for name, per_central, per_low, per_high in coefficients:
        amount = activity.get(name)
        if amount:
            value = Decimal(amount)
            central = EXACT.fma(per_central, value, central)
            low = EXACT.fma(per_low, value, low)
            high = EXACT.fma(per_high, value, high)
    rounded = (g_to_ug(low), g_to_ug(central), g_to_ug(high))
    return EmissionsUg(low=min(rounded), central=rounded[1], high=max(rounded))


@dataclass(frozen=True, slots=True)
class RegisterEstimate:
    """What a meter reading says about a register's emissions."""

    emissions_ug: EmissionsUg
    method: str
    method_version: str
    factor_set: str
    factor_set_sha256: str
    factor_group: str
    ghg_scope: int
    ghg_category: str
    data_quality: int
    flags: tuple[str, ...]


def estimate_register(
    method: Method, subject: Subject, activity: Mapping[str, int], factors: FactorSet, cache: ModelCache
) -> RegisterEstimate:
    """Everything a reading needs, from cached coefficients."""
    bound = bind(method, subject, factors, cache)
    quality, flags = bound.model.judged(activity)
    scope, category = method.ghg if isinstance(method, LinearMethod) else DIGITAL
    return RegisterEstimate(
        apply_coefficients(bound.coefficients, activity),
        method.id,
        method.version,
        factors.id,
        factors.sha256,
        bound.model.group,
        scope,
        category,
        quality,
        flags,
    )
