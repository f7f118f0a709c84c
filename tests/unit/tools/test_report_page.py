"""The report page: complete in itself, the same twice, readable by all, silent about what it may not claim."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from demo.report import Page, write_report
from demo.report.charts import Chart, draw_charts
from demo.report.page import Bought, Day, Grams, LeftOut, Row
from demo.report.texts import LANGUAGES, Words
from demo.report.write import render
from offset_purchaser.claims import find_claims

CHANNELS = (("site", 1), ("email", 4), ("ads", 15), ("delivery", 80))
START = datetime(2025, 11, 28, tzinfo=UTC)
VOID = {"meta", "br", "link", "img", "input", "hr"}


def kilograms(low: int, central: int, high: int) -> Grams:
    return Grams(Decimal(low * 1000), Decimal(central * 1000), Decimal(high * 1000))


def rows() -> tuple[Row, ...]:
    return tuple(
        Row(name, 1000 * kg, 7, 1, 5, kilograms(kg // 2, kg, kg * 2), Decimal(kg) / 100) for name, kg in CHANNELS
    )


def the_page(
    *, hours: int = 72, days: int = 3, yardstick: Decimal | None = Decimal("0.6"), mode: str = "rehearsal"
) -> Page:
    first = date(2025, 11, 28)
    return Page(
        title="Black <Friday> & Co",
        mode=mode,
        zone="Europe/Paris",
        days=tuple(Day(first + timedelta(days=n), rows(), kilograms(50, 100, 200)) for n in range(days)),
        channels=rows(),
        total=kilograms(150, 300, 600),
        bars=tuple(
            (START + timedelta(hours=n), {name: Decimal(kg * (1 + n % 24)) for name, kg in CHANNELS})
            for n in range(hours)
        ),
        by_day=False,
        left_out=(
            LeftOut("rejected", 314, None),
            LeftOut("duplicates", 2989, None),
            LeftOut("late_unprovable", 118, Decimal(2206)),
            LeftOut("bots", 5983, Decimal(171)),
            LeftOut("outside", 1826, None),
            LeftOut("paid_by_others", None, Decimal(37_490)),
        ),
        bought=(
            Bought(first, 262_510, Decimal(22), "EUR", Decimal("5.78"), "sandbox", "7deb80c1", "R-ST-2026-00001"),
            Bought(first, 1_000_000, Decimal(20), "GBP", Decimal("20.00"), "sandbox", "4dc6588a", "R-ST-2026-00002"),
        ),
        balance=(("site-traffic", {"consumed": 202_119, "counted": 199_784, "duplicates": 2119, "rejected": 216}),),
        methods=(("site", "swd-v4", "1", "2026.1"),),
        checks=182,
        checks_wrong=0,
        restarts=2,
        yardstick=yardstick,
    )


def written(page: Page, out: Path) -> str:
    return write_report(page, out).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def charts() -> list[Chart]:
    return draw_charts(the_page(), Words("en"))


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(the_page(), tmp_path_factory.mktemp("report"))


class Elements(HTMLParser):
    """Every element with its attributes, the text outside of style, and whether the elements are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def of(self, *tags: str) -> Iterable[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in tags]


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(html: str) -> None:
    elements = Elements(html)
    assert elements.open == []
    assert not list(elements.of("link", "script", "img", "iframe", "object"))
    for attributes in elements.of("a"):
        assert re.match(r"#|documents/", attributes["href"] or "")
    assert not re.search(r"url\((?!#)|@import|src=", html)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    first, again = written(the_page(), tmp_path / "first"), written(the_page(), tmp_path / "again")
    assert first == again
    names = sorted(path.name for path in (tmp_path / "first" / "charts").iterdir())
    assert names == ["days.png", "hours.png", "shares.png"]
    for name in names:
        images = [(tmp_path / run / "charts" / name).read_bytes() for run in ("first", "again")]
        assert images[0] == images[1]
        assert images[0].startswith(b"\x89PNG")


def test_it_says_the_total_with_its_range(html: str) -> None:
    text = " ".join(Elements(html).text.split())
    assert "What the campaign emitted 300.0 kg CO₂e between 150.0 kg and 600.0 kg" in text


def test_the_contribution_stands_in_a_box_of_its_own_and_is_never_subtracted(html: str) -> None:
    sections = re.findall(r'<section class="(\w+)" aria-labelledby="(\w+)">(.*?)</section>', html, re.DOTALL)
    by_id = {name: Elements(text).text for _, name, text in sections}
    assert "1.262510 t bought" in by_id["contribution"]
    assert "€5.78 + £20.00" in by_id["contribution"]
    assert "1.262510" not in html.replace(next(t for _, n, t in sections if n == "contribution"), "")
    assert "298.7" not in html  # 300 kg less what was bought


def test_no_sentence_claims_what_a_company_may_not_claim(html: str) -> None:
    for language in LANGUAGES:
        assert find_claims(Elements(html).text, language) == ()
    assert not re.search(r"(?i)neutral|compensat|offset", Elements(html).text)


