"""What a credit note takes back of a document, and what it says. Pure: the document's own content is its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from offset_purchaser.documents.catalogue import catalogue
from offset_purchaser.documents.content import CORRECTED_BY, DocumentContent, corrected_totals
from offset_purchaser.documents.parts import Correction, DocumentRef, OrderLine, Payment, Repricing
from offset_purchaser.documents.values import round_money
from shared.errors import Rejected
from shared.units import G_PER_T

PRICE_DIGITS = 4
"""Decimals of a corrected price per tonne; what rounding leaves becomes the line's charge or allowance."""


@dataclass(frozen=True, slots=True)
class CreditLine:
    """What is taken back of one order: grams that are no longer bought, and money before VAT. Both at least 0."""

    order_id: UUID
    cancelled_g: int
    net: Decimal


@dataclass(frozen=True, slots=True)
class Part:
    """What is asked to be taken back of a document: all of it, one order, some of its grams, or money."""

    order_id: UUID | None = None
    grams: int | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """What a document still holds of one order."""

    order_id: UUID
    grams: int
    net: Decimal


def left_of(content: DocumentContent, before: Iterable[CreditLine]) -> list[Left]:
    """What credit notes have left of a document, order by order; orders of which nothing is left are not in it."""
    taken: dict[UUID, tuple[int, Decimal]] = {}
    for line in before:
        grams, net = taken.get(line.order_id, (0, Decimal(0)))
        taken[line.order_id] = (grams + line.cancelled_g, net + line.net)
    found = []
    for order in content.lines:
        grams, net = taken.get(order.order_id, (0, Decimal(0)))
        found.append(Left(order.order_id, order.quantity_g - grams, order.net_amount - net))
    return [one for one in found if one.grams or one.net]


def credit_lines(content: DocumentContent, before: Sequence[CreditLine], wanted: Part) -> list[CreditLine]:
    """What to take back: all that is left, or of one order all, some grams with their share of the price, or money.

    An ``amount`` alone corrects a price: the credits stay bought. With ``grams`` it is what the partner refunds for
    them. Raises ``Rejected``, naming the field, for more than is left.
    """
    left = left_of(content, before)
    if not left:
        raise Rejected(f"document {content.number} is credited as a whole already")
    if wanted.order_id is not None:
        left = [one for one in left if one.order_id == wanted.order_id]
        if not left:
            why = f"document {content.number} holds nothing more of order {wanted.order_id}"
            raise Rejected(why, field="order_id")
    if wanted.grams is None and wanted.amount is None:
        if len(left) > 1 and (bare := [one for one in left if not one.grams]):
            why = f"of order {bare[0].order_id} only {bare[0].net} {content.totals.currency} are left: take them back"
            raise Rejected(f"{why} first, with a note of their own", field="order_id")
        return [CreditLine(one.order_id, one.grams, one.net) for one in left]
    if len(left) > 1:
        raise Rejected(f"document {content.number} covers {len(left)} orders: say which one", field="order_id")
    return [_part(left[0], content.totals.currency, wanted.grams, wanted.amount)]


def _part(left: Left, currency: str, grams: int | None, amount: Decimal | None) -> CreditLine:
    if grams is not None and not 0 < grams <= left.grams:
        raise Rejected(
            f"{left.grams} g are left of order {left.order_id}, {grams} g cannot be taken back", field="grams"
        )
    if amount is not None:
        if not amount.is_finite() or not 0 <= amount <= left.net or (amount == 0 and grams is None):
            why = f"{left.net} {currency} are left of order {left.order_id}, {amount} cannot be taken back"
            raise Rejected(why, field="amount")
        if round_money(amount, currency) != amount:
            raise Rejected(f"{amount} is finer than the minor unit of {currency}", field="amount")
        if amount == 0 and left.net:
            why = f"{grams} g were paid for: say what comes back for them, or leave it out for their share of the price"
            raise Rejected(why, field="amount")
        return CreditLine(left.order_id, grams or 0, amount)
    assert grams is not None
    share = left.net if grams == left.grams else round_money(left.net * grams / left.grams, currency)
    if share == 0 and left.net:
        raise Rejected(
            f"{grams} g are worth less than the minor unit of {currency}: a note is over more", field="grams"
        )
    return CreditLine(left.order_id, grams, min(share, left.net))


def credit_content(
    content: DocumentContent,
    before: Sequence[CreditLine],
    lines: Sequence[CreditLine],
    *,
    number: str,
    issued_on: date,
    correction: Correction,
    reason: str,
) -> DocumentContent:
    """The content of the note. VAT is that of everything credited so far minus that of the notes before, so that all
    notes together never exceed the document's by a cent. The legal notes stay in the content for the XML, where French
    e-invoicing asks for them on every invoice type (BR-FR-05). ``reason`` ``""``: the provider cancelled by itself.
    """
    covered = {line.order_id: line for line in content.lines}
    printed = tuple(_line(covered, line) for line in lines)
    sums = corrected_totals(content.vat, content.totals.currency, _net(before), _net(lines))
    words = catalogue(content.language)
    told = {
        "number": number,
        "kind": CORRECTED_BY[content.kind],
        "issued_on": issued_on,
        "lines": printed,
        "totals": sums,
        "previous": DocumentRef(number=content.number, issued_on=content.issued_on),
        "correction": correction,
        "repricings": tuple(_repricings(left_of(content, before), lines)) if correction == "price" else (),
        "payment": Payment(notes=content.payment.notes),
        "note": reason or words["credit.provider_cancelled"],
    }
    return DocumentContent.model_validate({**dict(content), **told})


def _repricings(left: Iterable[Left], lines: Iterable[CreditLine]) -> Iterable[Repricing]:
    """The price of a tonne before and after; none for money of an order whose grams are all taken back."""
    held = {one.order_id: one for one in left}
    for line in lines:
        one = held[line.order_id]
        if one.grams and not line.cancelled_g:
            before, after = (round(net * G_PER_T / one.grams, PRICE_DIGITS) for net in (one.net, one.net - line.net))
            yield Repricing(order_id=line.order_id, before=before, after=after)


def _net(lines: Iterable[CreditLine]) -> Decimal:
    return sum((line.net for line in lines), Decimal(0))


def _line(covered: Mapping[UUID, OrderLine], line: CreditLine) -> OrderLine:
    of = covered[line.order_id]
    quantity = line.cancelled_g or of.quantity_g
    price = of.price_per_tonne
    if not line.cancelled_g:
        price = round(line.net * G_PER_T / quantity, PRICE_DIGITS)
    changes = {"quantity_g": quantity, "price_per_tonne": price, "net_amount": line.net, "certificates": ()}
    return OrderLine.model_validate({**dict(of), **changes})
