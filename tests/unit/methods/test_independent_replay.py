"""Another program replays a trail: the two commands as processes, and an evaluator that knows nothing of ours."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
FOLDER = ROOT / "shared" / "src" / "shared" / "factor_sets" / "2026.1"
FIFTY = Context(prec=50, rounding=ROUND_HALF_EVEN)

LINES: dict[str, list[dict[str, Any]]] = {
    "traffic-meter": [
        {"bytes_transferred": 123_457, "country": "DE", "hosting_country": "IE", "green_hosting_factor": 0.3},
        {"method": "swd-v3", "bytes_transferred": 999_983, "visits": {"first_share": 0.7, "return_share": 0.3}},
        {"method": "one-byte", "bytes_transferred": 7, "green_hosting": True},
        {"method": "device-time", "bytes_transferred": 31, "dwell_ms": 41_003, "device": "tablet", "country": "ES"},
        {"size_mb": 0.37, "recipients": 13, "read_share": 0.41, "device": "average", "grid_region": "USA"},
        {"bytes": 91_003, "recipients": 17, "country": "PL"},
        {"format": "video", "impressions": 1_009, "country": "IT", "masters_gb": 3, "copies": {"ssd": 2, "tape": 1}},
        {"format": "ooh_screen", "faces": 3, "days": 11, "loop_share": 0.17, "country": "FR", "impressions": 7},
        {"format": "ooh_poster", "faces": 3, "days": 11, "area_cm2": 17_001, "country": "GB", "panel": "metro"},
        {"spend_eur": 1234.56},
    ],
    "delivery-emissions": [
        {"method": "ademe-parcel", "category": "laptop", "scenario": "pickup_point", "trip": {"km": 3.3, "share": 0.7}},
        {"method": "ademe-parcel", "scenario": "click_and_collect", "volume_cm3": 7_001, "air": "inside_europe"},
        {"method": "legs", "weight_g": 777, "legs": [{"mode": "air", "distance_km": 901}, {"kg_per_tkm": 0.3}]},
        {"weight_g": 31_000, "origin": {"country": "DE", "city": "Berlin"}, "destination": {"country": "FR"}},
        {"carrier_emissions_g": 412},
        {"country": "GB"},
        {"covered_by_shipment": "s-1"},
    ],
}
LINES["delivery-emissions"][2]["legs"][1]["distance_km"] = 17


def evaluated(trail: list[dict[str, Any]]) -> dict[str, Decimal]:
    """Every step from its inputs alone, in order, with 50 digits."""
    found: dict[str, Decimal] = {}
    for step in trail:
        name, op = step["id"], step["op"]
        assert name not in found, f"{name} is there twice"
        if op in ("input", "factor", "constant"):
            found[name] = Decimal(step["value"])
            continue
        first, *rest = (found[item] for item in step["inputs"])
        for other in rest:
            first = getattr(FIFTY, op)(first, other)
        found[name] = first
    return found


@pytest.fixture(scope="module")
def answers() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for command, lines in LINES.items():
        text = "".join(json.dumps(line) + "\n" for line in lines)
        done = subprocess.run(
            [BIN / command, "estimate"], input=text, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        pairs += zip(lines, map(json.loads, done.stdout.splitlines()), strict=True)
    return pairs


def test_every_method_s_trail_comes_to_the_printed_number_and_its_segments(
    answers: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    assert {found["method"] for _, found in answers} == {
        *("swd-v4", "swd-v3", "one-byte", "device-time", "ademe-digital", "iab-europe", "out-of-home", "ads-spend"),
        *("ademe-parcel", "legs", "carrier-figure", "country-default", "covered"),
    }
    for line, found in answers:
        steps = evaluated(found["trail"])
        assert steps["central"] == Decimal(found["emissions_g"]["central"]), line
        for name, grams in found["segments_g"].items():
            assert steps[f"segment.{name}"] == Decimal(grams), (line, name)
        total = sum(map(Decimal, found["segments_g"].values()), Decimal(0))
        assert total == Decimal(found["emissions_g"]["central"]), line


def test_every_factor_of_a_trail_is_a_row_of_the_set_and_is_listed(
    answers: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    rows = {row["id"]: row for path in FOLDER.glob("*.csv") for row in csv.DictReader(path.open(encoding="utf-8"))}
    for line, found in answers:
        used = [step for step in found["trail"] if step["op"] == "factor"]
        for step in used:
            assert Decimal(rows[step["factor"]]["value"]) == Decimal(step["value"]), (line, step)
            assert rows[step["factor"]]["unit"] == step["unit"]
            assert step["factor"] in found["factors"], (line, step)
