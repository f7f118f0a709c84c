"""Every text of the API passes the claim guard, and every operation says what a client must know."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from offset_purchaser.api import gate
from offset_purchaser.api.app import create_routes, roles
from offset_purchaser.api.shapes import Day
from offset_purchaser.claims import find_claims

DAY: TypeAdapter[date] = TypeAdapter(Annotated[date, get_args(Day)[1]])
SCHEMA = create_routes().openapi()
OPERATIONS = [
    (method, path, operation) for path, found in SCHEMA["paths"].items() for method, operation in found.items()
]


def test_no_text_of_the_description_makes_a_claim() -> None:
    text = json.dumps(SCHEMA, ensure_ascii=False)
    assert len(text) > 50_000
    assert find_claims(text, "en") == ()


def test_the_guard_would_find_a_claim_in_it() -> None:
    assert find_claims(json.dumps(SCHEMA) + " carbon neutral", "en")


def test_every_operation_has_a_summary_a_role_and_its_problems() -> None:
    assert len(OPERATIONS) == len(roles())
    for method, path, operation in OPERATIONS:
        assert operation["x-role"] in ("read", "approve", "admin"), path
        assert operation["summary"], path
        assert {"401", "403", "404", "422", "503"} <= set(operation["responses"]), path
        if method == "post":
            assert "409" in operation["responses"], path
            named = [p["name"] for p in operation["parameters"] if p["required"] and p["in"] == "header"]
            assert named == ["Idempotency-Key"], path


def test_emissions_and_credits_are_two_figures_of_a_day() -> None:
    day = SCHEMA["components"]["schemas"]["DayTotals"]["properties"]
    assert {"emissions", "credits"} <= set(day)
    assert not [name for name in day if "net" in name or "balance" in name]


def test_every_route_that_takes_a_file_has_the_large_limit_and_no_other() -> None:
    takes = {path for method, path, operation in OPERATIONS if method == "post" and _has_file(operation)}
    large = {path for _, path, _ in OPERATIONS if gate.UPLOADS.fullmatch(path)}
    assert takes == large & {path for method, path, _ in OPERATIONS if method == "post"}
    assert takes == {"/v1/lines", "/v1/orders/{order_id}/certificate", "/v1/orders/{order_id}/invoice"}


def _has_file(operation: dict[str, object]) -> bool:
    name = json.dumps(operation["requestBody"]).partition("schemas/")[2].partition('"')[0]
    return "Upload" in json.dumps(SCHEMA["components"]["schemas"][name])


@pytest.mark.parametrize("day", ["1764201600", "20261127", "2026-11-27T00:00:00", "0"])
def test_a_day_is_written_as_a_day(day: str) -> None:
    with pytest.raises(ValidationError):
        DAY.validate_python(day)
    assert DAY.validate_python("2026-11-27") == date(2026, 11, 27)
