"""How late an event is: log time minus when it occurred, against the grace, the horizon and the limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from shared.decode import RAW_TIME


class Lateness(Enum):
    """What becomes of an event by its lateness."""

    ON_TIME = 0
    LATE = 1
    """Counted in its own hour."""
    UNPROVABLE = 2
    """Later than duplicates are remembered: counted in a register of its own, bought only by the campaign's rule."""
    TOO_OLD = 3
    AHEAD = 4


@dataclass(frozen=True, slots=True)
class LatenessRules:
    """Limits in milliseconds."""

    grace_ms: int
    horizon_ms: int
    age_ms_max: int
    ahead_ms_max: int

    def judge(self, log_ms: int, occurred_ms: int) -> Lateness:
        """Up to the grace on time, up to the horizon late, beyond it unprovable; the limits themselves are inside."""
        late_ms = log_ms - occurred_ms
        if late_ms < -self.ahead_ms_max:
            return Lateness.AHEAD
        if late_ms <= self.grace_ms:
            return Lateness.ON_TIME
        if late_ms > self.age_ms_max:
            return Lateness.TOO_OLD
        return Lateness.UNPROVABLE if late_ms > self.horizon_ms else Lateness.LATE


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since the epoch, rounded down."""
    return int(moment.replace(microsecond=0).timestamp()) * 1_000 + moment.microsecond // 1_000


class TimeCache:
    """``occurred_at`` of a row in milliseconds, computed once per second of text.

    Producers write the same second thousands of times; turning an aware time into a number costs as much as parsing
    the whole event. Only the usual shapes are cached, anything else takes the long way to the same number.
    """

    def __init__(self, entries_max: int = 100_000) -> None:
        self._entries_max = entries_max
        self._seconds: dict[str, int] = {}

    def occurred_ms(self, row: dict[str, Any]) -> int:
        """Milliseconds since the epoch of ``occurred_at``, rounded down."""
        text = row[RAW_TIME]
        if type(text) is str and len(text) == 24 and text[23] == "Z":  # 2025-11-28T20:59:12.125Z, the usual one
            seconds_ms = self._seconds.get(text[:19])
            if seconds_ms is not None:
                return seconds_ms + int(text[20:23])
        if type(text) is not str or len(text) < 20 or text[10] != "T":
            return epoch_ms(row["occurred_at"])
        if text[-1] == "Z":
            zone = 1
        elif text[-6] in "+-" and text[-3] == ":":
            zone = 6
        else:
            return epoch_ms(row["occurred_at"])
        key = text[:19] if zone == 1 else text[:19] + text[-6:]
        seconds_ms = self._seconds.get(key)
        if seconds_ms is None:
            if len(self._seconds) >= self._entries_max:
                self._seconds.clear()
            seconds_ms = int(row["occurred_at"].replace(microsecond=0).timestamp()) * 1_000
            self._seconds[key] = seconds_ms
        if len(text) == 19 + zone:
            return seconds_ms
        fraction = text[20 : len(text) - zone]
        if text[19] != "." or not fraction.isdecimal():
            return epoch_ms(row["occurred_at"])
        return seconds_ms + int(fraction[:3].ljust(3, "0"))
