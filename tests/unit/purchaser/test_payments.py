"""A payments file: every bad line is a sentence, whatever is wrong with it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from offset_purchaser.handlers.payments import implausible, parse
from offset_purchaser.store.books import Head, Payment
from shared.errors import Rejected

HEAD = "reference,document,paid_on,amount,currency\n"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("P1,ST-1", "p.csv:2: amount:  is not a number; write 1234.56"),
        ("P1,ST-1,2026-12-01,1e30,EUR", "p.csv:2: amount: 1e30 is no payment; 1000000000000 and more is refused"),
        ("P1,ST-1,2026-12-01,12,", "p.csv:2: currency:  is not an ISO 4217 currency"),
        ("x" * 200_000, "p.csv: not a CSV file of payments: field larger than field limit (131072)"),
    ],
    ids=["short", "great", "no currency", "long"],
)
def test_a_bad_line_is_one_sentence(row: str, why: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse((HEAD + row + "\n").encode(), "p.csv")
    assert str(caught.value) == why


BILL = Head("retail-fr", "bf", date(2026, 11, 27), "sandbox", "EUR", comes_back=False, unpaid=Decimal(90))


@pytest.mark.parametrize(
    ("paid_on", "amount", "besides", "why"),
    [
        ("2026-12-10", "90", "0", ""),
        ("2026-12-11", "90", "0", ""),
        ("2026-12-12", "90", "0", "of ST-1 is dated 2026-12-12, which has not come yet"),
        ("1999-01-01", "90", "0", "of ST-1 is dated 1999-01-01, more than a year before 2026-11-27"),
        ("2026-12-10", "5000", "0", "is 5000 EUR of ST-1: 90 EUR of it are unpaid"),
        ("2026-12-10", "60", "60", "is 60 EUR of ST-1: 30 EUR of it are unpaid"),
    ],
)
def test_a_payment_is_past_and_for_what_is_unpaid(paid_on: str, amount: str, besides: str, why: str) -> None:
    payment = Payment("b1", "ST-1", date.fromisoformat(paid_on), Decimal(amount), "EUR")
    assert implausible(payment, BILL, Decimal(besides), date(2026, 12, 10)) == why
