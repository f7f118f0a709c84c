"""The Factur-X XML of a self-billed invoice or credit note: EN 16931 profile, written by drafthorse.

Amounts are those of the content; nothing is computed here but the difference between what a provider charged and
quantity x price, which becomes a line charge or allowance so that every line adds up for a machine.
"""

from __future__ import annotations

from decimal import Decimal

from drafthorse.models.accounting import (
    ApplicableTradeTax,
    CategoryTradeTax,
    TradeAllowanceCharge,
)
from drafthorse.models.document import Document
from drafthorse.models.note import IncludedNote
from drafthorse.models.party import TaxRegistration, TradeParty
from drafthorse.models.payment import PaymentTerms
from drafthorse.models.tradelines import LineItem

from offset_purchaser.documents.catalogue import Catalogue
from offset_purchaser.documents.content import CREDITS, INVOICES, DocumentContent
from offset_purchaser.documents.parts import OrderLine, Party, Vat
from offset_purchaser.documents.values import line_amount, round_money
from shared.units import G_PER_T, decimal_text

PROFILE = "urn:cen.eu:en16931:2017"
TYPE_CODES = {"self_billed": "389", "self_billed_credit": "261"}
"""UNTDID 1001: self-billed invoice and self-billed credit note."""
TONNE = "TNE"
KILOGRAM = "KGM"
"""UN/ECE Recommendation 20."""
SERVICES, PAID_SERVICES = "S1", "S2"
"""French billing modes (BR-FR-08): services, and services paid already."""


def invoice_xml(content: DocumentContent, words: Catalogue) -> bytes:
    """The XML bytes of an invoice, checked against the Factur-X schema of the EN 16931 profile.

    Raises ``ValueError`` for kinds that are not invoices, ``lxml.etree.XMLSyntaxError`` when the schema is not met.
    """
    if content.kind not in INVOICES:
        raise ValueError(f"a {content.kind} is not an invoice")
    document = Document()
    document.context.guideline_parameter.id = PROFILE
    if content.seller.country == content.buyer.country == "FR":
        document.context.business_parameter.id = PAID_SERVICES if _settled(content) else SERVICES
    document.header.id = content.number
    document.header.type_code = TYPE_CODES[content.kind]
    document.header.issue_date_time = content.issued_on
    for note in _notes(content, words):
        document.header.notes.add(note)
    _agreement(document, content)
    for index, line in enumerate(content.lines, start=1):
        document.trade.items.add(_item(index, line, content, words))
    _settlement(document, content, words)
    serialized: bytes = document.serialize(schema="FACTUR-X_EN16931")
    return serialized


def _notes(content: DocumentContent, words: Catalogue) -> list[IncludedNote]:
    rehearsal = words["mode.rehearsal_long"] if content.mode == "rehearsal" else ""
    plain = [IncludedNote(content=text) for text in (rehearsal, words["self_billing.words"], content.note) if text]
    legal = [IncludedNote(content=note.text) for note in content.payment.notes]
    for target, note in zip(legal, content.payment.notes, strict=True):
        if note.code:
            target.subject_code = note.code
    return plain + legal


def _agreement(document: Document, content: DocumentContent) -> None:
    agreement = document.trade.agreement
    _party(agreement.seller, content.seller)
    _party(agreement.buyer, content.buyer)
    if content.agreement is not None:
        agreement.contract.issuer_assigned_id = content.agreement.reference
    agreement.procuring_project_type.id = content.campaign_id
    agreement.procuring_project_type.name = content.campaign_name
    if content.supplied_on is not None:
        document.trade.delivery.event.occurrence = content.supplied_on
    if content.vat.category == "K":
        document.trade.delivery.ship_to.address.country_id = content.buyer.country


def _party(target: TradeParty, party: Party) -> None:
    target.name = party.name
    if party.registration_id:
        target.legal_organization.id = (party.registration_scheme, party.registration_id)
    address = target.address
    for field, line in zip(("line_one", "line_two", "line_three"), party.address_lines, strict=False):
        setattr(address, field, line)
    if party.postal_code:
        address.postcode = party.postal_code
    if party.city:
        address.city_name = party.city
    address.country_id = party.country
    if party.electronic_address:
        target.electronic_address.uri_ID = (party.electronic_scheme, party.electronic_address)
    if party.vat_id:
        target.tax_registrations.add(TaxRegistration(id=("VA", party.vat_id)))


