"""From what happened to what arrives: delays, repeats and broken records, in the order of arrival, with the tally."""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import NamedTuple

from demo.faults import malform
from demo.records import Record
from demo.shapes import DAY_MS, DAYS, FIRST_DAY, HOUR_MS, MINUTE_MS, START_MS
from demo.tally import DayTally, Tally

GRACE_MS = 5 * MINUTE_MS
"""More than this after it occurred, a record is late: the rule of the meters, stated here a second time on purpose."""


class Draft(NamedTuple):
    """Something that happened, before anything went wrong on its way."""

    base_ms: int
    """It arrives no earlier; drafts come in ascending order of it."""
    occurred_ms: int
    """By which it is counted."""
    key: bytes
    value: bytes
    inside: bool
    """Of a shop of the campaign."""
    bot: bool
    activity: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """How often things go wrong in a topic, as shares of the events; and the topic's memory for duplicates."""

    horizon_ms: int
    """A repeat within it is a duplicate; an event later than it is counted apart."""
    late: float = 0.004
    beyond: float = 0.0004
    duplicates: float = 0.01
    malformed: float = 0.001

    def without(self) -> Trouble:
        """The same topic on a day on which nothing goes wrong."""
        return replace(self, late=0.0, beyond=0.0, duplicates=0.0, malformed=0.0)


WEB = Trouble(horizon_ms=15 * MINUTE_MS)
MAIL = Trouble(horizon_ms=24 * HOUR_MS)


class Arrivals:
    """The records of one topic in the order in which they arrive."""

    def __init__(
        self,
        topic: str,
        channel: str,
        trouble: Trouble,
        random: Random,
        tally: Tally,
        *,
        breakable: Container[bytes] | None = None,
    ) -> None:
        """``tally`` is filled while the records are taken. Only records with a ``breakable`` key arrive malformed."""
        self._breakable = breakable
        self._topic = topic
        self._trouble = trouble
        self._random = random
        self._counts = tally.topic(topic)
        self._outside = tally.outside
        self._channel = channel
        self._days = {n: tally.day(FIRST_DAY + timedelta(days=n), channel) for n in range(len(DAYS))}
        self._waiting: list[tuple[int, int, Record]] = []
        self._number = 0

    def of(self, drafts: Iterable[Draft]) -> Iterator[Record]:
        """The records of the drafts. Memory holds only what is still on its way."""
        waiting = self._waiting
        for draft in drafts:
            while waiting and waiting[0][0] <= draft.base_ms:
                yield heapq.heappop(waiting)[2]
            self._send(draft)
        while waiting:
            yield heapq.heappop(waiting)[2]

    def _send(self, draft: Draft) -> None:
        random, trouble = self._random, self._trouble
        arrival_ms = max(draft.base_ms, draft.occurred_ms) + self._delay_ms()
        if random.random() < trouble.malformed and (self._breakable is None or draft.key in self._breakable):
            self._push(arrival_ms, draft.key, malform(self._topic, draft.value, arrival_ms, random))
            self._counts.malformed += 1
            if day := self._days.get((arrival_ms - START_MS) // DAY_MS):
                day.rejected += 1
            return
        self._push(arrival_ms, draft.key, draft.value)
        self._counts.accepted += 1
        place = self._days.get((draft.occurred_ms - START_MS) // DAY_MS) if draft.inside else None
        if place is None:
            self._outside[self._channel] += 1
        else:
            self._count(place, draft, arrival_ms - draft.occurred_ms)
        if random.random() < trouble.duplicates:
            self._repeat(draft, arrival_ms, place)

    def _count(self, day: DayTally, draft: Draft, lateness_ms: int) -> None:
        day.events += 1
        if lateness_ms > GRACE_MS:
            day.late += 1
        unprovable = lateness_ms > self._trouble.horizon_ms
        day.late_unprovable += unprovable
        day.bots += draft.bot
        day.bots_unprovable += unprovable and draft.bot
        for name, amount in draft.activity:
            day.activity[name] += amount

    def _repeat(self, draft: Draft, arrival_ms: int, day: DayTally | None) -> None:
        """The same bytes again, seconds to minutes later, now and then twice; always within the topic's memory."""
        for _ in range(2 if self._random.random() < 0.05 else 1):
            arrival_ms += min(int(1000 + self._random.expovariate(1 / (2 * MINUTE_MS))), 14 * MINUTE_MS)
            self._push(arrival_ms, draft.key, draft.value)
            self._counts.duplicates += 1
            if day is not None:
                day.duplicates += 1

    def _push(self, arrival_ms: int, key: bytes, value: bytes) -> None:
        self._number += 1
        self._counts.sent += 1
        heapq.heappush(self._waiting, (arrival_ms, self._number, Record(self._topic, key, value, arrival_ms)))

    def _delay_ms(self) -> int:
        """Mostly less than a second; sometimes beyond the grace, rarely beyond the topic's memory."""
        number, trouble = self._random.random(), self._trouble
        if number >= trouble.late + trouble.beyond:
            return 20 + int(self._random.expovariate(1 / 400.0)) % MINUTE_MS
        spread = self._random.random() ** 3  # most of them barely late
        if number >= trouble.beyond:
            return GRACE_MS + 1 + int(spread * (trouble.horizon_ms - GRACE_MS - 1))
        return trouble.horizon_ms + 1 + int(spread * 3 * HOUR_MS)
