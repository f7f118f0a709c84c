"""Sends readings, and after their acknowledgement the progress they are complete for.

What is not acknowledged stays marked and is sent again; a register changed twice before it was sent is sent once, with
its newest totals, because readings are cumulative. Not promised: that a reading is sent only once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.errors import Transient
from shared.meter.channel import Channel
from shared.meter.estimator import Estimator
from shared.meter.position import Position
from shared.meter.register import Register
from shared.metrics import MeterMetrics
from shared.readings import Progress, progress_key, reading_key
from shared.telemetry import log

_log = log(__name__)


class _Outbox:
    """What a source partition still has to say."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.registers: dict[tuple[object, ...], Register] = {}
        self.positions: dict[int, Position] = {}
        """By log epoch: the present one, and closed ones that are told again."""
        self.left = False


class ReadingsPublisher:
    """One send at a time for each source partition, to one partition of the readings: that keeps the order."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        estimator: Estimator,
        metrics: MeterMetrics,
        *,
        retry_s: float,
        away_s_max: float,
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._estimator = estimator
        self._metrics = metrics
        self._retry_s = retry_s
        self._away_s_max = away_s_max
        self._outboxes: dict[tuple[str, int], _Outbox] = {}
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def enqueue(
        self,
        channel: Channel,
        position: Position,
        registers: Sequence[Register],
        closed: Sequence[Position] = (),
    ) -> None:
        """Mark committed registers and the position they are complete for; ``closed``: positions of earlier epochs.

        For one partition, calls must come in the order of what they saw: a compacted topic keeps the last message.
        """
        outbox = self._outboxes.setdefault((position.topic, position.partition), _Outbox(channel))
        for register in registers:
            known = outbox.registers.get((register.log_epoch, register.key))
            if known is None or _age(known) <= _age(register):
                outbox.registers[register.log_epoch, register.key] = register
        for one in (*closed, position):
            outbox.positions[one.log_epoch] = one
        self._idle.clear()
        self._wake.set()

    def forget(self, topic: str, partition: int) -> None:
        """Leave a partition to its new owner, who sends all of its registers again."""
        outbox = self._outboxes.pop((topic, partition), None)
        if outbox is not None:
            outbox.left = True

    async def drained(self) -> None:
        """Wait until everything marked so far is acknowledged."""
        await self._idle.wait()

    async def run(self) -> None:
        """Send until cancelled, every partition at its own pace: one that commits later waits for no other.

        A failure is retried: the marks are only taken off by an acknowledgement. Raises ``Transient`` when nothing of a
        partition could be sent for ``away_s_max``, and any error that is not the broker's.
        """
        sending: dict[tuple[str, int], asyncio.Task[None]] = {}
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                for key in [key for key, task in sending.items() if task.done()]:
                    sending.pop(key).result()
                for key, outbox in self._outboxes.items():
                    if outbox.positions and key not in sending:  # never two: the older readings would come last
                        sending[key] = asyncio.create_task(self._deliver(outbox), name=f"readings of {key}")
                        sending[key].add_done_callback(lambda _: self._wake.set())
                if not sending:
                    self._idle.set()
        finally:
            for task in sending.values():
                task.cancel()
            await asyncio.gather(*sending.values(), return_exceptions=True)

    async def _deliver(self, outbox: _Outbox) -> None:
        """Send until nothing is marked."""
        failing_since: float | None = None
        said = ""
        while outbox.positions and not outbox.left:
            try:
                await self._send(outbox)
                failing_since, said = None, ""
            except (KafkaError, OSError, Transient) as error:
                now = time.monotonic()
                failing_since = failing_since or now
                if now - failing_since > self._away_s_max:
                    raise Transient(f"readings were not acknowledged for {now - failing_since:.0f} s") from error
                if said != (said := repr(error)):  # once for each reason, however often it is tried
                    _log.warning("readings not sent, will be sent again", error=said)
                await asyncio.sleep(self._retry_s)

    async def _send(self, outbox: _Outbox) -> None:
        registers, outbox.registers = outbox.registers, {}
        positions, outbox.positions = outbox.positions, {}
        newest = positions[max(positions)]
        try:
            await self._send_registers(outbox, newest, list(registers.values()))
            for epoch in sorted(positions):
                if not outbox.left:
                    await self._send_progress(outbox.channel, positions[epoch])
        except BaseException:
            outbox.registers = {**registers, **outbox.registers}
            outbox.positions = {**positions, **outbox.positions}
            raise

    async def _partition(self, position: Position) -> int:
        count = len(await self._producer.partitions_for(self._topic))
        if position.partitions > count:
            raise Transient(
                f"{self._topic} has {count} partitions, {position.topic} has {position.partitions}: grow it"
            )
        return position.partition

    async def _send_registers(self, outbox: _Outbox, position: Position, registers: Sequence[Register]) -> None:
        partition = await self._partition(position)
        waiting = []
        for register in registers:
            if outbox.left:
                break  # the new owner sends them all; an older one after them would be the last of its key
            reading = self._estimator.reading(outbox.channel, position, register)
            self._metrics.reading(reading)
            waiting.append(
                await self._producer.send(
                    self._topic,
                    reading.model_dump_json().encode(),
                    key=reading_key(reading).encode(),
                    partition=partition,
                )
            )
        if waiting:
            await asyncio.gather(*waiting)

    async def _send_progress(self, channel: Channel, position: Position) -> None:
        progress = Progress(
            log_epoch=position.log_epoch,
            topic=position.topic,
            partition=position.partition,
            channel=channel.name,
            through_offset=position.next_offset,
            as_of=position.as_of,
            partitions=position.partitions,
            balance=position.balance,
        )
        await self._producer.send_and_wait(
            self._topic,
            progress.model_dump_json().encode(),
            key=progress_key(progress).encode(),
            partition=await self._partition(position),
        )


def _age(register: Register) -> tuple[int, int]:
    return (register.revision, register.through_offset)
