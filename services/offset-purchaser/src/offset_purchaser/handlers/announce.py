"""The outbox onto Kafka: in order, at least once, marked when the broker has acknowledged."""

from __future__ import annotations

import asyncio

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from offset_purchaser import metrics
from offset_purchaser.handlers.context import Context
from offset_purchaser.store import outbox
from shared.errors import Transient


async def announce(context: Context, broker: KafkaBroker) -> int:
    """Publish what is promised; returns how many. Raises ``Transient`` when the broker does not take it."""
    messages = await outbox.unsent(context.pool)
    metrics.OUTBOX.set(len(messages))
    if not messages:
        return 0
    by_topic: dict[str, list[outbox.Message]] = {}
    for message in messages:
        by_topic.setdefault(message.topic, []).append(message)
    results = await asyncio.gather(
        *(_publish(context, broker, found) for found in by_topic.values()), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return len(messages)


async def _publish(context: Context, broker: KafkaBroker, messages: list[outbox.Message]) -> None:
    """One topic in order; a topic that is missing does not keep the others waiting."""
    try:
        sends = [
            await broker.publish(m.value, topic=m.topic, key=m.key, headers=dict(m.headers), no_confirm=True)
            for m in messages
        ]
        for future in sends:
            await future
    except KafkaError as error:
        raise Transient(f"{messages[0].topic} takes no announcements: {type(error).__name__}: {error}") from error
    await outbox.mark_sent(context.pool, [message.id for message in messages], context.clock())
