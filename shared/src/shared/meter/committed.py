"""Tells Kafka how far the partitions are counted, for lag tools alone: nothing here ever reads it back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from shared.telemetry import log

_log = log(__name__)

TELL_S_MAX = 10.0
"""A coordinator that is away for longer is told the newer offsets next time."""


class CommittedOffsets:
    """Commits beside the loop, one at a time, so that a coordinator that is away holds nothing up.

    Not promised: that a commit succeeds, or that Kafka's offsets are not behind.
    """

    def __init__(self) -> None:
        self._telling: asyncio.Task[None] | None = None

    def tell(self, consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
        """Start a commit, unless one is under way or there is nothing to tell."""
        if offsets and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(_commit(consumer, dict(offsets)), name="committed offsets")

    def cancel(self) -> None:
        """Leave it."""
        if self._telling is not None:
            self._telling.cancel()


async def _commit(consumer: AIOKafkaConsumer, offsets: dict[TopicPartition, int]) -> None:
    try:
        async with asyncio.timeout(TELL_S_MAX):
            await consumer.commit(offsets)
    except (KafkaError, IllegalStateError, TimeoutError) as error:
        _log.debug("offsets not committed", error=repr(error))
