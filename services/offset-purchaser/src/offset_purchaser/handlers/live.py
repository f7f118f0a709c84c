"""Live totals that cost a request nothing: each open day is read again in the background, requests take what is there.

One query over a day of 10^5 registers takes PostgreSQL about a tenth of a second, so days are read at a limited share
of the time, and every answer says when it was computed (``computed_at``) and how far the sources are (``as_of``).
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from offset_purchaser.campaign import Due, first_due
from offset_purchaser.handlers.isolate import isolated
from offset_purchaser.live import DayTotals, day_view
from offset_purchaser.store import campaigns
from offset_purchaser.store.campaigns import InForce
from offset_purchaser.store.live import snapshot
from shared.clock import Clock, local_day
from shared.errors import Transient
from shared.estimate import ChannelName
from shared.postgres import Pool, transaction
from shared.telemetry import log

FRESH_S = 1.0
"""How old an answer gets before it is computed again: readings are published once a second."""
SHARE = 1.0
"""After each reading of a day so many times its length pass: at most half of one core of PostgreSQL, and a day of 10^5
registers on a busy machine is still less than two seconds old."""
STALE_S = 10.0
"""An answer older than this is not given: the request waits for a new one."""
FINISHED_S = 60.0
"""A day whose last settlement froze changes only by a restatement."""
DAYS_KEPT = 400
"""Days in memory, some 10 kB each."""
OPEN_FOR = timedelta(days=2)
"""A day is kept warm from its beginning to this long after its settlement is due."""

Key = tuple[str, date]


@dataclass(frozen=True, slots=True)
class Answer:
    """A computed day: the model, its bytes, and when and in how long it was computed."""

    totals: DayTotals
    body: bytes
    at: float
    took_s: float

    def fresh(self, now: float) -> bool:
        """Whether there is no reason yet to compute it again."""
        finished = self.totals.frozen is not None and self.totals.complete
        return now - self.at < max(FINISHED_S if finished else FRESH_S, SHARE * self.took_s)


async def read_day(pool: Pool, found: InForce, due: Due, topics: Mapping[ChannelName, str], now: datetime) -> DayTotals:
    """Compute one day from the tables, under the rules that it is settled by."""
    campaign = (await campaigns.rules(pool, found.campaign.id)).on(due.day).campaign
    mine = first_due(campaign, due.day)
    seen = await snapshot(pool, campaign, mine, topics)
    return await asyncio.to_thread(day_view, campaign, mine, seen, now)


def find_due(found: InForce, day: date) -> Due | None:
    """A day's first settlement in the timetable; ``None`` when the campaign has no such day."""
    if not found.campaign.first_day <= day <= found.campaign.last_day:
        return None
    return first_due(found.campaign, day)


class LiveTotals:
    """The answers in memory, each computed by one task at a time."""

    def __init__(self, pool: Pool, topics: Mapping[ChannelName, str], clock: Clock) -> None:
        self._pool, self._topics, self._clock = pool, topics, clock
        self._answers: OrderedDict[Key, Answer] = OrderedDict()
        self._running: dict[Key, asyncio.Task[Answer]] = {}
        self._campaigns: dict[str, InForce] = {}
        self._campaigns_at = float("-inf")

    async def campaign(self, campaign: str) -> InForce | None:
        """A campaign as it was in force at most ``FRESH_S`` ago."""
        if time.monotonic() - self._campaigns_at >= FRESH_S:
            await self._read_campaigns()
        return self._campaigns.get(campaign)

    async def _read_campaigns(self) -> list[InForce]:
        async with transaction(self._pool) as connection:
            found = await campaigns.in_force(connection)
        self._campaigns = {one.campaign.id: one for one in found}
        self._campaigns_at = time.monotonic()
        return found

    async def get(self, found: InForce, due: Due) -> Answer:
        """A day's answer: at once when one is in memory, else when it is computed. Raises ``Transient``."""
        key = (found.campaign.id, due.day)
        answer, now = self._answers.get(key), time.monotonic()
        if answer is not None and answer.fresh(now):
            return answer
        task = self._start(key, found, due)
        if answer is not None and now - answer.at < max(STALE_S, FINISHED_S if answer.totals.complete else 0):
            return answer
        return await asyncio.shield(task)

    async def keep_warm(self) -> None:
        """Compute open days again and again, until cancelled; a day that fails costs the others nothing."""
        while True:
            try:
                with isolated("live"):
                    for found in await self._read_campaigns():
                        with isolated("live", campaign=found.campaign.id):
                            await self._warm(found)
            except Transient as error:
                log(__name__).warning("live totals are not refreshed", reason=str(error))
            await asyncio.sleep(FRESH_S / 2)

    async def _warm(self, found: InForce) -> None:
        now = self._clock()
        open_for = found.campaign.grace + OPEN_FOR
        today = local_day(now, found.campaign.tz)
        for ago in range(open_for.days + 2):
            due = find_due(found, today - timedelta(days=ago))
            if due is not None and due.start <= now < due.due_at + OPEN_FOR:
                answer = self._answers.get((found.campaign.id, due.day))
                if answer is None or not answer.fresh(time.monotonic()):
                    await asyncio.shield(self._start((found.campaign.id, due.day), found, due))

    def _start(self, key: Key, found: InForce, due: Due) -> asyncio.Task[Answer]:
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._compute(key, found, due))
            task.add_done_callback(lambda done: self._ended(key, done))
        return task

    def _ended(self, key: Key, task: asyncio.Task[Answer]) -> None:
        self._running.pop(key, None)
        if not task.cancelled() and (error := task.exception()):
            log(__name__).warning("live totals", campaign=key[0], day=key[1].isoformat(), reason=str(error))

    async def _compute(self, key: Key, found: InForce, due: Due) -> Answer:
        began = time.monotonic()
        totals = await read_day(self._pool, found, due, self._topics, self._clock())
        body = await asyncio.to_thread(lambda: totals.model_dump_json().encode())
        answer = Answer(totals, body, time.monotonic(), time.monotonic() - began)
        self._answers[key] = answer
        self._answers.move_to_end(key)
        while len(self._answers) > DAYS_KEPT:
            self._answers.popitem(last=False)
        return answer
