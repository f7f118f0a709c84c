"""Numbers and dates as people of three languages write them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from offset_purchaser.documents.formats import Formats

NARROW, SPACE = "\u202f", "\u00a0"


@pytest.mark.parametrize(
    ("language", "count", "money", "tonnes"),
    [
        ("en", "1,234,567", "€1,119.91", f"41.234567{SPACE}t"),
        ("fr", f"1{NARROW}234{NARROW}567", f"1{NARROW}119,91{SPACE}€", f"41,234567{SPACE}t"),
        ("de", "1.234.567", f"1.119,91{SPACE}€", f"41,234567{SPACE}t"),
    ],
)
def test_each_language_has_its_own_separators(language: str, count: str, money: str, tonnes: str) -> None:
    f = Formats(language)  # type: ignore[arg-type]
    assert f.count(1_234_567) == count
    assert f.money(Decimal("1119.91"), "EUR") == money
    assert f.tonnes(41_234_567) == tonnes


@pytest.mark.parametrize(
    ("grams", "text"),
    [("0.2", "0.20 g"), ("999", "999.00 g"), ("1000", "1.00 kg"), ("1234567.8", "1.23 t"), ("-5", "-5.00 g")],
)
def test_a_mass_takes_the_unit_that_people_would_use(grams: str, text: str) -> None:
    assert Formats("en").mass(Decimal(grams)).replace(SPACE, " ") == text


def test_a_unit_price_keeps_all_its_decimals_and_at_least_two() -> None:
    assert Formats("en").price(Decimal("22"), "EUR") == "€22.00"
    assert Formats("en").price(Decimal("22.125"), "EUR") == "€22.125"


def test_days_in_a_row_are_an_interval_and_others_a_list() -> None:
    f = Formats("de")
    days = [date(2026, 11, number) for number in (27, 28, 29, 30)]
    assert f.days(days[:1]) == "27. November 2026"
    assert f.days([days[1], days[0]]).replace("\u2009", "") == "27.–28. Nov. 2026"
    assert f.days([days[0], days[3]]) == "27. November 2026 und 30. November 2026"
    assert f.days([date(2026, 11, number) for number in range(1, 30, 2)]) == ""


def test_an_unknown_country_is_printed_as_its_code() -> None:
    assert Formats("fr").country("DE") == "Allemagne"
    assert Formats("fr").country("XQ") == "XQ"
