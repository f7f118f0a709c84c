"""Whatever a line says, it is answered: an estimate that replays, or the field at fault, never a crash."""

from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.methods.support import answer, replayed

TRAFFIC_FIELDS = (
    *("channel", "method", "kind", "device", "country", "hosting_country", "bytes_transferred", "dwell_ms"),
    *("green_hosting", "green_hosting_factor", "grid_g_per_kwh", "visits", "size_mb", "bytes", "recipients"),
    *("read_share", "reading_seconds", "writing_minutes", "sender_network", "receiver_network", "storage_years"),
    *("grid_region", "format", "impressions", "ads_txt_lines", "payload_mb", "payload_bytes", "view_seconds"),
    *("mobile_share", "fixed_share", "device_mix", "local_grid_kg_per_kwh", "masters_gb", "copies", "own_site"),
    *("buying", "faces", "days", "area_cm2", "lit_hours", "loop_share", "panel", "overhead", "spend_eur", "else"),
)
DELIVERY_FIELDS = (
    *("method", "scenario", "delivery_option", "category", "weight_g", "volume_cm3", "trip", "air", "legs", "view"),
    *("origin", "destination", "carrier", "service", "mode", "carrier_emissions_g", "covered_by_shipment", "country"),
)
WORDS = (
    *("site", "email", "ads", "swd-v4", "swd-v3", "one-byte", "device-time", "ademe-digital", "iab-europe", "legs"),
    *(
        "out-of-home",
        "ads-spend",
        "ademe-parcel",
        "carrier-figure",
        "country-default",
        "view",
        "engagement",
        "FR",
        "US",
    ),
    *("marketing", "smartphone", "laptop", "average", "display", "video", "ooh_screen", "ooh_poster", "direct", "bus"),
    *(
        "home",
        "pickup_point",
        "click_and_collect",
        "cultural",
        "phone",
        "road",
        "air",
        "outside_europe",
        "iso",
        "x",
        "",
    ),
)
numbers = st.integers(-5, 10**13) | st.floats(allow_nan=True) | st.sampled_from([0, 1, 0.5, 1e300, 1e-300])
plain = st.none() | st.booleans() | numbers | st.sampled_from(WORDS)
INNER_FIELDS = (
    *("device", "data_centre", "first_share", "reload_ratio", "mobile", "tv", "hdd", "tape", "km", "share", "mode"),
    *("country", "postal_code", "city", "distance_km", "kg_per_tkm", "factor_id", "other"),
)
inner = st.dictionaries(st.sampled_from(INNER_FIELDS), plain, max_size=4)
values = plain | inner | st.lists(inner | plain, max_size=3)


def check(command: str, line: dict[str, object]) -> None:
    found = answer(command, json.dumps(line), number=3)

    assert found["line"] == 3
    if "error" in found:
        assert set(found["error"]) == {"field", "reason"}
        assert found["error"]["reason"]
        return
    grams = {name: Decimal(value) for name, value in found["emissions_g"].items()}
    assert grams["low"] <= grams["central"] <= grams["high"]
    assert sum(map(Decimal, found["segments_g"].values())) == grams["central"]
    assert replayed(found)["central"] == grams["central"]


@given(st.dictionaries(st.sampled_from(TRAFFIC_FIELDS), values, max_size=8))
@settings(max_examples=400)
def test_any_line_of_the_traffic_meter_is_answered(line: dict[str, object]) -> None:
    check("traffic-meter", line)


@given(st.dictionaries(st.sampled_from(DELIVERY_FIELDS), values, max_size=8))
@settings(max_examples=400)
def test_any_line_of_delivery_emissions_is_answered(line: dict[str, object]) -> None:
    check("delivery-emissions", line)


@given(st.binary(max_size=60))
def test_any_bytes_are_answered(raw: bytes) -> None:
    found = answer("traffic-meter", raw.decode("latin-1"))

    assert "error" in found or "emissions_g" in found
