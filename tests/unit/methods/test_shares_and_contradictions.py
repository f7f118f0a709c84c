"""Shares add up to 1, and two members that say different things are refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.methods.support import answer, central, close, traffic

DISPLAY: dict[str, Any] = {"format": "display", "impressions": 10, "country": "FR"}
LEG: dict[str, Any] = {"distance_km": 100}


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({**DISPLAY, "device_mix": {"mobile": 0.9, "tv": 0.09}}, "device_mix"),
        ({**DISPLAY, "device_mix": {"mobile": 0.92, "tv": 0.09}}, "device_mix"),
        ({**DISPLAY, "device_mix": {}}, "device_mix"),
        ({**DISPLAY, "device_mix": {"mobile": 1}, "device": "tv"}, "device_mix"),
        ({**DISPLAY, "device_mix": {"mobile": 1}, "device": "average"}, "device_mix"),
        ({**DISPLAY, "mobile_share": 0.4, "fixed_share": 0.5}, "mobile_share"),
        ({"bytes_transferred": 1, "visits": {"first_share": 0.7, "return_share": 0.2}}, "visits"),
        ({"bytes_transferred": 1, "green_hosting": True, "green_hosting_factor": 0.5}, "green_hosting_factor"),
        ({"bytes_transferred": 1, "green_hosting": False, "green_hosting_factor": 1}, "green_hosting_factor"),
        (
            {"bytes_transferred": 1, "method": "one-byte", "green_hosting": False, "green_hosting_factor": 1},
            "green_hosting_factor",
        ),
    ],
)
def test_shares_that_do_not_add_up_to_1_and_contradictions_are_refused(line: dict[str, Any], field: str) -> None:
    assert answer("traffic-meter", line)["error"]["field"] == field


@pytest.mark.parametrize(
    ("leg", "field"),
    [
        ({**LEG, "mode": "road", "kg_per_tkm": 0.09}, "legs[0].mode"),
        ({**LEG, "mode": "road", "factor_id": "freight.bc.air.43671"}, "legs[0].mode"),
        ({**LEG, "factor_id": "freight.bc.air.43671", "kg_per_tkm": 0}, "legs[0].factor_id"),
    ],
)
def test_a_leg_that_names_its_intensity_twice_is_refused(leg: dict[str, Any], field: str) -> None:
    line = {"method": "legs", "weight_g": 1000, "legs": [leg]}

    assert answer("delivery-emissions", line)["error"]["field"] == field


def test_a_device_beside_a_mix_that_says_the_same_is_taken() -> None:
    assert central(traffic(**DISPLAY, device="tv", device_mix={"tv": 1})) == central(traffic(**DISPLAY, device="tv"))


def test_an_absent_share_is_what_the_other_leaves_and_flagged() -> None:
    ad = traffic(**DISPLAY, fixed_share=0.6)
    page = {"bytes_transferred": 1_500_000, "country": "FR", "hosting_country": "FR"}
    first = traffic(**page, visits={"first_share": 0.75, "reload_ratio": 0.02})
    again = traffic(**page, visits={"return_share": 0.25, "reload_ratio": 0.02})

    assert central(ad) == central(traffic(**DISPLAY, mobile_share=0.4, fixed_share=0.6))
    assert "mobile_share:1-minus-fixed_share" in ad["flags"]
    assert close(central(first), "0.0690087969")
    assert close(central(again), "0.0690087969")
    assert "visits.return_share:1-minus-first_share" in first["flags"]
    assert "visits.first_share:1-minus-return_share" in again["flags"]