def test_the_texts_themselves_make_no_claim_either() -> None:
    folder = Path(__file__).resolve().parents[3] / "tools" / "demo" / "report" / "texts"
    for language in LANGUAGES:
        text = (folder / f"{language}.toml").read_text(encoding="utf-8")
        assert tomllib.loads(text)["lang"] == language
        assert find_claims(text, language) == ()


def test_the_sixty_percent_found_by_hand_is_a_yardstick_beside_not_a_target(html: str) -> None:
    text = Elements(html).text
    assert "deliveries make 60 %. That figure is drawn beside as a yardstick, not as a target" in text
    assert "once found by hand: 60 %" in text


def test_without_such_a_figure_there_is_no_yardstick(tmp_path: Path) -> None:
    assert "by hand" not in written(the_page(yardstick=None), tmp_path)


def test_what_was_left_out_is_listed_with_its_reason(html: str) -> None:
    text = " ".join(Elements(html).text.split())
    for line in (
        "Rejected 314",
        "Duplicates 2,989",
        "Too late to tell 118 2.206",
        "Robots 5,983 0.171",
        "Outside 1,826",
    ):
        assert line in text
    assert "Paid by others 37.5 A carrier" in text


def test_a_rehearsal_says_so_and_a_live_run_does_not(html: str, charts: list[Chart]) -> None:
    assert "This is a rehearsal. Nothing was paid" in html
    assert "rehearsal" not in render(the_page(mode="live"), Words("en"), charts)


def test_comparisons_that_differ_are_not_hidden(charts: list[Chart]) -> None:
    page = the_page()
    wrong = Page(**{name: getattr(page, name) for name in Page.__dataclass_fields__} | {"checks_wrong": 3})
    assert "182 comparisons with what was sent: 3 differ" in render(wrong, Words("en"), charts)


def test_every_chart_says_in_words_what_it_shows(html: str) -> None:
    images = [
        attributes["aria-label"] or "" for attributes in Elements(html).of("div") if attributes.get("role") == "img"
    ]
    assert len(images) == 4
    assert "Site 1.0 %, E-mail 4.0 %, Advertising 15.0 %, Deliveries 80.0 %" in images[1]
    assert "Friday 28 November 23:00 with 2.4 kg" in images[2]
    assert "Fri 28 Nov 100.0 kg (between 50.0 kg and 200.0 kg)" in images[3]
    assert all(attributes.get("aria-hidden") == "true" for attributes in Elements(html).of("svg"))


def test_tables_have_headers_with_a_scope_and_scrollable_ones_can_be_reached(html: str) -> None:
    elements = Elements(html)
    assert all(attributes.get("scope") for attributes in elements.of("th"))
    regions = [attributes for attributes in elements.of("div") if attributes.get("class") == "scroll"]
    assert regions
    ids = {attributes["id"] for _, attributes in elements.found if attributes.get("id")}
    for region in regions:
        assert region["tabindex"] == "0"
        assert region["aria-labelledby"] in ids


def test_no_id_is_used_twice_and_every_reference_has_its_target(html: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', html)) <= set(ids)


def test_drawings_take_the_colours_of_the_page_and_its_font(html: str) -> None:
    drawings = "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    assert "font-family" not in drawings
    used = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", drawings))
    assert used <= {"#000000", "#ffffff"}
    assert {"site", "email", "ads", "delivery", "ink"} <= set(re.findall(r"var\(--(\w+)\)", drawings))


def test_dark_light_phone_and_paper_are_provided_for(html: str) -> None:
    for needed in ("prefers-color-scheme: dark", "@media print", "max-width: 40rem", "width=device-width"):
        assert needed in html


def test_what_people_typed_is_escaped(html: str) -> None:
    assert "<h1>Black &lt;Friday&gt; &amp; Co</h1>" in html


def test_a_run_without_anything_is_a_page_too(tmp_path: Path) -> None:
    empty = Page("Empty", "rehearsal", "UTC", (), (), Grams(), (), False, (), (), (), (), 0, 0, 0, None)
    text = written(empty, tmp_path)
    assert "Nothing was bought." in text


def test_a_year_of_days_still_fits_its_drawings() -> None:
    charts = {chart.name: chart for chart in draw_charts(the_page(days=365, hours=400), Words("en"))}
    labels = re.findall(r">(\w{3} \d+ \w{3})<", charts["days"].narrow)
    assert 2 <= len(labels) <= 4


def test_masses_are_written_in_the_unit_people_would_use() -> None:
    words = Words("en")
    assert [words.mass(Decimal(g)) for g in ("12.34", "12345", "12345678")] == ["12.3 g", "12.3 kg", "12.35 t"]
    assert [words.kg(Decimal(g)) for g in ("6509.27", "210400", "2459254")] == ["6.509", "210.4", "2,459"]
    assert words.tonnes(7_171_384) == "7.171384"


def test_a_language_without_texts_is_refused() -> None:
    with pytest.raises(ValueError, match="no texts in 'tlh'"):
        Words("tlh")
