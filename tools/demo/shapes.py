"""Shapes of a sales weekend: when things happen, where, on what. Pure, and the same for the same random numbers."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from shared.clock import day_bounds

ZONE = ZoneInfo("Europe/Paris")
FIRST_DAY = date(2025, 11, 28)
LAST_DAY = date(2025, 11, 30)
DAYS = (FIRST_DAY, date(2025, 11, 29), LAST_DAY)
START_MS = int(day_bounds(FIRST_DAY, ZONE)[0].timestamp()) * 1000
END_MS = int(day_bounds(LAST_DAY, ZONE)[1].timestamp()) * 1000
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000

SITE_HOURS = (30, 16, 9, 6, 5, 7, 16, 34, 52, 60, 66, 70, 82, 84, 72, 66, 64, 70, 82, 96, 124, 158, 118, 66)
"""Visits by hour of a day: quiet before dawn, a bump at noon, the peak at 21:00."""
BUYING_HOURS = (34, 14, 6, 4, 3, 4, 10, 26, 44, 56, 62, 66, 80, 82, 70, 62, 60, 66, 80, 98, 132, 174, 130, 66)
"""Orders follow the visits, a little sharper in the evening."""
AD_HOURS = (26, 14, 8, 6, 6, 10, 26, 46, 56, 58, 60, 64, 76, 78, 68, 64, 66, 76, 92, 108, 122, 130, 96, 52)
MAILING_HOURS = (3, 0, 0, 0, 0, 4, 60, 240, 180, 60, 20, 10, 24, 16, 8, 6, 8, 24, 60, 30, 10, 8, 4, 2)
"""Marketing waves of the morning and a smaller one when people come home."""
DAY_WEIGHTS = (1.0, 0.62, 0.74)
"""Friday is the day itself; Sunday evening is the last chance."""
OPENING_WEIGHTS = (260.0, 40.0, 30.0)
"""The rush in the minutes after midnight, when the offers of a day open."""
OPENING_MINUTES = 25.0

T = TypeVar("T")


class Mix(Generic[T]):
    """A weighted choice that costs one random number."""

    def __init__(self, weights: Sequence[tuple[T, float]]) -> None:
        """``weights`` need not add up to anything."""
        self._values = [value for value, _ in weights]
        self._bounds = list(accumulate(weight for _, weight in weights))
        self._total = self._bounds[-1]

    def pick(self, number: float) -> T:
        """The value at ``number`` in [0, 1)."""
        return self._values[bisect(self._bounds, number * self._total)]


class Curve:
    """Moments of the weekend with a given density, in ascending order and flat memory."""

    def __init__(self, hours: Sequence[float], *, openings: bool = False) -> None:
        """``hours`` is the density by hour of the local day; ``openings`` adds the rush after each midnight."""
        weights: list[float] = []
        for day, share in enumerate(DAY_WEIGHTS):
            for minute in range(1440):
                weights.append(share * _between(hours, minute))
                if openings:
                    weights[-1] += OPENING_WEIGHTS[day] * 2.0 ** (-minute / OPENING_MINUTES)
        self._bounds = list(accumulate(weights))

    def at(self, number: float) -> int:
        """The moment in milliseconds below which a share ``number`` of everything has happened."""
        target = number * self._bounds[-1]
        minute = min(bisect(self._bounds, target), len(self._bounds) - 1)
        before = self._bounds[minute - 1] if minute else 0.0
        inside = (target - before) / (self._bounds[minute] - before)
        return START_MS + minute * MINUTE_MS + min(int(inside * MINUTE_MS), MINUTE_MS - 1)

    def moments(self, random: Random, count: int) -> Iterator[int]:
        """``count`` moments in ascending order."""
        below = 0.0
        for left in range(count, 0, -1):
            below = 1.0 - (1.0 - below) * random.random() ** (1.0 / left)
            yield self.at(below)


def _between(hours: Sequence[float], minute: int) -> float:
    """The density at a minute, straight between the middles of the hours, so that 21:00 is a peak and not a step."""
    place = minute / 60.0
    hour = int(place)
    return hours[hour] + (hours[(hour + 1) % 24] - hours[hour]) * (place - hour)


class TimeText:
    """Milliseconds as ISO 8601 with an offset; the text of a second is made once."""

    def __init__(self, zone: ZoneInfo) -> None:
        """The offset written is the zone's."""
        self._zone = zone
        self._seconds: dict[int, tuple[str, str]] = {}

    def text(self, moment_ms: int) -> str:
        """``2025-11-28T21:00:00.123+01:00``, or with ``Z`` when the zone is at UTC."""
        second, rest = divmod(moment_ms, 1000)
        known = self._seconds.get(second)
        if known is None:
            if len(self._seconds) > 20_000:
                self._seconds.clear()
            text = datetime.fromtimestamp(second, UTC).astimezone(self._zone).isoformat()
            known = self._seconds[second] = (text[:19], "Z" if text.endswith("+00:00") else text[19:])
        return f"{known[0]}.{rest:03d}{known[1]}"


PARIS = TimeText(ZONE)
LONDON = TimeText(ZoneInfo("Europe/London"))


def day_of(moment_ms: int) -> date:
    """The campaign day of a moment (which may lie outside the campaign)."""
    days, _ = divmod(moment_ms - START_MS, DAY_MS)  # no change of the clocks in this weekend
    return FIRST_DAY + timedelta(days=days)


def new_id(random: Random) -> str:
    """A UUID of version 4, as most producers make them."""
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


SHOPS: Mix[str] = Mix([("FR", 46), ("GB", 24), ("DE", 14), ("ES", 9), ("IT", 4), ("US", 0.6)])
"""``US`` belongs to no campaign here: its events are counted and shown as outside."""
CAMPAIGN_SHOPS = ("FR", "GB", "DE", "ES", "IT")
COUNTRIES: dict[str, Mix[str]] = {
    "FR": Mix([("FR", 93), ("BE", 3), ("CH", 1), ("LU", 0.5), ("", 2.5)]),
    "GB": Mix([("GB", 94), ("IE", 3), ("", 3)]),
    "DE": Mix([("DE", 92), ("AT", 5), ("", 3)]),
    "ES": Mix([("ES", 94), ("PT", 3), ("", 3)]),
    "IT": Mix([("IT", 97), ("", 3)]),
    "US": Mix([("US", 97), ("CA", 3)]),
}
"""Where a shop's visitors are; ``""`` when nobody knows."""
