"""Reads stretches of a partition again (anchor, duplicate window, audits), and asks how far logs reach.

Never joins a group.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.errors import Transient
from shared.kafka import client_options, stop_consumer
from shared.meter.stretch import Record
from shared.meter.unreadable import Unreadable, of_records
from shared.settings import KafkaSettings
from shared.telemetry import log

_log = log(__name__)


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
            await stop_consumer(self._consumer)

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

        Raises ``Transient`` when the broker falls silent for longer than its request time-out, ``Unreadable`` when one
        of the next ``batch`` records cannot be read.
        """
        consumer = self._open
        consumer.seek(self._tp, start)
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        while await consumer.position(self._tp) < end:
            try:
                answer = await consumer.getmany(self._tp, timeout_ms=200, max_records=batch)
            except Exception as error:
                if of_records(error):
                    at = await consumer.position(self._tp)
                    raise Unreadable(f"{self._tp.topic}[{self._tp.partition}]", at, error) from error
                if not isinstance(error, KafkaError | OSError):
                    raise
                raise Transient(f"Kafka cannot read {self._tp} at {start}: {error}") from error
            records = [record for record in answer.get(self._tp, []) if record.offset < end]
            now = asyncio.get_running_loop().time()
            if records:
                deadline = now + self._timeout_s
                yield records
            elif now > deadline:
                raise Transient(f"Kafka sent nothing of {self._tp} before offset {end} for {self._timeout_s:.0f} s")


class LogEnds:
    """Where logs begin and end, and how many partitions topics have. What the broker does not tell is left out.

    Ends are asked for without isolation: while a transaction is open, its records are stamped already and not readable
    yet, so nobody may claim to have counted everything up to now.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        options = client_options(settings)
        self._consumer = AIOKafkaConsumer(**options, group_id=None, enable_auto_commit=False)
        self._admin = AIOKafkaAdminClient(**options)

    async def start(self) -> None:
        """Connect. Raises ``Transient``."""
        try:
            await self._consumer.start()
            await self._admin.start()
        except (KafkaError, OSError) as error:
            raise Transient(f"Kafka cannot be reached: {error}") from error

    async def stop(self) -> None:
        """Disconnect."""
        await self._admin.close()
        await self._consumer.stop()

    async def ends(self, tps: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """The offset after the last record, readable or not, by partition."""
        try:
            return dict(await self._consumer.end_offsets(list(tps))) if tps else {}
        except (KafkaError, OSError) as error:
            _log.warning("end offsets unknown", error=repr(error))
            return {}

    async def begins(self, tps: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """The first offset that still exists, by partition."""
        try:
            return dict(await self._consumer.beginning_offsets(list(tps))) if tps else {}
        except (KafkaError, OSError) as error:
            _log.warning("first offsets unknown", error=repr(error))
            return {}

    async def partition_counts(self, topics: Sequence[str]) -> Mapping[str, int]:
        """Number of partitions by topic; a topic that does not exist is left out."""
        try:
            answer = await self._admin.describe_topics(list(topics))
        except (KafkaError, OSError) as error:
            _log.warning("partitions unknown", error=repr(error))
            return {}
        return {topic["topic"]: len(topic["partitions"]) for topic in answer if topic["partitions"]}
