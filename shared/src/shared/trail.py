"""Arithmetic that writes down what it does: every term knows its value, its unit and the step that made it.

Methods are written with ordinary operators on ``Term``; the trail that explains a result, the check of its units and
the number itself come out of the same line of code. Not promised: speed; meters cache the coefficients that result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import reduce

from shared.errors import Rejected
from shared.estimate import Step
from shared.factors import FactorSet
from shared.measure_units import NUMBER, Unit, parse_unit
from shared.units import EXACT

PI = Decimal("3.14159265358979323846264338327950288419716939937511")


@dataclass(frozen=True, slots=True)
class Term:
    """A value with its unit and the id of its step."""

    trail: Trail = field(repr=False)
    id: str
    value: Decimal
    unit: Unit

    def __mul__(self, other: Term) -> Term:
        value = EXACT.multiply(self.value, other.value)
        return self.trail.record("multiply", value, self.unit * other.unit, (self, other))

    def __truediv__(self, other: Term) -> Term:
        if not other.value:
            raise Rejected(f"division by zero: {other.id}", field=other.id)
        value = EXACT.divide(self.value, other.value)
        return self.trail.record("divide", value, self.unit / other.unit, (self, other))

    def __add__(self, other: Term) -> Term:
        same = other.to(self.unit)
        return self.trail.record("add", EXACT.add(self.value, same.value), self.unit, (self, same))

    def __sub__(self, other: Term) -> Term:
        same = other.to(self.unit)
        return self.trail.record("subtract", EXACT.subtract(self.value, same.value), self.unit, (self, same))

    def on(self, trail: Trail) -> Term:
        """The same term, to go on with on another trail that follows this one."""
        return Term(trail, self.id, self.value, self.unit)

    def root(self, degree: int) -> Term:
        """The ``degree``-th root, recorded as a power with the exponent 1/degree."""
        exponent = self.trail.constant(1) / self.trail.constant(degree)
        value = EXACT.power(self.value, exponent.value) if self.value else Decimal(0)
        return self.trail.record("power", value, self.unit.power(Fraction(1, degree)), (self, exponent))

    def to(self, unit: Unit | str) -> Term:
        """The same quantity in another unit of the same dimension; anything else is a unit error."""
        target = parse_unit(unit) if isinstance(unit, str) else unit
        if self.unit == target:
            return self
        if self.unit.dimensions != target.dimensions:
            raise Rejected(f"{self.id} is in {self.unit.text}, not in {target.text}", field="unit")
        if any(power.denominator != 1 for _, power in self.unit.parts):
            return Term(self.trail, self.id, self.value, target)  # roots are taken of cm3 and read as cm
        ratio = self.unit.scale / target.scale
        result = self
        if ratio.numerator != 1:
            result *= self.trail.constant(ratio.numerator, note="unit")
        if ratio.denominator != 1:
            result /= self.trail.constant(ratio.denominator, note="unit")
        return Term(self.trail, result.id, result.value, target)


class Trail:
    """The steps of one calculation, in order. ``prefix`` keeps the ids of joined trails apart."""

    def __init__(self, factors: FactorSet, prefix: str = "s") -> None:
        self.factor_set = factors
        self.steps: list[Step] = []
        self.factors: dict[str, Term] = {}
        self._constants: dict[tuple[Decimal, Unit, str], Term] = {}
        self._prefix = prefix

    def factor(self, factor_id: str) -> Term:
        """A factor of the set, read once."""
        if factor_id not in self.factors:
            found = self.factor_set.get(factor_id)
            self.steps.append(Step(factor_id, "factor", found.value, found.unit, factor=factor_id, note=found.name))
            self.factors[factor_id] = Term(self, factor_id, found.value, parse_unit(found.unit))
        return self.factors[factor_id]

    def input(self, name: str, value: Decimal | int, unit: str, note: str = "") -> Term:
        """A value that came with the activity or was given by the caller."""
        step_id = name if all(step.id != name for step in self.steps) else f"{name}.{self._next()}"
        self.steps.append(Step(step_id, "input", Decimal(value), unit, note=note))
        return Term(self, step_id, Decimal(value), parse_unit(unit))

    def constant(self, value: Decimal | int, unit: str = "1", note: str = "") -> Term:
        """A number of the formula itself: π, a unit conversion, a share such as 1 − h."""
        key = (Decimal(value), parse_unit(unit), note)
        if key not in self._constants:
            step_id = self._next()
            self.steps.append(Step(step_id, "constant", key[0], unit, note=note))
            self._constants[key] = Term(self, step_id, key[0], key[1])
        return self._constants[key]

    def record(self, op: str, value: Decimal, unit: Unit, inputs: tuple[Term, Term]) -> Term:
        """Append an arithmetic step."""
        step_id = self._next()
        self.steps.append(Step(step_id, op, value, unit.text, (inputs[0].id, inputs[1].id)))
        return Term(self, step_id, value, unit)

    def rename(self, term: Term, step_id: str) -> Term:
        """Give the newest step a name of its own."""
        last = self.steps[-1]
        if last.id != term.id or last.op in ("input", "factor", "constant"):
            raise Rejected(f"{term.id} is not the newest result", field="trail")
        self.steps[-1] = Step(step_id, last.op, last.value, last.unit, last.inputs, last.factor, last.note)
        return Term(self, step_id, term.value, term.unit)

    def total(self, terms: Iterable[Term]) -> Term:
        """The sum of terms; a pure 0 when there are none."""
        found = list(terms)
        return reduce(lambda one, other: one + other, found) if found else Term(self, "", Decimal(0), NUMBER)

    def _next(self) -> str:
        return f"{self._prefix}{len(self.steps) + 1}"


def replay(steps: Iterable[Step]) -> dict[str, Decimal]:
    """Evaluate a trail from its inputs, factors and constants alone; the value of every step by id.

    Raises ``Rejected`` for a step that names an unknown one.
    """
    values: dict[str, Decimal] = {}
    for step in steps:
        values[step.id] = step.value if step.op in ("input", "factor", "constant") else _evaluate(step, values)
    return values


def _evaluate(step: Step, values: dict[str, Decimal]) -> Decimal:
    try:
        arguments = [values[name] for name in step.inputs]
    except KeyError as error:
        raise Rejected(f"step {step.id} names the unknown step {error.args[0]}", field="trail") from error
    operation = {
        "add": EXACT.add,
        "subtract": EXACT.subtract,
        "multiply": EXACT.multiply,
        "divide": EXACT.divide,
        "power": EXACT.power,
    }.get(step.op)
    if operation is None or not arguments:
        raise Rejected(f"unknown operation {step.op!r}", field="trail")
    return reduce(operation, arguments)
