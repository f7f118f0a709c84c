"""The charts of the report. Each is drawn twice for the page, wide and for a phone; the wide one is for slides too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from offset_purchaser.campaign_report.page import Page
from offset_purchaser.campaign_report.svg import Canvas, text_width, ticks
from offset_purchaser.campaign_report.words import UNITS, Words, axis_unit
from shared.estimate import ChannelName

WIDE, NARROW = 860, 330
"""Widths in the page's own pixels: a drawing made for a phone, not one shrunk until nobody can read it."""
CHANNELS = tuple(name.value for name in ChannelName)

LEFT, RIGHT, AXIS = 58, 4, 34
"""Room beside a plot for the values of its scale, and below it for times."""

Draw = Callable[[Page, Words, float], Canvas]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: its drawings, what it shows in words, and its title."""

    name: str
    title: str
    wide: Canvas
    narrow: Canvas
    alternative: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Where values are drawn inside a canvas."""

    left: float
    top: float
    width: float
    height: float

    @property
    def base(self) -> float:
        """Where zero lies."""
        return self.top + self.height


def _plot(width: float, top: float, height: float) -> Plot:
    return Plot(LEFT, top, width - LEFT - RIGHT, height)


def draw_charts(page: Page, words: Words) -> tuple[Chart, ...]:
    """All charts that the page has something to show for."""
    return tuple(
        Chart(name, title(page, words), draw(page, words, WIDE), draw(page, words, NARROW), said(page, words))
        for name, draw, title, said, needed in CHARTS
        if needed(page)
    )


def _shares(page: Page, words: Words, width: float) -> Canvas:
    """A bar for each channel, and a mark where a share was known from before."""
    step, top = 62, 18
    marked = {row.channel: page.known_shares.get(row.channel) for row in page.channels}
    canvas = Canvas(
        width, top + sum(step + (18 if marked[row.channel] is not None else 0) for row in page.channels) - 26
    )
    y: float = top
    for row in page.channels:
        canvas.name_and_value(0, y, words(f"channel.{row.channel}"), words.mass(row.emissions.central), px=14)
        canvas.text(width, y, words.percent(row.share), "ink", anchor="end", bold=True, px=14)
        canvas.rect(0, y + 9, width, 14, "soft", round_px=4)
        canvas.rect(0, y + 9, width * float(row.share), 14, row.channel, round_px=4)
        known = marked[row.channel]
        if known is not None:
            x = width * float(known)
            canvas.line(x, y + 5, x, y + 27, "ink", width=2.5)
            text = words("shares.known_short", value=words.whole_percent(known))
            half = text_width(text, 12) / 2
            canvas.text(min(max(x, half), width - half), y + 40, text, "muted", anchor="middle", px=12)
            y += 18
        y += step
    return canvas


def _countries(page: Page, words: Words, width: float) -> Canvas:
    step, most = 44, max((float(row.share) for row in page.countries), default=0) or 1
    canvas = Canvas(width, 14 + step * len(page.countries) - 16)
    for n, row in enumerate(page.countries):
        y = 14 + n * step
        canvas.text(0, y, words.place(row.code), "ink")
        canvas.text(width, y, f"{words.mass(row.grams)} · {words.percent(row.share)}", "muted", anchor="end")
        canvas.rect(0, y + 7, width, 8, "soft", round_px=4)
        canvas.rect(0, y + 7, width * float(row.share) / most, 8, "bar", round_px=4)
    return canvas


def _before(page: Page, words: Words, width: float) -> Canvas:
    """For each channel two bars on one scale: this campaign above, the one before below."""
    assert page.before is not None
    pairs = [
        (row.channel, row.emissions.central, page.before.channels.get(row.channel, Decimal(0))) for row in page.channels
    ]
    most = max((float(max(now, then)) for _, now, then in pairs), default=0) or 1
    step = 66
    canvas = Canvas(width, 14 + step * len(pairs) - 18)
    for n, (channel, now, then) in enumerate(pairs):
        y = 14 + n * step
        canvas.text(0, y, words(f"channel.{channel}"), "ink", bold=True)
        canvas.text(width, y, words.change(now, then), "ink", anchor="end", bold=True)
        for row, (grams, colour) in enumerate(((now, channel), (then, "faint"))):
            long = (width - 110) * float(grams) / most
            canvas.rect(0, y + 8 + row * 17, max(long, 1), 12, colour, round_px=3)
            canvas.text(max(long, 1) + 7, y + 18 + row * 17, words.mass(grams), "muted", px=12)
    return canvas


