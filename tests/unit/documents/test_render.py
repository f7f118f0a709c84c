"""The PDF: what is inside, that it is stable, and that nothing people type can stop it."""

from __future__ import annotations

import hashlib
import json
import time
from datetime import date, timedelta
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdf
import pytest
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st

from offset_purchaser.documents import Attachment, DocumentContent, render, render_pdf, totals
from offset_purchaser.documents.example import PROVIDER_INVOICE, example_content, example_party
from offset_purchaser.documents.parts import Vat
from offset_purchaser.documents.typeset import covered

KINDS = ("statement", "statement_correction", "self_billed", "self_billed_credit", "provider_invoice")
INVOICE = Attachment("F-2026-7.pdf", PROVIDER_INVOICE)


def read(content: DocumentContent) -> pypdf.PdfReader:
    attachments = [INVOICE] if content.kind == "provider_invoice" else []
    return pypdf.PdfReader(BytesIO(render_pdf(content, attachments)))


def text(content: DocumentContent) -> str:
    return " ".join("\n".join(page.extract_text() for page in read(content).pages).split())


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_content_gives_the_same_bytes(kind: Any) -> None:
    attachments = [INVOICE] if kind == "provider_invoice" else []
    first, second = (render(example_content(kind), attachments) for _ in range(2))
    assert first.pdf == second.pdf
    assert first.pdf_sha256 == hashlib.sha256(first.pdf).hexdigest()
    assert first.content_sha256 == example_content(kind).sha256()


def test_a_document_takes_less_than_a_second() -> None:
    def seconds() -> float:
        started = time.perf_counter()
        render(example_content("self_billed", "fr"))
        return time.perf_counter() - started

    assert min(seconds() for _ in range(3)) < 1


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("statement", ["content.json"]),
        ("self_billed", ["content.json", "factur-x.xml"]),
        ("self_billed_credit", ["content.json", "factur-x.xml"]),
        ("provider_invoice", ["F-2026-7.pdf", "content.json"]),
    ],
)
def test_each_kind_carries_its_files(kind: Any, names: list[str]) -> None:
    reader = read(example_content(kind))
    assert sorted(reader.attachments) == names
    kept = DocumentContent.model_validate_json(reader.attachments["content.json"][0])
    assert kept == example_content(kind)
    if kind == "provider_invoice":
        assert reader.attachments["F-2026-7.pdf"] == [PROVIDER_INVOICE]


def test_the_embedded_xml_is_the_rendered_xml() -> None:
    rendered = render(example_content("self_billed"))
    assert pypdf.PdfReader(BytesIO(rendered.pdf)).attachments["factur-x.xml"] == [rendered.xml]
    assert render(example_content("statement")).xml is None


@pytest.mark.parametrize(("kind", "declared"), [("self_billed", True), ("statement", False)])
def test_the_metadata_declare_pdf_a_3_and_factur_x_for_invoices_only(kind: Any, declared: bool) -> None:
    reader = read(example_content(kind))
    xmp = reader.root_object["/Metadata"].get_object().get_data().decode()  # type: ignore[union-attr]
    assert "<pdfaid:part>3</pdfaid:part>" in xmp
    assert ("<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>" in xmp) == declared
    assert reader.pdf_header == "%PDF-1.7"


@pytest.mark.parametrize(
    ("kind", "language", "phrase"),
    [
        ("statement", "en", "This statement is not an invoice"),
        ("statement", "fr", "Cette attestation n’est pas une facture"),
        ("statement", "de", "Diese Bestätigung ist keine Rechnung"),
        ("self_billed", "en", "Self-billing / Autofacturation"),
        ("self_billed", "fr", "Autofacturation / Self-billing"),
        ("self_billed", "de", "Gutschrift / Self-billing / Autofacturation"),
        ("self_billed_credit", "fr", "Autofacturation / Self-billing"),
        ("self_billed_credit", "en", "It corrects invoice SB-EX-2026-00042 of 27 November 2026."),
        ("provider_invoice", "en", "Invoice F-2026-7 of 27 November 2026, issued by the provider, is attached"),
    ],
)
def test_each_kind_says_what_it_is(kind: Any, language: Any, phrase: str) -> None:
    assert phrase in text(example_content(kind, language))


def test_the_first_page_has_both_figures_the_range_the_price_and_the_totals() -> None:
    page = " ".join(read(example_content("self_billed")).pages[0].extract_text().split())
    for phrase in (
        "41.44 t CO₂e",
        "between 28.12 t and 59.22 t (95 % interval)",
        "42 t",
        "They are never added up or subtracted from one another.",
        "Deliveries",
        "67.8 %",
        "€22.00",
        "€902.00",
        "quantity × price is €25.50",
        "Total without VAT €928.10",
        "VAT 20 % €185.62",
        "Total with VAT €1,113.72",
    ):
        assert phrase.replace(" %", "\u00a0%") in page or phrase in page


