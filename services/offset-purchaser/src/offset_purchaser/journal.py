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

from offset_purchaser.campaign import Campaign
from offset_purchaser.documents.values import line_amount, round_money
from offset_purchaser.settlement import split
from offset_purchaser.terms import AccountMap
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
    """Number the postings in the order in which they were booked: a ledger that only grows keeps its numbers."""
    numbers: dict[str, int] = {}
    return [JournalLine(numbers.setdefault(entry.posting, len(numbers) + 1), entry) for entry in entries]


def journal_csv(lines: Sequence[JournalLine], accounts: AccountMap) -> str:
    """The journal for any accounting program."""
    rows = []
    for line in lines:
        e, account = line.entry, accounts.of(line.entry.account)
        debit, credit = _sides(e.amount)
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
        debit, credit = (side.replace(".", ",") for side in _sides(amount))
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
    campaign: Campaign, open_g: int, undocumented: Mapping[str, tuple[Decimal, str]], on: date
) -> list[MoneyEntry]:
    """What is owed and not bought on a day, at the legs' prices, and what was bought without a document; reversed on
    the next day. ``undocumented``: (amount, currency) of confirmed orders by order id."""
    found: list[MoneyEntry] = []
    for leg, grams in zip(campaign.legs, split(max(open_g, 0), campaign.legs), strict=True):
        if amount := line_amount(grams, leg.ceiling(campaign.last_day), leg.currency):
            label = f"{campaign.title}: {grams} g owed, not bought ({leg.key})"
            key = f"accrual|{on}|{campaign.id}|{leg.key}"
            found += _accrued(key, amount, leg.currency, leg.provider, label, campaign=campaign, on=on)
    for order_id, (amount, currency) in sorted(undocumented.items()):
        label = f"{campaign.title}: order {order_id} without a document"
        found += _accrued(f"accrual|{on}|{order_id}", amount, currency, "", label, campaign=campaign, on=on)
    return found


def _accrued(
    key: str, amount: Decimal, currency: str, provider: str, label: str, *, campaign: Campaign, on: date
) -> list[MoneyEntry]:
    found = []
    for suffix, day, sign in (("", on, 1), (" (reversed)", on + timedelta(days=1), -1)):
        for account, side in (("expense", 1), ("accrual", -1)):
            what = (account, amount * sign * side, currency, provider, "ACCRUAL", on, label + suffix)
            found.append(MoneyEntry(key + suffix, day, *what, campaign.id, campaign.last_day))
    return found


def _sides(amount: Decimal) -> tuple[str, str]:
    return (f"{amount:.2f}", "0.00") if amount >= 0 else ("0.00", f"{-amount:.2f}")


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
