"""Moves times by whole days for a rehearsal: the clock on the wall stays, also over a change to summer time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from replay.access.request import CACHED, Moment, to_moment


def by_days(days: int, zone: ZoneInfo) -> Callable[[datetime], datetime]:
    """A function that moves an aware time by whole days of the zone's calendar."""

    def move(moment: datetime) -> datetime:
        wall = moment.astimezone(zone).replace(tzinfo=None) + timedelta(days=days)
        return wall.replace(tzinfo=zone)

    return move


def moments(move: Callable[[datetime], datetime]) -> Callable[[Moment], Moment]:
    """The same for the times of logs, once per distinct text."""
    known: dict[Moment, Moment] = {}

    def moved(moment: Moment) -> Moment:
        found = known.get(moment)
        if found is None:
            if len(known) >= CACHED:
                known.clear()
            found = known[moment] = to_moment(move(datetime.fromisoformat(moment.text)))
        return found

    return moved
