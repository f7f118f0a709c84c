"""Reads stretches of a partition again: for the anchor, the duplicate window, and audits. Never joins a group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.errors import Transient
from shared.kafka import client_options
from shared.meter.tally import Record
from shared.settings import KafkaSettings


class LogReader:
    """A bare consumer with manual assignment. Raises ``Transient`` when the broker cannot be reached."""

    def __init__(self, settings: KafkaSettings, topic: str, partition: int) -> None:
        self._tp = TopicPartition(topic, partition)
        self._options: dict[str, Any] = client_options(settings)
        self._timeout_s = settings.request_timeout_ms / 1000
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        consumer = AIOKafkaConsumer(
            **self._options,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",  # a position is always sought; jumping elsewhere silently would be a wrong answer
            isolation_level="read_committed",
        )
        try:
            await consumer.start()
        except (KafkaError, OSError) as error:
            raise Transient(f"Kafka cannot be reached: {error}") from error
        consumer.assign([self._tp])
        self._consumer = consumer
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._consumer is not None:
            await self._consumer.stop()

    @property
    def _open(self) -> AIOKafkaConsumer:
        assert self._consumer is not None, "use the reader inside 'async with'"
        return self._consumer

    async def bounds(self) -> tuple[int, int]:
        """First offset that still exists and the offset after the last readable one."""
        try:
            begin = await self._open.beginning_offsets([self._tp])
            end = await self._open.end_offsets([self._tp])
        except (KafkaError, OSError) as error:
            raise Transient(f"Kafka does not tell the offsets of {self._tp}: {error}") from error
        return begin[self._tp], end[self._tp]

    async def offset_at(self, time_ms: int) -> int | None:
        """Earliest offset whose log time is at or after a moment; ``None`` when there is none."""
        try:
            found = await self._open.offsets_for_times({self._tp: max(0, time_ms)})
        except (KafkaError, OSError) as error:
            raise Transient(f"Kafka does not tell offsets by time of {self._tp}: {error}") from error
        answer = found[self._tp]
        return None if answer is None else int(answer.offset)

    async def read(self, start: int, end: int, *, batch: int = 2_000) -> AsyncIterator[Sequence[Record]]:
        """Batches of the records in ``[start, end)``; ends at ``end`` even when the last offsets carry no record.

        Raises ``Transient`` when the broker falls silent for longer than its request time-out.
        """
        consumer = self._open
        consumer.seek(self._tp, start)
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        while await consumer.position(self._tp) < end:
            try:
                answer = await consumer.getmany(self._tp, timeout_ms=200, max_records=batch)
            except (KafkaError, OSError) as error:
                raise Transient(f"Kafka cannot read {self._tp} at {start}: {error}") from error
            records = [record for record in answer.get(self._tp, []) if record.offset < end]
            now = asyncio.get_running_loop().time()
            if records:
                deadline = now + self._timeout_s
                yield records
            elif now > deadline:
                raise Transient(f"Kafka sent nothing of {self._tp} before offset {end} for {self._timeout_s:.0f} s")
