"""The report page: complete in itself, the same twice, readable by all, silent about what it may not claim."""

from __future__ import annotations

import re
import string
import struct
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from tests.unit.campaign_report.example import campaign, facts_of, page, report_of

from offset_purchaser.campaign_report import LANGUAGES, Page, Proof, assemble, write_report
from offset_purchaser.campaign_report.charts import draw_charts
from offset_purchaser.campaign_report.facts import Facts
from offset_purchaser.campaign_report.page import Bought, LeftOut
from offset_purchaser.campaign_report.picture import COLOURS
from offset_purchaser.campaign_report.svg import ticks
from offset_purchaser.campaign_report.words import Words, axis_unit
from offset_purchaser.campaign_report.write import render
from offset_purchaser.claims import find_claims
from shared.errors import Rejected

VOID = {"meta", "br", "link", "img", "input", "hr"}
PAGE = page()


def html_of(found: Page, language: str = "en") -> str:
    words = Words(language)
    return render(found, words, draw_charts(found, words))


@pytest.fixture(scope="module")
def html() -> str:
    return html_of(PAGE)


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


def text_of(html: str) -> str:
    return " ".join(Elements(html).text.split())


def sections(html: str) -> dict[str, str]:
    found = re.findall(r'<section[^>]*aria-labelledby="([\w-]+)">(.*?)</section>', html, re.DOTALL)
    return {name: text_of(text) for name, text in found}


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(html: str) -> None:
    elements = Elements(html)
    assert elements.open == []
    assert not list(elements.of("script", "img", "iframe", "object"))
    assert [link["href"] for link in elements.of("link")] == ["data:,"]
    assert not re.search(r"url\(|@import|src=|https?:", html)


def test_the_same_facts_give_the_same_bytes_and_the_first_language_is_report_html(tmp_path: Path) -> None:
    for run in ("first", "again"):
        paths = write_report(PAGE, tmp_path / run, ["fr", "en", "fr"])
        assert [path.name for path in paths] == ["report.html", "report.en.html"]
    names = sorted(str(path.relative_to(tmp_path / "first")) for path in (tmp_path / "first").rglob("*.*"))
    assert len(names) == 2 + 5 * 2 * 2
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    french = (tmp_path / "first" / "report.html").read_text(encoding="utf-8")
    assert 'lang="fr"' in french
    assert 'href="report.en.html"' in french


def test_pictures_are_whole_svg_files_and_png_twice_their_size(tmp_path: Path) -> None:
    write_report(PAGE, tmp_path, ["de"])
    for path in sorted((tmp_path / "charts").glob("*.svg")):
        drawing = etree.fromstring(path.read_bytes())
        assert "var(" not in path.read_text(encoding="utf-8")
        png = path.with_suffix(".png").read_bytes()
        width, height = struct.unpack(">II", png[16:24])
        wanted = (2 * float(drawing.get("width")), 2 * float(drawing.get("height")))
        assert (width, height) == pytest.approx(wanted, abs=2)
        texts = "".join(drawing.itertext())
        assert "Black <Friday> & Co 2026" in texts
        assert "Probelauf." in texts


def test_it_says_the_total_with_its_range(html: str) -> None:
    assert "What the campaign emitted 107.50 t CO₂e between 66.65 t and 169.85 t" in text_of(html)


def test_what_was_bought_and_what_is_avoided_stand_apart_and_are_never_subtracted(html: str) -> None:
    found = sections(html)
    assert "25.26251 t bought for €555.78, net of VAT" in found["contribution"]
    assert "not in the figure above: 1 t for £20.00, net of VAT" in found["contribution"]
    assert "1,000 Smartphones 24,600 kg CO₂e 20,853 to 28,347" in found["saved"]
    assert "the study has no figure" in found["saved"]
    for name, text in found.items():
        assert ("25.26251" in text) == (name == "contribution"), name
        assert ("24,600" in text) == (name == "saved"), name
    plain = text_of(html)
    for netted in ("81.24", "81,237", "82.90", "82,900"):  # the total less what was bought, less what is avoided
        assert netted not in plain