def _item(index: int, line: OrderLine, content: DocumentContent, words: Catalogue) -> LineItem:
    item = LineItem()
    item.document.line_id = str(index)
    item.product.name = words["line.name"].format(project=line.project.name or words["not_stated"])
    item.product.description = words["line.description"].format(
        campaign=content.campaign_name, vintage=line.vintage or words["not_stated"]
    )
    quantity, unit, base = billed_quantity(line.quantity_g)
    item.agreement.net.amount = decimal_text(line.price_per_tonne)
    if base != 1:
        item.agreement.net.basis_quantity = (str(base), unit)
    item.delivery.billed_quantity = (decimal_text(quantity), unit)
    _tax(item.settlement.trade_tax, content.vat)
    reference = item.settlement.additional_referenced_document
    reference.issuer_assigned_id = str(line.order_id)
    reference.type_code = "130"
    difference = line.net_amount - line_amount(line.quantity_g, line.price_per_tonne, line.currency)
    if difference:
        item.settlement.allowance_charge.add(_difference(difference, line.currency, words))
    item.settlement.monetary_summation.total_amount = _amount(line.net_amount, line.currency)
    return item


def billed_quantity(quantity_g: int) -> tuple[Decimal, str, int]:
    """Quantity, unit and how many units the price is for, exact with at most four decimals (BR-FR-DEC-02).

    Tonnes where they suffice, else kilograms priced per 1,000.
    """
    if quantity_g % 100 == 0:
        return Decimal(quantity_g) / G_PER_T, TONNE, 1
    return Decimal(quantity_g) / 1000, KILOGRAM, 1000


def _settled(content: DocumentContent) -> bool:
    return content.payment.paid == content.totals.gross > 0


def _difference(amount: Decimal, currency: str, words: Catalogue) -> TradeAllowanceCharge:
    charge = TradeAllowanceCharge()
    charge.indicator = amount > 0
    charge.actual_amount = _amount(abs(amount), currency)
    charge.reason = words["line.difference"]
    return charge


def _tax(target: ApplicableTradeTax | CategoryTradeTax, vat: Vat) -> None:
    target.type_code = "VAT"
    target.category_code = vat.category
    if vat.category != "O":
        target.rate_applicable_percent = decimal_text(vat.rate)


def _settlement(document: Document, content: DocumentContent, words: Catalogue) -> None:
    settlement = document.trade.settlement
    totals = content.totals
    currency = totals.currency
    settlement.currency_code = currency
    tax = ApplicableTradeTax()
    _tax(tax, content.vat)
    tax.calculated_amount = _amount(totals.vat, currency)
    tax.basis_amount = _amount(totals.net, currency)
    if content.vat.exemption_text:
        tax.exemption_reason = content.vat.exemption_text
    settlement.trade_tax.add(tax)
    settlement.period.start = min(content.days)
    settlement.period.end = max(content.days)
    settlement.terms.add(_terms(content, words))
    summation = settlement.monetary_summation
    summation.line_total = _amount(totals.net, currency)
    summation.tax_basis_total = (_amount(totals.net, currency), None)
    summation.tax_total = (_amount(totals.vat, currency), currency)
    summation.grand_total = (_amount(totals.gross, currency), None)
    if content.payment.paid:
        summation.prepaid_total = _amount(content.payment.paid, currency)
    summation.due_amount = _amount(totals.gross - content.payment.paid, currency)
    if content.previous is not None:
        settlement.invoice_referenced_document.issuer_assigned_id = content.previous.number
        settlement.invoice_referenced_document.issue_date_time = content.previous.issued_on


def _terms(content: DocumentContent, words: Catalogue) -> PaymentTerms:
    terms = PaymentTerms()
    if content.payment.terms or content.payment.due_on is None:
        agreed = "payment.credited" if content.kind in CREDITS else "payment.as_agreed"
        terms.description = content.payment.terms or words[agreed]
    due = content.payment.due_on or (content.issued_on if _settled(content) else None)
    if due is not None:
        terms.due = due
    return terms


def _amount(amount: Decimal, currency: str) -> str:
    return format(round_money(amount, currency), "f")
