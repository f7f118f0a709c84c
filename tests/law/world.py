"""Processes of a meter on one log and one database, driven step by step through a schedule of faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry
from tests.law.fakes import FakeConsumer, FakeEnds, FakeProducer, FakeReader, Logs
from tests.law.faults import ERROR, KILL, FaultyPool, Gate, Killed

from shared.errors import Transient
from shared.meter.channel import Channel
from shared.meter.estimator import Estimator
from shared.meter.parts import MeterParts, Settle
from shared.meter.publisher import ReadingsPublisher
from shared.meter.runtime import MeterRuntime
from shared.meter.settings import MeterSettings
from shared.meter.tally import Tally
from shared.metrics import MeterMetrics
from shared.schedule import MethodSchedule

READINGS = "meter-readings"
SETTINGS = MeterSettings(clock_skew_ms=0, retry_s_max=5)
"""Of one machine, the clocks agree."""
METRICS = MeterMetrics(CollectorRegistry())


class NoEstimates(Estimator):
    """Readings without emissions: methods have tests of their own."""

    def _estimate(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Kind:
    """Which meter: its channel, how a partition is tallied, what the database decides."""

    channel: Channel
    new_tally: Callable[[Channel], Tally]
    settle: Settle | None = None


class Process:
    """One meter process: the real runtime and publisher, with a log for Kafka and points at every await."""

    def __init__(self, world: World, plan: Mapping[int, str]) -> None:
        self.world = world
        self.gate = Gate(plan, lambda: world.meanwhile(self))
        self.consumer = FakeConsumer(world.logs, self.gate)
        producer: Any = FakeProducer(world.logs, self.gate, len(world.tps))
        pool: Any = FaultyPool(world.pool, self.gate)
        ends: Any = FakeEnds(world.logs, self.gate)

        def reader(topic: str, partition: int) -> Any:
            return FakeReader(world.logs, self.gate, TopicPartition(topic, partition))

        self.publisher = ReadingsPublisher(producer, READINGS, world.estimator, METRICS, retry_s=0.0, away_s_max=60.0)
        self.sending = asyncio.create_task(self.publisher.run())
        self.runtime = MeterRuntime(
            MeterParts(
                settings=SETTINGS,
                channels={world.topic: world.kind.channel},
                dead_letter_topic=lambda topic: topic + ".dead-letter",
                pool=pool,
                producer=producer,
                ends=ends,
                publisher=self.publisher,
                reader=reader,
                new_tally=world.kind.new_tally,
                clock=lambda: datetime.now(UTC),
                metrics=METRICS,
                settle=world.kind.settle,
            )
        )
        self.informed = True
        """Whether it hears of rebalances; a stalled process does not."""
        self.busy = False

    async def do(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Run a step; an expected end of the process ends it. Anything else is a failure of the test."""
        try:
            await work
        except (Killed, Transient):
            await self.kill()
            return False
        return True

    async def dies_of(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a part of a step inside one of the process's own calls; its end is tidied up outside of them."""
        try:
            await work
        except (Killed, Transient):
            self.gate.dead = True

    async def opened(self) -> None:
        """Wait until no partition is being opened."""
        while self.runtime._partitions.opening:
            await asyncio.wait(list(self.runtime._partitions.opening.values()))
            await asyncio.sleep(0)

    async def turn(self, records: int, *, flush: bool = False, heartbeat: bool = False) -> None:
        """Read up to ``records`` of each partition and fold them; then, at a flush, commit them."""
        self.consumer.records_max = records
        await self.runtime.read(self.consumer, wait_s=0.001)
        if heartbeat:
            await self.runtime.ask()
        if flush or heartbeat:
            await self.runtime.flush()

    async def kill(self) -> None:
        """End without a word."""
        self.gate.dead = True
        if self in self.world.processes:
            self.world.processes.remove(self)
        tasks = [self.sending, *self.runtime._partitions.opening.values()]
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(
                result, Killed | Transient | asyncio.CancelledError
            ):
                raise result


class World:
    """The log, the database, the processes, and the schedule that is left."""

    def __init__(self, pool: Any, topic: str, kind: Kind, logs: Logs, plans: Sequence[Mapping[int, str]]) -> None:
        self.pool = pool
        self.topic = topic
        self.kind = kind
        self.logs = logs
        self.tps = list(logs.partitions)
        self.estimator = NoEstimates((), MethodSchedule(entries=()), lambda _: None)  # type: ignore[arg-type,return-value]
        self.processes: list[Process] = []
        self._plans = list(plans)
        self.steps: list[tuple[Any, ...]] = []
        self._stalled = 0

    async def run(self, steps: Sequence[tuple[Any, ...]]) -> None:
        """Take all steps, then bring everything to rest."""
        self.steps = list(steps)
        await self.start()
        while self.steps:
            await self.step(self.steps.pop(0), None)
        await self.rest()

    async def meanwhile(self, stalled: Process) -> None:
        """What the others do while one stands still: the next steps, of which it hears nothing."""
        if self._stalled:
            return
        self._stalled += 1
        informed, stalled.informed = stalled.informed, False
        try:
            for _ in range(4):
                if self.steps:  # the steps of another process take some, too
                    await self.step(self.steps.pop(0), stalled)
        finally:
            stalled.informed = informed and not stalled.gate.dead
            self._stalled -= 1

    async def step(self, step: tuple[Any, ...], stalled: Process | None) -> None:
        """Take one step; what concerns a stalled process is left out."""
        name, number, *more = step
        if name == "produce":
            self.logs.produce(self.tps[number % len(self.tps)], more[0])
            return
        if name == "start":
            await self.start()
            return
        if not self.processes:
            await self.start()
        process = self.processes[number % len(self.processes)] if self.processes else None
        if name == "rebalance":
            await self.rebalance(number)
        elif process is not None and process is not stalled and not process.busy:
            process.busy = True  # a stalled publisher's meanwhile runs beside the schedule: one step at a time for each
            try:
                await getattr(self, "_" + name)(process, *more)
            finally:
                process.busy = False

    async def start(self) -> None:
        """One more process, up to three, and a rebalance."""
        if len(self.processes) < 3:
            self.processes.append(Process(self, self._plans.pop() if self._plans else {}))
        await self.rebalance(len(self.processes))

    async def rebalance(self, number: int) -> None:
        """Revoke everywhere, then spread the partitions; processes that hear nothing keep what they think is theirs."""
        members = [process for process in self.processes if process.informed]
        for process in members:
            await process.do(process.runtime.revoked())
        members = [process for process in members if process in self.processes]
        shares: dict[int, list[TopicPartition]] = {}
        for index, tp in enumerate(self.tps):
            shares.setdefault((index + number) % max(1, len(members)), []).append(tp)
        for index, process in enumerate(members):
            own = shares.get(index, [])
            process.consumer.give(own)
            process.runtime.assigned(process.consumer, set(own))

    async def _turn(self, process: Process, records: int, back: int, wait: bool) -> None:
        if wait:
            await process.do(process.opened())
        process.consumer.back = back
        await process.do(process.turn(records))

    async def _broken(self, process: Process, records: int, flush: bool) -> None:
        """A poll that fails after it moved positions, and what comes after it is committed."""
        process.consumer.broken = True
        await process.do(process.turn(records, flush=flush))

    async def _flush(self, process: Process, heartbeat: bool) -> None:
        await process.do(process.turn(0, flush=True, heartbeat=heartbeat))

    async def _ask(self, process: Process, records: int, points: int, flush: int) -> None:
        """A process asks how far the logs reach, which grow meanwhile, and reads on while it commits what it knew."""

        async def grow() -> None:
            for tp in self.tps:
                self.logs.produce(tp, 1)

        if await process.do(process.turn(records)):
            process.gate.beside(points, grow, None)
            await process.do(process.runtime.ask())
            process.gate.alone()
        if flush >= 0 and process in self.processes:
            await self._overlap(process, 20, 0, flush, "")

    async def _overlap(self, process: Process, records: int, back: int, points: int, also: str) -> None:
        """A flush at one of whose points the process reads on before the call ends, or fails, or the process does.

        Meanwhile it may also be told to leave, to give up, or to tell everything again.
        """
        if not (await process.do(process.opened()) and await process.do(process.turn(1))):
            return
        own, tasks = process.consumer.assignment(), []

        async def meanwhile() -> None:
            process.consumer.back = back
            await process.dies_of(process.turn(records))
            works = {"stop": lambda: process.runtime.stop(5.0), "revoke": process.runtime.revoked,
                     "resend": process.runtime.resend}  # fmt: skip
            if also == "ask":
                await process.dies_of(process.runtime.ask())
            elif also in works:
                tasks.append(asyncio.create_task(process.do(works[also]())))
                await asyncio.sleep(0)  # it waits for the flush by now, and a poll returns meanwhile
            await process.dies_of(process.turn(records))

        process.gate.beside(points, meanwhile, also if also in (ERROR, KILL) else None)
        await process.do(process.runtime.flush())
        process.gate.alone()
        await asyncio.gather(*tasks)
        if process.gate.dead:
            await process.kill()
        if tasks and also == "revoke" and process in self.processes and process.informed:
            process.consumer.give(own)
            process.runtime.assigned(process.consumer, own)
        elif tasks and also == "stop":
            if process in self.processes:
                await process.do(self._drained(process))
            await process.kill()

    async def _deaf(self, process: Process) -> None:
        process.informed = not process.informed

    async def _outage(self, process: Process) -> None:
        """The next calls fail, whatever the step: a rebalance whose flush fails, a leave without a last flush."""
        process.gate.outage()

    async def _kill(self, process: Process) -> None:
        await process.kill()

    async def _stop(self, process: Process, records: int, steps: int) -> None:
        """SIGTERM while a poll is under way, which returns at any moment of the last flush."""
        await self._beside_a_poll(process, process.runtime.stop(5.0), records, steps)
        if process in self.processes:
            await process.do(self._drained(process))
        await process.kill()

    async def _revoke(self, process: Process, records: int, steps: int) -> None:
        """A rebalance of one process while a poll is under way, after which it gets the same partitions again."""
        own = process.consumer.assignment()
        await self._beside_a_poll(process, process.runtime.revoked(), records, steps)
        if process in self.processes and process.informed:
            process.consumer.give(own)
            process.runtime.assigned(process.consumer, own)

    async def _resend(self, process: Process, records: int, steps: int) -> None:
        await self._beside_a_poll(process, process.runtime.resend(), records, steps, flush=True)

    async def _beside_a_poll(
        self, process: Process, work: Coroutine[Any, Any, Any], records: int, steps: int, flush: bool = False
    ) -> None:
        """The poll returns after ``steps`` points of the work, so that a schedule repeats itself exactly."""
        held = process.consumer.held = asyncio.Event()
        tasks = [asyncio.create_task(process.do(process.turn(records, flush=flush)))]
        try:
            await asyncio.sleep(0)
            working = asyncio.create_task(process.do(work))
            tasks.append(working)
            passed = process.gate.passed(steps)
            await asyncio.wait({working, passed}, return_when=asyncio.FIRST_COMPLETED)
            passed.cancel()
        finally:
            held.set()
            process.consumer.held = None
            await asyncio.gather(*tasks)

    async def _drained(self, process: Process) -> None:
        drained = asyncio.ensure_future(process.publisher.drained())
        done, _ = await asyncio.wait({drained, process.sending}, return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
        if process.sending in done:
            await process.sending

    def _asked(self, process: Process) -> Callable[[], Coroutine[Any, Any, None]]:
        async def resend() -> None:
            self.logs.told_again_from = len(self.logs.sent)
            await process.runtime.resend()

        return resend

    async def rest(self) -> None:
        """Every process flushes late, then one counts to the end and says everything again."""
        for process in list(self.processes):
            process.gate.quiet = True
            if await process.do(process.opened()) and await process.do(process.turn(100, flush=True)):
                await process.do(self._drained(process))
            await process.kill()
        for tp in self.tps:
            self.logs.produce(tp, 1_000)
        self._plans = []
        await self.start()
        last = self.processes[0]
        for work in (last.opened, lambda: last.turn(1_000), lambda: last.turn(0, heartbeat=True), self._asked(last)):
            if not await last.do(work()):
                raise AssertionError("the last process ended")
        await self._drained(last)
        await last.kill()
