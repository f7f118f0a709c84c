"""docs/methods.md is executed: every ``estimate`` block must come out to the digits that the text shows."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.methods.support import accepted, answer, replayed

TEXT = (Path(__file__).parents[3] / "docs" / "methods.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```estimate (\S+)\n(\{[^\n]*\})\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("command", "line", "expected"), BLOCKS, ids=[block[1][:60] for block in BLOCKS])
def test_a_worked_example_of_the_text_comes_out_to_the_digits_shown(command: str, line: str, expected: str) -> None:
    found = accepted(answer(command, line))
    for row in expected.strip().splitlines():
        name, shown = (part.strip() for part in row.split("="))
        value = Decimal(found["emissions_g"].get(name) or found["segments_g"][name])
        unit = Decimal(shown)
        half_of_the_last_digit = Decimal(5).scaleb(unit.as_tuple().exponent - 1)  # type: ignore[operator]
        assert abs(value - unit) <= half_of_the_last_digit, f"{name}: {value} is not {shown}"
    assert replayed(found)["central"] == Decimal(found["emissions_g"]["central"])


def test_the_text_has_an_example_for_every_method() -> None:
    methods = {accepted(answer(command, line))["method"] for command, line, _ in BLOCKS}

    assert methods == {
        *("swd-v4", "swd-v3", "one-byte", "device-time", "ademe-digital", "iab-europe", "out-of-home", "ads-spend"),
        *("ademe-parcel", "legs", "carrier-figure", "country-default"),
    }
    assert len(BLOCKS) == TEXT.count("```estimate ")
