"""Every input of the estimate commands moves the result, is refused by its name when wrong, and is not flagged."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.methods.support import accepted, answer, central

TRAFFIC, DELIVERY = "traffic-meter", "delivery-emissions"
PAGE = {"bytes_transferred": 1_000_000, "country": "FR", "hosting_country": "DE"}
MAIL = {"size_mb": 1, "recipients": 2}
AD = {"format": "display", "impressions": 1000, "country": "FR"}
POSTER = {"format": "ooh_poster", "country": "FR"}
SCREEN = {"format": "ooh_screen", "country": "FR"}
BOX = {"method": "ademe-parcel", "weight_g": 1000, "country": "FR"}
COLLECTED = {**BOX, "scenario": "pickup_point"}
LEG = {"mode": "road", "distance_km": 10}
PARIS, LYON = {"country": "FR", "city": "Paris"}, {"country": "FR", "city": "Lyon"}

Case = tuple[str, dict[str, Any], str, Any, Any]

INPUTS: list[Case] = [
    (TRAFFIC, PAGE, "method", "swd-v3", "swd-v9"),
    (TRAFFIC, PAGE, "bytes_transferred", 2_000_000, "much"),
    (TRAFFIC, PAGE, "country", "PL", "Poland"),
    (TRAFFIC, PAGE, "hosting_country", "FR", "fr"),
    (TRAFFIC, PAGE, "green_hosting_factor", 0.4, 1.5),
    (TRAFFIC, {**PAGE, "method": "swd-v3"}, "green_hosting", True, 1),
    (TRAFFIC, {**PAGE, "method": "one-byte"}, "green_hosting", True, "true"),
    (TRAFFIC, PAGE, "grid_g_per_kwh.data_centre", 10, -1),
    (TRAFFIC, PAGE, "grid_g_per_kwh.network", 10, "10"),
    (TRAFFIC, PAGE, "grid_g_per_kwh.device", 0, 10**6),
    (TRAFFIC, PAGE, "visits.first_share", 0.5, 2),
    (TRAFFIC, PAGE, "visits.return_share", 0.5, -1),
    (TRAFFIC, {**PAGE, "method": "swd-v3"}, "visits.reload_ratio", 0.5, "half"),
    (TRAFFIC, {**PAGE, "method": "device-time"}, "dwell_ms", 60_000, -1),
    (TRAFFIC, {**PAGE, "method": "device-time", "dwell_ms": 9000}, "device", "tv", "fridge"),
    (TRAFFIC, MAIL, "size_mb", 3, -1),
    (TRAFFIC, MAIL, "recipients", 5, 0),
    (TRAFFIC, MAIL, "read_share", 0.2, 20),
    (TRAFFIC, MAIL, "reading_seconds", 30, -1),
    (TRAFFIC, MAIL, "writing_minutes", 0, "three"),
    (TRAFFIC, MAIL, "device", "desktop", "tv"),
    (TRAFFIC, MAIL, "sender_network", "mobile-FR", "5G"),
    (TRAFFIC, MAIL, "receiver_network", "mobile-EU", True),
    (TRAFFIC, MAIL, "storage_years", 1, 1000),
    (TRAFFIC, MAIL, "grid_region", "USA", "US"),
    (TRAFFIC, {"recipients": 9, "bytes": 1000}, "bytes", 5000, 1.5),
    (TRAFFIC, AD, "format", "video", "radio"),
    (TRAFFIC, AD, "impressions", 2000, -1),
    (TRAFFIC, AD, "buying", "direct", "auction"),
    (TRAFFIC, AD, "ads_txt_lines", 80, 0.5),
    (TRAFFIC, AD, "payload_mb", 1.25, "1"),
    (TRAFFIC, AD, "payload_bytes", 1_250_000, 1.5),
    (TRAFFIC, AD, "mobile_share", 0.9, 1.1),
    (TRAFFIC, AD, "fixed_share", 0.1, -0.1),
    (TRAFFIC, AD, "view_seconds", 9, -9),
    (TRAFFIC, AD, "view_ms", 9000, 9.5),
    (TRAFFIC, AD, "device", "tv", "radio"),
    (TRAFFIC, AD, "device_mix", {"tablet": 1}, {"tablet": 0.5}),
    (TRAFFIC, AD, "local_grid_kg_per_kwh", 0.5, 11),
    (TRAFFIC, AD, "regional_grid_kg_per_kwh", 0.5, -1),
    (TRAFFIC, {**AD, "copies": {"hdd": 1}, "masters_gb": 1}, "masters_gb", 9, "nine"),
    (TRAFFIC, {**AD, "masters_gb": 1, "copies": {}}, "copies.hdd", 2, -1),
    (TRAFFIC, {**AD, "masters_gb": 1, "copies": {}}, "copies.ssd", 2, "2"),
    (TRAFFIC, {**AD, "masters_gb": 1, "copies": {}}, "copies.cloud", 2, True),
    (TRAFFIC, {**AD, "masters_gb": 1, "copies": {}}, "copies.tape", 2, []),
    (TRAFFIC, AD, "own_site", True, "yes"),
    (TRAFFIC, POSTER, "faces", 3, 0),
    (TRAFFIC, POSTER, "days", 3, 0),
    (TRAFFIC, POSTER, "area_cm2", 90_000, -4),
    (TRAFFIC, POSTER, "lit_hours", 0, 25),
    (TRAFFIC, POSTER, "panel", "metro", "moon"),
    (TRAFFIC, POSTER, "overhead", False, 0),
    (TRAFFIC, POSTER, "material", "unknown", "vinyl"),
    (TRAFFIC, SCREEN, "loop_share", 0.25, 4),
    (TRAFFIC, {"spend_eur": 1}, "spend_eur", 2, -2),
    (DELIVERY, BOX, "scenario", "click_and_collect", "drone"),
    (DELIVERY, BOX, "category", "bulky", "unicorn"),
    (DELIVERY, BOX, "category", "laptop", ""),
    (DELIVERY, BOX, "weight_g", 2000, "heavy"),
    (DELIVERY, BOX, "volume_cm3", 90_000, -1),
    (DELIVERY, BOX, "air", "inside_europe", "yes"),
    (DELIVERY, COLLECTED, "trip.km", 1, -1),
    (DELIVERY, COLLECTED, "trip.mode", "electric_car", "tank"),
    (DELIVERY, COLLECTED, "trip.share", 0.5, 5),
    (DELIVERY, {"method": "legs", "weight_g": 9, "legs": [LEG]}, "weight_g", 8, -8),
    (DELIVERY, {"method": "legs", "weight_g": 9, "legs": [LEG]}, "legs", [{"mode": "rail", "distance_km": 10}], {}),
    (DELIVERY, {"method": "legs", "weight_g": 9, "legs": [LEG]}, "legs", [{**LEG, "distance_km": 11}], [LEG, 5]),
    (DELIVERY, {"method": "legs", "weight_g": 9, "legs": [LEG]}, "view", "iso", "moon"),
    (DELIVERY, {"method": "legs", "weight_g": 9, "origin": PARIS, "destination": PARIS}, "destination", LYON, "Lyon"),
    (DELIVERY, {"weight_g": 40_000, "origin": PARIS, "destination": LYON}, "mode", "rail", 5),
    (DELIVERY, {"weight_g": 4000, "country": "FR"}, "carrier_emissions_g", 357, 3.5),
    (DELIVERY, {"weight_g": 4000, "country": "FR"}, "delivery_option", "pickup_point", "locker"),
]


def with_member(line: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    outer, _, inner = name.partition(".")
    return {**line, outer: {**line.get(outer, {}), inner: value} if inner else value}


def ids(case: Case) -> str:
    return f"{case[2]}={case[3]}"


@pytest.mark.parametrize(("command", "line", "name", "value", "wrong"), INPUTS, ids=map(ids, INPUTS))
def test_an_input_moves_the_result_and_a_wrong_one_is_refused_by_name(
    command: str, line: dict[str, Any], name: str, value: Any, wrong: Any
) -> None:
    before, after = (accepted(answer(command, item)) for item in (line, with_member(line, name, value)))
    refused = answer(command, with_member(line, name, wrong), number=4)

    outer = name.partition(".")[0]
    assert central(before) != central(after)
    assert not {f"not-used:{outer}", f"unknown-field:{outer}"} & set(after["flags"])
    assert refused["line"] == 4
    assert refused["error"]["field"] == name
    assert refused["error"]["reason"]


@pytest.mark.parametrize(("command", "line"), [(TRAFFIC, PAGE), (TRAFFIC, MAIL), (TRAFFIC, AD), (DELIVERY, BOX)])
def test_a_misspelt_input_is_flagged(command: str, line: dict[str, Any]) -> None:
    assert "unknown-field:weigth" in accepted(answer(command, {**line, "weigth": 3}))["flags"]
