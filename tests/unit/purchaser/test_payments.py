"""A payments file: every bad line is a sentence, whatever is wrong with it."""

from __future__ import annotations

import pytest

from offset_purchaser.handlers.payments import parse
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
