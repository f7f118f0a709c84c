"""Credit notes: what they may take back, and that all of them together are the document to the cent."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offset_purchaser.documents import DocumentContent, render, totals
from offset_purchaser.documents.catalogue import catalogue
from offset_purchaser.documents.content import Language
from offset_purchaser.documents.correction import CreditLine, Part, credit_content, credit_lines, left_of
from offset_purchaser.documents.example import example_content, example_lines
from offset_purchaser.documents.page import page_data
from offset_purchaser.documents.parts import Vat
from shared.errors import Rejected

INVOICE = example_content("self_billed")
FIRST, SECOND = (line.order_id for line in INVOICE.lines)


def note(lines: list[CreditLine], before: list[CreditLine] | None = None, **changes: Any) -> DocumentContent:
    values: dict[str, Any] = {
        "number": "SB-EX-2026-00043",
        "issued_on": date(2026, 12, 9),
        "correction": "cancellation",
        "reason": "The project was withdrawn",
    }
    return credit_content(INVOICE, before or [], lines, **values | changes)


def test_a_whole_invoice_is_taken_back_line_by_line_to_the_cent() -> None:
    lines = credit_lines(INVOICE, [], Part())
    assert lines == [
        CreditLine(FIRST, 41_000_000, Decimal("902")),
        CreditLine(SECOND, 1_000_000, Decimal("26.10")),
    ]
    content = note(lines)
    assert (content.kind, content.totals) == ("self_billed_credit", INVOICE.totals)
    assert (content.previous.number, content.previous.issued_on) == ("SB-EX-2026-00042", date(2026, 12, 1))  # type: ignore[union-attr]
    assert content.note == "The project was withdrawn"
    with pytest.raises(Rejected, match="SB-EX-2026-00042 is credited as a whole already"):
        credit_lines(INVOICE, lines, Part())


def test_grams_are_taken_back_with_their_share_of_the_price_and_the_rest_later() -> None:
    first = credit_lines(INVOICE, [], Part(FIRST, 1_000_000))
    assert first == [CreditLine(FIRST, 1_000_000, Decimal("22.00"))]
    assert credit_lines(INVOICE, first, Part(FIRST)) == [CreditLine(FIRST, 40_000_000, Decimal("880.00"))]
    assert [(one.grams, one.net) for one in left_of(INVOICE, first)] == [
        (40_000_000, 880),
        (1_000_000, Decimal("26.1")),
    ]


def test_an_amount_alone_corrects_a_price_and_cancels_no_gram() -> None:
    lines = credit_lines(INVOICE, [], Part(FIRST, amount=Decimal("82.00")))
    assert lines == [CreditLine(FIRST, 0, Decimal("82.00"))]
    content = note(lines, correction="price")
    assert (content.lines[0].quantity_g, content.lines[0].price_per_tonne) == (41_000_000, Decimal(2))
    assert content.totals.gross == Decimal("98.40")


@pytest.mark.parametrize(
    ("part", "field", "sentence"),
    [
        (Part(FIRST, 41_000_001), "grams", "41000000 g are left of order"),
        (Part(FIRST, amount=Decimal("902.01")), "amount", "902 EUR are left of order"),
        (Part(FIRST, amount=Decimal("1.001")), "amount", "finer than the minor unit of EUR"),
        (Part(FIRST, amount=Decimal(0)), "amount", "0 cannot be taken back"),
        (Part(FIRST, 1_000_000, Decimal(0)), "amount", "1000000 g were paid for: say what comes back"),
        (Part(FIRST, 1), "grams", "1 g are worth less than the minor unit of EUR"),
        (Part(None, 1), "order_id", "covers 2 orders: say which one"),
        (Part(UUID(int=1)), "order_id", "holds nothing more of order"),
    ],
)
def test_more_than_a_document_holds_is_refused_by_field(part: Part, field: str, sentence: str) -> None:
    with pytest.raises(Rejected, match=sentence) as caught:
        credit_lines(INVOICE, [], part)
    assert caught.value.field == field


def test_an_order_of_which_only_money_is_left_is_credited_on_a_note_of_its_own() -> None:
    before = [CreditLine(FIRST, 41_000_000, Decimal(10))]
    with pytest.raises(Rejected, match=f"of order {FIRST} only 892 EUR are left") as caught:
        credit_lines(INVOICE, before, Part())
    assert caught.value.field == "order_id"
    assert credit_lines(INVOICE, before, Part(FIRST)) == [CreditLine(FIRST, 0, Decimal(892))]


def test_grams_whose_money_came_back_before_are_cancelled_for_nothing() -> None:
    before = [CreditLine(FIRST, 0, Decimal(902))]
    assert credit_lines(INVOICE, before, Part(FIRST, 1_000_000)) == [CreditLine(FIRST, 1_000_000, Decimal(0))]


def test_a_provider_s_own_cancellation_gives_its_reason_in_the_document_s_language() -> None:
    french = example_content("self_billed", "fr")
    lines = credit_lines(french, [], Part())
    values: dict[str, Any] = {
        "number": "SB-EX-2026-00043",
        "issued_on": date(2026, 12, 9),
        "correction": "cancellation",
    }
    assert credit_content(french, [], lines, **values, reason="").note == "Le fournisseur a annulé la commande."


def test_the_hash_of_a_document_from_before_there_were_corrections_stays() -> None:
    assert b"correction" not in INVOICE.canonical()
    assert b'"correction":"cancellation"' in note(credit_lines(INVOICE, [], Part())).canonical()


def test_the_page_of_a_price_correction_cancels_nothing() -> None:
    content = note(credit_lines(INVOICE, [], Part(FIRST, amount=Decimal("82.00"))), correction="price")
    rendered = render(content)
    assert rendered.xml is not None
    assert b"<ram:TypeCode>261</ram:TypeCode>" in rendered.xml


@given(
    st.integers(1, 10**9),
    st.decimals("0.01", "500", places=2),
    st.sampled_from(["0", "5.5", "7.7", "19", "20"]),
    st.lists(st.integers(1, 10**9), max_size=6),
)
def test_all_notes_together_are_the_invoice_for_any_quantity_price_vat_and_parts(
    grams: int, price: Decimal, rate: str, parts: list[int]
) -> None:
    amount = round(Decimal(grams) * price / 10**6, 2)
    line = example_lines()[0].model_copy(
        update={"quantity_g": grams, "price_per_tonne": price, "net_amount": amount, "certificates": ()}
    )
    vat = Vat(category="S" if Decimal(rate) else "Z", rate=Decimal(rate), exemption_text="")
    sums = totals((line,), vat, "EUR")
    content = example_content("self_billed", lines=(line,), vat=vat, totals=sums, quantity={"owed_g": grams})
    before: list[CreditLine] = []
    net = tax = Decimal(0)
    for part in [*parts, None]:
        left = left_of(content, before)
        if not left:
            break
        wanted = Part() if part is None or part > left[0].grams else Part(grams=part)
        try:
            lines = credit_lines(content, before, wanted)
        except Rejected as error:
            if "worth less than the minor unit" not in error.reason:
                raise
            continue
        values: dict[str, Any] = {"number": "SB-EX-2026-1", "issued_on": date(2026, 12, 9), "reason": "r"}
        found = credit_content(content, before, lines, **values, correction="cancellation")
        before += lines
        net, tax = net + found.totals.net, tax + found.totals.vat
        assert net + tax <= sums.gross
        again = DocumentContent.model_validate_json(found.canonical())
        assert again == found
    assert left_of(content, before) == []
    assert (net, tax) == (sums.net, sums.vat)


@pytest.mark.parametrize(
    ("language", "figure", "prices", "reason"),
    [
        ("en", "€82.00", "Price per tonne: €22.00 before, €20.00 now", "Reason: A rebate"),
        (
            "fr",
            "82,00\u00a0€",
            "Prix par tonne\u00a0: 22,00\u00a0€ avant, 20,00\u00a0€ désormais",
            "Motif\u00a0: A rebate",
        ),
        ("de", "82,00\u00a0€", "Preis pro Tonne: bisher 22,00\u00a0€, jetzt 20,00\u00a0€", "Grund: A rebate"),
    ],
)
def test_a_price_note_shows_what_is_refunded_and_both_prices(
    language: Language, figure: str, prices: str, reason: str
) -> None:
    invoice = example_content("self_billed", language)
    lines = credit_lines(invoice, [], Part(FIRST, amount=Decimal("82.00")))
    told: dict[str, Any] = {"number": "SB-EX-2026-00043", "issued_on": date(2026, 12, 9), "reason": "A rebate"}
    content = credit_content(invoice, [], lines, correction="price", **told)
    page: Any = page_data(content, catalogue(language))
    assert (page["contribution"]["figure"], page["contribution"]["unit"]) == (figure, "")
    assert prices in page["contribution"]["lines"]
    assert page["lines"]["head"][2] == catalogue(language)["lines.refund"] != catalogue(language)["lines.price"]
    assert page["lines"]["notes"][-1] == reason
    assert not any("forfaitaire" in text or "retard" in text for text in page["lines"]["notes"])
    assert [legal.code for legal in content.payment.notes] == ["PMT", "PMD", "AAB"]


def test_a_second_price_note_starts_from_the_price_that_the_first_left() -> None:
    before = [CreditLine(FIRST, 0, Decimal("82.00"))]
    content = note([CreditLine(FIRST, 0, Decimal("41.00"))], before, correction="price")
    assert [(one.before, one.after) for one in content.repricings] == [(20, 19)]
    assert note([CreditLine(FIRST, 41_000_000, Decimal(779))], before, correction="cancellation").repricings == ()


def test_a_content_without_new_prices_keeps_its_bytes() -> None:
    assert b"repricings" not in INVOICE.canonical()


def test_a_french_page_calls_the_settlement_no_payment() -> None:
    page = str(page_data(example_content("self_billed_credit", "fr"), catalogue("fr")))
    assert "Décompte" in page
    assert "èglement" not in page