def _hours(page: Page, words: Words, width: float) -> Canvas:
    narrow = width < WIDE
    plot = _plot(width, _legend_height(page, words, width) + 30, 190 if narrow else 240)
    canvas = Canvas(width, plot.base + AXIS)
    _legend(canvas, page, words)
    most = max((sum(grams.values(), Decimal(0)) for _, grams in page.hours), default=Decimal(0))
    scale = _axis(canvas, words, most, plot, "hour")
    each = plot.width / max(len(page.hours), 1)
    gap = 0.12 if each > 4 else 0
    for n, (_, grams) in enumerate(page.hours):
        base = plot.base
        for channel in reversed(CHANNELS):
            tall = float(grams.get(channel, Decimal(0))) * scale
            canvas.rect(plot.left + each * (n + gap), base - tall, each * (1 - 2 * gap), tall, channel)
            base -= tall
    for n, text in _hour_labels(page, words, narrow=narrow):
        x = plot.left + each * n
        canvas.line(x, plot.base, x, plot.base + 5, "muted")
        canvas.text(x, plot.base + 20, text, "muted", px=12)
    return canvas


def _hour_labels(page: Page, words: Words, *, narrow: bool) -> list[tuple[int, str]]:
    if page.of_the_day:
        return [(n, words.hour(page.hours[n][0], of_the_day=True)) for n in range(0, 24, 6 if narrow else 3)]
    starts = [n for n, (moment, _) in enumerate(page.hours) if moment.hour == 0]
    step = -(-len(starts) // (3 if narrow else 8))
    return [(n, words.short_day(page.hours[n][0].date())) for n in starts[::step]]


def _periods(page: Page, words: Words, width: float) -> Canvas:
    """A bar for each day, month or year, and its range as a whisker."""
    plot = _plot(width, 28, 170 if width < WIDE else 210)
    canvas = Canvas(width, plot.base + AXIS)
    most = max((period.total.high for period in page.periods), default=Decimal(0))
    scale = _axis(canvas, words, most, plot, page.kind)
    each = plot.width / max(len(page.periods), 1)
    bar = min(each * 0.62, 90)
    for n, period in enumerate(page.periods):
        x, total = plot.left + each * (n + 0.5), period.total
        low, central, high = (plot.base - float(g) * scale for g in (total.low, total.central, total.high))
        canvas.rect(x - bar / 2, central, bar, plot.base - central, "bar", round_px=min(3, bar / 4))
        canvas.line(x, low, x, high, "ink", width=2 if each > 16 else 1)
        cap = min(bar / 3, 9) if each > 9 else 0
        for y in (low, high):
            canvas.line(x - cap, y, x + cap, y, "ink", width=2)
    fit = max(1, int(plot.width // (text_width(words.period(page.first_day, page.kind), 12) + 14)))
    for n in range(0, len(page.periods), max(1, -(-len(page.periods) // fit))):
        label = words.period(page.periods[n].first, page.kind)
        canvas.text(plot.left + each * (n + 0.5), plot.base + 20, label, "muted", anchor="middle", px=12)
    return canvas


def _axis(canvas: Canvas, words: Words, most: Decimal, plot: Plot, per: str) -> float:
    """Grid lines with their values; returns pixels per gram."""
    unit = axis_unit(most)
    values = ticks(float(most / UNITS[unit]))
    canvas.text(0, plot.top - 14, words(f"axis.{per}", unit=unit), "muted", px=12)
    for value in values:
        y = plot.base - value * plot.height / values[-1]
        canvas.line(plot.left, y, plot.left + plot.width, y, "line" if value else "muted")
        label = words.decimal(Decimal(f"{value:g}"), "#,##0.######")
        canvas.text(plot.left - 8, y + 4, label, "muted", anchor="end", px=12)
    return plot.height / values[-1] / float(UNITS[unit])


def _legend_rows(page: Page, words: Words, width: float) -> list[list[tuple[str, str, float]]]:
    rows: list[list[tuple[str, str, float]]] = [[]]
    x: float = 0
    for channel in (row.channel for row in page.channels):
        text = words(f"channel.{channel}")
        wide = text_width(text) + 38
        if rows[-1] and x + wide > width:
            rows.append([])
            x = 0
        rows[-1].append((channel, text, x))
        x += wide
    return rows


def _legend_height(page: Page, words: Words, width: float) -> float:
    return 22.0 * len(_legend_rows(page, words, width))


def _legend(canvas: Canvas, page: Page, words: Words) -> None:
    for n, row in enumerate(_legend_rows(page, words, canvas.width)):
        for channel, text, x in row:
            canvas.rect(x, n * 22 + 2, 12, 12, channel, round_px=3)
            canvas.text(x + 18, n * 22 + 13, text, "ink")


def _say_shares(page: Page, words: Words) -> str:
    rows = ", ".join(f"{words(f'channel.{row.channel}')} {words.percent(row.share)}" for row in page.channels)
    known = ", ".join(
        words("shares.alt_known", channel=words(f"channel.{name}"), value=words.whole_percent(share))
        for name, share in page.known_shares.items()
    )
    return words("shares.alt", list=rows) + (f" {known}" if known else "")


def _say_countries(page: Page, words: Words) -> str:
    rows = ", ".join(f"{words.place(row.code)} {words.percent(row.share)}" for row in page.countries)
    return words("countries.alt", list=rows)


def _say_before(page: Page, words: Words) -> str:
    assert page.before is not None
    rows = ", ".join(
        f"{words(f'channel.{row.channel}')} "
        f"{words.change(row.emissions.central, page.before.channels.get(row.channel, Decimal(0)))}"
        for row in page.channels
    )
    return words("before.alt", title=page.before.title, list=rows)


def _say_hours(page: Page, words: Words) -> str:
    moment, grams = max(page.hours, key=lambda bar: sum(bar[1].values(), Decimal(0)))
    peak = words.hour(moment, of_the_day=page.of_the_day)
    key = "hours.alt_of_the_day" if page.of_the_day else "hours.alt"
    return words(key, peak=peak, value=words.mass(sum(grams.values(), Decimal(0))))


def _say_periods(page: Page, words: Words) -> str:
    rows = [
        f"{words.period(period.first, page.kind)} {words.mass(period.total.central)} "
        f"({words('total.range', low=words.mass(period.total.low), high=words.mass(period.total.high))})"
        for period in page.periods
    ]
    return words("periods.alt", list=", ".join(rows))


Said = Callable[[Page, Words], str]


def _titled(key: str) -> Said:
    return lambda _page, words: words(key)


def _hours_title(page: Page, words: Words) -> str:
    return words("hours.title_of_the_day" if page.of_the_day else "hours.title")


def _periods_title(page: Page, words: Words) -> str:
    return words(f"periods.title_{page.kind}")


CHARTS: tuple[tuple[str, Draw, Said, Said, Callable[[Page], bool]], ...] = (
    ("shares", _shares, _titled("shares.title"), _say_shares, lambda page: bool(page.channels)),
    ("before", _before, _titled("before.title"), _say_before, lambda page: page.before is not None),
    ("hours", _hours, _hours_title, _say_hours, lambda page: bool(page.hours)),
    ("periods", _periods, _periods_title, _say_periods, lambda page: bool(page.periods)),
    ("countries", _countries, _titled("countries.title"), _say_countries, lambda page: bool(page.countries)),
)
"""Name, drawing, title, what it says in words, and whether there is anything to draw: a new chart is one line."""
