"""Money entries as a journal for accounting: a plain CSV and the 18 columns of the French FEC. Pure.

The FEC (article A47 A-1 of the Livre des procédures fiscales) wants tabs, dates as YYYYMMDD, decimal commas, and
numbers of entries that grow without a gap.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from babel.numbers import get_currency_precision

from offset_purchaser.campaign import Campaign
from offset_purchaser.documents.values import line_amount, round_money
from offset_purchaser.terms import AccountMap, Leg
from shared.errors import Rejected

FEC_COLUMNS = (
    "JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum", "CompAuxLib",
    "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit", "EcritureLet", "DateLet", "ValidDate", "Montantdevise",
    "Idevise",
)  # fmt: skip
CSV_COLUMNS = (
    "entry", "date", "account", "account_name", "provider", "document", "document_date", "label", "debit", "credit",
    "currency", "campaign", "day",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MoneyEntry:
    """One money entry of the ledger; ``amount`` above zero is a debit."""

    posting: str
    booked_on: date
    account: str
    amount: Decimal
    currency: str
    provider: str
    piece: str
    piece_date: date
    label: str
    campaign: str
    day: date


@dataclass(frozen=True, slots=True)
class JournalLine:
    """A money entry with its number."""

    number: int
    entry: MoneyEntry


def numbered(entries: Sequence[MoneyEntry]) -> list[JournalLine]:
    """Number the postings of each year in the order in which they came to the ledger: given the whole ledger, a posting
    has the same number in every export, and a year's numbers have no gap."""
    numbers: dict[int, dict[str, int]] = {}
    found = []
    for entry in entries:
        year = numbers.setdefault(entry.booked_on.year, {})
        found.append(JournalLine(year.setdefault(entry.posting, len(year) + 1), entry))
    return found


def between(lines: Sequence[JournalLine], first: date | None, last: date) -> list[JournalLine]:
    """The lines that were booked from one day to another."""
    return [line for line in lines if (first is None or first <= line.entry.booked_on) and line.entry.booked_on <= last]


def journal_csv(lines: Sequence[JournalLine], accounts: AccountMap) -> str:
    """The journal for any accounting program."""
    rows = []
    for line in lines:
        e, account = line.entry, accounts.of(line.entry.account)
        debit, credit = _sides(e.amount, e.currency)
        where = (e.provider, e.piece, e.piece_date.isoformat(), e.label)
        head = (line.number, e.booked_on.isoformat(), account.number, account.name)
        rows.append((*head, *where, debit, credit, e.currency, e.campaign, e.day.isoformat()))
    return _write(CSV_COLUMNS, rows, ",")


def fec(lines: Sequence[JournalLine], accounts: AccountMap, book_currency: str) -> str:
    """The same as FEC lines, in the book's currency; what was in another one is also given in ``Montantdevise``.

    Raises ``Rejected`` when the account map has no rate for a currency: the FEC wants amounts in the book's own.
    """
    amounts = _in_book_currency(lines, accounts.rates, book_currency)
    rows = []
    for line, amount in zip(lines, amounts, strict=True):
        e, account = line.entry, accounts.of(line.entry.account)
        debit, credit = (side.replace(".", ",") for side in _sides(amount, book_currency))
        foreign = e.currency != book_currency
        booked, piece = f"{e.booked_on:%Y%m%d}", f"{e.piece_date:%Y%m%d}"
        auxiliary = (e.provider, e.provider) if e.account == "payable" else ("", "")
        devise = (str(abs(e.amount)).replace(".", ","), e.currency) if foreign else ("", "")
        head = (accounts.journal, accounts.journal_name, line.number, booked, account.number, account.name)
        rows.append((*head, *auxiliary, e.piece, piece, e.label, debit, credit, "", "", booked, *devise))
    return _write(FEC_COLUMNS, rows, "\t")


