"""A bar chart with ranges as SVG text, on a logarithmic axis: methods differ by factors, not by percent.

Not promised: beauty. No library is needed, and the same bars give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from xml.sax.saxutils import escape

WIDTH, ROW, LEFT, RIGHT, TOP = 960, 34, 330, 40, 60


@dataclass(frozen=True, slots=True)
class Bar:
    """A labelled value in grams with its range."""

    label: str
    note: str
    low: Decimal
    central: Decimal
    high: Decimal
    bought: bool = False
    """What would be bought on: the others are so many times this one."""
    incomplete: bool = False
    """Lacks an input: shown, and not compared."""


def write_chart(title: str, bars: Sequence[Bar]) -> str:
    """The chart. Values of 0 have no place on a logarithmic axis and are written at its left end."""
    positive = [value for bar in bars for value in (bar.low, bar.central, bar.high) if value > 0]
    first = min(positive, default=Decimal(1)).adjusted()
    last = max(positive, default=Decimal(10)).adjusted() + 1
    height = TOP + ROW * len(bars) + 40

    def x(value: Decimal) -> float:
        if value <= 0:
            return float(LEFT)
        share = (float(value.log10()) - first) / max(last - first, 1)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="sans-serif" font-size="13" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="16" y="28" font-size="16">{escape(title)}</text>',
    ]
    for power in range(first, last + 1):
        at = x(Decimal(1).scaleb(power))
        label = f"{Decimal(1).scaleb(power):f}"
        parts.append(f'<line x1="{at:.1f}" y1="{TOP - 12}" x2="{at:.1f}" y2="{height - 34}" stroke="#ddd"/>')
        parts.append(f'<text x="{at:.1f}" y="{height - 16}" text-anchor="middle" fill="#555">{label} g</text>')
    for index, bar in enumerate(bars):
        parts += _bar(bar, TOP + index * ROW, x(bar.low), x(bar.central), x(bar.high))
    return "\n".join([*parts, "</svg>", ""])


def _bar(bar: Bar, top: int, low: float, central: float, high: float) -> list[str]:
    middle = top + ROW // 2 - 4
    text = f"{bar.label} = {bar.central:.4g} g ({bar.low:.4g} to {bar.high:.4g})"
    return [
        f"<g><title>{escape(text)}</title>",
        f'<text x="{LEFT - 10}" y="{middle + 5}" text-anchor="end">{escape(bar.label[:44])}</text>',
        f'<rect x="{LEFT}" y="{middle - 8}" width="{max(central - LEFT, 1):.1f}" height="16" fill="#4878a8"/>',
        f'<line x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}" stroke="#222" stroke-width="2"/>',
        *(
            f'<line x1="{at:.1f}" y1="{middle - 5}" x2="{at:.1f}" y2="{middle + 5}" stroke="#222" stroke-width="2"/>'
            for at in (low, high)
        ),
        "</g>",
    ]
