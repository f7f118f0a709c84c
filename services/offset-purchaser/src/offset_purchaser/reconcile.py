"""Proof that nothing is lost: emitted = bought + carried + waived + paid by others + still open, and documents, orders
and payments say the same. Pure: judges figures that ``store.books`` reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from offset_purchaser.ledger import Account

OPEN = (Account.OWED, Account.COMMITTED)
ANSWERS = (Account.BOUGHT, Account.CARRIED, Account.WAIVED, Account.PAID_BY_OTHERS)


@dataclass(frozen=True, slots=True)
class DayLine:
    """One campaign day of one legal entity, in grams."""

    legal_entity: str
    campaign: str
    day: date
    grams: Mapping[str, int]

    def of(self, account: Account) -> int:
        """The balance of one account."""
        return self.grams.get(account.value, 0)

    @property
    def emitted(self) -> int:
        """Grams emitted, positive."""
        return -self.of(Account.EMITTED)

    @property
    def open_g(self) -> int:
        """Grams that are owed or in orders that have not ended."""
        return sum(self.of(account) for account in OPEN)

    @property
    def surplus(self) -> int:
        """Grams bought before and not owed any more; negative where an earlier surplus was used."""
        return -self.of(Account.SURPLUS)

    @property
    def difference(self) -> int:
        """0 when every gram is accounted for."""
        return self.emitted - sum(self.of(account) for account in ANSWERS) - self.open_g + self.surplus


@dataclass(frozen=True, slots=True)
class PurchaseFact:
    """What one purchase was planned for, and what the settlements say that it is for."""

    campaign: str
    buy_day: date
    number: int
    leg: str
    planned_g: int
    shares_g: int


@dataclass(frozen=True, slots=True)
class OrderFact:
    """One order as three places tell it."""

    order_id: str
    state: str
    quantity_g: int
    confirmed_g: int | None
    booked_g: int
    """Grams the ledger has under ``bought`` for it."""
    amount: Decimal
    currency: str
    document: str | None
    provider_state: str = ""
    credited_g: int = 0
    """Grams that credit notes took back, as the order has it."""
    noted_g: int = 0
    """The same as the notes have it."""


@dataclass(frozen=True, slots=True)
class DocumentFact:
    """One document, its orders, the ledger and the payments for it."""

    number: str
    quantity_g: int
    ordered_g: int
    net: Decimal
    ordered_net: Decimal
    gross: Decimal
    booked: Decimal
    """Money the ledger has made payable for it."""
    currency: str
    paid: Decimal | None
    """``None``: no payment was imported, so it is unknown."""
    credited: Decimal = Decimal(0)
    """Gross amount that credit notes took back."""
    refunded: Decimal = Decimal(0)
    """Payments that came back for those notes."""


@dataclass(frozen=True, slots=True)
class CreditFact:
    """One credit note: what it says, its lines, the ledger, and payments that came back for it."""

    number: str
    document: str
    quantity_g: int
    """Grams it takes back; 0 when it corrects a price."""
    lines_g: int
    net: Decimal
    lines_net: Decimal
    gross: Decimal
    booked: Decimal
    currency: str
    refunded: Decimal


@dataclass(frozen=True, slots=True)
class Findings:
    """What reconciliation found."""

    days: Sequence[DayLine]
    broken: Sequence[str] = field(default=())
    """Sentences about what disagrees: never to be explained away."""
    open: Sequence[str] = field(default=())
    """What is under way or unknown."""
    carried: Sequence[str] = field(default=())
    """What waits, unallocated, for the next purchase of an entity at a provider: neither broken nor open."""


def reconcile(
    days: Sequence[DayLine],
    frozen: Mapping[tuple[str, date], tuple[int, int, int]],
    orders: Iterable[OrderFact],
    documents: Iterable[DocumentFact],
    carried: Mapping[tuple[str, str], tuple[int, int]],
    credits: Iterable[CreditFact] = (),
    *,
    purchases: Iterable[PurchaseFact] = (),
    together: Mapping[tuple[str, date], date] = MappingProxyType({}),
) -> Findings:
    """Judge everything. ``frozen``: newest (owed, paid by others, waived) by (campaign, day).

    ``carried``: (surplus, carried) by (legal entity, provider). ``together``: under which day a campaign day is bought
    with others: what is open is judged for all of them, because a purchase of several days is booked on one.
    """
    broken: list[str] = []
    still: list[str] = []
    kept: list[str] = []
    for line in days:
        _day(line, frozen.get((line.campaign, line.day), (0, 0, 0)), broken)
    still += _open(days, together)
    broken += _purchases(purchases)
    for (entity, provider), (surplus, carry) in carried.items():
        if surplus < 0 or carry < 0:
            broken.append(f"{entity} at {provider}: negative carry (surplus {surplus} g, carried {carry} g)")
        if surplus:
            still.append(f"{entity} at {provider}: {surplus} g bought and unallocated")
        if carry > 0:
            kept.append(f"{entity} at {provider}: {carry} g carried to the next purchase, unallocated until then")
    for order in orders:
        _order(order, broken, still)
    for document in documents:
        _document(document, broken, still)
    for credit in credits:
        _credit(credit, broken)
    return Findings(days, tuple(broken), tuple(still), tuple(kept))


def summed(days: Sequence[DayLine]) -> list[tuple[str, str, DayLine]]:
    """The same grams per campaign, then per legal entity: (what, name, sum)."""
    groups: dict[tuple[str, str], list[DayLine]] = {}
    for line in days:
        groups.setdefault(("campaign", line.campaign), []).append(line)
    for line in days:
        groups.setdefault(("entity", line.legal_entity), []).append(line)
    found = []
    for (what, name), lines in groups.items():
        grams: dict[str, int] = {}
        for line in lines:
            for account, amount in line.grams.items():
                grams[account] = grams.get(account, 0) + amount
        found.append((what, name, DayLine(lines[0].legal_entity, name, lines[-1].day, grams)))
    return found


def _purchases(purchases: Iterable[PurchaseFact]) -> Iterator[str]:
    """Shares that came to a purchase after it was planned: nobody would ever buy them."""
    for what in purchases:
        if what.planned_g != what.shares_g:
            yield (
                f"{what.campaign}: the settlements need {what.shares_g} g of {what.leg} under {what.buy_day} "
                f"({what.number}), its purchase was planned for {what.planned_g} g"
            )


def _open(days: Sequence[DayLine], together: Mapping[tuple[str, date], date]) -> Iterator[str]:
    """Grams that are not bought, by day or by the days that are bought together."""
    groups: dict[tuple[str, date], list[DayLine]] = {}
    for line in days:
        groups.setdefault((line.campaign, together.get((line.campaign, line.day), line.day)), []).append(line)
    for (campaign, _), lines in groups.items():
        if grams := sum(line.open_g for line in lines):
            span = f"{lines[0].day} to {lines[-1].day}" if len(lines) > 1 else f"{lines[0].day}"
            yield f"{campaign} {span}: {grams} g are not bought yet"


def _day(line: DayLine, expected: tuple[int, int, int], broken: list[str]) -> None:
    where = f"{line.campaign} {line.day}"
    if line.difference:
        broken.append(f"{where}: {line.difference} g of {line.emitted} g emitted are not accounted for")
    told = (line.emitted, line.of(Account.PAID_BY_OTHERS), line.of(Account.WAIVED))
    if told != expected:
        broken.append(f"{where}: the ledger says {told}, the settlement {expected} (owed, paid by others, waived)")


def _order(order: OrderFact, broken: list[str], still: list[str]) -> None:
    if order.state == "confirmed":
        held = (order.confirmed_g or 0) - order.credited_g
        if held != order.booked_g:
            back = f", {order.credited_g} g credited" if order.credited_g else ""
            broken.append(f"order {order.order_id}: {order.confirmed_g} g confirmed{back}, {order.booked_g} g booked")
        if order.document is None:
            still.append(f"order {order.order_id}: no document yet")
        if order.provider_state == "cancelled":
            where = f"document {order.document}" if order.document else "no document"
            broken.append(f"order {order.order_id}: bought here ({where}), cancelled at its provider")
    elif order.booked_g:
        broken.append(f"order {order.order_id} is {order.state}, yet {order.booked_g} g are booked as bought")
    if order.credited_g != order.noted_g:
        broken.append(f"order {order.order_id}: {order.credited_g} g credited, its credit notes say {order.noted_g} g")
    if order.state == "unknown":
        still.append(f"order {order.order_id}: {order.quantity_g} g, outcome unknown")


def _document(document: DocumentFact, broken: list[str], still: list[str]) -> None:
    d = document
    if d.quantity_g != d.ordered_g:
        broken.append(f"document {d.number}: {d.quantity_g} g, its orders {d.ordered_g} g")
    if d.net != d.ordered_net:
        broken.append(f"document {d.number}: {d.net} {d.currency} net, its orders {d.ordered_net}")
    if d.gross != d.booked:
        broken.append(f"document {d.number}: {d.gross} {d.currency}, the ledger has {d.booked}")
    if d.credited > d.gross:
        broken.append(f"document {d.number}: {d.credited} {d.currency} credited of {d.gross}")
    _paid(d, d.gross - d.credited, broken, still)


def _paid(d: DocumentFact, due: Decimal, broken: list[str], still: list[str]) -> None:
    """Whether what a document still asks for is paid; what was paid before a credit note has to come back."""
    if d.paid is None:
        if due:
            still.append(f"document {d.number}: {due} {d.currency}, whether it is paid is unknown")
        return
    if d.paid > d.gross:
        broken.append(f"document {d.number}: {d.paid} {d.currency} paid for {d.gross}")
    if d.refunded > min(d.paid, d.credited):
        broken.append(f"document {d.number}: {d.refunded} {d.currency} came back of {min(d.paid, d.credited)}")
    elif (paid := d.paid - d.refunded) < due:
        still.append(f"document {d.number}: {due - paid} {d.currency} of {due} unpaid")
    elif due < paid <= d.gross:
        still.append(f"document {d.number}: {paid - due} {d.currency} to come back, {d.credited} were credited")


def _credit(credit: CreditFact, broken: list[str]) -> None:
    c = credit
    if c.quantity_g != c.lines_g:
        broken.append(f"credit note {c.number} of {c.document}: {c.quantity_g} g, its lines {c.lines_g} g")
    if c.net != c.lines_net:
        broken.append(f"credit note {c.number} of {c.document}: {c.net} {c.currency} net, its lines {c.lines_net}")
    if c.gross != c.booked:
        broken.append(f"credit note {c.number} of {c.document}: {c.gross} {c.currency}, the ledger has {c.booked}")
