"""The two ``estimate`` commands as another program meets them: lines in, lines out, refusals by field."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.methods.support import answer, central, close, delivery, factor_set, segment, traffic

from shared.estimate_lines import run_lines
from traffic_meter.estimate_command import case_of


def refused(command: str, line: dict[str, Any] | str) -> tuple[str, str]:
    found = answer(command, line, number=7)
    assert set(found) == {"error", "line"}, found
    assert found["line"] == 7
    return found["error"]["field"], found["error"]["reason"]


def test_answers_keep_the_order_of_the_lines_and_refusals_are_counted() -> None:
    lines = [b'{"bytes_transferred": 1}\n', b"\n", b"[]\n", b'{"size_mb": 1}\n', b'{"format": "display"}\n']
    output = io.StringIO()

    count = run_lines(lines, output, case_of, factor_set())
    answers = [json.loads(line) for line in output.getvalue().splitlines()]

    assert count == 2
    assert [item["line"] for item in answers] == [1, 3, 4, 5]
    assert [item.get("method") for item in answers] == ["swd-v4", None, "ademe-digital", None]
    assert answers[3] == {
        "error": {"field": "impressions", "reason": "is required for display and video"},
        "line": 5,
    }


def test_names_that_no_terminal_can_show_end_no_run() -> None:
    lines = [b'{"bytes_transferred": 1, "\\ud800": 1, "caf\\u00e9": 1}\n', b'{"bytes_transferred": 2}\n']
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")

    assert run_lines(lines, output, case_of, factor_set()) == 0

    output.seek(0)
    first, second = (json.loads(line) for line in output)
    assert {"unknown-field:\ud800", "unknown-field:caf\u00e9"} <= set(first["flags"])
    assert second["line"] == 2


def test_a_mail_of_0_mb_is_no_mail_as_in_the_source() -> None:
    found = traffic(size_mb=0, recipients=3)

    assert central(found) == 0
    assert "size-0:no-mail" in found["flags"]


def test_one_byte_says_that_it_uses_neither_grids_nor_visits() -> None:
    found = traffic(method="one-byte", bytes_transferred=5, grid_g_per_kwh={"device": 3}, visits={"first_share": 0.5})

    assert {"not-used:grid_g_per_kwh", "not-used:visits"} <= set(found["flags"])
    assert central(found) == central(traffic(method="one-byte", bytes_transferred=5))


def test_an_answer_has_the_members_of_the_contract_as_decimal_strings() -> None:
    found = traffic(bytes_transferred=1)

    assert set(found["emissions_g"]) == {"low", "central", "high"}
    assert found["emissions_g"]["central"] == "0.0000001482"
    assert {"segments_g", "method", "factor_set", "factors", "flags", "data_quality", "trail"} <= set(found)
    assert all(isinstance(value, str) for value in found["segments_g"].values())
    assert "web.swd4.op.device" in found["factors"]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"bytes_transferred": -1}, "bytes_transferred"),
        ({"bytes_transferred": 1.5}, "bytes_transferred"),
        ({"bytes_transferred": True}, "bytes_transferred"),
        ({"bytes_transferred": "1"}, "bytes_transferred"),
        ({"bytes_transferred": 10**12}, "bytes_transferred"),
        ('{"bytes_transferred": NaN}', "bytes_transferred"),
        ('{"bytes_transferred": 1, "grid_g_per_kwh": {"device": Infinity}}', "grid_g_per_kwh.device"),
        ('{"bytes_transferred": 1, "green_hosting_factor": 1e999}', "green_hosting_factor"),
        ('{"bytes_transferred": 1, "bytes_transferred": 2}', "bytes_transferred"),
        ('{"bytes_transferred": ' + "9" * 5000 + "}", "bytes_transferred"),
        ('{"bytes_transferred": 1, "grid_g_per_kwh": {"device": 1e-99999999999999999999}}', "grid_g_per_kwh.device"),
        ({"bytes_transferred": 1, "method": "swd-v5"}, "method"),
        ({"bytes_transferred": 1, "country": "France"}, "country"),
        ({"bytes_transferred": 1, "country": "ZZ"}, "country"),
        ({"bytes_transferred": 1, "device": "toaster"}, "device"),
        ({"bytes_transferred": 1, "green_hosting_factor": 1.1}, "green_hosting_factor"),
        ({"bytes_transferred": 1, "green_hosting": "yes"}, "green_hosting"),
        ({"bytes_transferred": 1, "method": "one-byte", "green_hosting_factor": 0.5}, "green_hosting_factor"),
        ({"bytes_transferred": 1, "grid_g_per_kwh": {"phone": 1}}, "grid_g_per_kwh.phone"),
        ({"bytes_transferred": 1, "grid_g_per_kwh": 44}, "grid_g_per_kwh"),
        ({"bytes_transferred": 1, "visits": {"first_share": 2}}, "visits.first_share"),
        ({"size_mb": -1}, "size_mb"),
        ({"size_mb": 1, "grid_region": "Atlantis"}, "grid_region"),
        ({"size_mb": 1, "sender_network": "5G"}, "sender_network"),
        ({"size_mb": 1, "read_share": 1.01}, "read_share"),
        ({"size_mb": 1, "device": "tv"}, "device"),
        ({"size_mb": 1, "storage_years": 101}, "storage_years"),
        ({"bytes": 1, "recipients": 0}, "recipients"),
        ({"format": "display", "impressions": -5}, "impressions"),
        ({"format": "display", "impressions": 1, "mobile_share": 0.8, "fixed_share": 0.8}, "mobile_share"),
        ({"format": "display", "impressions": 1, "device_mix": {"mobile": 0.9, "tv": 0.2}}, "device_mix"),
        ({"format": "display", "impressions": 1, "masters_gb": 5}, "copies"),
        ({"format": "hologram", "impressions": 1}, "format"),
        ({"format": "display", "impressions": 1, "method": "out-of-home"}, "method"),
        ({"format": "ooh_poster", "panel": "blimp"}, "panel"),
        ({"channel": "post", "bytes": 1}, "channel"),
        ({}, "channel"),
        ("{", ""),
        ("[1]", ""),
    ],
)
def test_a_wrong_line_of_the_traffic_meter_is_refused_by_the_name_of_its_field(
    line: dict[str, Any] | str, field: str
) -> None:
    assert refused("traffic-meter", line)[0] == field


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"weight_g": -1}, "weight_g"),
        ({"weight_g": 10**10}, "weight_g"),
        ({"method": "drone"}, "method"),
        ({"method": "legs", "weight_g": 1}, "legs"),
        ({"method": "legs", "legs": [{"mode": "road", "distance_km": 1}]}, "weight_g"),
        ({"method": "legs", "weight_g": 1, "legs": []}, "legs"),
        ({"method": "legs", "weight_g": 1, "legs": [{"mode": "road"}]}, "legs[0].distance_km"),
        ({"method": "legs", "weight_g": 1, "legs": [{"distance_km": 5}]}, "legs[0].mode"),
        ({"method": "legs", "weight_g": 1, "legs": [{"mode": "sled", "distance_km": 5}]}, "legs[0].mode"),
        (
            {"method": "legs", "weight_g": 1, "legs": [{"factor_id": "liv.order", "distance_km": 5}]},
            "legs[0].factor_id",
        ),
        ({"method": "legs", "weight_g": 1, "legs": [{"kg_per_tkm": -1, "distance_km": 5}]}, "legs[0].kg_per_tkm"),
        ({"method": "ademe-parcel", "scenario": "teleport"}, "scenario"),
        ({"method": "ademe-parcel", "category": "unicorn"}, "category"),
        ({"method": "ademe-parcel", "trip": {"km": -1}}, "trip.km"),
        ({"method": "ademe-parcel", "trip": {"mode": "rocket"}}, "trip.mode"),
        ({"method": "ademe-parcel", "air": "maybe"}, "air"),
        ({"origin": {"country": "XX"}}, "origin.country"),
        ({"origin": {"postal_code": "75001"}}, "origin.country"),
        ({"origin": {"country": "FR", "town": "Paris"}}, "origin.town"),
        ({"destination": {"country": "FR", "zip": "69001"}}, "destination.zip"),
        ({"method": "carrier-figure"}, "carrier_emissions_g"),
        ({"method": "covered", "weight_g": 500}, "covered_by_shipment"),
    ],
)
def test_a_wrong_line_of_delivery_emissions_is_refused_by_the_name_of_its_field(
    line: dict[str, Any], field: str
) -> None:
    assert refused("delivery-emissions", line)[0] == field


def test_what_is_missing_is_filled_by_a_stated_default_and_flagged() -> None:
    found = traffic(kind="view")
    mail = traffic(kind="marketing", bytes=1000)
    parcel = delivery(category="smartphone")

    assert close(central(found), Decimal("0.34086"))
    assert "bytes-missing:default-size-of-view" in found["flags"]
    assert "visitor-country-unknown:world-grid" in found["flags"]
    assert "read-share-unknown:default-0.35" in mail["flags"]
    assert {"weight=default", "volume=default", "scenario_from=default"} <= set(parcel["flags"])


def test_a_field_that_nobody_knows_is_flagged_and_not_refused() -> None:
    assert "unknown-field:colour" in traffic(bytes_transferred=1, colour="red")["flags"]


def test_the_fields_of_an_event_that_do_not_matter_are_not_flagged() -> None:
    found = traffic(event_id="e", occurred_at="2026-11-27T00:00:00Z", session_id="s", page="/", bytes_transferred=1)

    assert not [flag for flag in found["flags"] if flag.startswith("unknown-field")]


def test_a_mailing_of_1000_is_1000_times_a_mailing_of_1() -> None:
    one = traffic(bytes=120_000, recipients=1, read_share=0.25, country="DE")
    thousand = traffic(bytes=120_000, recipients=1000, read_share=0.25, country="DE")

    assert close(central(thousand), central(one) * 1000)
    assert segment(one, "device.build") > 0


def test_a_view_below_the_viewability_minimum_counts_as_the_minimum() -> None:
    short = traffic(format="video", impressions=10, view_seconds=0.5, country="FR")
    minimum = traffic(format="video", impressions=10, view_ms=2000, country="FR")

    assert close(central(short), central(minimum))
    assert "view-time-raised-to-the-viewability-minimum" in short["flags"]


def test_ads_on_our_own_pages_are_0_g_because_the_page_bytes_have_them() -> None:
    found = traffic(format="display", impressions=1000, own_site=True)

    assert central(found) == 0
    assert "own-site:already-in-the-page-bytes" in found["flags"]


def test_masters_are_stored_also_for_ads_on_our_own_pages() -> None:
    found = traffic(format="display", impressions=1000, own_site=True, masters_gb=50, copies={"hdd": 1, "cloud": 3})

    assert (segment(found, "storage.hdd"), segment(found, "storage.cloud")) == (8000, 3795)
    assert central(found) == 11_795


def test_one_share_of_connections_gives_the_other() -> None:
    one = traffic(format="display", impressions=10, country="FR", mobile_share=0.4)
    both = traffic(format="display", impressions=10, country="FR", mobile_share=0.4, fixed_share=0.6)

    assert central(one) == central(both)


def test_a_bus_panel_has_no_structure_and_no_light_and_overhead_can_be_left_out() -> None:
    bus = traffic(format="ooh_poster", faces=2, days=7, area_cm2=10_000, country="FR", panel="bus")
    bare = traffic(format="ooh_poster", faces=2, days=7, area_cm2=10_000, country="FR", panel="bus", overhead=False)

    assert not {"structure", "light"} & set(bus["segments_g"])
    assert central(bus) - central(bare) == 2 * 7 * 300


def test_two_places_are_a_main_haul_and_a_last_leg_in_either_view() -> None:
    places = {"origin": {"country": "FR", "city": "Paris"}, "destination": {"country": "FR", "city": "Lyon"}}
    french = delivery(method="legs", weight_g=800, **places)
    iso = delivery(method="legs", weight_g=800, view="iso", **places)

    assert close(segment(french, "last"), "20.208")
    assert close(segment(french, "main") / segment(iso, "main"), Decimal("0.0875") / Decimal("0.0837"))
    assert "boundary:wtw+vehicle-build" in french["flags"]
    assert "boundary:wtw" in iso["flags"]


def test_a_chain_has_one_treatment_of_contrails() -> None:
    legs = [
        {"factor_id": "freight.bc.air.43671", "distance_km": 9000},
        {"factor_id": "freight.bc.air.43670", "distance_km": 9000},
    ]

    assert refused("delivery-emissions", {"method": "legs", "weight_g": 1, "legs": legs})[0] == "legs"


def test_carriers_published_grams_stand_beside_a_parcel() -> None:
    checks = delivery(method="ademe-parcel", category="smartphone")["checks"]

    assert [check["g_per_parcel"] for check in checks] == ["357", "830", "1000"]


def test_a_shipment_without_a_method_is_estimated_as_the_service_assesses_it() -> None:
    found = delivery(
        category="laptop",
        carrier="Chronopost",
        origin={"country": "DE", "postal_code": "10115"},
        destination={"country": "FR", "postal_code": "33000"},
        weight_g=2800,
    )

    assert found["method"] == "ademe-parcel"
    assert found["assessment"]["distance_method"] == "great-circle x 1.25"
    assert found["assessment"]["check"]["published_g_per_parcel"] == 830
    assert segment(found, "truck_beyond") > 0
