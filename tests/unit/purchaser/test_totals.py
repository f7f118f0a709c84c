"""A day's total: what counts, what is shown apart, how the range is made."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.unit.purchaser.builders import campaign, sums

from offset_purchaser.formulas import FORMULAS, number_of
from offset_purchaser.totals import day_total
from shared.errors import Rejected
from shared.estimate import ChannelName, RangeG

GRAM = 1_000_000


def test_two_registers_of_one_factor_group_add_linearly() -> None:
    total = day_total(campaign(), [sums(central=100 * GRAM), sums(central=200 * GRAM)])
    assert total.total == RangeG(Decimal(240), Decimal(300), Decimal(450))


def test_two_factor_groups_add_in_quadrature() -> None:
    total = day_total(campaign(), [sums(central=300 * GRAM, group="a"), sums(central=400 * GRAM, group="b")])
    assert total.total == RangeG(Decimal(600), Decimal(700), Decimal(950))


def test_a_day_is_rounded_up_to_the_gram_once() -> None:
    total = day_total(campaign(), [sums(central=1), sums(central=1), sums(central=GRAM)])
    assert total.owed_g == 2


def test_covering_the_high_estimate_owes_the_high_estimate() -> None:
    assert day_total(campaign(cover="high"), [sums(central=100 * GRAM)]).owed_g == 150


def test_bots_and_unprovable_late_events_are_recorded_and_not_bought() -> None:
    rows = [sums(central=GRAM), sums(central=5 * GRAM, bot=True), sums(central=7 * GRAM, unprovable=True)]
    total = day_total(campaign(), rows)
    assert total.owed_g == 1
    assert {name: part.emissions_g.central for name, part in total.not_bought[ChannelName.SITE].items()} == {
        "bots": 5,
        "late_unprovable": 7,
    }
    assert day_total(campaign(bots="buy", late_unprovable="buy"), rows).owed_g == 13


def test_what_others_pay_is_owed_and_subtracted() -> None:
    total = day_total(campaign(), [sums(central=10 * GRAM), sums(central=int(2.5 * GRAM), paid=True)])
    assert (total.owed_g, total.paid_by_others_g) == (13, 3)


def test_covering_the_high_estimate_buys_all_of_ours_beside_what_others_pay() -> None:
    rows = [sums(central=100_000 * GRAM), sums(central=100_000 * GRAM, group="parcel", paid=True)]
    total = day_total(campaign(cover="high"), rows)
    assert total.total.high == Decimal(
        "270710.67811865475244008443621048490392848359376885"
    )  # half widths in quadrature
    assert (total.owed_g, total.paid_by_others_g) == (300_000, 150_000)


def test_the_first_formula_still_gives_what_it_gave_to_old_settlements() -> None:
    rows = [sums(central=100_000 * GRAM), sums(central=100_000 * GRAM, group="parcel", paid=True)]
    total = day_total(campaign(cover="high"), rows, 1)
    assert (total.owed_g, total.paid_by_others_g) == (270_711, 150_000)
    rows = [sums(central=10 * GRAM), sums(central=int(2.5 * GRAM), paid=True)]
    total = day_total(campaign(), rows, 1)
    assert (total.owed_g, total.paid_by_others_g) == (13, 2)


def test_formulas_are_found_by_every_word_of_their_text() -> None:
    assert [number_of(formula.text) for formula in FORMULAS.values()] == [1, 2, 3]
    for text in ("", "2", "4: something else", FORMULAS[2].text + "."):
        with pytest.raises(Rejected, match="none of those that this version knows"):
            number_of(text)


def test_what_no_method_can_estimate_is_named_never_zero() -> None:
    row = sums(events=3, central=0, channel=ChannelName.ADS, estimated=False, example="format=video")
    assert day_total(campaign(), [row]).not_estimated == ("ads: format=video",)


def test_a_day_without_events_is_nothing() -> None:
    total = day_total(campaign(), [])
    assert total.is_nothing
    assert total.owed_g == 0


def test_negative_corrections_never_owe_less_than_nothing() -> None:
    row = sums(central=-5 * GRAM)
    negative = type(row)(**{f: getattr(row, f) for f in row.__slots__} | {"low_ug": -5 * GRAM, "high_ug": -5 * GRAM})
    assert day_total(campaign(), [negative]).owed_g == 0
