"""Who acts, and the loops of the one who does: read, follow the campaign file, settle, buy, document, announce.

A loop that meets a passing failure backs off and tries again; when that lasts it gives up, and the process ends with
an error for whoever supervises it. Losing the right to act ends all loops at once; every write is fenced besides.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Collection

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from offset_purchaser import metrics
from offset_purchaser.handlers import observe, watch
from offset_purchaser.handlers.announce import announce
from offset_purchaser.handlers.buy import buy
from offset_purchaser.handlers.campaigns import CampaignWatch
from offset_purchaser.handlers.context import Context
from offset_purchaser.handlers.credit import issue_credits
from offset_purchaser.handlers.deliver import deliver
from offset_purchaser.handlers.ingest import Ingest
from offset_purchaser.handlers.issue import issue, render_documents
from offset_purchaser.handlers.recover import compare, read_announcements
from offset_purchaser.handlers.settle import settle
from offset_purchaser.handlers.webhooks import WebhookSender
from offset_purchaser.standing import Shapes
from offset_purchaser.store.leadership import Term, acquire, renew, resign
from offset_purchaser.store.observe import foreign_mode, foreign_mode_refusal
from shared.errors import Conflict, OffsetsError, Rejected, Transient
from shared.offset_events import OffsetDocument, OffsetOrder
from shared.postgres import RETRYABLE, Pool
from shared.settings import KafkaSettings
from shared.telemetry import log

GIVE_UP_S = 120.0
"""A broker or database that is away for two minutes is an outage: end, and let the supervisor start us again."""
OBSERVE_S = 5.0
"""How often tables become metrics: more often than Prometheus asks."""
WATCH_S = 15.0
"""How often open days are totalled for caps and silent sources: a fraction of a second of PostgreSQL each time."""
RECONCILE_S = 60.0
"""How often the whole ledger is reconciled: it grows for years, and an alert looks at minutes."""
FORECAST_S = 30.0
"""How often the running day is added up beside its forecast: a second's work on the greatest days."""
END_S = 5.0
"""How long cancelled loops have before they are cancelled again; they end in milliseconds."""
LOOK_S = 1.0
"""How often an instance that does not act looks whether it may."""

Work = Callable[[Term], Awaitable[object]]


