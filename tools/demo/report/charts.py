"""The charts: inline SVG in the page's colours, wide and narrow, and PNG for slides. Same data, same bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from demo.checks import CHANNELS
from demo.report.page import Page
from demo.report.texts import Words

COLOURS = {
    "ink": "#1d2328",
    "muted": "#5d666f",
    "line": "#dcd8d0",
    "paper": "#fefefd",
    "site": "#3b6fb6",
    "email": "#8c5aa8",
    "ads": "#c9822b",
    "delivery": "#2b7a78",
}
"""The light colours. In an SVG each becomes the page's variable of that name, so that one drawing suits both themes."""
PT_PER_INCH = 72
WIDE, NARROW = 880, 360
"""Widths in the page's own pixels: a drawing made for a phone, not one shrunk until nobody can read it."""
PNG_DPI = 160


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart with everything it appears as."""

    name: str
    wide: str
    narrow: str
    png: bytes


Draw = Callable[[Axes, bool], None]


def draw_charts(page: Page, words: Words) -> list[Chart]:
    """All charts of a page."""
    return [
        _chart("shares", (230, 250), lambda axes, narrow: _shares(axes, page, words, narrow=narrow)),
        _chart("hours", (330, 300), lambda axes, narrow: _bars(axes, page, words, narrow=narrow)),
        _chart("days", (270, 270), lambda axes, narrow: _days(axes, page, words, narrow=narrow)),
    ]


def _chart(name: str, heights: tuple[int, int], draw: Draw) -> Chart:
    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.size": 13,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with rc_context(settings):
        wide, narrow = _figure(WIDE, heights[0], draw, narrow=False), _figure(NARROW, heights[1], draw, narrow=True)
        png = io.BytesIO()
        FigureCanvasAgg(wide)
        wide.savefig(png, format="png", metadata={"Software": None})
        return Chart(name, _svg(wide, f"{name}-wide"), _svg(narrow, f"{name}-narrow"), png.getvalue())


def _figure(width: int, height: int, draw: Draw, *, narrow: bool) -> Figure:
    figure = Figure(
        figsize=(width / PT_PER_INCH, height / PT_PER_INCH),
        dpi=PNG_DPI,
        layout="constrained",
        facecolor=COLOURS["paper"],
    )
    axes = figure.add_subplot(facecolor="none")
    axes.tick_params(colors=COLOURS["muted"], length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(COLOURS["line"])
    draw(axes, narrow)
    return figure


def _svg(figure: Figure, prefix: str) -> str:
    """The drawing alone, with ids of its own, the page's font and the page's colours."""
    figure.patch.set_alpha(0)
    buffer = io.StringIO()
    FigureCanvasSVG(figure)
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", dpi=PT_PER_INCH, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = text.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    text = re.sub(r"font-family: [^;\"]*; ?", "", text)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'(url\(#|href="#)', rf"\1{prefix}-", text)
    for name, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{name})")
    return text


def _shares(axes: Axes, page: Page, words: Words, *, narrow: bool) -> None:
    rows = list(reversed(page.channels))
    shares = [float(row.share) * 100 for row in rows]
    axes.barh(range(len(rows)), shares, color=[COLOURS[row.channel] for row in rows], height=0.62)
    for place, row in enumerate(rows):
        axes.annotate(
            words.percent(row.share),
            (float(row.share) * 100, place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=COLOURS["ink"],
            fontweight="bold",
        )
    if page.yardstick is not None:
        _yardstick(axes, rows.index(page.channels[-1]), page.yardstick, words, narrow=narrow)
    axes.set_yticks(range(len(rows)), [words(f"channel.{row.channel}") for row in rows], color=COLOURS["ink"])
    axes.set_xlim(0, 118)
    axes.set_ylim(-0.95 if page.yardstick is not None else -0.5, len(rows) - 0.4)
    axes.set_xticks(range(0, 101, 50 if narrow else 20), [f"{n} %" for n in range(0, 101, 50 if narrow else 20)])
    axes.spines["left"].set_visible(False)


def _yardstick(axes: Axes, place: int, share: Decimal, words: Words, *, narrow: bool) -> None:
    at = float(share) * 100
    axes.plot([at, at], [place - 0.44, place + 0.44], color=COLOURS["ink"], linewidth=2.2, linestyle=(0, (2, 1)))
    text = words("shares.yardstick_short" if narrow else "shares.yardstick", value=words.whole_percent(share))
    axes.text(at, place - 0.52, text, ha="center", va="top", color=COLOURS["muted"], fontsize=11)


def _bars(axes: Axes, page: Page, words: Words, *, narrow: bool) -> None:
    edges = range(len(page.bars) + 1)
    base = [0.0] * len(page.bars)
    for channel in reversed(CHANNELS) if page.bars else ():
        values = [float(grams.get(channel, Decimal(0))) / 1000 for _, grams in page.bars]
        top = [low + value for low, value in zip(base, values, strict=True)]
        label = words(f"channel.{channel}")
        axes.stairs(top, edges, baseline=base, fill=True, facecolor=COLOURS[channel], label=label, linewidth=0)
        base = top
    ticks, labels = _time_ticks(page, words, narrow=narrow)
    axes.set_xticks(ticks, labels, ha="left")
    axes.set_xlim(0, max(len(page.bars), 1))
    axes.set_ylabel("" if narrow else words("hours.axis_days" if page.by_day else "hours.axis_hours"))
    axes.yaxis.label.set_color(COLOURS["muted"])
    axes.yaxis.set_major_formatter(lambda value, _: words.number(Decimal(f"{value:g}")))
    axes.grid(axis="y", color=COLOURS["line"], linewidth=0.8)
    axes.set_axisbelow(True)
    _legend(axes, narrow=narrow)


def _legend(axes: Axes, *, narrow: bool) -> None:
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1],
        labels[::-1],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2 if narrow else 4,
        frameon=False,
        labelcolor=COLOURS["ink"],
        borderaxespad=0.2,
        handlelength=1,
        handleheight=1,
        columnspacing=1.4,
    )


def _time_ticks(page: Page, words: Words, *, narrow: bool) -> tuple[list[int], list[str]]:
    """Midnights with their day, and between them noon and evening on a wide drawing; at most a dozen days."""
    ticks, labels = [], []
    starts = [n for n, (moment, _) in enumerate(page.bars) if page.by_day or moment.hour == 0]
    step = max(1, -(-len(starts) // (4 if narrow else 12)))
    for n in starts[::step]:
        ticks.append(n)
        labels.append(words.day(page.bars[n][0].date(), short=True))
    if not page.by_day and not narrow and step == 1:
        for n, (moment, _) in enumerate(page.bars):
            if moment.hour in (12, 18):
                ticks.append(n)
                labels.append(f"{moment:%H}:00" if len(starts) <= 4 else "")
    return ticks, labels


def _days(axes: Axes, page: Page, words: Words, *, narrow: bool) -> None:
    central = [float(day.total.central) / 1000 for day in page.days]
    below = [float(day.total.central - day.total.low) / 1000 for day in page.days]
    above = [float(day.total.high - day.total.central) / 1000 for day in page.days]
    places = range(len(central))
    few = len(central) <= 31
    if few:
        axes.bar(places, central, color=COLOURS["muted"], alpha=0.35, width=0.55)
    axes.errorbar(
        places,
        central,
        yerr=(below, above),
        fmt="o",
        color=COLOURS["ink"],
        markersize=6 if few else 2,
        capsize=(9 if narrow else 14) if len(central) <= 7 else 2,
        elinewidth=2 if few else 1,
        capthick=2 if few else 1,
    )
    shown = places[:: max(1, -(-len(central) // (4 if narrow else 12)))]
    axes.set_xticks(shown, [words.day(page.days[n].day, short=True) for n in shown], color=COLOURS["ink"])
    axes.set_xlim(-0.6, max(len(central) - 0.4, 0.6))
    axes.set_ylim(bottom=0)
    axes.set_ylabel("" if narrow else words("days.axis"))
    axes.yaxis.label.set_color(COLOURS["muted"])
    axes.yaxis.set_major_formatter(lambda value, _: words.number(Decimal(f"{value:g}")))
    axes.grid(axis="y", color=COLOURS["line"], linewidth=0.8)
    axes.set_axisbelow(True)


def alternatives(page: Page, words: Words) -> dict[str, str]:
    """What each chart shows, in words."""
    shares = ", ".join(f"{words(f'channel.{row.channel}')} {words.percent(row.share)}" for row in page.channels)
    days = ", ".join(
        f"{words.day(day.day, short=True)} {words.mass(day.total.central)} "
        f"({words('total.range', low=words.mass(day.total.low), high=words.mass(day.total.high))})"
        for day in page.days
    )
    return {
        "shares": words("shares.alt", list=shares) if page.yardstick is not None else shares,
        "hours": _bars_alternative(page, words),
        "days": words("days.alt", list=days),
    }


def _bars_alternative(page: Page, words: Words) -> str:
    if not page.bars:
        return words("none")
    moment, grams = max(page.bars, key=lambda bar: _total(list(bar[1].values())))
    peak = words.day(moment.date()) if page.by_day else words.hour(moment)
    key = "hours.alt_days" if page.by_day else "hours.alt_hours"
    return words(key, peak=peak, peak_value=words.mass(_total(list(grams.values()))))


def _total(values: Sequence[Any]) -> Decimal:
    return sum(values, Decimal(0))
