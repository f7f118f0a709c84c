"""Lateness at its limits, of one event and of many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.meter.lateness import Lateness, LatenessRules

RULES = LatenessRules(grace_ms=300_000, horizon_ms=900_000, age_ms_max=35 * 86_400_000, ahead_ms_max=300_000)


@pytest.mark.parametrize(
    ("late_ms", "expected"),
    [
        (-300_001, Lateness.AHEAD),
        (-300_000, Lateness.ON_TIME),
        (0, Lateness.ON_TIME),
        (300_000, Lateness.ON_TIME),
        (300_001, Lateness.LATE),
        (900_000, Lateness.LATE),
        (900_001, Lateness.UNPROVABLE),
        (3_024_000_000, Lateness.UNPROVABLE),
        (3_024_000_001, Lateness.TOO_OLD),
    ],
)
def test_every_limit_belongs_to_the_milder_side(late_ms: int, expected: Lateness) -> None:
    assert RULES.judge(10_000_000_000 + late_ms, 10_000_000_000) is expected


@given(lates=st.lists(st.integers(-400_000, 4_000_000_000), min_size=1, max_size=20))
def test_many_are_judged_as_each_is(lates: list[int]) -> None:
    each = {n: RULES.judge(late_ms, 0) for n, late_ms in enumerate(lates)}
    assert RULES.not_on_time(lates) == {n: kind for n, kind in each.items() if kind is not Lateness.ON_TIME}
