"""Units: what multiplies, what adds, what is refused; trails: what they say and how they replay."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from tests.unit.methods.support import close, factor_set

from shared.errors import Rejected
from shared.estimate import Step
from shared.measure_units import parse_unit
from shared.trail import Trail, replay


def trail() -> Trail:
    return Trail(factor_set())


def test_tonnes_times_kilometres_times_kg_per_tkm_is_kg() -> None:
    assert (parse_unit("kgCO2e/t.km") * parse_unit("t") * parse_unit("km")).text == "kgCO2e"


def test_a_kilowatt_hour_is_3_6_megajoules_and_a_year_has_365_days() -> None:
    assert parse_unit("kWh").scale == parse_unit("MJ").scale * Fraction(36, 10)
    assert parse_unit("year").scale == parse_unit("day").scale * 365


def test_a_short_ton_mile_is_1_459972_tonne_kilometres() -> None:
    ratio = parse_unit("short_ton.mile").scale / parse_unit("t.km").scale

    assert round(float(ratio), 6) == 1.459972


@pytest.mark.parametrize("text", ["", "kgCO2e/", "/km", "kgCO2e/t/km", "kgCO2e/parsec", "furlong"])
def test_a_unit_nobody_knows_is_refused(text: str) -> None:
    with pytest.raises(Rejected):
        parse_unit(text)


def test_grams_and_kilograms_add_after_conversion_and_grams_and_metres_never() -> None:
    steps = trail()
    total = steps.input("a", 5, "g") + steps.input("b", 2, "kg")

    assert (total.value, total.unit.text) == (Decimal(2005), "g")
    with pytest.raises(Rejected, match="not in g"):
        steps.input("c", 1, "g") + steps.input("d", 1, "m")


def test_a_factor_is_read_once_and_named_by_its_id() -> None:
    steps = trail()
    first, second = steps.factor("liv.platform"), steps.factor("liv.platform")

    assert first is second
    assert [step.factor for step in steps.steps] == ["liv.platform"]


def test_a_missing_factor_is_refused_by_name() -> None:
    with pytest.raises(Rejected, match="spaceport"):
        trail().factor("liv.spaceport")


def test_the_cube_root_of_27_cm3_is_3_cm() -> None:
    root = trail().input("v", 27, "cm3").root(3)

    assert close(root.value, "3", "1e-45")
    assert root.unit.dimensions == parse_unit("m").dimensions


def test_division_by_zero_names_the_divisor() -> None:
    steps = trail()
    with pytest.raises(Rejected, match="speed"):
        steps.input("way", 1, "km") / steps.input("speed", 0, "km")


def test_replay_evaluates_in_order_and_refuses_unknown_steps_and_operations() -> None:
    two, three = Step("two", "input", Decimal(2)), Step("three", "constant", Decimal(3))
    power = Step("eight", "power", Decimal(0), inputs=("two", "three"))
    less = Step("five", "subtract", Decimal(0), inputs=("eight", "three"))

    assert replay([two, three, power, less])["five"] == 5
    with pytest.raises(Rejected, match="unknown step"):
        replay([power])
    with pytest.raises(Rejected, match="unknown operation"):
        replay([two, Step("x", "guess", Decimal(0), inputs=("two",))])