class Engine:
    """The purchaser's life: wait for the right to act, act, lose it, wait again."""

    def __init__(
        self, context: Context, kafka: KafkaSettings, broker: KafkaBroker, open_: Callable[[], Awaitable[Pool]]
    ) -> None:
        """``open_`` opens one more pool; readings are stored in a loop of their own, and a pool belongs to one loop."""
        self._context, self._open = context, open_
        self._kafka = kafka
        self._broker = broker
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._term: Term | None = None
        self._announced: tuple[list[OffsetOrder], list[OffsetDocument]] | None = None
        self._caught_up = False
        self._ingest: Ingest | None = None
        self._shapes = Shapes()
        self._problems = {"engine": "starting"}
        self.behind = ""

    @property
    def problem(self) -> str:
        """What keeps this instance from working, one reason of many; ``""`` when nothing does."""
        return next((problem for problem in self._problems.values() if problem), "")

    async def run(self) -> None:
        """Until cancelled, or until something is wrong that waiting does not mend."""
        began_failing: float | None = None
        while True:
            try:
                self._term = await acquire(self._context.pool, self._holder, self._context.settings.lease_s)
                if self._term is None:
                    began_failing, self._problems = None, {}
                    await asyncio.sleep(LOOK_S)
                    continue
                await self._act(self._term)
            except (Conflict, Transient, *RETRYABLE) as error:
                log(__name__).warning("acting ended", reason=str(error))
                self._problems = {"engine": str(error)}
                if not isinstance(error, Conflict):
                    began_failing = began_failing or time.monotonic()
                    if time.monotonic() - began_failing > GIVE_UP_S:
                        raise
                await asyncio.sleep(LOOK_S)

    async def stop(self) -> None:
        """Give the right to act back."""
        if self._term is not None:
            try:
                await asyncio.wait_for(resign(self._context.pool, self._term), 1.0)
            except (OffsetsError, TimeoutError) as error:
                log(__name__).warning("could not resign", reason=str(error))

    async def _act(self, term: Term) -> None:
        mode = self._context.settings.mode
        if other := await foreign_mode(self._context.pool, mode):  # another instance may have begun since we started
            raise Rejected(foreign_mode_refusal(other, mode))
        log(__name__).info("acting", epoch=term.epoch, holder=term.holder)
        metrics.LEADER.set(1)
        metrics.EPOCH.set(term.epoch)
        self._problems, self._announced, self._caught_up = {}, None, False
        settings = self._context.settings
        file = CampaignWatch(self._context)
        self._ingest = ingest = Ingest(self._context, self._kafka, self._open)
        sender = WebhookSender(self._context)
        loops = (
            self._renew(term),
            self._loop(term, "readings", 0.0, ingest.run),
            self._loop(term, "campaigns", settings.campaigns_poll_s, file.look),
            self._loop(term, "work", settings.tick_s, self._tick),
            self._loop(term, "deliveries", settings.tick_s, self._deliver),
            self._loop(term, "announcements", settings.tick_s, self._announce),
            self._loop(term, "webhooks", settings.tick_s, sender.run),
            self._loop(term, "metrics", OBSERVE_S, lambda _: observe.observe(self._context)),
            self._loop(term, "watch", WATCH_S, lambda _: watch.watch(self._context)),
            self._loop(term, "books", RECONCILE_S, lambda _: watch.watch_books(self._context)),
            self._loop(term, "forecast", FORECAST_S, self._observe_days),
        )
        try:
            await until_one_fails([asyncio.create_task(loop) for loop in loops])
        finally:
            metrics.LEADER.set(0)
            await sender.close()
            for gauge in (*observe.GAUGES, *observe.DAY_GAUGES, *watch.GAUGES):
                gauge.clear()  # whoever acts next shows them; two instances must not

    async def _tick(self, term: Term) -> None:
        if await self._behind():
            return
        with metrics.TICK_SECONDS.time():
            if self._ingest is not None and self._ingest.caught_up:
                await settle(self._context, term)
            await buy(self._context, term)
            await issue(self._context, term)
            await issue_credits(self._context, term)
            await render_documents(self._context, term)

    async def _behind(self) -> bool:
        """Whether a restore put our tables behind what was announced; then readings are counted and nothing else."""
        if self._caught_up:
            return False
        if self._announced is None:
            self._announced = await read_announcements(self._kafka, self._context.topics)
        missing = await compare(self._context.pool, *self._announced, self._context.settings.mode)
        metrics.BEHIND.set(len(missing.orders) + len(missing.documents))
        self._caught_up = not missing.sentence
        if missing.sentence and self.behind != missing.sentence:
            log(__name__).error("behind", reason=missing.sentence)
        self.behind = missing.sentence
        return bool(missing.sentence)

    async def _observe_days(self, _term: Term) -> None:
        await observe.observe_days(self._context, self._shapes)

    async def _deliver(self, term: Term) -> None:
        if self._caught_up:
            await deliver(self._context, term)

    async def _announce(self, _term: Term) -> None:
        await announce(self._context, self._broker)

    async def _renew(self, term: Term) -> None:
        settings, renewed = self._context.settings, time.monotonic()
        while True:
            await asyncio.sleep(settings.lease_renew_s)
            try:
                await asyncio.wait_for(renew(self._context.pool, term, settings.lease_s), settings.lease_s)
                renewed = time.monotonic()
            except (Transient, TimeoutError) as error:
                if time.monotonic() - renewed > settings.lease_s - settings.lease_renew_s:
                    raise Transient(f"the right to act could not be renewed: {error}") from error

    async def _loop(self, term: Term, name: str, pause_s: float, work: Work) -> None:
        failing_since: float | None = None
        wait = 0.2
        while True:
            try:
                await work(term)
                failing_since, wait = None, 0.2
                self._problems.pop(name, None)
                await asyncio.sleep(pause_s)
            except (Transient, KafkaError, *RETRYABLE) as error:
                failing_since = failing_since or time.monotonic()
                self._problems[name] = f"{name}: {error}"
                log(__name__).warning("trying again", loop=name, reason=str(error))
                if time.monotonic() - failing_since > GIVE_UP_S:
                    raise Transient(f"{name}: {error}") from error
                await asyncio.sleep(wait)
                wait = min(wait * 2, 10.0)


async def until_one_fails(tasks: Collection[asyncio.Task[None]]) -> None:
    """Wait until a task ends, end the others and raise what it failed with.

    They are cancelled until they have ended: a library may swallow one cancellation, or wait without end, while it is
    cancelled, for a server that is gone.
    """
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        left = set(tasks)
        while left:
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=END_S)
    for task in done:
        if task.cancelled():  # by what it used, for nobody else did: as silently it would be missed
            raise Transient("a loop was cancelled from within")
        task.result()
