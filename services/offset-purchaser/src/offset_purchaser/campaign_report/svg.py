"""SVG by hand: a few shapes and texts on a canvas. Colours are names of the page's palette."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from typing import Literal

Anchor = Literal["start", "middle", "end"]
TEXT_PX = 13
GLYPH = 0.62
"""Mean width of a character in ems, for leaving room; nothing is cut by it."""


@dataclass(slots=True)
class Canvas:
    """A drawing of some size; the origin is at the top left."""

    width: float
    height: float
    parts: list[str] = field(default_factory=list)

    def rect(
        self, x: float, y: float, width: float, height: float, colour: str, *, round_px: float = 0, opacity: float = 1
    ) -> None:
        """A filled rectangle; one that is thinner than nothing is left out."""
        if width <= 0 or height <= 0:
            return
        rounded = f' rx="{_px(round_px)}"' if round_px else ""
        seen = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
        box = f'x="{_px(x)}" y="{_px(y)}" width="{_px(width)}" height="{_px(height)}"'
        self.parts.append(f'<rect {box}{rounded} fill="var(--{colour})"{seen}/>')

    def line(
        self, x1: float, y1: float, x2: float, y2: float, colour: str, *, width: float = 1, dashes: str = ""
    ) -> None:
        """A straight line."""
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        ends = f'x1="{_px(x1)}" y1="{_px(y1)}" x2="{_px(x2)}" y2="{_px(y2)}"'
        self.parts.append(f'<line {ends} stroke="var(--{colour})" stroke-width="{width:g}"{dashed}/>')

    def text(
        self,
        x: float,
        y: float,
        text: str,
        colour: str,
        *,
        anchor: Anchor = "start",
        bold: bool = False,
        px: float = TEXT_PX,
    ) -> None:
        """A line of text; ``y`` is its base line."""
        weight = ' font-weight="600"' if bold else ""
        where = f' text-anchor="{anchor}"' if anchor != "start" else ""
        place = f'x="{_px(x)}" y="{_px(y)}" font-size="{px:g}"'
        self.parts.append(f'<text {place}{where}{weight} fill="var(--{colour})">{escape(text)}</text>')

    def name_and_value(self, x: float, y: float, name: str, value: str, *, px: float = TEXT_PX) -> None:
        """A name in bold and, right behind it wherever it ends, a value."""
        spans = f'<tspan font-weight="600" fill="var(--ink)">{escape(name)}</tspan>'
        spans += f'<tspan dx="10" fill="var(--muted)">{escape(value)}</tspan>'
        self.parts.append(f'<text x="{_px(x)}" y="{_px(y)}" font-size="{px:g}">{spans}</text>')

    def inside(self) -> str:
        """The shapes alone."""
        return "".join(self.parts)

    def drawn(self) -> str:
        """The drawing for a page, whose style sheet knows the colours."""
        size = f"0 0 {_px(self.width)} {_px(self.height)}"
        return f'<svg viewBox="{size}" aria-hidden="true" focusable="false">{self.inside()}</svg>'


def text_width(text: str, px: float = TEXT_PX) -> float:
    """About how wide a text is."""
    return len(text) * px * GLYPH


def ticks(most: float, about: int = 4) -> list[float]:
    """Round values from zero to at least the greatest, some ``about`` of them."""
    if most <= 0:
        return [0.0, 1.0]
    step = 10.0 ** math.floor(math.log10(most / about))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if step * factor * about >= most)
    return [step * n for n in range(math.ceil(round(most / step, 9)) + 1)]


def _px(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
