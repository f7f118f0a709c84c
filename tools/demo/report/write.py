"""Writes the page and the images."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup

from demo.report.charts import Chart, alternatives, draw_charts
from demo.report.page import Page
from demo.report.texts import Words


def write_report(page: Page, out: Path, *, language: str = "en") -> Path:
    """Write ``report.html`` (with everything inside it) and ``charts/*.png`` below ``out``; returns the page's path."""
    words = Words(language)
    charts = draw_charts(page, words)
    folder = out / "charts"
    folder.mkdir(parents=True, exist_ok=True)
    for chart in charts:
        (folder / f"{chart.name}.png").write_bytes(chart.png)
    path = out / "report.html"
    path.write_text(render(page, words, charts), encoding="utf-8")
    return path


def render(page: Page, words: Words, charts: Sequence[Chart]) -> str:
    """The page as one HTML text."""
    environment = Environment(
        loader=BaseLoader(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_resource("report.html.j2"))
    return template.render(
        page=page,
        t=words,
        charts={chart.name: (_drawn(chart.wide), _drawn(chart.narrow)) for chart in charts},
        alternatives=alternatives(page, words),
        style=_drawn(_resource("report.css")),
        scale=_scale(page),
        costs=_costs(page, words),
    )


def _drawn(text: str) -> Markup:
    """Markup of our own making: drawings of matplotlib, whose texts are escaped there, and the style sheet."""
    return Markup(text)  # noqa: S704


def _scale(page: Page) -> dict[str, str]:
    """Places on the range bar in percent of its length, which runs from zero to a little beyond the high end."""
    whole = page.total.high * Decimal("1.12") or Decimal(1)
    total = page.total
    return {name: f"{getattr(total, name) / whole * 100:.2f}" for name in ("low", "central", "high")}


def _costs(page: Page, words: Words) -> str:
    """What was paid, by currency."""
    sums: dict[str, Decimal] = {}
    for order in page.bought:
        sums[order.currency] = sums.get(order.currency, Decimal(0)) + order.amount
    return " + ".join(words.money(amount, currency) for currency, amount in sorted(sums.items()))


def _resource(name: str) -> str:
    return (files("demo.report") / name).read_text(encoding="utf-8")
