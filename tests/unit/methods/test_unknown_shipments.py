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


def test_a_category_word_that_no_table_knows_is_flagged_and_filled_like_an_absent_one() -> None:
    found = delivery(category="unicorn", delivery_option="home", country="FR")
    known = delivery(category="smartphone", delivery_option="home", country="FR")

    assert "category:unknown" in found["flags"]
    assert "category:unknown" not in known["flags"]
    assert found["trail"]
    assert {"18425", "88937"} <= {step["value"] for step in found["trail"]}


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
