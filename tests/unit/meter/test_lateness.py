"""Lateness at its limits, and the time cache against plain arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.decode import RAW_TIME
from shared.meter.lateness import Lateness, LatenessRules, TimeCache, epoch_ms

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


@given(
    moment=st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)),  # noqa: DTZ001
    offset_minutes=st.integers(-14 * 60, 14 * 60),
    digits=st.integers(0, 6),
    zulu=st.booleans(),
)
def test_the_cached_time_equals_the_parsed_time(moment: datetime, offset_minutes: int, digits: int, zulu: bool) -> None:
    zone = UTC if zulu else timezone(timedelta(minutes=offset_minutes))
    aware = moment.replace(tzinfo=zone, microsecond=moment.microsecond // 10 ** (6 - digits) * 10 ** (6 - digits))
    text = aware.strftime("%Y-%m-%dT%H:%M:%S") + (f".{aware.microsecond:06d}"[: digits + 1] if digits else "")
    sign, minutes = ("-", -offset_minutes) if offset_minutes < 0 else ("+", offset_minutes)
    text += "Z" if zulu else f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"
    cache = TimeCache()
    row = {RAW_TIME: text, "occurred_at": aware}
    expected = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert [cache.occurred_ms(row), cache.occurred_ms(row), epoch_ms(aware)] == [expected] * 3


@pytest.mark.parametrize("text", [1764363552, "1764363552", "2025-11-28 20:59:12+0100", "2025-11-28T20:59+01:00"])
def test_an_unusual_spelling_takes_the_long_way_to_the_same_number(text: object) -> None:
    aware = datetime(2025, 11, 28, 20, 59, 12, tzinfo=timezone(timedelta(hours=1)))
    assert TimeCache().occurred_ms({RAW_TIME: text, "occurred_at": aware}) == 1_764_359_952_000
