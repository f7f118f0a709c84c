"""Numbers, shares, dates and units as sheets write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.sheets.cells import Unusable, date_of, moment_of, number_of, share_of, text_of, truth_of
from replay.sheets.countries import country_code
from replay.sheets.units import UNITS, factor, to_base

NAIVE = datetime(2026, 11, 27)  # noqa: DTZ001 - what Excel holds
PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("cell", "decimal", "number"),
    [
        ("1234", ".", "1234"),
        (" 1,234.50 ", ".", "1234.50"),
        ("1.234,50", ",", "1234.50"),
        ("1 234 567", ".", "1234567"),
        ("1\u202f234,5", ",", "1234.5"),
        ("1'234.5", ".", "1234.5"),
        ("-0.5", ".", "-0.5"),
        ("1e3", ".", "1000"),
        (12, ".", "12"),
        (0.1, ".", "0.1"),
    ],
)
def test_numbers(cell: object, decimal: str, number: str) -> None:
    assert number_of(cell, decimal) == Decimal(number)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "cell",
    ["", "abc", "1,23", "12,34,567", "1.234.567", "1 23", "0x10", "١٢", "1_000", "nan", "inf", "9" * 50, True,
     float("nan"), date(2026, 1, 1), "--1", "12kg"],
)  # fmt: skip
def test_what_is_no_number_is_quoted(cell: object) -> None:
    with pytest.raises(Unusable, match="is not a number"):
        number_of(cell)  # type: ignore[arg-type]


@given(st.decimals(min_value=0, max_value=10**12, places=3))
def test_a_grouped_number_is_the_same_number_in_both_spellings(value: Decimal) -> None:
    english = f"{value:,.3f}"
    continental = english.translate(str.maketrans(",.", ".,"))
    assert number_of(english, ".") == number_of(continental, ",") == value


@pytest.mark.parametrize(("cell", "share"), [("25%", "0.25"), ("12.5 %", "0.125"), ("1/4", "0.25"), (0.25, "0.25")])
def test_shares(cell: object, share: str) -> None:
    assert share_of(cell) == Decimal(share)  # type: ignore[arg-type]


def test_a_share_of_nothing_is_no_share() -> None:
    with pytest.raises(Unusable, match="divides by zero"):
        share_of("1/0")


@pytest.mark.parametrize(("cell", "truth"), [("Yes", True), ("ja", True), (True, True), ("0", False), ("Non", False)])
def test_yes_and_no(cell: object, truth: bool) -> None:
    assert truth_of(cell) is truth  # type: ignore[arg-type]


def test_a_date_alone_is_noon_in_the_zone() -> None:
    assert moment_of("27/11/2026", ["%d/%m/%Y"], "12:00", PARIS) == datetime(2026, 11, 27, 11, tzinfo=UTC)
    assert moment_of(NAIVE, [], "12:00", PARIS) == datetime(2026, 11, 27, 11, tzinfo=UTC)


def test_a_time_without_an_offset_is_of_the_zone_and_one_with_an_offset_keeps_it() -> None:
    assert moment_of("2026-07-01 10:00:00", [], "12:00", PARIS) == datetime(2026, 7, 1, 8, tzinfo=UTC)
    aware = moment_of("2026-07-01T10:00:00-05:00", [], "12:00", PARIS)
    assert aware.utcoffset() == timedelta(hours=-5)


def test_american_times_of_day() -> None:
    formats = ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y"]
    assert (
        moment_of("4/2/2021 4:05:06 PM", formats, "12:00", ZoneInfo("UTC")).isoformat() == "2021-04-02T16:05:06+00:00"
    )
    assert date_of("4/2/2021", formats) == date(2021, 4, 2)


@pytest.mark.parametrize("cell", ["31/02/2026", "yesterday", "", 45000, None, "2026-13-01", True])
def test_what_is_no_date_names_the_formats(cell: object) -> None:
    with pytest.raises(Unusable, match=r"is not a date like %d/%m/%Y or 2026-11-27"):
        date_of(cell, ["%d/%m/%Y"])  # type: ignore[arg-type]


def test_pounds_ounces_and_inches_are_exact() -> None:
    assert to_base(Decimal(1), factor("mass", "lb") or Decimal()) == 454
    assert factor("mass", "lb") == 16 * (factor("mass", "oz") or 0) == Decimal("453.59237")
    assert factor("volume", "in3") == Decimal("2.54") ** 3
    assert factor("area", "ft2") == (12 * Decimal("2.54")) ** 2
    assert (factor("mass", "KG"), factor("mass", "Lbs."), factor("mass", "cm3")) == (1000, Decimal("453.59237"), None)


def test_a_little_is_never_nothing() -> None:
    assert to_base(Decimal("0.0001"), UNITS["mass"]["kg"]) == 1
    assert to_base(Decimal(0), UNITS["mass"]["kg"]) == 0


def test_texts_of_excel_cells() -> None:
    assert [text_of(cell) for cell in (12.0, 1.5, None, " x\u00a0", NAIVE, True)] == [
        *("12", "1.5", "", "x", "2026-11-27", "True"),
    ]


@pytest.mark.parametrize(
    ("name", "code"),
    [("Côte d'Ivoire", "CI"), ("Congo, DRC", "CD"), ("fr", "FR"), ("GBR", "GB"), ("Deutschland", "DE"), ("UK", "GB"),
     ("Viet Nam", "VN"), ("The Netherlands", "NL"), ("U.S.A.", "US"), ("Atlantis", None), ("", None)],
)  # fmt: skip
def test_countries_by_code_and_name(name: str, code: str | None) -> None:
    assert country_code(name) == code
