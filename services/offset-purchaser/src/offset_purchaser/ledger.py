"""Double entry in grams and money. Pure: builds balanced postings; ``store.ledger`` appends them.

Gram accounts: ``emitted`` is the source (its balance is minus everything emitted), the others say where each gram is.
``surplus`` has a balance of zero or less: credits ordered that no day owes any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from uuid import UUID

from offset_purchaser.planning import LegPlan

GRAMS = "g"


class Account(StrEnum):
    """Where grams and money can be."""

    EMITTED = "emitted"
    OWED = "owed"
    PAID_BY_OTHERS = "paid_by_others"
    WAIVED = "waived"
    COMMITTED = "committed"
    CARRIED = "carried"
    SURPLUS = "surplus"
    BOUGHT = "bought"
    EXPENSE = "expense"
    VAT = "vat"
    PAYABLE = "payable"
    BANK = "bank"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a posting."""

    account: Account
    unit: str
    amount: Decimal
    day: date
    provider: str = ""
    order_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """A balanced set of entries. ``id`` says what it books, so that nothing can be booked twice."""

    id: str
    mode: Literal["live", "rehearsal"]
    legal_entity: str
    campaign: str
    number: int
    note: str
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        for unit in {entry.unit for entry in self.entries}:
            if total := sum((e.amount for e in self.entries if e.unit == unit), Decimal(0)):
                raise ValueError(f"posting {self.id} is off by {total} {unit}")


def _grams(
    day: date, lines: Iterable[tuple[Account, int]], provider: str = "", order: UUID | None = None
) -> list[Entry]:
    return [Entry(account, GRAMS, Decimal(amount), day, provider, order) for account, amount in lines if amount]


def frozen_entries(day: date, owed_delta: int, paid_delta: int, waived_delta: int) -> list[Entry]:
    """A day was settled: what was emitted since the last time, and who answers for it."""
    rest = owed_delta - paid_delta - waived_delta
    return _grams(
        day,
        (
            (Account.EMITTED, -owed_delta),
            (Account.PAID_BY_OTHERS, paid_delta),
            (Account.WAIVED, waived_delta),
            (Account.OWED, rest),
        ),
    )


def committed_entries(day: date, provider: str, need_g: int) -> list[Entry]:
    """A leg takes its share of a day."""
    return _grams(day, ((Account.OWED, -need_g), (Account.COMMITTED, need_g)), provider)


def planned_entries(day: date, provider: str, plan: LegPlan) -> list[Entry]:
    """A purchase was planned: what surplus and carry contribute, and what is left for the next one."""
    surplus = plan.surplus_used_g - plan.surplus_added_g
    carry = plan.carry_added_g - plan.carry_drawn_g
    lines = ((Account.SURPLUS, surplus), (Account.CARRIED, carry), (Account.COMMITTED, -surplus - carry))
    return _grams(day, lines, provider)


def confirmed_entries(day: date, provider: str, order: UUID, *, ordered_g: int, filled_g: int) -> list[Entry]:
    """A provider confirmed: committed becomes bought; what it could not fill is owed again, what is more is surplus."""
    lines = (
        (Account.COMMITTED, -ordered_g),
        (Account.BOUGHT, filled_g),
        (Account.OWED, max(ordered_g - filled_g, 0)),
        (Account.SURPLUS, min(ordered_g - filled_g, 0)),
    )
    return _grams(day, lines, provider, order)


def unconfirmed_entries(day: date, provider: str, order: UUID, *, ordered_g: int, filled_g: int) -> list[Entry]:
    """A confirmed order was cancelled: what it bought is owed again, and a surplus that it left is gone."""
    return cancelled_entries(day, provider, order, ordered_g=ordered_g, held_g=filled_g, cancelled_g=filled_g)


def cancelled_entries(
    day: date, provider: str, order: UUID, *, ordered_g: int, held_g: int, cancelled_g: int
) -> list[Entry]:
    """Some of the grams that an order holds were cancelled: first what it holds beyond the order, then what is owed."""
    surplus = min(cancelled_g, max(held_g - ordered_g, 0))
    lines = ((Account.BOUGHT, -cancelled_g), (Account.OWED, cancelled_g - surplus), (Account.SURPLUS, surplus))
    return _grams(day, lines, provider, order)


def documented_entries(
    day: date, provider: str, order: UUID, *, net: Decimal, vat: Decimal, currency: str
) -> list[Entry]:
    """A document was issued: what it asks for is an expense, its VAT apart, and payable to the provider."""
    lines = ((Account.EXPENSE, net), (Account.VAT, vat), (Account.PAYABLE, -net - vat))
    return [Entry(account, currency, amount, day, provider, order) for account, amount in lines if amount]


def credited_entries(
    day: date, provider: str, order: UUID, *, net: Decimal, vat: Decimal, currency: str
) -> list[Entry]:
    """A credit note was issued: what it takes back is no expense and is not payable."""
    return documented_entries(day, provider, order, net=-net, vat=-vat, currency=currency)


def returned_entries(day: date, provider: str, order: UUID, ordered_g: int) -> list[Entry]:
    """An order was refused or cancelled for good: its grams are owed again."""
    return _grams(day, ((Account.COMMITTED, -ordered_g), (Account.OWED, ordered_g)), provider, order)


def retaken_entries(day: date, provider: str, order: UUID, ordered_g: int) -> list[Entry]:
    """A new attempt takes the grams of a refused one."""
    return _grams(day, ((Account.OWED, -ordered_g), (Account.COMMITTED, ordered_g)), provider, order)
