"""What holds for every method and any activity: linearity, order, units, and the same grams on every way to them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.methods.registers import METHODS, activities, subjects
from tests.unit.methods.support import close, factor_set

from shared.explain import estimate_json, steps_from_json
from shared.factors import FactorSet
from shared.measure_units import parse_unit
from shared.methods_common import LinearMethod, ModelCache, estimate_register, estimate_ug
from shared.trail import replay
from shared.units import EXACT, g_to_ug

CACHE: ModelCache = {}
each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())


@each_method
@given(data=st.data())
@settings(max_examples=25)
def test_no_activity_gives_exactly_0_g(method: LinearMethod, data: st.DataObject) -> None:
    subject = data.draw(subjects(method))

    found = method.estimate(subject, dict.fromkeys(method.measures, 0), factor_set())

    assert found.emissions_g.low == found.emissions_g.central == found.emissions_g.high == 0


@each_method
@given(data=st.data())
@settings(max_examples=25)
def test_the_sum_of_two_activities_gives_the_sum_of_their_grams(method: LinearMethod, data: st.DataObject) -> None:
    subject = data.draw(subjects(method))
    one, other = data.draw(activities(method)), data.draw(activities(method))
    both = {name: one[name] + other[name] for name in one}

    grams = [method.estimate(subject, activity, factor_set()).emissions_g for activity in (one, other, both)]

    for part in ("low", "central", "high"):
        first, second, together = (getattr(item, part) for item in grams)
        assert close(EXACT.add(first, second), together, "1e-40")


@each_method
@given(data=st.data())
@settings(max_examples=25)
def test_more_of_any_measure_never_gives_less(method: LinearMethod, data: st.DataObject) -> None:
    subject, activity = data.draw(subjects(method)), data.draw(activities(method))
    grown = dict(activity)
    grown[data.draw(st.sampled_from(sorted(method.measures)))] += data.draw(st.integers(1, 10**12))

    before, after = (method.estimate(subject, item, factor_set()).emissions_g for item in (activity, grown))

    assert before.central <= after.central
    assert before.low <= after.low
    assert before.high <= after.high


@each_method
@given(data=st.data())
@settings(max_examples=25)
def test_low_central_and_high_stay_in_order_and_segments_add_up(method: LinearMethod, data: st.DataObject) -> None:
    subject, activity = data.draw(subjects(method)), data.draw(activities(method, -(10**12), 10**12))

    found = method.estimate(subject, activity, factor_set())

    assert found.emissions_g.low <= found.emissions_g.central <= found.emissions_g.high
    total = Decimal(0)
    for grams in found.segments_g.values():
        total = EXACT.add(total, grams)
    assert total == found.emissions_g.central
    assert 1 <= found.data_quality <= 5


@each_method
@given(data=st.data())
@settings(max_examples=25)
def test_a_register_gets_the_same_micrograms_from_coefficients_as_from_the_method(
    method: LinearMethod, data: st.DataObject
) -> None:
    subject, activity = data.draw(subjects(method)), data.draw(activities(method, -(10**9), 10**13))

    grams = method.estimate(subject, activity, factor_set()).emissions_g
    ug = estimate_ug(method, subject, activity, factor_set(), CACHE)

    assert (ug.low, ug.central, ug.high) == (g_to_ug(grams.low), g_to_ug(grams.central), g_to_ug(grams.high))


@each_method
@given(data=st.data())
@settings(max_examples=10)
def test_a_reading_says_what_the_estimate_says(method: LinearMethod, data: st.DataObject) -> None:
    subject, activity = data.draw(subjects(method)), data.draw(activities(method))

    found = method.estimate(subject, activity, factor_set())
    register = estimate_register(method, subject, activity, factor_set(), CACHE)

    for name in ("method", "method_version", "factor_set_sha256", "factor_group", "ghg_scope", "data_quality", "flags"):
        assert getattr(register, name) == getattr(found, name)


def scaled(factors: FactorSet, by: Decimal) -> FactorSet:
    """The set with every emission factor multiplied; parameters and energies stay."""

    def emits(unit: str) -> bool:
        return dict(parse_unit(unit).dimensions).get("co2", 0) == 1

    changed = {
        name: replace(factor, value=EXACT.multiply(factor.value, by)) if emits(factor.unit) else factor
        for name, factor in factors.factors.items()
    }
    return replace(factors, factors=MappingProxyType(changed))


@pytest.mark.parametrize("method", [m for m in METHODS.values() if m.id != "carrier-figure"], ids=lambda m: m.id)
@given(data=st.data())
@settings(max_examples=10)
def test_emission_factors_times_3_give_grams_times_3(method: LinearMethod, data: st.DataObject) -> None:
    subject, activity = data.draw(subjects(method)), data.draw(activities(method))

    plain = method.estimate(subject, activity, factor_set()).emissions_g.central
    tripled = method.estimate(subject, activity, scaled(factor_set(), Decimal(3))).emissions_g.central

    assert close(tripled, EXACT.multiply(plain, Decimal(3)), "1e-40")


@each_method
@given(data=st.data())
@settings(max_examples=15)
def test_the_trail_replays_to_exactly_the_printed_digits(method: LinearMethod, data: st.DataObject) -> None:
    subject, activity = data.draw(subjects(method)), data.draw(activities(method))

    found = method.estimate(subject, activity, factor_set())
    printed = estimate_json(found)
    values = replay(steps_from_json(printed["trail"]))

    assert values["central"] == Decimal(printed["emissions_g"]["central"])
    assert sum(map(Decimal, printed["segments_g"].values())) == Decimal(printed["emissions_g"]["central"])
    for name, grams in printed["segments_g"].items():
        assert values[f"segment.{name}"] == Decimal(grams)
    assert close(values["central"], found.emissions_g.central, "1e-22")
