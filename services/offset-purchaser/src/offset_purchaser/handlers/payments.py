"""Payments from a CSV: all lines or none, each reference once."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

from babel.numbers import is_currency

from offset_purchaser.documents.values import round_money
from offset_purchaser.ledger import Account, Entry, Posting
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.store import books
from offset_purchaser.store import ledger as ledger_store
from offset_purchaser.store.books import Head, Payment
from shared.clock import system_clock
from shared.errors import Rejected
from shared.postgres import Pool, transaction

COLUMNS = ("reference", "document", "paid_on", "amount", "currency")
LIMIT = 10_000_000
TOO_MUCH = Decimal(1_000_000_000_000)


def parse(data: bytes, name: str) -> list[Payment]:
    """Read a payments file. Raises ``Rejected`` with one line per error."""
    if len(data) > LIMIT:
        raise Rejected(f"{name}: more than {LIMIT} bytes")
    try:
        rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig")), restval="")
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or [])]
        if missing:
            raise Rejected(f"{name}:1: the columns {', '.join(COLUMNS)} are needed; missing: {', '.join(missing)}")
        found, faults = [], []
        for number, row in enumerate(rows, 2):
            try:
                found.append(_payment(row))
            except (ValueError, InvalidOperation, AttributeError) as error:
                faults.append(f"{name}:{number}: {error}")
    except UnicodeDecodeError as error:
        raise Rejected(f"{name}: not UTF-8 at byte {error.start}") from None
    except csv.Error as error:
        raise Rejected(f"{name}: not a CSV file of payments: {error}") from None
    if faults:
        raise Rejected("\n".join(faults))
    return found


def _payment(row: dict[str, str]) -> Payment:
    if not row["reference"].strip():
        raise ValueError("reference: is required")
    try:
        amount = Decimal(row["amount"])
    except InvalidOperation:
        raise ValueError(f"amount: {row['amount']} is not a number; write 1234.56") from None
    if not amount.is_finite() or amount <= 0:
        raise ValueError(f"amount: {amount} is not above zero")
    if amount >= TOO_MUCH:
        raise ValueError(f"amount: {row['amount']} is no payment; {TOO_MUCH:f} and more is refused")
    currency = row["currency"].strip()
    if not is_currency(currency):
        raise ValueError(f"currency: {currency} is not an ISO 4217 currency")
    if round_money(amount, currency) != amount:
        raise ValueError(f"amount: {amount} is finer than the minor unit of {currency}")
    try:
        paid_on = date.fromisoformat(row["paid_on"].strip())
    except ValueError:
        raise ValueError(f"paid_on: {row['paid_on']} is not a day; write 2026-12-01") from None
    values = (row["reference"].strip(), row["document"].strip(), paid_on)
    return Payment(*values, amount, currency)


ZERO = Decimal(0)
EARLY = timedelta(days=366)
"""A bill is paid at most a year before the day that it is for."""


def implausible(payment: Payment, head: Head, besides: Decimal, today: date) -> str:
    """Why a payment of a document cannot be; ``""`` when it can. ``besides``: what the same import has paid of it."""
    if payment.paid_on > today + timedelta(days=1):  # tomorrow: banks east of us
        return f"of {payment.document} is dated {payment.paid_on}, which has not come yet"
    if payment.paid_on < head.day - EARLY:
        return f"of {payment.document} is dated {payment.paid_on}, more than a year before {head.day}"
    if payment.amount > head.unpaid - besides:
        left = f"{head.unpaid - besides} {head.currency} of it are unpaid"
        return f"is {payment.amount} {payment.currency} of {payment.document}: {left}"
    return ""


async def import_payments(pool: Pool, payments: Sequence[Payment]) -> int:
    """Book payments of known documents; returns how many were new. Nothing is booked when one is wrong.

    A payment of a credit note is money that came back.
    """
    mode, now, new = PurchaserSettings.load().mode, system_clock(), 0
    fresh: list[Payment] = []
    async with transaction(pool) as connection:
        heads = await books.document_heads(connection, [payment.document for payment in payments])
        for p in payments:
            if p.document not in heads:
                raise Rejected(f"payment {p.reference}: there is no document {p.document}")
            head = heads[p.document]
            if head.currency != p.currency:
                raise Rejected(f"payment {p.reference} is in {p.currency}, document {p.document} in {head.currency}")
            if not await books.insert_payment(connection, p, now):
                continue
            new += 1
            besides = sum((one.amount for one in fresh if one.document == p.document), ZERO)
            if why := implausible(p, head, besides, now.date()):
                raise Rejected(f"payment {p.reference} {why}")
            fresh.append(p)
            amount = -p.amount if head.comes_back else p.amount
            entries = (
                Entry(Account.PAYABLE, head.currency, amount, head.day, head.provider),
                Entry(Account.BANK, head.currency, -amount, head.day, head.provider),
            )
            note = f"payment {p.reference} of {p.document}"
            posting = Posting(f"payment|{p.reference}", mode, head.legal_entity, head.campaign, 1, note, entries)
            await ledger_store.append(connection, [posting], now)
    return new