def test_what_is_avoided_is_for_the_years_of_use_that_the_campaign_states() -> None:
    once, kept = (sections(html_of(page(**changes))) for changes in ({}, {"years_of_use": Decimal("2.5")}))

    assert "Years of use of each: 1." in once["saved"]
    assert "Years of use of each: 2.5." in kept["saved"]
    assert "1,000 Smartphones 61,500 kg CO₂e" in kept["saved"]


@pytest.mark.parametrize("mode", ["rehearsal", "live"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_claims_what_a_company_may_not_claim(language: str, mode: str) -> None:
    for found in (replace(PAGE, mode=mode), EMPTY, page(date(2010, 1, 4), 400)):
        html = html_of(found, language)
        alternatives = " ".join(str(value) for value in re.findall(r'aria-label="([^"]*)"', html))
        assert find_claims(Elements(html).text + alternatives, language) == ()
        assert not re.search(r"(?i)neutral|compensat|kompensat", Elements(html).text)


def texts(language: str) -> dict[str, str]:
    def flat(table: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
        for key, value in table.items():
            if isinstance(value, dict):
                yield from flat(value, f"{prefix}{key}.")
            else:
                yield prefix + key, value

    path = files("offset_purchaser.campaign_report") / "texts" / f"{language}.toml"
    return dict(flat(tomllib.loads(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_texts_with_the_same_placeholders_and_none_is_a_claim(language: str) -> None:
    english, words = texts("en"), texts(language)
    assert words.keys() == english.keys()
    for key, text in words.items():
        names = [{name for _, name, _, _ in string.Formatter().parse(t) if name} for t in (text, english[key])]
        assert names[0] == names[1], key
        assert find_claims(text, language) == (), key
        assert "'" not in text or language == "en", key
        if language == "fr":
            assert not re.search(r" [:;?!%]", text), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_used(language: str) -> None:
    folder = files("offset_purchaser.campaign_report")
    code = " ".join((folder / name).read_text() for name in ("report.html.j2", "charts.py", "words.py", "picture.py"))
    for key in texts(language):
        parent = key.rpartition(".")[0]
        assert f'"{key}"' in code or f"'{key}'" in code or f"{parent.split('.')[0]}." in code, key


def test_a_share_known_from_before_is_a_yardstick_beside_not_a_target(html: str) -> None:
    text = text_of(html)
    assert "worked out a share of 60 % by hand for the channel Deliveries" in text
    assert "a yardstick, not a target" in text
    assert "by hand: 60 %" in text
    without = html_of(replace(PAGE, known_shares={}))
    assert "by hand" not in without
    assert "Shares of the best estimate." in without


def test_the_campaign_before_is_compared_in_total_per_day_and_by_channel(html: str) -> None:
    text = sections(html)["before"]
    assert "+10 % against Black Friday 2025, which emitted 97.65 t. Per day: 26.88 t now, 32.55 t then (−17 %)." in text
    assert "methods or factors are not the same" not in text
    assert PAGE.before is not None
    other = replace(PAGE, before=replace(PAGE.before, same_methods=False))
    assert "The methods or factors are not the same" in html_of(other)
    assert 'id="before"' not in html_of(replace(PAGE, before=None))


def test_what_was_left_out_is_listed_with_its_reason(html: str) -> None:
    text = sections(html)["left-out"]
    for line in (
        "Rejected 314",
        "Duplicates 2,989",
        "Too late to tell 0 0.000",
        "Robots 23,932 8.000",
        "Outside 1,826",
    ):
        assert line in text
    assert "Paid by others 148.0 A carrier" in text
    more = replace(PAGE, left_out=(LeftOut("not_estimated", 17, None), LeftOut("lost", 3, None)))
    assert "Not estimated 17" in text_of(html_of(more))
    assert "Lost 3" in text_of(html_of(more))


def test_a_rehearsal_says_so_and_a_live_campaign_does_not(html: str) -> None:
    assert "Rehearsal. Nothing was paid" in text_of(html)
    assert "ehearsal" not in html_of(replace(PAGE, mode="live"))


def test_days_that_still_move_are_said() -> None:
    assert "3 days have not settled" in text_of(html_of(replace(PAGE, open_days=3)))
    assert "one day has not settled" in text_of(html_of(replace(PAGE, open_days=1)))


def test_comparisons_that_differ_are_not_hidden(html: str) -> None:
    assert "182 comparisons with what was sent: all agree" in html
    assert "182 comparisons with what was sent: 3 differ" in html_of(replace(PAGE, proof=Proof(182, 3, 0)))
    assert "comparisons" not in html_of(replace(PAGE, proof=None))


def test_every_chart_says_in_words_what_it_shows(html: str) -> None:
    images = [a["aria-label"] or "" for a in Elements(html).of("div") if a.get("role") == "img"]
    assert len(images) == 6
    assert "Website 8.0 %, E-mail 4.0 %, Advertising 14.0 %, Deliveries 74.0 %" in images[1].replace("\u00a0", " ")
    assert "The highest hour is Fri 27 Nov, 15:00 with 1.88 t" in images[3].replace("\u00a0", " ")
    assert "Fri 27 Nov 25.00 t (between 15.50 t and 39.50 t)" in images[4].replace("\u00a0", " ")
    assert all(attributes.get("aria-hidden") == "true" for attributes in Elements(html).of("svg"))


def test_tables_have_headers_with_a_scope_and_scrollable_ones_can_be_reached(html: str) -> None:
    elements = Elements(html)
    assert all(attributes.get("scope") for attributes in elements.of("th"))
    regions = [attributes for attributes in elements.of("div") if attributes.get("class") == "scroll"]
    assert regions
    ids = [attributes["id"] for _, attributes in elements.found if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for region in regions:
        assert region["tabindex"] == "0"
        assert region["aria-labelledby"] in ids
    assert {attributes["href"] for attributes in elements.of("a")} <= {f"#{name}" for name in ids}


def test_drawings_take_only_colours_that_both_themes_define(html: str) -> None:
    style = re.findall(r":root \{(.*?)\}", html, re.DOTALL)
    light, dark, paper = (set(re.findall(r"--(\w[\w-]*):", block)) for block in style[:3])
    used = set(re.findall(r"var\(--([\w-]+)\)", html))
    assert used - {"c"} <= light
    assert light == dark == paper
    drawn = set(re.findall(r"var\(--(\w+)\)", "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL))))
    assert {"site", "email", "ads", "delivery", "ink"} <= drawn <= COLOURS.keys()
    assert all(f"--{name}: {colour};" in style[0] for name, colour in COLOURS.items())


def test_what_people_typed_is_escaped(html: str) -> None:
    assert "<h1>Black &lt;Friday&gt; &amp; Co 2026</h1>" in html
    assert "<Friday>" not in html


EMPTY = assemble(
    campaign(date(2026, 11, 27), 1, known_shares={}),
    "Exemple SAS",
    "rehearsal",
    {"days": [], "orders": [], "balance": {}},
    Facts((), (), (), (), 0, 0),
)


def test_a_campaign_without_anything_is_a_page_too(tmp_path: Path) -> None:
    write_report(EMPTY, tmp_path, LANGUAGES)
    text = text_of((tmp_path / "report.en.html").read_text(encoding="utf-8"))
    assert "Nothing was bought." in text
    assert "0.00 g" in text


@pytest.mark.parametrize(
    ("days", "kind", "count", "hours"),
    [(1, "day", 1, 24), (8, "day", 8, 192), (9, "day", 9, 24), (45, "day", 45, 24), (46, "month", 2, 24),
     (400, "month", 14, 24), (2090, "year", 6, 24)],
)  # fmt: skip
def test_long_campaigns_are_grouped_and_their_hours_folded_into_one_day(
    days: int, kind: str, count: int, hours: int
) -> None:
    found = page(date(2010, 1, 4), days)
    assert (found.kind, len(found.periods), len(found.hours)) == (kind, count, hours)
    assert sum(period.total.central for period in found.periods) == found.total.central
    assert found.total.central == sum(channel.emissions.central for channel in found.channels)


def test_a_page_of_2090_days_is_light() -> None:
    assert len(html_of(page(date(2010, 1, 4), 2090)).encode()) < 150_000


def test_months_in_which_nothing_happened_are_left_out() -> None:
    found = campaign(date(2010, 1, 1), 400)
    report = report_of(found)
    for day in report["days"]:
        if day["day"][:7] != "2010-05":
            day["channels"] = {}
            day["total_g"] = {"low": "0", "central": "0", "high": "0"}
    made = assemble(found, "Exemple SAS", "live", report, Facts((), (), (), (), 0, 0))
    assert [period.first for period in made.periods] == [date(2010, 5, 1)]


def test_refused_orders_are_not_shown_as_bought() -> None:
    found = campaign(date(2026, 11, 27), 4)
    report = report_of(found)
    report["orders"][1]["state"] = "rejected"
    made = assemble(found, "Exemple SAS", "live", report, facts_of(found))
    assert [order.quantity_g for order in made.bought] == [25_262_510]
    assert isinstance(made.bought[0], Bought)


@pytest.mark.parametrize("state", ["planned", "held", "placed", "unknown"])
def test_an_order_that_is_not_confirmed_is_not_bought(state: str) -> None:
    found = campaign(date(2026, 11, 27), 4)
    report = report_of(found)
    report["orders"] = [report["orders"][0] | {"state": state}]
    text = sections(html_of(assemble(found, "Exemple SAS", "live", report, facts_of(found))))["contribution"]
    assert "Nothing was bought. Not confirmed yet and not in the figure above: 25.26251 t for €555.78" in text


def test_countries_beyond_the_first_eight_are_one_line_and_unknown_ones_stay_apart() -> None:
    assert [row.code for row in PAGE.countries] == ["FR", "DE", "GB", "ES", "IT", "BE", "NL", "AT", "*", ""]
    assert round(sum(row.share for row in PAGE.countries), 9) == 1


def test_an_order_that_is_open_says_so(html: str) -> None:
    assert "not confirmed yet" in sections(html)["contribution"]


@pytest.mark.parametrize(
    ("most", "values"),
    [
        (0, [0, 1]),
        (1, [0, 0.25, 0.5, 0.75, 1]),
        (7, [0, 2, 4, 6, 8]),
        (39.5, [0, 10, 20, 30, 40]),
        (101, [0, 50, 100, 150]),
    ],
)
def test_axes_have_round_values(most: float, values: list[float]) -> None:
    assert ticks(most) == values


def test_masses_are_written_in_the_unit_people_would_use() -> None:
    words = Words("en")
    assert [words.mass(Decimal(g)) for g in ("12.34", "12345", "12345678")] == [
        "12.34\u00a0g",
        "12.34\u00a0kg",
        "12.35\u00a0t",
    ]
    assert [words.column(Decimal(g), "kg") for g in ("6509.27", "210400", "2459254")] == ["6.509", "210.4", "2,459"]
    assert [axis_unit(Decimal(g)) for g in ("3", "1500", "9999999", "10000000")] == ["g", "kg", "kg", "t"]
    assert [words.change(Decimal(now), Decimal(2)) for now in (1, 2, 3, 20)] == [
        "−50\u00a0%",
        "±0.0\u00a0%",
        "+50\u00a0%",
        "×\u00a010",
    ]
    assert words.change(Decimal(1), Decimal(0)) == "–"
    assert words.hour(datetime.combine(date(2026, 11, 27), datetime.min.time()), of_the_day=True) == "00:00"


def test_a_language_without_texts_is_refused() -> None:
    with pytest.raises(Rejected, match="no texts in 'tlh'"):
        Words("tlh")
