"""The spreadsheet of a dossier, calculated: its formulas give the settlement's grams without any of our code."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.utils import range_boundaries
from tests.unit.documents.test_dossier import LINES, data, register

from offset_purchaser.documents.workbook import workbook
from shared.estimate import ChannelName

RANGE = re.compile(r"(?:(\w+)!)?\$?([A-Z]+)\$?(\d+):\$?([A-Z]+)\$?(\d+)")
CELL = re.compile(r"(?<![\w.\"'])([A-Z])(\d+)(?![\w(\"'])")


class Sheets:
    """Just as much of a spreadsheet program as the formulas need."""

    def __init__(self, book: Workbook) -> None:
        self._book = book

    def value(self, sheet: str, cell: str) -> Any:
        found = self._book[sheet][cell].value
        return self._calculate(sheet, found[1:]) if isinstance(found, str) and found.startswith("=") else found

    def _cells(self, sheet: str, text: str) -> list[Any]:
        left, top, right, bottom = range_boundaries(text)
        rows = self._book[sheet].iter_rows(top, bottom, left, right)  # type: ignore[arg-type]
        return [self.value(sheet, cell.coordinate) for row in rows for cell in row]

    def _calculate(self, sheet: str, formula: str) -> Any:
        ranges: list[list[Any]] = []

        def keep(found: re.Match[str]) -> str:
            ranges.append(self._cells(found[1] or sheet, f"{found[2]}{found[3]}:{found[4]}{found[5]}"))
            return f"ranges[{len(ranges) - 1}]"

        text = RANGE.sub(keep, formula)
        text = CELL.sub(lambda found: f"cell('{found[1]}{found[2]}')", text)
        text = re.sub(r"(?<![<>=])=(?!=)", "==", text)
        names = {
            "ranges": ranges,
            "cell": lambda cell: self.value(sheet, cell),
            "SUM": lambda values: sum(v or 0 for v in values),
            "SUMSQ": lambda values: sum((v or 0) ** 2 for v in values),
            "SUMIFS": lambda values, first, one, second, two: sum(
                v for v, a, b in zip(values, first, second, strict=True) if (a, b) == (one, two)
            ),
            "SQRT": math.sqrt,
            "MAX": max,
            "MIN": min,
            "ROUNDUP": lambda value, _: math.ceil(value),
            "ROUNDDOWN": lambda value, _: math.floor(value),
            "ROUND": lambda value, digits: float(round(Decimal(repr(value)), digits)),
            "IF": lambda test, yes, no: yes if test else no,
        }
        return eval(text, {"__builtins__": {}}, names)


def calculated(book: bytes) -> dict[str, tuple[Any, Any]]:
    found = load_workbook(BytesIO(book))
    sheets = Sheets(found)
    rows = range(2, found["total"].max_row + 1)
    return {
        str(sheets.value("total", f"A{n}")): (sheets.value("total", f"B{n}"), sheets.value("total", f"D{n}"))
        for n in rows
    }


@pytest.mark.parametrize("cover", ["central", "high"])
def test_the_formulas_give_what_was_settled(cover: str) -> None:
    found = calculated(workbook(data(cover=cover)))
    assert found[f"owed: {cover} of what others do not pay, rounded up, and what they pay"][1] == "yes"
    assert found["paid by others, rounded up"] == (2 if cover == "central" else 3, "yes")
    assert found["needed"][1] == "yes"
    assert found["central"][0] == pytest.approx(47.500001)


def test_another_settled_figure_is_called_wrong() -> None:
    wrong = data().model_copy(update={"need_g": 40})
    assert calculated(workbook(wrong))["needed"] == (41, "NO")


def test_a_day_without_registers_owes_nothing() -> None:
    empty = data((), committed_g=0, need_g=0, contents=[], documents=[], orders=[])
    assert calculated(workbook(empty))["needed"] == (0, "yes")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([ChannelName.SITE, ChannelName.DELIVERY]),
            st.integers(0, 10**12),
            st.integers(0, 10**11),
            st.integers(0, 10**11),
            st.sampled_from(["bought", "paid_by_others", "bots"]),
        ),
        max_size=12,
    ),
    st.sampled_from(["central", "high"]),
)
def test_the_formulas_agree_with_the_settlement_for_any_registers(rows: list[Any], cover: str) -> None:
    lines = tuple(
        register(n, channel, (central - min(below, central), central, central + above), treatment)
        for n, (channel, central, below, above, treatment) in enumerate(rows, 1)
    )
    found = calculated(workbook(data(lines, cover=cover)))
    assert [agrees for _, agrees in found.values() if agrees is not None] == ["yes"] * 3


def test_the_example_has_every_treatment_that_the_formulas_tell_apart() -> None:
    assert {line.treatment for line in LINES} == {"bought", "paid_by_others", "bots"}