@pytest.mark.parametrize(
    ("language", "line"), [("en", "Total €928.10"), ("fr", "Total 928,10 €"), ("de", "Summe 928,10 €")]
)
def test_a_statement_shows_one_total_and_no_vat(language: Any, line: str) -> None:
    page = " ".join(text(example_content(language=language)).split())
    assert line in page
    assert "928" in page
    for word in ("VAT 20", "TVA 20", "USt 20", "1,113.72", "1\u202f113,72", "1.113,72"):
        assert word not in page


def test_gaps_exclusions_carry_certificate_and_hashes_are_printed() -> None:
    whole = text(example_content())
    for phrase in (
        "Missing: partner file of 27 November. Reason: the partner was closed (released by c.martin)",
        "Contribution already paid by carrier, shopper or seller 12 10.233",
        "Bought beyond what is owed: carried out + 0.870710 t",
        "RET-2026-1187",
        "Not stated by the provider: Methodology, Authorised by the host country (Article 6).",
        "offset-purchaser settlements verify black-friday-2026 2026-11-27 1",
        example_content().sha256(),
    ):
        assert phrase in whole


@pytest.mark.parametrize(("language", "word"), [("en", "REHEARSAL"), ("fr", "RÉPÉTITION"), ("de", "PROBELAUF")])
def test_every_page_of_a_rehearsal_says_so(language: Any, word: str) -> None:
    pages = read(example_content("self_billed", language, "rehearsal")).pages
    assert all(word in page.extract_text() for page in pages)
    assert not any(word in page.extract_text() for page in read(example_content("self_billed", language)).pages)


def test_a_settlement_that_orders_nothing_still_gets_a_statement() -> None:
    vat = Vat(category="O", rate=0, exemption_text="Outside the scope of VAT")  # type: ignore[arg-type]
    content = example_content(
        lines=(), quantity={"owed_g": 12, "unordered_g": 12}, vat=vat, totals=totals((), vat, "EUR")
    )
    assert "Nothing was ordered in this settlement." in text(content)


def test_characters_that_the_font_lacks_are_boxes_on_the_page_and_intact_in_the_content() -> None:
    content = example_content(seller=example_party(name="株式会社 Пример"))
    reader = read(content)
    assert "□□□□ Пример" in text(content)
    assert "stands for a character that this font lacks" in text(content)
    assert json.loads(reader.attachments["content.json"][0])["seller"]["name"] == "株式会社 Пример"
    assert "stands for a character" not in text(example_content())


@settings(max_examples=25, deadline=None)
@given(st.text(min_size=1, max_size=60).filter(lambda name: name.strip().isprintable() and bool(name.strip())))
def test_no_name_that_a_content_accepts_stops_a_document(name: str) -> None:
    try:
        content = example_content("self_billed", campaign_name=name, seller=example_party(name=name))
    except ValueError:
        return
    assert render_pdf(content).startswith(b"%PDF-1.7")


def test_a_long_campaign_with_many_serials_stays_readable() -> None:
    content = example_content()
    first = content.lines[0]
    certificate = first.certificates[0].model_copy(update={"serials": tuple(f"SN-{n:04d}" for n in range(1000))})
    first = first.model_copy(update={"certificates": (certificate,)})
    days = [date(2026, 11, 1) + timedelta(days=2 * n) for n in range(60)]
    long = example_content(lines=(first, *content.lines[1:]), days=days, settlements=list(range(1, 60)))
    assert "60 days, 1 November 2026 to 27 February 2027" in text(long)
    assert "1–59" in text(long)
    assert "SN-0011, and 988 more in content.json" in text(long)
    assert len(read(long).pages) <= 4


def test_markup_in_a_name_is_printed_as_it_is() -> None:
    assert '#panic("x") *bold* $a$ <b>' in text(example_content(campaign_name='#panic("x") *bold* $a$ <b>'))


@pytest.mark.parametrize(
    ("attachments", "message"),
    [
        ([], "is not attached"),
        ([Attachment("F-2026-7.pdf", b"%PDF-1.4 another")], "is not the invoice whose SHA-256"),
        ([INVOICE, Attachment("content.json", b"{}")], "two attachments have the same name"),
    ],
)
def test_a_wrong_attachment_is_refused(attachments: list[Attachment], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render(example_content("provider_invoice"), attachments)


def test_the_list_of_covered_characters_is_that_of_the_font_files() -> None:
    folder = Path(str(files("offset_purchaser.documents").joinpath("fonts")))
    held = [set(TTFont(folder / f"Inter-{weight}.otf").getBestCmap()) for weight in ("Regular", "SemiBold")]
    assert covered() == held[0] & held[1]


@pytest.mark.parametrize("kind", ["statement", "self_billed", "self_billed_credit"])
def test_a_document_takes_less_than_a_second_of_the_processor(kind: Any) -> None:
    render(example_content(kind))  # fonts are read once
    began = time.process_time()
    render(example_content(kind, "fr"))
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize("language", ["fr", "en", "de"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_usual_document_has_two_pages_and_the_second_says_how_to_verify(kind: Any, language: Any) -> None:
    pages = read(example_content(kind, language, "rehearsal")).pages
    assert len(pages) == 2
    assert "offset-purchaser settlements verify black-friday-2026 2026-11-27 1" in pages[1].extract_text()
