"""An estimate as JSON that another program can check: decimal strings whose segments add up exactly, and the trail.

Numbers are cut to 25 significant digits of the total, and the cut is part of the trail: replaying its steps in order
with 50 digits gives exactly the printed ``central`` (the last step) and the printed segments (``segment.<name>``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import reduce
from typing import Any

from shared.errors import Rejected
from shared.estimate import Estimate, Step
from shared.units import decimal_text

_DIGITS = 25
_WIDE = Context(prec=120, rounding=ROUND_HALF_EVEN)


def estimate_json(estimate: Estimate) -> dict[str, Any]:
    """Everything an estimate says, JSON-able."""
    segments, steps = _cut(estimate)
    quantum = _quantum(estimate.emissions_g.central)
    central = _total(segments)
    low = min(_WIDE.quantize(estimate.emissions_g.low, quantum), central)
    high = max(_WIDE.quantize(estimate.emissions_g.high, quantum), central)
    return {
        "emissions_g": {"low": text(low), "central": text(central), "high": text(high)},
        "segments_g": {name: text(value) for name, value in segments.items()},
        "method": estimate.method,
        "method_version": estimate.method_version,
        "factor_set": estimate.factor_set,
        "factor_set_sha256": estimate.factor_set_sha256,
        "factor_group": estimate.factor_group,
        "factors": list(estimate.factors),
        "ghg_scope": estimate.ghg_scope,
        "ghg_category": estimate.ghg_category,
        "flags": list(estimate.flags),
        "data_quality": estimate.data_quality,
        "trail": [step_json(step) for step in steps],
    }


def step_json(step: Step) -> dict[str, Any]:
    """One step; empty fields are left out."""
    found: dict[str, Any] = {"id": step.id, "op": step.op, "value": text(step.value)}
    for name, value in (
        ("unit", step.unit),
        ("inputs", list(step.inputs)),
        ("factor", step.factor),
        ("note", step.note),
    ):
        if value:
            found[name] = value
    return found


def steps_from_json(items: Iterable[dict[str, Any]]) -> list[Step]:
    """The inverse of ``step_json``, for ``shared.trail.replay``."""
    return [
        Step(
            item["id"],
            item["op"],
            Decimal(item["value"]),
            item.get("unit", ""),
            tuple(item.get("inputs", ())),
            item.get("factor", ""),
            item.get("note", ""),
        )
        for item in items
    ]


def text(value: Decimal) -> str:
    """A plain decimal string; zero has no sign."""
    return decimal_text(abs(value)) if not value else decimal_text(value)


def _quantum(central: Decimal) -> Decimal:
    return Decimal(1).scaleb(central.adjusted() - _DIGITS + 1) if central else Decimal("1e-30")


def _cut(estimate: Estimate) -> tuple[dict[str, Decimal], list[Step]]:
    """Segments cut to one quantum, and the trail with the cut as its last steps."""
    cut_at = [index for index, step in enumerate(estimate.trail) if step.id.startswith("segment.")]
    if len(cut_at) != len(estimate.segments_g):
        raise Rejected("the trail does not name every segment", field="trail")
    first_sum = max(cut_at) + 1
    steps = list(estimate.trail[:first_sum])
    quantum = _quantum(estimate.emissions_g.central)
    cut: dict[str, Decimal] = {}
    for name, value in estimate.segments_g.items():
        cut[name] = _WIDE.quantize(value, quantum)
        index = next(place for place, step in enumerate(steps) if step.id == f"segment.{name}")
        steps[index] = replace(steps[index], id=f"exact.{name}")
        rest = _WIDE.subtract(cut[name], value)
        steps.append(Step(f"cut.{name}", "constant", rest, "gCO2e", note="rounding to 25 digits"))
        steps.append(Step(f"segment.{name}", "add", cut[name], "gCO2e", (f"exact.{name}", f"cut.{name}")))
    names = [f"segment.{name}" for name in cut]
    if len(names) == 1:
        steps.append(Step("zero", "constant", Decimal(0), "gCO2e"))
        names.append("zero")
    steps.append(Step("central", "add", _total(cut), "gCO2e", tuple(names)))
    return cut, steps


def _total(segments: dict[str, Decimal]) -> Decimal:
    return reduce(_WIDE.add, segments.values(), Decimal(0))
