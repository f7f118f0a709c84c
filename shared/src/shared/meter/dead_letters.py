"""Dead letters: the original bytes and headers of a record that was not counted, with where and why.

They are sent, and acknowledged, before the flush that passes the record, under the key topic/epoch/partition/offset:
a flush that is repeated repeats the letter under the same key, and compaction keeps one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.errors import Transient
from shared.meter.position import Position
from shared.meter.tally import DeadLetter

REASON, FIELD, SOURCE, LOG_TIME, KEY, PREFIX = "reason", "field", "source", "log-time-ms", "original-key", "original-"
ACK_TIMEOUT_S = 30.0
"""The producer's own delivery limit; longer means the broker is away."""


def letter_key(position: Position, offset: int) -> bytes:
    """``topic/epoch/partition/offset``: one letter per record, for ever."""
    return f"{position.topic}/{position.log_epoch}/{position.partition}/{offset}".encode()


def letter_headers(position: Position, letter: DeadLetter) -> list[tuple[str, bytes]]:
    """Why, which field, where it was, when it came, its key, and its own headers with a prefix."""
    record = letter.record
    headers = [
        (REASON, letter.reason.encode()),
        (FIELD, letter.field.encode()),
        (SOURCE, letter_key(position, record.offset)),
        (LOG_TIME, str(record.timestamp).encode()),
    ]
    if record.key is not None:
        headers.append((KEY, record.key))
    return headers + [(PREFIX + name, value) for name, value in record.headers]


async def send_dead_letters(
    producer: AIOKafkaProducer, topic: str, position: Position, letters: Sequence[DeadLetter]
) -> None:
    """Send letters and wait until all are acknowledged. Raises ``Transient``; sending again is harmless."""
    try:
        waiting = [
            await producer.send(
                topic,
                letter.record.value,
                key=letter_key(position, letter.record.offset),
                headers=letter_headers(position, letter),
            )
            for letter in letters
        ]
        await asyncio.wait_for(asyncio.gather(*waiting), ACK_TIMEOUT_S)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Transient(f"dead letters not sent to {topic}: {error!r}") from error
