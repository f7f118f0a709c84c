"""How late an event is: log time minus when it occurred, against the grace, the horizon and the limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

LOG_MS_MAX = 253_402_300_799_999
"""The end of the year 9999. In a rehearsal producers stamp their records: what no calendar has is no log time."""


def is_log_time(stamp_ms: int) -> bool:
    """Whether a record's time stamp can be one."""
    return 0 <= stamp_ms <= LOG_MS_MAX


class Lateness(Enum):
    """What becomes of an event by its lateness."""

    ON_TIME = 0
    LATE = 1
    """Counted in its own hour."""
    UNPROVABLE = 2
    """Later than duplicates are remembered: counted in a register of its own, bought only by the campaign's rule."""
    TOO_OLD = 3
    AHEAD = 4


OUTSIDE = frozenset({Lateness.TOO_OLD, Lateness.AHEAD})
"""Rejected."""


@dataclass(frozen=True, slots=True)
class LatenessRules:
    """Limits in milliseconds."""

    grace_ms: int
    horizon_ms: int
    age_ms_max: int
    ahead_ms_max: int

    def judge(self, log_ms: int, occurred_ms: int) -> Lateness:
        """Up to the grace on time, up to the horizon late, beyond it unprovable; the limits themselves are inside."""
        return self._judge(log_ms - occurred_ms)

    def not_on_time(self, lates_ms: Sequence[int]) -> dict[int, Lateness]:
        """Of many events, the positions and kinds of those that are not on time: seldom any."""
        if -self.ahead_ms_max <= min(lates_ms) and max(lates_ms) <= self.grace_ms:
            return {}
        judged = {n: self._judge(late_ms) for n, late_ms in enumerate(lates_ms)}
        return {n: lateness for n, lateness in judged.items() if lateness is not Lateness.ON_TIME}

    def _judge(self, late_ms: int) -> Lateness:
        if late_ms < -self.ahead_ms_max:
            return Lateness.AHEAD
        if late_ms <= self.grace_ms:
            return Lateness.ON_TIME
        if late_ms > self.age_ms_max:
            return Lateness.TOO_OLD
        return Lateness.UNPROVABLE if late_ms > self.horizon_ms else Lateness.LATE


def outside(lateness: Lateness, rules: LatenessRules) -> str:
    """Why an event outside the limits is rejected."""
    if lateness is Lateness.AHEAD:
        return f"more than {rules.ahead_ms_max // 1000} seconds ahead of the log"
    return f"more than {rules.age_ms_max // 86_400_000} days before the log"
