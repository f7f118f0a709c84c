"""What the tests of the methods share: the factor set, answers of the two estimate commands, tables."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from typing import Any

from delivery_emissions.estimate_command import handler
from delivery_emissions.tables import Tables
from shared.estimate_lines import answer_line
from shared.explain import steps_from_json
from shared.factors import FactorSet, load_factor_set
from shared.trail import replay
from traffic_meter.estimate_command import case_of


@cache
def factor_set() -> FactorSet:
    return load_factor_set("2026.1")


@cache
def tables() -> Tables:
    return Tables.load(factor_set())


def answer(command: str, line: dict[str, Any] | str, number: int = 1) -> dict[str, Any]:
    """What ``traffic-meter estimate`` or ``delivery-emissions estimate`` says to a line."""
    raw = (line if isinstance(line, str) else json.dumps(line)).encode()
    handle = case_of if command == "traffic-meter" else handler(tables(), factor_set())
    return answer_line(raw, number, handle, factor_set())


def traffic(**line: Any) -> dict[str, Any]:
    return accepted(answer("traffic-meter", line))


def delivery(**line: Any) -> dict[str, Any]:
    return accepted(answer("delivery-emissions", line))


def accepted(found: dict[str, Any]) -> dict[str, Any]:
    assert "error" not in found, found
    return found


def central(found: dict[str, Any]) -> Decimal:
    return Decimal(found["emissions_g"]["central"])


def segment(found: dict[str, Any], name: str) -> Decimal:
    return Decimal(found["segments_g"][name])


def replayed(found: dict[str, Any]) -> dict[str, Decimal]:
    """Every step of a trail, worked out again from its inputs, factors and constants."""
    return replay(steps_from_json(found["trail"]))


def close(one: Decimal, other: Decimal | str, relative: str = "1e-9") -> bool:
    expected = Decimal(other)
    return abs(one - expected) <= abs(expected) * Decimal(relative)
