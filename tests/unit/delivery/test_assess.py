"""What is counted of a shipment: the step of the order of preference, its assumptions, and its integer activity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.methods.support import factor_set, tables

from delivery_emissions.assess import Assessment, assess, kg_hm
from delivery_emissions.channel import MEASURES
from delivery_emissions.methods import METHODS
from delivery_emissions.parcel import carton_area_mm2
from shared.estimate import ChannelName, Subject
from shared.schedule import choose_method, default_schedule


@dataclass(frozen=True)
class At:
    country: str
    postal_code: str | None = None
    city: str | None = None


@dataclass(frozen=True)
class Shipped:
    country: str | None = "FR"
    carrier: str | None = None
    service: str | None = None
    mode: str | None = None
    delivery_option: str | None = None
    category: str | None = None
    origin: At | None = None
    destination: At | None = None
    weight_g: int | None = None
    volume_cm3: int | None = None
    air: str | None = None
    carrier_emissions_g: int | None = None
    covered_by_shipment: str | None = None


def of(**members: object) -> Assessment:
    return assess(Shipped(**members), tables())  # type: ignore[arg-type]


def grams(found: Assessment, country: str = "FR") -> int:
    entry = default_schedule().entry_for(ChannelName.DELIVERY, date(2026, 11, 27))
    subject = Subject(country, found.detail)
    method = choose_method(entry, METHODS, subject)
    assert method is not None, found.detail
    return round(method.estimate(subject, found.activity, factor_set()).emissions_g.central)


def test_a_covered_shipment_is_counted_and_adds_0_g_even_with_a_carrier_figure() -> None:
    found = of(covered_by_shipment="S-1", carrier_emissions_g=500, weight_g=900)

    assert found.detail == {"method": "covered"}
    assert found.activity == {"parcels": 1}
    assert grams(found) == 0


def test_the_carriers_figure_comes_before_everything_we_could_compute() -> None:
    found = of(carrier_emissions_g=412, weight_g=900, category="phone", mode="air")

    assert found.detail["method"] == "carrier-figure"
    assert found.data_quality == 5
    assert grams(found) == 412


def test_a_carrier_figure_of_0_g_is_not_believed() -> None:
    found = of(carrier_emissions_g=0, category="phone")

    assert found.detail["method"] == "ademe-parcel"
    assert "carrier-figure-of-0-not-believed" in found.flags
    assert grams(found) > 100


def test_a_3_kg_parcel_of_12_000_cm3_to_the_door_is_1482_g() -> None:
    found = of(weight_g=3000, volume_cm3=12000, category="cultural", delivery_option="home")

    assert found.activity == {"parcels": 1, "weight_g": 3000, "volume_cm3": 12000, "carton_mm2": 253477}
    assert (found.flags, found.data_quality) == ((), 4)
    assert grams(found) == 1482


def test_30_kg_is_a_parcel_and_30_001_g_a_chain_of_legs() -> None:
    common = {"volume_cm3": 60000, "origin": At("FR", "75001"), "destination": At("FR", "69001")}

    assert of(weight_g=30_000, **common).detail["method"] == "ademe-parcel"
    assert of(weight_g=30_001, **common).detail["method"] == "legs"


def test_nothing_known_is_a_kilogram_per_parcel_and_a_guess() -> None:
    found = of()

    assert (found.detail["method"], found.data_quality, grams(found)) == ("country-default", 1, 1000)


def test_a_flight_of_which_nothing_else_is_known_is_1300_g_and_never_a_parcel_on_the_road() -> None:
    found = of(mode="Air", country="KE")

    assert (found.detail["method"], found.detail["air"]) == ("ademe-parcel", "outside_europe")
    assert found.activity["weight_g"] == 1300
    assert {"weight=default", "volume=default", "category_from=default"} <= set(found.flags)
    assert grams(found, "KE") > 14_000


def test_the_category_fills_weight_and_volume_and_says_so() -> None:
    found = of(category="iPhone", delivery_option="home")

    assert (found.activity["weight_g"], found.activity["volume_cm3"]) == (500, 900)
    assert set(found.flags) == {"weight=default", "volume=default"}
    assert found.data_quality == 3


def test_an_unknown_category_is_no_reason_to_refuse_a_shipment() -> None:
    found = of(category="Gadgets", weight_g=1000, delivery_option="home")

    assert found.activity["volume_cm3"] == 6000
    assert "category_from=default" in found.flags


def test_a_volume_alone_gives_a_weight_of_167_kg_per_cubic_metre() -> None:
    assert of(volume_cm3=6000).activity["weight_g"] == 1000


def test_a_weight_or_volume_of_0_is_missing_and_not_0() -> None:
    found = of(weight_g=0, volume_cm3=0, category="laptop")

    assert found.activity["weight_g"] == 2800


@pytest.mark.parametrize(("option", "metres"), [("pickup_point", 7000), ("click_and_collect", 30000)])
def test_the_shoppers_trip_is_by_car_when_nothing_is_known_of_it(option: str, metres: int) -> None:
    found = of(category="phone", delivery_option=option)

    assert found.activity["trip_m"] == metres
    assert (found.detail["trip"], found.detail["trip_from"]) == ("car", "default")


def test_a_parcel_from_china_flies_unless_it_is_reported_not_to_and_then_it_sails() -> None:
    places = {"origin": At("CN"), "destination": At("FR", "75001")}
    flown, sailed = of(category="phone", **places), of(category="phone", air="none", **places)

    assert flown.detail["air"] == "outside_europe"
    assert flown.detail["mode_from"] == "fallback"
    assert sailed.detail["main"] == "freight.bc.sea.container"
    assert grams(flown) > 10 * (grams(sailed) - grams(of(category="phone")))


def test_air_inside_europe_is_told_from_air_from_outside() -> None:
    found = of(category="phone", mode="Air", origin=At("DE"), destination=At("FR"))

    assert found.detail["air"] == "inside_europe"
    assert "mode_from" not in found.detail


def test_a_longer_drive_than_the_model_s_593_km_is_added_by_its_own_lorry() -> None:
    near = of(category="phone", origin=At("FR", "75001"), destination=At("FR", "69001"))
    far = of(category="phone", origin=At("PL", "00-001"), destination=At("FR", "75001"))

    assert "main_kg_hm" not in near.activity
    assert far.detail["main"] == "model-truck"
    assert far.activity["main_kg_hm"] > 0


def test_carriers_and_services_decide_the_mode_and_their_grams_are_a_check() -> None:
    road = of(category="phone", carrier="Chronopost", origin=At("DE"), destination=At("FR"))
    air = of(category="phone", carrier="UPS", service="Express Saver", origin=At("DE"), destination=At("FR"))

    assert "air" not in road.detail
    assert road.inputs["check"] == {
        "published_g_per_parcel": 830,
        "source": "DPDgroup average per parcel, 2018 (DPDgroup press, 2019)",
    }
    assert air.detail["air"] == "inside_europe"


@pytest.mark.parametrize(
    ("mode", "main", "last"),
    [
        ("Truck", "freight.bc.artic.34-40", "freight.bc.rigid.12-20"),
        ("Air", "freight.bc.air.43670", "freight.bc.rigid.12-20"),
        ("Air Charter", "freight.bc.air.43670", "freight.bc.rigid.12-20"),
        ("Ocean", "freight.bc.sea.container", "freight.bc.artic.34-40"),
    ],
)
def test_the_modes_of_real_files_choose_vehicles(mode: str, main: str, last: str) -> None:
    found = of(country="NG", weight_g=900_000, mode=mode, origin=At("IN"), destination=At("NG"))

    expected = main if mode != "Truck" else found.detail["main"]
    assert (found.detail["main"], found.detail["last"]) == (expected, last)


def test_a_mode_that_nobody_knows_falls_back_and_is_flagged() -> None:
    found = of(country="VN", weight_g=358_000, mode="N/A", origin=At("US"), destination=At("VN"))

    assert found.detail["main"].startswith("freight.bc.air")
    assert "mode_from=fallback" in found.flags
    assert found.data_quality == 2


def test_unknown_places_take_the_stated_distance_of_the_mode() -> None:
    road, sea = of(weight_g=100_000), of(weight_g=100_000, mode="sea")

    assert road.activity["main_kg_hm"] == 100 * 593 * 10
    assert sea.activity["main_kg_hm"] == 100 * 19500 * 10
    assert "distance=default" in road.flags


def test_the_destination_defaults_to_the_country_of_the_event() -> None:
    found = of(country="DE", weight_g=50_000, mode="road", origin=At("FR", "75001"))

    assert found.distance_method == "great-circle x 1.25"


def test_a_return_is_a_parcel_in_the_opposite_direction_with_the_same_distance() -> None:
    there = of(category="tv", origin=At("DE", "10115"), destination=At("FR", "33000"))
    back = of(category="tv", origin=At("FR", "33000"), destination=At("DE", "10115"))

    assert there.activity == back.activity


def test_kilogram_hectometres_round_half_to_even() -> None:
    assert kg_hm(800, 489_370) == 3915
    assert kg_hm(50_000, 1) == 0
    assert kg_hm(150_000, 1) == 2


def test_the_carton_of_12_000_cm3_is_253_477_mm2_and_of_nothing_0() -> None:
    assert carton_area_mm2(12000) == 253_477
    assert carton_area_mm2(0) == 0


places = st.none() | st.builds(
    At,
    st.sampled_from(["FR", "DE", "GB", "US", "CN", "ZM", "AQ", "IS"]),
    st.none() | st.sampled_from(["75001", "20200", "97110", "SW1A 1AA", "x"]),
    st.none() | st.sampled_from(["Paris", "Berlin", "Atlantis"]),
)
shipments = st.builds(
    Shipped,
    country=st.none() | st.sampled_from(["FR", "DE", "ZM", "AQ"]),
    carrier=st.none() | st.sampled_from(["UPS", "La Poste", "somebody"]),
    service=st.none() | st.sampled_from(["Express", "x"]),
    mode=st.none() | st.sampled_from(["air", "Truck", "Ocean", "rail", "N/A"]),
    delivery_option=st.none() | st.sampled_from(["home", "pickup_point", "click_and_collect"]),
    category=st.none() | st.sampled_from(["phone", "TV", "books", "gadget"]),
    origin=places,
    destination=places,
    weight_g=st.none() | st.integers(0, 10**9),
    volume_cm3=st.none() | st.integers(0, 10**9),
    air=st.none() | st.sampled_from(["none", "inside_europe", "outside_europe"]),
    carrier_emissions_g=st.none() | st.integers(0, 9 * 10**11),
    covered_by_shipment=st.none() | st.just("S-0"),
)


@given(shipments)
@settings(max_examples=300)
def test_every_valid_shipment_is_assessed_and_some_scheduled_method_estimates_it(shipment: Shipped) -> None:
    found = assess(shipment, tables())

    assert grams(found, shipment.country or "") >= 0
    assert set(found.activity) <= set(MEASURES)
    assert all(isinstance(value, int) and 0 <= value < 2**63 // 10**7 for value in found.activity.values())
    assert 1 <= found.data_quality <= 5
    assert all(value for value in found.detail.values())


@given(shipments)
def test_the_same_shipment_is_always_assessed_the_same(shipment: Shipped) -> None:
    assert assess(shipment, tables()) == assess(shipment, tables())


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_heavier_shipment_never_emits_less_within_its_step(one: int, other: int) -> None:
    light, heavy = sorted((one, other))
    common = {"volume_cm3": 20000, "origin": At("FR", "75001"), "destination": At("FR", "69001"), "mode": "road"}
    first, second = of(weight_g=light, **common), of(weight_g=heavy, **common)

    if first.detail == second.detail:
        assert grams(first) <= grams(second)
