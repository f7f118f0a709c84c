"""The Factur-X XML: what an accounting program reads."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import facturx
import pytest
from lxml import etree  # type: ignore[import-untyped]

from offset_purchaser.documents import totals
from offset_purchaser.documents.catalogue import catalogue
from offset_purchaser.documents.einvoice import invoice_xml
from offset_purchaser.documents.example import example_content, example_lines, example_party
from offset_purchaser.documents.parts import Vat

NAMES = {
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
    "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
}


def xml(kind: Any = "self_billed", language: Any = "en", **changes: Any) -> Any:
    return etree.fromstring(invoice_xml(example_content(kind, language, **changes), catalogue(language)))


def texts(root: Any, path: str) -> list[str]:
    return [node.text for node in root.findall(path, NAMES)]


@pytest.mark.parametrize(("kind", "code"), [("self_billed", "389"), ("self_billed_credit", "261")])
def test_the_type_code_says_self_billed_invoice_or_credit_note(kind: str, code: str) -> None:
    assert texts(xml(kind), "rsm:ExchangedDocument/ram:TypeCode") == [code]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Self-billing / Autofacturation"),
        ("fr", "Autofacturation / Self-billing"),
        ("de", "Gutschrift / Self-billing / Autofacturation"),
    ],
)
def test_the_law_s_words_for_self_billing_are_in_the_notes(language: str, words: str) -> None:
    assert words in texts(xml(language=language), ".//ram:IncludedNote/ram:Content")


def test_the_profile_is_en_16931() -> None:
    path = ".//ram:GuidelineSpecifiedDocumentContextParameter/ram:ID"
    assert texts(xml(), path) == ["urn:cen.eu:en16931:2017"]


@pytest.mark.parametrize("kind", ["self_billed", "self_billed_credit"])
def test_the_newest_schema_of_the_profile_accepts_it(kind: Any) -> None:
    data = invoice_xml(example_content(kind), catalogue("en"))
    assert facturx.xml_check_xsd(data, flavor="factur-x", level="en16931")


def test_a_credit_note_names_the_invoice_it_corrects() -> None:
    root = xml("self_billed_credit")
    assert texts(root, ".//ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == ["SB-EX-2026-00042"]
    assert texts(root, ".//ram:InvoiceReferencedDocument/ram:FormattedIssueDateTime/qdt:DateTimeString") == ["20261127"]


def test_one_line_for_each_order_with_the_order_s_id() -> None:
    root = xml()
    assert texts(root, ".//ram:IncludedSupplyChainTradeLineItem//ram:BilledQuantity") == ["41", "1"]
    assert texts(root, ".//ram:SpecifiedLineTradeSettlement/ram:AdditionalReferencedDocument/ram:IssuerAssignedID") == [
        "6b1f0c1e-8a50-5d2e-9a55-0c7a7a1d0001",
        "6b1f0c1e-8a50-5d2e-9a55-0c7a7a1d0002",
    ]


def test_what_a_provider_charged_beyond_quantity_times_price_is_a_charge_of_that_line() -> None:
    root = xml()
    assert texts(root, ".//ram:SpecifiedTradeAllowanceCharge/ram:ActualAmount") == ["0.60"]
    assert texts(root, ".//ram:SpecifiedTradeAllowanceCharge//udt:Indicator") == ["true"]


def test_the_agreement_the_campaign_and_its_days_are_named() -> None:
    root = xml()
    assert texts(root, ".//ram:ContractReferencedDocument/ram:IssuerAssignedID") == ["AG-2026-07"]
    assert texts(root, ".//ram:SpecifiedProcuringProject/ram:ID") == ["black-friday-2026"]
    assert texts(root, ".//ram:BillingSpecifiedPeriod//udt:DateTimeString") == ["20261127", "20261127"]
    assert texts(root, ".//ram:ActualDeliverySupplyChainEvent//udt:DateTimeString") == ["20261201"]


def test_the_exemption_text_is_in_the_vat_breakdown() -> None:
    vat = Vat(category="E", rate=Decimal(0), exemption_text="VAT exempt, article 261 C CGI")
    root = xml(vat=vat, totals=totals(example_lines(), vat, "EUR"))
    assert texts(root, ".//ram:ExemptionReason") == ["VAT exempt, article 261 C CGI"]


def test_outside_the_scope_of_vat_there_is_no_rate_and_no_vat_id() -> None:
    vat = Vat(category="O", rate=Decimal(0), exemption_text="Outside the scope of VAT")
    parties = {"seller": example_party(vat_id=""), "buyer": example_party(vat_id="", name="Buyer")}
    root = xml(vat=vat, totals=totals(example_lines(), vat, "EUR"), **parties)
    assert texts(root, ".//ram:RateApplicablePercent") == []
    assert texts(root, ".//ram:SpecifiedTaxRegistration/ram:ID") == []


@pytest.mark.parametrize(("paid", "mode"), [("0", "S1"), ("1113.72", "S2")])
def test_between_french_parties_the_billing_mode_says_service_and_whether_it_is_paid(paid: str, mode: str) -> None:
    root = xml(payment={"due_on": date(2026, 12, 31), "paid": paid})
    assert texts(root, ".//ram:BusinessProcessSpecifiedDocumentContextParameter/ram:ID") == [mode]


def test_legal_notes_keep_their_codes() -> None:
    assert texts(xml(), ".//ram:IncludedNote/ram:SubjectCode") == ["PMT", "PMD", "AAB"]


def test_a_rehearsal_says_so_in_its_first_note() -> None:
    notes = texts(xml(mode="rehearsal"), ".//ram:IncludedNote/ram:Content")
    assert notes[0] == "Rehearsal: nothing was bought, nothing is owed, not to be booked."


def test_a_statement_is_not_an_invoice() -> None:
    with pytest.raises(ValueError, match="a statement is not an invoice"):
        invoice_xml(example_content(), catalogue("en"))
