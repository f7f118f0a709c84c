"""The advertising sources' equations retyped plainly, against ours for any inputs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.methods.support import central, close, segment, traffic

SELECTION = {"display": (1.412, 1.464), "video": (1.316, 1.334)}
PAYLOAD_MB = {"display": 0.30, "video": 4.35}
VIEW_S = {"display": (3, 1), "video": (30, 2)}
DEVICES = {
    "smartphone": (1.30e-6, 6.55e-6),
    "tablet": (1.40e-6, 2.57e-5),
    "desktop": (1.54e-5, 5.45e-6),
    "tv": (3.80e-5, 8.65e-6),
}
DEFAULT_MIX = {"smartphone": 0.61, "tablet": 0.04, "desktop": 0.18, "tv": 0.17}
COPY_KG_PER_GB = {"hdd": 0.16, "ssd": 0.02, "cloud": 0.0253, "tape": 0.00114}

share = st.integers(0, 1000).map(lambda value: value / 1000)
grid = st.integers(0, 1200).map(lambda value: value / 1000)


def expected_kg(line: dict[str, Any]) -> float:
    """IAB Europe, January 2026: selection, delivery, consumption, storage."""
    kind, count = line["format"], line["impressions"]
    local, regional = line["local_grid_kg_per_kwh"], line["regional_grid_kg_per_kwh"]
    mixed = (local + regional) / 2
    servers_per_line, calls_per_line = SELECTION[kind]
    lines = line.get("ads_txt_lines", 3000)
    servers, calls = {"direct": (2, 4), "platform": (500, 0)}.get(
        line["buying"], (lines * servers_per_line, lines * calls_per_line)
    )
    selection = servers * (3.41e-7 * mixed + 1.50e-8) + calls * 3 * (1.65e-8 * mixed + 2.14e-9)
    mobile = line["mobile_share"]
    per_mb = local * (mobile * 1.17e-4 + (1 - mobile) * 1.65e-5 + 4.30e-7)
    per_mb += mobile * 8.70e-6 + (1 - mobile) * 2.14e-6 + 5.88e-7
    delivery = line.get("payload_mb", PAYLOAD_MB[kind]) * per_mb
    default, minimum = VIEW_S[kind]
    seconds = max(line.get("view_seconds", default), minimum)
    mix = {line["device"]: 1.0} if "device" in line else DEFAULT_MIX
    consumption = seconds * sum(part * (DEVICES[name][0] * local + DEVICES[name][1]) for name, part in mix.items())
    copies = line.get("copies", {})
    storage = line.get("masters_gb", 0) * sum(COPY_KG_PER_GB[name] * number for name, number in copies.items())
    return count * (selection + delivery + consumption) + storage


digital = st.fixed_dictionaries(
    {
        "format": st.sampled_from(["display", "video"]),
        "impressions": st.integers(0, 10**6),
        "buying": st.sampled_from(["programmatic", "direct", "platform"]),
        "local_grid_kg_per_kwh": grid,
        "regional_grid_kg_per_kwh": grid,
        "mobile_share": share,
    },
    optional={
        "ads_txt_lines": st.integers(0, 10_000),
        "payload_mb": st.integers(0, 20_000).map(lambda value: value / 1000),
        "view_seconds": st.integers(0, 600).map(lambda value: value / 10),
        "device": st.sampled_from(sorted(DEVICES)),
    },
)


@given(digital, st.none() | st.dictionaries(st.sampled_from(sorted(COPY_KG_PER_GB)), st.integers(0, 9)))
def test_any_digital_impression_is_the_source_s_equations(line: dict[str, Any], copies: dict[str, int] | None) -> None:
    if copies is not None:
        line = {**line, "masters_gb": 50, "copies": copies}

    found = traffic(**line)

    assert close(central(found), Decimal(expected_kg(line)) * 1000)


@given(st.integers(1, 500), st.integers(1, 60), st.integers(1, 200_000), st.integers(0, 24), grid, st.booleans())
def test_any_poster_is_the_source_s_sum(
    faces: int, days: int, area_cm2: int, hours: int, electricity: float, on_a_bus: bool
) -> None:
    found = traffic(
        format="ooh_poster",
        faces=faces,
        days=days,
        area_cm2=area_cm2,
        lit_hours=hours,
        local_grid_kg_per_kwh=electricity,
        panel="bus" if on_a_bus else "street",
    )

    m2 = area_cm2 / 10_000
    paper_kg = 0.150 * 1.11 * m2
    kilograms = paper_kg * (1.05 + 0.257 + 0.15894) + paper_kg / 1000 * 200 * 0.792 + 0.7 * 0.256 + 0.3 * days
    if not on_a_bus:
        kilograms += 115 * m2 / 10 / 365 * days + 21.4 * m2 * hours * days / 1000 * electricity
    assert close(central(found), Decimal(kilograms * faces) * 1000)
    assert ("structure" in found["segments_g"]) is not on_a_bus


@given(st.integers(1, 500), st.integers(1, 60), st.integers(0, 24), share, grid, st.integers(0, 10**6))
def test_any_screen_is_its_use_its_build_and_the_selection_of_its_ads(
    faces: int, days: int, hours: int, loop: float, electricity: float, impressions: int
) -> None:
    found = traffic(
        format="ooh_screen",
        faces=faces,
        days=days,
        lit_hours=hours,
        loop_share=loop,
        local_grid_kg_per_kwh=electricity,
        impressions=impressions,
    )

    one = loop * days * (0.311 * hours * electricity + 1322 / 10 / 365)
    assert close(central(found), Decimal(one * faces) * 1000 + Decimal("0.00384") * impressions)
    assert segment(found, "screen.build") >= 0
