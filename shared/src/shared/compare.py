"""All methods of a channel side by side, as a table and a chart: the method is part of the number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from shared.chart import Bar, write_chart
from shared.console import err, out, table
from shared.errors import Rejected
from shared.estimate_fields import Fields
from shared.estimate_lines import Case, parse_line
from shared.factors import FactorSet
from shared.measure_units import parse_unit
from shared.ranges import interval
from shared.units import EXACT

_THOUSAND = 1000
OURS = "uncertainty: assumption of this project"
"""In the note of a factor whose source gives no uncertainty."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A published figure that is shown beside a result and never part of it; ``note`` says whose its range is."""

    label: str
    low: Decimal
    grams: Decimal
    high: Decimal
    note: str = "published figure"

    @staticmethod
    def of(factors: FactorSet, factor_id: str, count: int = 1) -> Reference:
        """A per-piece factor times a count, with the factor's own half width."""
        factor = factors.get(factor_id)
        scale = parse_unit(factor.unit).scale
        grams = EXACT.multiply(EXACT.multiply(factor.value, Decimal(count)), Decimal(scale.numerator))
        grams = EXACT.divide(grams, Decimal(scale.denominator))
        below, above = interval(factor.uncertainty_pct, factors.value("project.range.lognormal_above"))
        whose = "range assumed" if OURS in factor.note else "range of the source"
        note = f"published figure, {whose}" if factor.uncertainty_pct else "published figure, no range"
        label = f"{factor.name} ({factor.year})"
        return Reference(label, EXACT.multiply(grams, below), grams, EXACT.multiply(grams, above), note)


Cases = Callable[[Fields], Sequence[Case]]
References = Callable[[Fields, FactorSet], Sequence[Reference]]


def check_chart(chart: Path | None, *, compare: bool) -> None:
    """Refuse a chart that has nothing to show or no place to go, before the first line is read."""
    if chart is None:
        return
    if not compare:
        raise Rejected("draws what --compare compares: give both", field="chart")
    if chart.is_dir() or not chart.parent.is_dir() or not os.access(chart if chart.exists() else chart.parent, os.W_OK):
        raise Rejected(f"{chart} cannot be written", field="chart")


def compare_lines(
    lines: Iterable[bytes], cases: Cases, references: References, factors: FactorSet, chart: Path | None
) -> int:
    """Print a table per line and draw its chart; the number of refused lines.

    The first chart has the name given, those of later lines get their line's number (``page.svg``, ``page-2.svg``).
    """
    if chart is not None and chart.suffix.lower() != ".svg":
        raise Rejected("the chart is an .svg file", field="chart")
    refused = 0
    drawn = False
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        try:
            fields = Fields(parse_line(raw))
            bars = compare(cases(fields), references(fields, factors), factors)
        except Rejected as error:
            refused += 1
            err.print(f"line {number}: {error}", highlight=False, soft_wrap=True)
            continue
        _print(number, bars)
        if chart is not None:
            target = chart.with_stem(f"{chart.stem}-{number}") if drawn else chart
            drawn = True
            title = f"Line {number}: g CO2e by method, 95 % range, logarithmic"
            try:
                target.write_text(write_chart(title, bars), encoding="utf-8")
            except OSError as error:
                raise Rejected(f"{target} cannot be written: {error.strerror}", field="chart") from error
            out.print(f"chart: {target}")
    return refused


def compare(cases: Sequence[Case], references: Sequence[Reference], factors: FactorSet) -> list[Bar]:
    """One bar per method, then one per published figure."""
    bars = []
    for case in cases:
        estimate = case.estimate(factors)
        grams = estimate.emissions_g
        label, title = case.label or case.method.id, case.method.title
        bars.append(Bar(label, title, grams.low, grams.central, grams.high, case.bought, case.incomplete))
    bars += [Bar(item.label, item.note, item.low, item.grams, item.high) for item in references]
    return bars


def _times(ratio: Decimal) -> str:
    """Three digits, without an exponent where people expect none."""
    return f"{ratio:.0f}" if ratio >= _THOUSAND else f"{ratio:.3g}"


def _print(number: int, bars: Sequence[Bar]) -> None:
    bought = next((bar.central for bar in bars if bar.bought), Decimal(0))
    rows = [
        (
            bar.label,
            bar.note,
            *(f"{value:.6g}" for value in (bar.low, bar.central, bar.high)),
            _times(bar.central / bought) if bought and not bar.incomplete else "",
        )
        for bar in bars
    ]
    columns = ("method", "what", "#low g", "#central g", "#high g", "#x bought on")
    out.print(table(f"Line {number}", columns, rows))