def _in_book_currency(lines: Sequence[JournalLine], rates: Mapping[str, Decimal], book_currency: str) -> list[Decimal]:
    """Each line's amount in the book's currency; what rounding leaves of an entry goes to its greatest line, so that
    every entry still balances."""
    found, rest, greatest = [], dict[int, Decimal](), dict[int, int]()
    for n, line in enumerate(lines):
        e = line.entry
        rate = Decimal(1) if e.currency == book_currency else rates.get(e.currency)
        if rate is None:
            raise Rejected(
                f"the books are in {book_currency}, {e.label} is in {e.currency}: say what one {e.currency} is worth "
                f"in the campaign file, accounts: {{rates: {{{e.currency}: 1.17}}}}",
                field="rates",
            )
        amount = e.amount if rate == 1 else round_money(e.amount * rate, book_currency)
        found.append(amount)
        rest[line.number] = rest.get(line.number, Decimal(0)) + amount
        if abs(amount) > abs(found[greatest.setdefault(line.number, n)]):
            greatest[line.number] = n
    for number, n in greatest.items():
        found[n] -= rest[number]
    return found


def accrual(
    campaign: Campaign, open_g: Mapping[str, int], undocumented: Mapping[str, tuple[Decimal, str]], on: date
) -> list[MoneyEntry]:
    """What is owed and not bought on a day, at the legs' prices, and what was bought without a document; reversed on
    the next day. ``open_g``: grams by leg; ``undocumented``: (amount, currency) of confirmed orders by order id."""
    found: list[MoneyEntry] = []
    for leg in campaign.legs:
        found += _owed(campaign, leg, open_g.get(leg.key, 0), "owed, not bought", on)
    for order_id, (amount, currency) in sorted(undocumented.items()):
        label = f"{campaign.title}: order {order_id} without a document"
        found += _accrued(f"accrual|{on}|{order_id}", amount, currency, "", label, campaign=campaign, on=on)
    return found


def carried_accrual(
    campaigns: Sequence[Campaign], carried: Mapping[str, tuple[int, int]], on: date
) -> list[MoneyEntry]:
    """What an entity carries to its next purchases, at the price that its newest campaign had at each provider.

    ``carried``: (surplus, carried) by provider; what was bought and is not owed any more is taken off.
    """
    found: list[MoneyEntry] = []
    newest = sorted(campaigns, key=lambda campaign: (campaign.last_day, campaign.id), reverse=True)
    for provider, (surplus, carry) in sorted(carried.items()):
        legs = [(campaign, leg) for campaign in newest for leg in campaign.legs if leg.provider == provider]
        if legs:
            found += _owed(*legs[0], carry - surplus, "carried, not bought", on)
    return found


def _owed(campaign: Campaign, leg: Leg, grams: int, what: str, on: date) -> list[MoneyEntry]:
    amount = line_amount(max(grams, 0), leg.ceiling(campaign.last_day), leg.currency)
    if not amount:
        return []
    label = f"{campaign.title}: {grams} g {what} ({leg.key})"
    key = f"accrual|{on}|{campaign.id}|{leg.key}|{what}"
    return _accrued(key, amount, leg.currency, leg.provider, label, campaign=campaign, on=on)


def _accrued(
    key: str, amount: Decimal, currency: str, provider: str, label: str, *, campaign: Campaign, on: date
) -> list[MoneyEntry]:
    found = []
    for suffix, day, sign in (("", on, 1), (" (reversed)", on + timedelta(days=1), -1)):
        for account, side in (("expense", 1), ("accrual", -1)):
            what = (account, amount * sign * side, currency, provider, "ACCRUAL", on, label + suffix)
            found.append(MoneyEntry(key + suffix, day, *what, campaign.id, campaign.last_day))
    return found


def _sides(amount: Decimal, currency: str) -> tuple[str, str]:
    """(debit, credit) with the digits of the currency, two at least: what is rounded for show would not add up."""
    digits = max(get_currency_precision(currency), 2)
    nothing = f"{Decimal(0):.{digits}f}"
    return (f"{amount:.{digits}f}", nothing) if amount >= 0 else (nothing, f"{-amount:.{digits}f}")


def _write(columns: Sequence[str], rows: Sequence[Sequence[object]], delimiter: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return out.getvalue()


def _safe(cell: object) -> object:
    """No tab or line break inside a cell, and no spreadsheet formula."""
    text = " ".join(str(cell).split()) if isinstance(cell, str) else cell
    return f"'{text}" if isinstance(text, str) and text.startswith(("=", "+", "@")) else text
