"""At 30 kg the automatic choice changes its method, and says so."""

from __future__ import annotations

from typing import Any

from tests.unit.methods.support import central, close, delivery

PLACES: dict[str, Any] = {
    "origin": {"country": "FR", "city": "Paris"},
    "destination": {"country": "FR", "city": "Lyon"},
}


def test_30_kg_go_by_the_parcel_and_30_001_g_by_legs_flagged_and_from_13_274_to_2_048_g() -> None:
    under = delivery(weight_g=30_000, **PLACES)
    above = delivery(weight_g=30_001, **PLACES)

    assert (under["method"], above["method"]) == ("ademe-parcel", "legs")
    assert "model-limit:30kg" in above["flags"]
    assert "model-limit:30kg" not in under["flags"]
    assert close(central(under), "13274.06", "1e-6")
    assert close(central(above), "2048.1345", "1e-6")


def test_legs_that_a_line_asks_for_do_not_carry_the_limit() -> None:
    assert "model-limit:30kg" not in delivery(method="legs", weight_g=40_000, **PLACES)["flags"]


def test_a_parcel_that_a_line_asks_for_above_30_kg_carries_the_limit() -> None:
    asked: dict[str, Any] = {"method": "ademe-parcel", "country": "FR"}

    for line in ({"weight_g": 30_001}, {"weight_g": 30_001, **PLACES}, {"category": "bulky"}):
        assert "model-limit:30kg" in delivery(**asked, **line)["flags"]
    for line in ({"weight_g": 30_000}, {"weight_g": 30_000, **PLACES}):
        assert "model-limit:30kg" not in delivery(**asked, **line)["flags"]


def test_what_carriers_publish_stands_beside_every_parcel_up_to_30_kg_whatever_the_method() -> None:
    leg = {"method": "legs", "legs": [{"mode": "road", "distance_km": 400}]}

    for line in (
        leg | {"weight_g": 800},
        {"method": "legs", "weight_g": 800, **PLACES},
        {"carrier_emissions_g": 300},
        {},
    ):
        assert [check["g_per_parcel"] for check in delivery(**line)["checks"]] == ["357", "830", "1000"]
    for line in (leg | {"weight_g": 30_001}, {"weight_g": 30_001, **PLACES}, {"covered_by_shipment": "S-1"}):
        assert "checks" not in delivery(**line)
