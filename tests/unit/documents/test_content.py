"""The frozen content: exact round trip, canonical bytes, and what it refuses to become."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from offset_purchaser.documents import DocumentContent, totals
from offset_purchaser.documents.example import example_content, example_lines, example_party
from offset_purchaser.documents.parts import Exclusion, LegalNote, Quantity, Range, Vat

NO_VAT = Vat(category="O", rate=Decimal(0), exemption_text="Outside the scope of VAT")


@pytest.mark.parametrize(
    "kind", ["statement", "statement_correction", "self_billed", "self_billed_credit", "provider_invoice"]
)
def test_content_survives_the_trip_through_json_unchanged(kind: Any) -> None:
    content = example_content(kind)
    again = DocumentContent.model_validate_json(content.canonical())
    assert again == content
    assert again.canonical() == content.canonical()
    assert again.sha256() == content.sha256()


def test_the_hash_of_a_content_is_fixed_by_its_canonical_bytes() -> None:
    content = example_content()
    assert content.canonical().startswith(b'{"agreement":null,"buyer":{"address_lines":["2 rue de l')
    assert b" \xe2\x82\xac" not in content.canonical()
    assert content.sha256() != example_content(note="another").sha256()


def test_equal_numbers_written_differently_have_equal_bytes() -> None:
    short, long = Range(low="1", central="2.5", high="3"), Range(low="1.000", central="2.50", high="3E+0")
    assert short.model_dump_json() == long.model_dump_json() == '{"low":"1","central":"2.5","high":"3"}'


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=6))
def test_any_grams_survive_the_trip_through_json(grams: Decimal) -> None:
    item = Exclusion(reason="bots", grams=grams)
    assert Exclusion.model_validate_json(item.model_dump_json()) == item
    assert item.grams == grams


def test_a_range_out_of_order_is_refused() -> None:
    with pytest.raises(ValidationError, match="range out of order: 3 <= 2 <= 4"):
        Range(low=Decimal(3), central=Decimal(2), high=Decimal(4))


def test_totals_that_are_not_those_of_the_lines_are_refused() -> None:
    wrong = {"currency": "EUR", "net": "928.10", "vat": "185.62", "gross": "1113.73"}
    with pytest.raises(ValidationError, match="are not those of the lines"):
        example_content(totals=wrong)


def test_lines_that_do_not_follow_from_the_settlement_are_refused() -> None:
    with pytest.raises(ValidationError, match="the lines order 42000000 g, the settlement 41999999 g"):
        example_content(quantity={"owed_g": 41_999_999})


def test_the_quantity_follows_from_what_is_owed_drawn_carried_and_committed() -> None:
    quantity = Quantity(
        owed_g=1000,
        drawn_g=50,
        paid_by_others_g=100,
        waived_g=10,
        committed_g=200,
        carry_in_g=40,
        carry_out_g=7,
        unordered_g=3,
    )
    assert quantity.ordered_g == 704


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("self_billed", "agreement"),
        ("self_billed_credit", "agreement"),
        ("self_billed_credit", "previous"),
        ("provider_invoice", "provider_invoice"),
    ],
)
def test_a_document_lacking_what_its_kind_requires_is_refused(kind: Any, field: str) -> None:
    with pytest.raises(ValidationError, match=f"a {kind} needs {field}"):
        example_content(kind, **{field: None})


def test_vat_has_no_default() -> None:
    with pytest.raises(ValidationError, match="exemption_text"):
        Vat.model_validate({"category": "S", "rate": 20})
    with pytest.raises(ValidationError, match="rate"):
        Vat.model_validate({"category": "O", "exemption_text": "x"})


@pytest.mark.parametrize(
    ("category", "rate", "text"), [("S", 0, ""), ("S", 20, "why"), ("E", 0, ""), ("E", 5, "why"), ("Z", 0, "why")]
)
def test_a_vat_category_with_the_wrong_rate_or_text_is_refused(category: Any, rate: int, text: str) -> None:
    with pytest.raises(ValidationError, match=f"VAT category {category}"):
        Vat(category=category, rate=Decimal(rate), exemption_text=text)


def test_a_statement_with_vat_is_refused() -> None:
    vat = Vat(category="S", rate=Decimal(20), exemption_text="")
    with pytest.raises(ValueError, match="a statement is not an invoice and carries no VAT"):
        example_content("statement", vat=vat, totals=totals(example_lines(), vat, "EUR"))


def test_reverse_charge_without_the_buyers_vat_id_is_refused() -> None:
    vat = Vat(category="AE", rate=Decimal(0), exemption_text="Reverse charge")
    with pytest.raises(ValidationError, match="the buyer's VAT id is required"):
        example_content(
            "self_billed", vat=vat, totals=totals(example_lines(), vat, "EUR"), buyer=example_party(vat_id="")
        )


def test_an_invoice_outside_vat_shows_no_vat_id() -> None:
    amounts = totals(example_lines(), NO_VAT, "EUR")
    with pytest.raises(ValidationError, match="BR-O-02"):
        example_content("self_billed", vat=NO_VAT, totals=amounts)


def test_a_line_break_in_a_reason_is_collapsed_and_a_control_character_is_refused() -> None:
    assert LegalNote(text=" two\n lines ").text == "two lines"
    with pytest.raises(ValidationError, match=r"U\+0007"):
        LegalNote(text="bell \a")


def test_an_invoice_number_longer_than_35_characters_is_refused_and_a_statements_is_not() -> None:
    number = "REHEARSAL-ST-A-LONG-LEGAL-ENTITY-2026-00001"
    assert example_content(number=number).number == number
    with pytest.raises(ValidationError, match="BR-FR-01"):
        example_content("self_billed", number=number)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        example_content(surprise=1)
