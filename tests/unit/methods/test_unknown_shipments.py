"""What is not known of a shipment is filled by one stated row, and said."""

from __future__ import annotations

from tests.unit.methods.support import central, close, delivery

FRENCH_HOME = {"method": "ademe-parcel", "scenario": "home", "country": "FR"}


def test_a_parcel_of_which_nothing_is_known_has_the_weight_and_the_volume_of_the_row_other() -> None:
    found = delivery(**FRENCH_HOME)
    named = delivery(**FRENCH_HOME, category="other")

    assert close(central(found), "8149.96", "1e-6")
    assert central(found) == central(named)
    assert {"weight=default", "volume=default", "category_from=default"} <= set(found["flags"])


def test_a_category_word_that_no_table_knows_is_as_good_as_nothing_known() -> None:
    found = delivery(category="unicorn", delivery_option="home", country="FR")
    known = delivery(category="smartphone", delivery_option="home", country="FR")
    weighed = delivery(category="unicorn", weight_g=1000, delivery_option="home", country="FR")

    assert (found["method"], central(found)) == ("country-default", 1000)
    assert found["data_quality"] <= 2
    assert "category:unknown" in found["flags"]
    assert "category:unknown" not in known["flags"]
    assert (weighed["method"], "category:unknown" in weighed["flags"]) == ("ademe-parcel", True)


def test_a_flight_of_an_unknown_category_weighs_1300_g() -> None:
    found = delivery(category="unicorn", mode="air", country="FR")

    assert "1300" in {step["value"] for step in found["trail"]}
    assert {"category:unknown", "weight=default"} <= set(found["flags"])


def test_the_flight_of_9000_km_is_flagged_as_assumed_with_and_without_places() -> None:
    alone = delivery(**FRENCH_HOME, category="smartphone", air="outside_europe")
    between = delivery(
        category="smartphone", air="outside_europe", origin={"country": "CN"}, destination={"country": "FR"}
    )

    assert "air_distance:assumed" in alone["flags"]
    assert "air_distance:assumed" in between["flags"]
    assert "air_distance:assumed" not in delivery(**FRENCH_HOME, category="smartphone")["flags"]


def test_a_carrier_that_no_table_knows_is_flagged() -> None:
    places = {"origin": {"country": "FR", "city": "Paris"}, "destination": {"country": "FR", "city": "Lyon"}}

    assert "carrier:unknown" in delivery(weight_g=800, carrier="Pigeon & Sons", **places)["flags"]
    assert "carrier:unknown" in delivery(method="legs", weight_g=800, carrier="Pigeon & Sons", **places)["flags"]
    assert "carrier:unknown" not in delivery(weight_g=800, carrier="Chronopost", **places)["flags"]


def test_a_weight_of_0_is_missing_and_never_a_parcel_of_0_g() -> None:
    found = delivery(**FRENCH_HOME, category="smartphone", weight_g=0, volume_cm3=0)
    absent = delivery(**FRENCH_HOME, category="smartphone")
    bare = delivery(**FRENCH_HOME, weight_g=0)

    assert central(found) == central(absent) > 250
    assert {"weight=default", "volume=default"} <= set(found["flags"])
    assert close(central(bare), "8149.96", "1e-6")
