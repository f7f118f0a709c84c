"""Where a partition stands: its progress row, as an immutable value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from shared.readings import Balance


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last record passed: read back on assignment and compared, so that a different log is noticed."""

    offset: int
    time_ms: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """One row of ``progress``: how far a source partition is counted in one log epoch. ``next_offset`` is the fence."""

    topic: str
    partition: int
    log_epoch: int
    balance: Balance
    log_time_max_ms: int
    anchor: Anchor | None
    as_of: datetime
    partitions: int
    stopped: str

    @property
    def next_offset(self) -> int:
        """First offset that is not counted yet."""
        return self.balance.next_offset

    @property
    def counted_from(self) -> int:
        """First offset of this log epoch that was counted: what lies before it was lost, or passed by a person."""
        return self.balance.first_offset + self.balance.lost


@dataclass(slots=True)
class Counts:
    """What a stretch of a partition adds to its balance."""

    counted: int = 0
    duplicate: int = 0
    rejected: int = 0
    skipped: int = 0
    late: int = 0
    late_unprovable: int = 0
    duplicate_unprovable: int = 0


def advance(balance: Balance, next_offset: int, counts: Counts) -> Balance:
    """The balance after a stretch. Raises ``AssertionError`` when an offset would be unaccounted for."""
    after = balance.model_copy(
        update={
            "next_offset": next_offset,
            "counted": balance.counted + counts.counted,
            "duplicate": balance.duplicate + counts.duplicate,
            "rejected": balance.rejected + counts.rejected,
            "skipped": balance.skipped + counts.skipped,
            "late": balance.late + counts.late,
            "late_unprovable": balance.late_unprovable + counts.late_unprovable,
            "duplicate_unprovable": balance.duplicate_unprovable + counts.duplicate_unprovable,
        }
    )
    if after.difference != 0:
        raise AssertionError(f"{after.difference} offsets before {next_offset} are not accounted for")
    return after


def moved(position: Position, balance: Balance, log_time_max_ms: int, anchor: Anchor | None) -> Position:
    """The position after a stretch that ended with ``anchor`` (``None``: no record in it)."""
    return replace(
        position,
        balance=balance,
        log_time_max_ms=max(position.log_time_max_ms, log_time_max_ms),
        anchor=anchor or position.anchor,
    )
