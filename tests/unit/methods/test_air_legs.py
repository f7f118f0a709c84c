"""Flights as Base Carbone has them: steps at the edges of its distance bands, and the range of its rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.methods.support import central, close, delivery


def flight(km: float, view: str = "france") -> dict[str, Any]:
    return delivery(method="legs", weight_g=1000, view=view, legs=[{"mode": "air", "distance_km": km}])


@pytest.mark.parametrize(
    ("edge_km", "view", "below", "above"),
    [
        (500, "france", "1305", "1435.00287"),
        (2000, "france", "5740", "2440.00122"),
        (5000, "france", "6100", "5050.00101"),
        (500, "iso", "714.5", "787.001574"),
        (2000, "iso", "3148", "1336.000668"),
        (5000, "iso", "3340", "2774.5005549"),
    ],
)
def test_a_kilogram_by_air_steps_where_the_source_changes_the_aircraft(
    edge_km: int, view: str, below: str, above: str
) -> None:
    assert close(central(flight(edge_km, view)), below)
    assert close(central(flight(edge_km + 0.001, view)), above)


def test_a_flight_without_contrails_is_no_more_certain_than_one_with_them() -> None:
    for view in ("france", "iso"):
        grams = flight(9000, view)["emissions_g"]
        assert close(Decimal(grams["high"]) / Decimal(grams["central"]), "1.7")


def test_one_treatment_of_contrails_is_labelled_on_each_path() -> None:
    shipped: dict[str, Any] = {"origin": {"country": "CN"}, "destination": {"country": "FR"}, "mode": "air"}

    assert "air:without-contrails" in delivery(weight_g=30_000, **shipped)["flags"]
    assert "air:with-contrails" in delivery(weight_g=30_001, **shipped)["flags"]
    assert "air:without-contrails" in delivery(method="legs", view="iso", weight_g=30_001, **shipped)["flags"]
