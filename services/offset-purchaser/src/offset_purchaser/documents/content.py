"""The complete, frozen content of one document: what is stored with its number, and all that rendering reads.

``content.canonical()`` are the bytes to store and hash; ``DocumentContent.model_validate_json`` gives the same content
back. Equal contents have equal bytes. Wrong content raises ``pydantic.ValidationError`` (a ``ValueError``) when built.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Literal, Self

from babel.numbers import get_currency_precision
from pydantic import Field, model_validator

from offset_purchaser.documents.parts import (
    Agreement,
    Correction,
    DocumentRef,
    Emissions,
    OrderLine,
    Party,
    Payment,
    ProviderInvoice,
    Quantity,
    Repricing,
    Totals,
    Vat,
    Verify,
)
from offset_purchaser.documents.values import DocumentNumber, OptionalText, Part, Text, round_money

Kind = Literal["statement", "statement_correction", "self_billed", "self_billed_credit", "provider_invoice"]
Language = Literal["fr", "en", "de"]

HASHES_MAX = 40
"""Hashes that a document prints: more days than that, and the audit file of each says its own."""
INVOICES: frozenset[str] = frozenset({"self_billed", "self_billed_credit"})
"""Kinds that are tax documents of their own and carry Factur-X."""
CORRECTED_BY: Mapping[str, Kind] = {"self_billed": "self_billed_credit", "statement": "statement_correction"}
"""The kind that takes a document back; a provider's own invoice only the provider can correct."""
CREDITS: frozenset[str] = frozenset(CORRECTED_BY.values())
"""Kinds that take back what an earlier document says."""
STATEMENTS: frozenset[str] = frozenset({"statement", "statement_correction"})
"""Kinds without VAT that are no invoices."""


class DocumentContent(Part):
    """One document. ``seller`` is the provider, ``buyer`` the legal entity that runs the campaign.

    Money and grams are checked here, so whatever was built adds up; layout and words are the renderer's.
    """

    schema_version: Literal[1] = 1
    number: DocumentNumber
    kind: Kind
    mode: Literal["live", "rehearsal"]
    language: Language
    issued_on: date
    legal_entity: Text
    seller: Party
    buyer: Party
    campaign_id: Text
    campaign_name: Text
    days: tuple[date, ...] = Field(min_length=1)
    settlements: tuple[int, ...] = Field(min_length=1)
    emissions: Emissions
    quantity: Quantity
    lines: tuple[OrderLine, ...]
    vat: Vat
    totals: Totals
    verify: Verify
    payment: Payment = Payment()
    agreement: Agreement | None = None
    previous: DocumentRef | None = None
    correction: Correction | None = None
    repricings: tuple[Repricing, ...] = ()
    supplied_on: date | None = None
    provider_invoice: ProviderInvoice | None = None
    note: OptionalText = ""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        expected = totals(self.lines, self.vat, self.totals.currency)
        if (
            self.kind in CREDITS
            and self.totals.net == expected.net
            and self.totals.gross == self.totals.net + self.totals.vat
        ):
            cent = Decimal(1).scaleb(-get_currency_precision(self.totals.currency))
            if abs(self.totals.vat - expected.vat) <= cent:  # what notes before it rounded is made good
                expected = self.totals
        if self.totals != expected:
            raise ValueError(f"totals {self.totals} are not those of the lines and of VAT at {self.vat.rate} %")
        bought = sum(line.quantity_g for line in self.lines)
        if self.kind not in CREDITS and bought != self.quantity.ordered_g:
            raise ValueError(f"the lines order {bought} g, the settlement {self.quantity.ordered_g} g")
        return self

    @model_validator(mode="after")
    def _complete_for_its_kind(self) -> Self:
        missing = [
            name
            for name, needed in (
                ("agreement", self.kind in INVOICES and self.agreement is None),
                ("previous", self.kind in CREDITS and self.previous is None),
                ("provider_invoice", self.kind == "provider_invoice" and self.provider_invoice is None),
                ("lines", self.kind != "statement" and not self.lines),
            )
            if needed
        ]
        if missing:
            raise ValueError(f"a {self.kind} needs {', '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _lawful_vat(self) -> Self:
        if self.kind in STATEMENTS and self.vat.category != "O":
            raise ValueError("a statement is not an invoice and carries no VAT: category O")
        if self.kind not in INVOICES:
            return self
        if why := unlawful(self.vat, self.seller, self.buyer, self.totals.currency):
            raise ValueError(why)
        if len(self.number) > 35:
            raise ValueError(f"invoice number {self.number} has more than 35 characters (BR-FR-01)")
        if self.payment.paid > self.totals.gross:
            raise ValueError(f"{self.payment.paid} was paid of {self.totals.gross}")
        return self

    def canonical(self) -> bytes:
        """The canonical JSON bytes: UTF-8, sorted keys, no spaces, decimals as plain strings."""
        data = self.model_dump(mode="json")
        if self.correction is None:
            del data["correction"]  # documents from before there were corrections keep their hash
        if not self.repricings:
            del data["repricings"]
        return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    def sha256(self) -> str:
        """SHA-256 (hex) of ``canonical()``: the document's ``content_sha256``."""
        return hashlib.sha256(self.canonical()).hexdigest()


def unlawful(vat: Vat, seller: Party, buyer: Party, currency: str) -> str:
    """Why no invoice of ours may state these terms, known before anything is bought; ``""`` when one may."""
    if get_currency_precision(currency) > 2:
        return f"an EN 16931 invoice cannot be in {currency}: it has more than two decimals"
    if vat.category == "O" and (seller.vat_id or buyer.vat_id):
        return "VAT category O: neither party may show a VAT id (BR-O-02)"
    if vat.category != "O" and not seller.vat_id:
        return f"VAT category {vat.category}: the seller's VAT id is required"
    if vat.category in {"AE", "K"} and not buyer.vat_id:
        return f"VAT category {vat.category}: the buyer's VAT id is required"
    if vat.category == "O" and not seller.registration_id:
        return "without a VAT id the seller's registration id is required (BR-CO-26)"
    return ""


def totals(lines: Sequence[OrderLine], vat: Vat, currency: str) -> Totals:
    """Add up the lines' net amounts and charge VAT once on the sum (EN 16931, BR-CO-17).

    Raises ``ValueError`` when a line is in another currency or has more decimals than the currency's minor unit.
    """
    for line in lines:
        if line.currency != currency:
            raise ValueError(f"order {line.order_id} is in {line.currency}, the document in {currency}")
        if round_money(line.net_amount, currency) != line.net_amount:
            raise ValueError(f"order {line.order_id}: {line.net_amount} is finer than the minor unit of {currency}")
    net = sum((line.net_amount for line in lines), Decimal(0))
    tax = round_money(net * vat.rate / 100, currency)
    return Totals(currency=currency, net=net, vat=tax, gross=net + tax)


def corrected_totals(vat: Vat, currency: str, before: Decimal, net: Decimal) -> Totals:
    """A credit note over ``net`` after notes over ``before``: together they carry the VAT of their sum."""

    def tax(amount: Decimal) -> Decimal:
        return round_money(amount * vat.rate / 100, currency)

    more = tax(before + net) - tax(before)
    return Totals(currency=currency, net=net, vat=more, gross=net + more)
