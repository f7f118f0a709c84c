"""Distances offline: circuity by mode, minimum, crossings, lanes, and the laws they keep."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.methods.support import tables

from delivery_emissions.distance import Route, half_even, route, times
from delivery_emissions.places import Point, great_circle_m
from shared.errors import Rejected

PARIS = Point(48.8566, 2.3522, "city", "Paris", "FR", "eurasia")
LYON = Point(45.7640, 4.8357, "city", "Lyon", "FR", "eurasia")


def between(one: tuple[str, ...], other: tuple[str, ...], mode: str = "road") -> Route | None:
    start, end = (tables().places.locate(*place) for place in (one, other))
    assert start is not None
    assert end is not None
    return route(start, end, mode, tables().rules, tables().network)


def sure(found: Route | None) -> Route:
    assert found is not None
    return found


def test_paris_to_lyon_is_489_37_km_by_road_469_8_by_rail_and_486_5_by_air() -> None:
    rules, network = tables().rules, tables().network

    road, rail, air = (sure(route(PARIS, LYON, mode, rules, network)) for mode in ("road", "rail", "air"))

    assert (road.distance_m, road.method) == (489_374, "great-circle x 1.25")
    assert (rail.distance_m, rail.method) == (469_799, "great-circle x 1.2")
    assert (air.distance_m, air.method) == (486_499, "great-circle + 95 km")


def test_the_same_town_is_15_km() -> None:
    found = sure(between(("FR", "75001"), ("FR", "75019")))

    assert (found.distance_m, found.great_circle_m, found.method) == (15_000, 0, "minimum")


def test_up_to_50_km_the_road_is_1_35_times_the_great_circle() -> None:
    near = Point(48.8566, 2.3522 + 0.4, "city", "near", "FR", "eurasia")
    straight = great_circle_m((48.8566, 2.3522), (48.8566, 2.7522))

    assert straight < 50_000
    assert sure(route(PARIS, near, "road", tables().rules, tables().network)).distance_m == times(straight, 135)


def test_corsica_is_reached_by_the_ferry_from_toulon() -> None:
    found = sure(between(("FR", "75001"), ("FR", "20200", "Bastia")))

    assert found.via == ("Toulon", "Bastia")
    assert found.distance_m > 1_000_000


def test_london_to_dublin_goes_by_holyhead_and_palma_to_belfast_by_two_ferries() -> None:
    assert sure(between(("GB", "SW1A 1AA"), ("IE", "D02"))).via == ("Holyhead", "Dublin")
    assert len(sure(between(("ES", "07001"), ("GB", "BT1"))).via) == 4


def test_no_road_leads_from_berlin_to_new_york_or_from_paris_to_guadeloupe() -> None:
    assert between(("DE", "10115"), ("US", "10001")) is None
    assert between(("FR", "75001"), ("FR", "97110")) is None


def test_a_ship_from_china_to_france_takes_the_lane_by_suez() -> None:
    found = sure(between(("CN",), ("FR",), "sea"))

    assert (found.distance_m, found.method) == (19_500_000, "sea-lane")


def test_a_ship_without_a_listed_lane_is_1_5_times_the_great_circle() -> None:
    found = sure(between(("FR", "13001"), ("NC",), "sea"))

    assert found.method == "great-circle x 1.5"
    assert found.distance_m == times(found.great_circle_m, 150)


def test_two_places_known_only_as_the_same_country_are_its_typical_distance() -> None:
    france, luxembourg = sure(between(("FR",), ("FR",))), sure(between(("LU",), ("LU",)))

    assert france.method == "country-spread"
    assert 300_000 < france.distance_m < 600_000
    assert luxembourg.distance_m < 40_000


def test_an_unknown_mode_is_refused_by_name() -> None:
    with pytest.raises(Rejected) as error:
        route(PARIS, LYON, "zeppelin", tables().rules, tables().network)

    assert error.value.field == "mode"


points = st.builds(
    Point,
    st.floats(36, 60),
    st.floats(-9, 30),
    st.just("city"),
    st.just("x"),
    st.sampled_from(["FR", "DE"]),
    st.just("eurasia"),
)


@given(points, points, st.sampled_from(["road", "rail", "sea", "air"]))
def test_there_and_back_are_the_same_and_never_shorter_than_the_great_circle(
    one: Point, other: Point, mode: str
) -> None:
    rules, network = tables().rules, tables().network

    there, back = (sure(route(*pair, mode, rules, network)) for pair in ((one, other), (other, one)))

    assert there.distance_m == back.distance_m >= there.great_circle_m


@given(st.floats(0, 20), st.floats(0, 20))
def test_a_place_farther_along_the_same_line_is_never_nearer_by_road(one: float, other: float) -> None:
    near, far = sorted((one, other))
    start = Point(45.0, 0.0, "city", "a", "FR", "eurasia")
    lengths = [
        sure(
            route(start, Point(45.0 + up, 0.0, "city", "b", "FR", "eurasia"), "road", tables().rules, tables().network)
        ).distance_m
        for up in (near, far)
    ]

    assert lengths[0] <= lengths[1]


@given(st.integers(0, 10**20), st.integers(1, 10**12))
def test_half_even_is_within_half_and_ties_go_to_the_even_number(numerator: int, denominator: int) -> None:
    found = half_even(numerator, denominator)

    assert abs(found * denominator - numerator) * 2 <= denominator
    if abs(found * denominator - numerator) * 2 == denominator:
        assert found % 2 == 0


def test_two_antipodes_are_half_the_circumference_of_the_earth() -> None:
    assert great_circle_m((0.0, 0.0), (0.0, 180.0)) == 20_015_114
