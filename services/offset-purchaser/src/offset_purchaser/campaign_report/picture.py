"""Charts as pictures for slides: one SVG file with everything in it, and the same as PNG."""

from __future__ import annotations

import re
from html import escape

import typst

from offset_purchaser.campaign_report.charts import WIDE, Chart
from offset_purchaser.campaign_report.page import Page
from offset_purchaser.campaign_report.svg import Canvas
from offset_purchaser.campaign_report.words import Words
from offset_purchaser.documents.typeset import package_fonts

MARGIN, HEAD, FOOT = 44, 96, 46
PIXELS_PER_POINT = 2
COLOURS = {
    "paper": "#fefefd",
    "ink": "#1d2328",
    "muted": "#5d666f",
    "line": "#dcd8d0",
    "soft": "#eeebe4",
    "faint": "#b9b4aa",
    "bar": "#7d8893",
    "site": "#3b6fb6",
    "email": "#8c5aa8",
    "ads": "#b8711a",
    "delivery": "#2b7a78",
}
"""The page's light colours; a picture on a slide has no other theme."""
_PAGE = '#set page(width: auto, height: auto, margin: 0pt)\n#image("picture.svg", width: {width}pt)'


def picture_svg(chart: Chart, page: Page, words: Words) -> str:
    """A chart with its title, whose it is, and what it does not say."""
    wide, high = WIDE + 2 * MARGIN, chart.wide.height + HEAD + FOOT + MARGIN
    around = Canvas(wide, high)
    around.rect(0, 0, wide, high, "paper")
    around.text(MARGIN, 50, chart.title, "ink", bold=True, px=24)
    around.text(MARGIN, 76, f"{page.title} · {words.span(page.first_day, page.last_day)}", "muted", px=15)
    note = words("picture.note_rehearsal" if page.mode == "rehearsal" else "picture.note")
    around.text(MARGIN, high - 26, note, "muted", px=12)
    inside = f'<g transform="translate({MARGIN} {HEAD + 10})">{chart.wide.inside()}</g>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:g}" height="{high:g}" viewBox="0 0 {wide:g} {high:g}"'
    said = escape(chart.alternative)
    text = f'{head} font-family="Inter, system-ui, sans-serif"><title>{said}</title>{around.inside()}{inside}</svg>\n'
    return re.sub(r"var\(--(\w+)\)", lambda found: COLOURS[found[1]], text)


def picture_png(svg: str) -> bytes:
    """The picture as PNG, twice its size in pixels. The same picture has the same bytes."""
    width = re.search(r'width="([\d.]+)"', svg)
    assert width is not None
    source = {"main.typ": _PAGE.format(width=width[1]).encode(), "picture.svg": svg.encode()}
    png = typst.compile(  # type: ignore[call-overload]  # the stubs omit the mapping of in-memory files
        source, format="png", ppi=72 * PIXELS_PER_POINT, font_paths=package_fonts()
    )
    return bytes(png)
