"""Where a partition goes on when a person reseats it, and what is booked as lost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.errors import Rejected
from shared.meter.interventions import LogNow, new_seat
from shared.meter.position import Position
from shared.readings import Balance


def standing_at(next_offset: int) -> Position:
    balance = Balance(
        first_offset=0, next_offset=next_offset, counted=next_offset, duplicate=0, rejected=0, skipped=0, lost=0,
        late=0, late_unprovable=0, duplicate_unprovable=0,
    )  # fmt: skip
    return Position("site", 0, 1, balance, 9_000, None, datetime(2026, 11, 27, tzinfo=UTC), 1, "re-created")


def test_what_retention_deleted_before_it_was_counted_is_lost() -> None:
    log = LogNow(begin=130, end=500, same=False)
    assert new_seat(standing_at(100), log, lost=None, start=None) == (100, 130, 9_000)
    assert new_seat(standing_at(100), log, lost=30, start=None) == (100, 130, 9_000)
    with pytest.raises(Rejected, match="30 offsets were deleted"):
        new_seat(standing_at(100), log, lost=29, start=None)
    with pytest.raises(Rejected, match="first that is left"):
        new_seat(standing_at(100), log, lost=None, start=200)


def test_a_topic_made_anew_is_counted_from_its_first_record_and_a_person_says_what_was_lost() -> None:
    log = LogNow(begin=0, end=7, same=False)
    assert new_seat(standing_at(100), log, lost=None, start=None) == (0, 0, 0)
    assert new_seat(standing_at(100), log, lost=3, start=None) == (-3, 0, 0)
    with pytest.raises(Rejected, match="more than 1,000,000,000,000 records"):
        new_seat(standing_at(100), log, lost=99_999_999_999_999_999_999_999, start=None)


def test_of_a_log_that_was_cut_short_only_what_is_new_is_counted_and_the_window_keeps_its_past() -> None:
    log = LogNow(begin=0, end=90, same=False)
    assert new_seat(standing_at(100), log, lost=None, start=80) == (80, 80, 9_000)
    for outside in (91, 500):
        with pytest.raises(Rejected, match="from 0 to 90"):
            new_seat(standing_at(100), log, lost=None, start=outside)


def test_what_cannot_be_read_is_passed_as_lost_and_the_window_keeps_its_past() -> None:
    log = LogNow(begin=0, end=500, same=True)
    assert new_seat(standing_at(100), log, lost=None, start=101) == (100, 101, 9_000)
    assert new_seat(standing_at(100), log, lost=1, start=101) == (100, 101, 9_000)
    with pytest.raises(Rejected, match="1 offsets lie before 101"):
        new_seat(standing_at(100), log, lost=2, start=101)
