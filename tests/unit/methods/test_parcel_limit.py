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
