"""The real shipments file: 10,324 rows, weights in four forms, places in free text."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from replay.inputs import Options, open_sheet
from replay.rows import Parsed, State
from replay.sheets.places import Found, find_place
from replay.sheets.shape import LATEST_ORDER
from shared.events import Shipment


@pytest.fixture(scope="module")
def rows(real_shipments: Path) -> list[Parsed]:
    return list(open_sheet(real_shipments, "shipments", [], Options()).rows(None))


@pytest.fixture(scope="module")
def events(rows: list[Parsed]) -> dict[str, dict[str, Any]]:
    found = [json.loads(record.value) for row in rows for record in row.records]
    return {entry["shipment_id"]: entry for entry in found}


@pytest.fixture(scope="module")
def source(real_shipments: Path) -> dict[str, dict[str, str]]:
    text = gzip.decompress(real_shipments.read_bytes()).decode("utf-8-sig")
    return {f"scms-{row['ID']}": row for row in csv.DictReader(text.splitlines())}


def test_the_mapping_is_found_by_the_columns(real_shipments: Path) -> None:
    assert open_sheet(real_shipments, "shipments", [], Options()).described == "mapping scms-shipments"


def test_all_rows_are_sent_with_the_numbers_that_a_spreadsheet_shows(rows: list[Parsed]) -> None:
    assert Counter(row.state for row in rows) == {State.SENT: 10_324}
    assert [row.row for row in rows] == list(range(2, 10_326))
    assert len({record.key for row in rows for record in row.records}) == 10_324


def test_weights_in_their_four_forms(events: dict[str, dict[str, Any]], source: dict[str, dict[str, str]]) -> None:
    forms = Counter[str]()
    for identity, row in source.items():
        text, event = row["Weight (Kilograms)"], events[identity]
        reference = re.fullmatch(r"See (?:ASN|DN)-\d+ \(ID#:(\d+)\)", text)
        if reference:
            forms["reference"] += 1
            assert event["covered_by_shipment"] == f"scms-{reference[1]}"
            assert event["covered_by_shipment"] in events
            assert "weight_g" not in event
        elif text == "Weight Captured Separately":
            forms["separately"] += 1
            assert {"weight_g", "covered_by_shipment"}.isdisjoint(event)
        elif text == "0":
            forms["zero"] += 1
            assert {"weight_g", "covered_by_shipment"}.isdisjoint(event)
        else:
            forms["number"] += 1
            assert event["weight_g"] == int(text) * 1000
            assert "covered_by_shipment" not in event
    assert forms == {"number": 6_371, "reference": 2_445, "separately": 1_507, "zero": 1}


def test_the_kilograms_sent_are_the_kilograms_of_the_file(
    events: dict[str, dict[str, Any]], source: dict[str, dict[str, str]]
) -> None:
    total = sum(int(row["Weight (Kilograms)"]) for row in source.values() if row["Weight (Kilograms)"].isdigit())
    assert sum(event.get("weight_g", 0) for event in events.values()) == total * 1000 == 21_820_540_000


def test_flags_say_how_much_was_assumed(rows: list[Parsed]) -> None:
    assert Counter(flag for row in rows for flag in row.flags) == {
        "weight_on_another_row": 2_445,
        "weight_captured_separately": 1_507,
        "weight_not_given": 1,
        "mode_not_given": 360,
        "place_by_town": 4_074,
        "place_by_country": 5_136,
        "place_not_resolved": 1_114,
        "order_date_not_given": 5_732,
        "ordered_more_than_35_days_before_left_out": 3_974,
        "ordered_afterwards_left_out": 136,
    }


def test_modes_and_countries(events: dict[str, dict[str, Any]], source: dict[str, dict[str, str]]) -> None:
    modes = {"Air": "air", "Air Charter": "air", "Truck": "road", "Ocean": "sea", "N/A": None}
    for identity, row in source.items():
        assert events[identity].get("mode") == modes[row["Shipment Mode"]]
    countries = {row["Country"]: events[identity]["destination"]["country"] for identity, row in source.items()}
    assert len(countries) == 43
    assert [countries[name] for name in ("Côte d'Ivoire", "Congo, DRC", "Swaziland", "South Sudan")] == [
        *("CI", "CD", "SZ", "SS"),
    ]


def test_no_order_is_too_old_for_the_meters(events: dict[str, dict[str, Any]]) -> None:
    ordered = 0
    for value in events.values():
        event = Shipment.model_validate_json(json.dumps(value))
        if event.ordered_at is not None:
            ordered += 1
            assert -300 <= (event.occurred_at - event.ordered_at).total_seconds() <= LATEST_ORDER.total_seconds()
    assert ordered == 10_324 - 5_732 - 3_974 - 136


def test_a_reference_that_leads_nowhere_is_estimated_and_reported(real_shipments: Path, tmp_path: Path) -> None:
    lines = gzip.decompress(real_shipments.read_bytes()).decode("utf-8-sig").splitlines()
    referred = next(re.search(r"\(ID#:(\d+)\)", line) for line in lines if "See DN" in line)
    assert referred is not None
    kept = [line for line in lines if not line.startswith(f"{referred[1]},")]
    assert len(kept) == len(lines) - 1
    (tmp_path / "part.csv").write_text("\n".join(kept), "utf-8")
    rows = list(open_sheet(tmp_path / "part.csv", "shipments", [], Options()).rows(None))
    dangling = [row for row in rows if "reference_dangling_estimated_by_default" in row.flags]
    assert dangling
    for row in dangling:
        assert b"covered_by_shipment" not in row.records[0].value


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Mylan (formerly Matrix) Nashik", Found("IN", "Nashik")),
        ("Aurobindo Unit III, India", Found("IN", None)),
        ("Inverness Japan", Found("JP", None)),
        ("Roche Basel", Found("CH", "Basel")),
        ("ABBVIE Ludwigshafen Germany", Found("DE", "Ludwigshafen am Rhein")),
        ("GSK Ware (UK)", Found("GB", "Ware")),
        ("ABBVIE (Abbott) Japan Co. Ltd.", Found("JP", None)),
        ("Alere Medical Co., Ltd.", None),
        ("ABBSP", None),
        ("", None),
    ],
)
def test_free_text_to_places(text: str, place: Found | None) -> None:
    assert find_place(text, {}, company_first=True) == place


def test_hints_of_the_mapping_come_first() -> None:
    assert find_place("Aspen-OSD, Port Elizabeth, SA", {"SA": "ZA"}, company_first=True) == Found("ZA", "Gqeberha")
    assert find_place("Plant 7", {"plant 7": "Lyon, FR"}, company_first=True) == Found("FR", "Lyon")
