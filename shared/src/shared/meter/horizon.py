"""How far the logs reach, asked beside the counting, so that nothing waits for the broker's answer."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.errors import Transient
from shared.meter.assignment import Assignment
from shared.meter.opening import Opened
from shared.meter.parts import MeterParts


@dataclass(frozen=True, slots=True)
class Horizon:
    """What the broker said after a moment was taken: how far the logs reach. Nothing is claimed of what it left out.

    However old, it stays true: who passed an end that was asked for after a moment passed what was there at that
    moment.
    """

    taken_at: datetime
    ends: Mapping[Opened, int] = field(default_factory=dict)
    """By partition as it was open then: one that was opened anew may have another log."""
    shrunk: Collection[Opened] = ()
    """Partitions whose logs end before the offset that was committed already: cut short, or made anew."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Partitions by topic."""


class Horizons:
    """Asks every ``heartbeat_ms`` and keeps the newest answer for the next flush."""

    def __init__(self, parts: MeterParts, partitions: Assignment) -> None:
        self._p = parts
        self._partitions = partitions
        self._newest: Horizon | None = None
        self._answered_at = parts.timer()

    async def run(self) -> None:
        """Ask until cancelled. Raises ``Transient`` when the broker has been away for ``retry_s_max``."""
        self._answered_at = self._p.timer()
        while True:
            await self.ask()
            await asyncio.sleep(self._p.settings.heartbeat_ms / 1000)

    async def ask(self) -> None:
        """Ask once; see ``run``."""
        now_open = dict(self._partitions.open)
        stood = {opened: opened.position.next_offset for opened in now_open.values()}
        taken_at = self._p.clock()  # before the end offsets: a record that comes in between is not claimed as counted
        asked = self._p.ends.ends(list(now_open)), self._p.ends.partition_counts(list(self._p.channels))
        ends, counts = await asyncio.gather(*asked)
        now = self._p.timer()
        if ends or not now_open:
            self._answered_at = now
        elif now - self._answered_at > self._p.settings.retry_s_max:
            raise Transient(f"Kafka has been away for {now - self._answered_at:.0f} s")
        found = {opened: ends[tp] for tp, opened in now_open.items() if tp in ends}
        shrunk = [opened for opened, end in found.items() if end < stood[opened]]
        self._newest = Horizon(taken_at, found, shrunk, counts)

    def take(self) -> Horizon | None:
        """The newest answer, once."""
        newest, self._newest = self._newest, None
        return newest
