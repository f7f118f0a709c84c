"""Serial blocks as registries write them, and blocks that look new and are not."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from offset_purchaser.certificate import Certificate, faults, serial_count

VERRA = "0001-000001-000100-VCS-VCU-003-VER-US-0003-01012020-31122020-1"
ACR = "ACR-US-192-2010-203-1-5000"


def certificate(**changes: Any) -> Certificate:
    values = {
        "reference": "GS-RET-1", "registry": "Gold Standard", "project_id": "GS1247", "project": "Cookstoves",
        "vintage": "2024", "serial_first": "GS1-KE-GS1247-2024-1001", "serial_last": "GS1-KE-GS1247-2024-1002",
        "quantity_t": "2", "retired_on": "2026-12-10", "beneficiary": "Exemple SAS",
    }  # fmt: skip
    return Certificate.model_validate(values | changes)


def check(found: Certificate, *, bought_g: int, beneficiary: str, used: list[tuple[str, str, str]]) -> str:
    return faults(found, today=date(2026, 12, 10), bought_g=bought_g, beneficiary=beneficiary, used=used)


@pytest.mark.parametrize(
    ("first", "last", "count"),
    [
        (VERRA, VERRA, 100),
        ("CAR-1-US-293-1-120-CA-2006-102-1", "29251", 29_251),
        (ACR, ACR, 5_000),
        ("GS1-1-KE-GS1247-12-2024-19001-1", "GS1-1-KE-GS1247-12-2024-19001-20", 20),
        ("X-7", "X-7", 1),
        ("X-7", "Y-9", None),
        ("X-9", "X-7", None),
        ("none", "none", None),
    ],
)
def test_serial_blocks_are_counted_as_each_registry_writes_them(first: str, last: str, count: int | None) -> None:
    assert serial_count(first, last) == count


@pytest.mark.parametrize(
    "used",
    [
        ("gold  standard ", "GS1-KE-GS1247-2024-1001", "GS1-KE-GS1247-2024-1002"),
        ("Gold Standard", "gs1-ke-gs1247-2024-1002", "gs1-ke-gs1247-2024-1090"),
        ("Gold Standard", "GS1-KE-GS1247-2024-0001001", "GS1-KE-GS1247-2024-0001001"),
        ("Gold Standard Impact Registry", "GS1-KE-GS1247-2024-1001", "GS1-KE-GS1247-2024-1001"),
        ("Gold Standard", "GS1\u2011KE\u2011GS1247\u20112024\u20111001", "GS1-KE-GS1247-2024-1001"),
        ("Gold\u200b Standard", "GS1-KE\u200b-GS1247-2024-1001", "GS1-KE-GS1247-2024-1001"),
    ],
)
def test_a_used_block_is_recognised_however_it_is_typed(used: tuple[str, str, str]) -> None:
    why = check(certificate(), bought_g=2_000_000, beneficiary="Exemple SAS", used=[used])
    assert why == (
        "the serial block GS1-KE-GS1247-2024-1001 to GS1-KE-GS1247-2024-1002 of Gold Standard was already used"
    )


def test_bare_numbers_of_two_registries_are_two_blocks() -> None:
    found = certificate(serial_first="1001", serial_last="1002")
    other = [("Another registry", "1001", "1002")]
    assert check(found, bought_g=2_000_000, beneficiary="Exemple SAS", used=other) == ""


@pytest.mark.parametrize("name", ["Verra", "The Verra Registry", "VERRA\u00a0registry", "Verra Carbon Standard"])
def test_bare_numbers_of_one_registry_are_one_block_however_it_is_called(name: str) -> None:
    found = certificate(registry="Verra Registry", serial_first="1001", serial_last="1002")
    why = check(found, bought_g=2_000_000, beneficiary="Exemple SAS", used=[(name, "1002", "1005")])
    assert why == "the serial block 1001 to 1002 of Verra Registry was already used"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"vintage": "9999"}, "the vintage 9999 does not fit a retirement on 2026-12-10"),
        ({"vintage": "2026-2020"}, "the vintage 2026-2020 does not fit a retirement on 2026-12-10"),
        ({"retired_on": "2023-12-31"}, "the vintage 2024 does not fit a retirement on 2023-12-31"),
        ({"retired_on": "2026-12-11"}, "retired_on: 2026-12-11 has not come yet"),
        ({"project": " \u200b"}, "project: is required"),
        ({"vintage": "2020-2026"}, ""),
    ],
)
def test_a_retirement_is_past_and_after_its_vintage_and_a_project_has_a_name(changes: dict[str, str], why: str) -> None:
    assert check(certificate(**changes), bought_g=2_000_000, beneficiary="Exemple SAS", used=[]) == why


def test_a_block_inside_a_verra_serial_overlaps_by_its_numbers() -> None:
    later = VERRA.replace("000001-000100", "000101-000102")
    found = certificate(serial_first=later, serial_last=later)
    used = ("Gold Standard", VERRA, VERRA)
    assert check(found, bought_g=2_000_000, beneficiary="Exemple SAS", used=[used]) == ""
    inside = VERRA.replace("000001-000100", "000099-000100")
    found = certificate(serial_first=inside, serial_last=inside)
    assert "was already used" in check(found, bought_g=2_000_000, beneficiary="Exemple SAS", used=[used])


def test_a_certificate_for_other_tonnes_or_another_beneficiary_is_refused() -> None:
    assert check(certificate(), bought_g=1_000_000, beneficiary="Exemple SAS", used=[]) == (
        "certificate GS-RET-1 is for 2000000 g, the order bought 1000000 g"
    )
    assert "holds 2 units" in check(
        certificate(quantity_t="1.5"), bought_g=2_000_000, beneficiary="Exemple SAS", used=[]
    )
    assert check(certificate(), bought_g=2_000_000, beneficiary="Somebody", used=[]) == (
        "the beneficiary is Exemple SAS, not Somebody"
    )
