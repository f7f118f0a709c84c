"""Time, passed in: the clock protocol, quarter-hours and campaign days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""Gives the present as an aware UTC time. Decisions take the time as an argument; only wiring holds a clock."""

QUARTER_S = 900

FIRST_YEAR, LAST_YEAR = 1970, 2999
"""Days that people may write: logs of clocks that were reset begin in 1970, and every moment can be turned into UTC."""


def system_clock() -> datetime:
    """The machine's own clock in UTC."""
    return datetime.now(UTC)


def quarter_of(moment: datetime) -> datetime:
    """Start of the UTC quarter-hour that contains an aware moment."""
    stamp = int(moment.timestamp())
    return datetime.fromtimestamp(stamp - stamp % QUARTER_S, UTC)


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """First and one-past-last moment of a calendar day in a zone, in UTC: 23, 24 or 25 hours."""
    start = datetime.combine(day, time.min, zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
    return start, end


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day of an aware moment in a zone."""
    return moment.astimezone(zone).date()
