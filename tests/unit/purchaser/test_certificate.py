"""Serial blocks as registries write them, and blocks that look new and are not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from offset_purchaser.certificate import Certificate, faults, retired_before, serial_count

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
        ("Gold Standard", "GS 1/KE - GS1247 2024/1001", "GS1-KE-GS1247-2024-1001"),
        ("Gold\u200b Standard", "GS1-KE\u200b-GS1247-2024-1001", "GS1-KE-GS1247-2024-1001"),
    ],
)
def test_a_used_block_is_recognised_however_it_is_typed(used: tuple[str, str, str]) -> None:
    why = check(certificate(), bought_g=2_000_000, beneficiary="Exemple SAS", used=[used])
    assert why == (
        "the serial block GS1-KE-GS1247-2024-1001 to GS1-KE-GS1247-2024-1002 of Gold Standard was already used"
    )


@pytest.mark.parametrize(
    ("serial", "again", "new"),
    [
        ("GS1-1", ("GS 1-1", "GS1/1", "GS1 - 1", "gs1-01"), ("GS1-2", "GS11-1", "GS2-1", "GS1-1-1")),
        (
            VERRA,
            (VERRA.replace("0001-000001-000100", "1-1-100"), VERRA.replace("-VCS", " - VCS")),
            ("0002" + VERRA[4:],),
        ),
        (ACR, (ACR.replace("-1-5000", "/0001/5000"), "ACR US 192-2010-203-1-5000"), (ACR.replace("192", "193"),)),
    ],
)
def test_serials_are_compared_by_letters_and_numbers(serial: str, again: tuple[str, ...], new: tuple[str, ...]) -> None:
    used = [("Verra", serial, serial)]

    def seen(typed: str) -> bool:
        found = certificate(serial_first=typed, serial_last=typed)
        return "was already used" in faults(
            found.model_copy(update={"quantity_t": Decimal(serial_count(typed, typed) or 0)}),
            today=date(2026, 12, 10), bought_g=10**12, beneficiary="Exemple SAS", used=used,
        )  # fmt: skip

    assert [typed for typed in again if not seen(typed)] == []
    assert [typed for typed in new if seen(typed)] == []


def test_a_retirement_is_written_as_a_day_and_not_before_the_days_it_is_for() -> None:
    for value in (0, "0", "yesterday"):
        with pytest.raises(ValidationError, match="is not a day; write 2026-12-10"):
            certificate(retired_on=value)
    found = certificate(retired_on="2026-11-26")
    why = "retired_on: 2026-11-26 is before 2026-11-27, so not for this order"
    assert retired_before(found, date(2026, 11, 27), date(2026, 12, 10)) == why
    assert retired_before(found, date(2026, 11, 26), date(2026, 12, 10)) == ""
    assert retired_before(found, date(2026, 11, 27), date(2026, 11, 26)) == ""


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
        ({"vintage": "1850-2024"}, "vintage: 1850-2024 is before 1990, when the first credits were counted"),
        ({"vintage": "0001"}, "vintage: 0001 is before 1990, when the first credits were counted"),
        ({"project_id": "-"}, "project_id: is required"),
        ({"registry": "."}, "registry: is required"),
        ({"reference": "--"}, "reference: is required"),
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
