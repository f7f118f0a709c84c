"""One person under two spellings is one person."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from tests.unit.purchaser.builders import campaign

from offset_purchaser.handlers.people import name_of
from offset_purchaser.person import person_key, person_name
from offset_purchaser.planning import Approved, Spent, Wish, guard
from shared.errors import Rejected


@pytest.mark.parametrize(
    ("one", "other"),
    [("Zo\u00eb", "Zoe\u0308"), ("anna", "anna\u200b"), ("Anna", " ANNA "), ("Anna B", "Anna\u00a0 B"), ("ﬁn", "fin")],
)
def test_two_spellings_of_a_name_are_one_yes(one: str, other: str) -> None:
    assert person_key(one) == person_key(other)
    approved = [Approved(name, Decimal(22)) for name in (one, other)]
    rules = campaign(approval={"above_amount": 1, "people": 2})
    wish = Wish(1_000_000, Decimal(22), {date(2026, 11, 27): 1_000_000}, 1_000_000)
    assert guard(rules, wish, Spent({}, 0), approved) == "approval by 2: 22 is above 1"


def test_two_people_stay_two() -> None:
    assert person_key("Anna") != person_key("Anne")
    assert person_name(" Zoe\u0308  Müller\u200b ") == "Zo\u00eb Müller"


@pytest.mark.parametrize("nobody", ["", "  ", "\u200b\u2060"])
def test_nobody_decides_nothing(nobody: str) -> None:
    with pytest.raises(Rejected, match="a name is required"):
        name_of(nobody)
