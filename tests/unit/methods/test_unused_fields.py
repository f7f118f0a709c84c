"""What a line says and the method does not use is named: unknown, not used, or a view that cannot be honoured."""

from __future__ import annotations

import pytest
from tests.unit.methods.support import delivery, traffic


def test_only_a_member_that_no_line_knows_is_unknown() -> None:
    page = traffic(bytes_transferred=1, colour="red", storage_years=3)
    mail = traffic(channel="email", size_mb=0.5, bytes=7, ads_txt_lines=80)
    parcel = delivery(method="ademe-parcel", category="smartphone", view="iso", carrier="UPS", colour="red")

    assert {"unknown-field:colour", "not-used:storage_years"} <= set(page["flags"])
    assert "unknown-field:storage_years" not in page["flags"]
    assert {"not-used:bytes", "not-used:ads_txt_lines"} <= set(mail["flags"])
    assert {"unknown-field:colour", "not-used:view", "not-used:carrier"} <= set(parcel["flags"])


@pytest.mark.parametrize(
    ("leg", "honoured"),
    [
        ({"factor_id": "freight.bc.air.43671"}, False),
        ({"mode": "road"}, True),
        ({"kg_per_tkm": 0.09}, True),
    ],
)
def test_a_view_that_a_named_factor_cannot_honour_is_flagged(leg: dict[str, object], honoured: bool) -> None:
    line = {"method": "legs", "weight_g": 1000, "legs": [{**leg, "distance_km": 9000}]}

    assert ("view=iso:not-honoured" not in delivery(**line, view="iso")["flags"]) is honoured
    assert "view=iso:not-honoured" not in delivery(**line)["flags"]


def test_a_screen_uses_no_poster_s_members_and_a_poster_none_of_a_screen_s() -> None:
    screen = traffic(format="ooh_screen", country="FR", panel="bus", material="paper", overhead=False)
    poster = traffic(format="ooh_poster", country="FR", loop_share=0.5, impressions=4)

    assert {"not-used:panel", "not-used:material", "not-used:overhead"} <= set(screen["flags"])
    assert {"not-used:loop_share", "not-used:impressions"} <= set(poster["flags"])


AD = {"format": "display", "impressions": 1000, "country": "FR"}
POSTER = {"format": "ooh_poster", "country": "FR", "lit_hours": 12}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ({**AD, "buying": "direct", "ads_txt_lines": 80}, {"ads_txt_lines"}),
        ({**AD, "buying": "programmatic", "ads_txt_lines": 80}, set()),
        ({**AD, "payload_mb": 0.3, "payload_bytes": 7, "view_seconds": 3, "view_ms": 9}, {"payload_bytes", "view_ms"}),
        ({**AD, "own_site": True, "buying": "direct", "device": "tv", "view_ms": 9}, {"buying", "device", "view_ms"}),
        ({**POSTER, "panel": "bus"}, {"lit_hours"}),
        ({**POSTER, "panel": "street"}, set()),
        ({"bytes_transferred": 1, "dwell_ms": 900, "device": "tv"}, {"dwell_ms", "device"}),
        ({"bytes_transferred": 1, "dwell_ms": 900, "device": "tv", "method": "device-time"}, set()),
    ],
)
def test_what_stands_beside_the_member_that_decides_is_named(line: dict[str, object], names: set[str]) -> None:
    flags = traffic(**line)["flags"]

    assert {flag.partition(":")[2] for flag in flags if flag.startswith("not-used:")} == names


def test_beside_a_carrier_s_figure_nothing_else_of_the_shipment_is_used() -> None:
    found = delivery(carrier_emissions_g=357, weight_g=900, category="phone", scenario="home", country="FR")
    default = delivery(category="unicorn", carrier="UPS", destination={"country": "FR"})

    assert {"not-used:weight_g", "not-used:category", "not-used:scenario"} <= set(found["flags"])
    assert "not-used:carrier_emissions_g" not in found["flags"]
    assert {"not-used:category", "not-used:carrier"} <= set(default["flags"])
    assert "not-used:destination" not in default["flags"]
