"""Writes the page and the pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from importlib.resources import files
from itertools import groupby
from pathlib import Path

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup

from offset_purchaser.campaign_report.charts import Chart, draw_charts
from offset_purchaser.campaign_report.page import Bought, Page, Saved
from offset_purchaser.campaign_report.picture import picture_png, picture_svg
from offset_purchaser.campaign_report.svg import Canvas
from offset_purchaser.campaign_report.words import Words, table_unit

BALANCE = ("consumed", "counted", "duplicates", "rejected", "skipped", "lost")


def write_report(page: Page, out: Path, languages: Sequence[str]) -> list[Path]:
    """Write the page in some languages, each one file, and its charts as SVG and PNG below ``charts/``.

    The first language is ``report.html``, each other one ``report.<language>.html``; the pictures alike. Returns the
    pages' paths. Raises ``Rejected`` for a language without texts.
    """
    words = [Words(language) for language in dict.fromkeys(languages)]
    names: dict[str, str] = {
        one.language: "report.html" if n == 0 else f"report.{one.language}.html" for n, one in enumerate(words)
    }
    (out / "charts").mkdir(parents=True, exist_ok=True)
    paths = []
    for n, one in enumerate(words):
        charts = draw_charts(page, one)
        for chart in charts:
            stem = out / "charts" / (chart.name if n == 0 else f"{chart.name}.{one.language}")
            svg = picture_svg(chart, page, one)
            stem.with_name(f"{stem.name}.svg").write_text(svg, encoding="utf-8")
            stem.with_name(f"{stem.name}.png").write_bytes(picture_png(svg))
        path = out / names[one.language]
        path.write_text(render(page, one, charts, names if len(names) > 1 else {}), encoding="utf-8")
        paths.append(path)
    return paths


def render(page: Page, words: Words, charts: Sequence[Chart], others: Mapping[str, str] | None = None) -> str:
    """The page as one HTML text; ``others`` are the files of all languages, by language."""
    environment = Environment(
        loader=BaseLoader(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["decimal"] = Decimal
    environment.filters["groupby_device"] = _by_device
    template = environment.from_string(_resource("report.html.j2"))
    named = {chart.name: chart for chart in charts}
    return template.render(
        page=page,
        t=words,
        charts={name: named.get(name) for name in ("shares", "before", "hours", "periods", "countries")},
        drawn=_drawn,
        style=Markup(_resource("report.css")),  # noqa: S704  (our own style sheet)
        scale=_scale(page),
        unit=table_unit(page.total.central),
        largest=max(page.channels, key=lambda row: row.share, default=None),
        per_day=_per_day(page),
        indicators=list(dict.fromkeys(row.indicator for row in page.saved)),
        costs=partial(_costs, words),
        columns=BALANCE,
        others=list((others or {}).items()),
    )


def _drawn(canvas: Canvas) -> Markup:
    """A drawing of our own, whose texts are escaped where they are drawn."""
    return Markup(canvas.drawn())  # noqa: S704


def _by_device(rows: Iterable[Saved]) -> list[tuple[tuple[str, int], list[Saved]]]:
    return [(key, list(found)) for key, found in groupby(rows, key=lambda row: (row.device, row.units))]


def _scale(page: Page) -> dict[str, str]:
    """Places on the range bar in percent of its length, which runs from zero to a little beyond the high end."""
    whole = page.total.high * Decimal("1.12") or Decimal(1)
    total = page.total
    return {name: f"{getattr(total, name) / whole * 100:.2f}" for name in ("low", "central", "high")}


def _per_day(page: Page) -> dict[str, Decimal]:
    days = (page.last_day - page.first_day).days + 1
    then = page.before.total.central / page.before.days if page.before else Decimal(0)
    return {"now": page.total.central / days, "then": then}


def _costs(words: Words, orders: Sequence[Bought]) -> str:
    """What orders cost, by currency."""
    sums: dict[str, Decimal] = {}
    for order in orders:
        sums[order.currency] = sums.get(order.currency, Decimal(0)) + order.amount
    return " + ".join(words.money(amount, currency) for currency, amount in sorted(sums.items()))


def _resource(name: str) -> str:
    return (files("offset_purchaser.campaign_report") / name).read_text(encoding="utf-8")
