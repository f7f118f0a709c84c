"""Dead letters: the original bytes and headers of a record that was not counted, with where and why.

They are sent, and acknowledged, before the flush that passes the record, under the key topic/epoch/partition/offset:
a flush that is repeated repeats the letter under the same key, and compaction keeps one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.errors import Transient
from shared.kafka import SOURCE_MESSAGE_BYTES
from shared.meter.position import Position
from shared.meter.stretch import REPLAYS, DeadLetter, kept_bytes_of

REASON, FIELD, SOURCE, LOG_TIME, KEY, PREFIX = "reason", "field", "source", "log-time-ms", "record-key", "original-"
CUT = "cut-from-bytes"
"""Header of a letter that holds only the beginning of a record: how many bytes a whole letter would have had."""
NO_VALUE = "no-value"
"""Header of a letter whose record had no value: the letter's is empty, because compaction takes away what has none."""
LEFT_OUT = "headers-left-out"
"""Header of a letter that holds only the first headers of a record: how many are missing."""
LETTER_BYTES_MAX = 3 * SOURCE_MESSAGE_BYTES - 65_536
"""What fits the dead-letter topic, with room for the letter's own key and the batch around it."""
WORDS_BYTES_MAX = 2_000
"""Of a reason and of a field's name, which may be the record's own."""
HEADER_BYTES = 12
"""What Kafka's format adds to a header's name and value: two lengths, each a varint of 5 bytes at most."""
PORTION_LETTERS, PORTION_BYTES = 500, 8_388_608
"""Letters that are acknowledged together: a few seconds' work for a slow broker, however many a flush has."""
ACK_TIMEOUT_S = 30.0
"""The producer's own delivery limit; longer means the broker is away."""


def letter_key(position: Position, offset: int) -> bytes:
    """``topic/epoch/partition/offset``: one letter per record, for ever."""
    return f"{position.topic}/{position.log_epoch}/{position.partition}/{offset}".encode()


def letter_headers(position: Position, letter: DeadLetter) -> list[tuple[str, bytes]]:
    """The letter's own: why, which field, where it was, when it came; and that it had no value, if so."""
    record = letter.record
    headers = [
        (REASON, letter.reason.encode()[:WORDS_BYTES_MAX]),
        (FIELD, letter.field.encode()[:WORDS_BYTES_MAX]),
        (SOURCE, letter_key(position, record.offset)),
        (LOG_TIME, str(record.timestamp).encode()),
    ]
    return headers if record.value is not None else [*headers, (NO_VALUE, b"")]


def letter_content(position: Position, letter: DeadLetter) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Value and headers of a letter, which hold the record's key and, with a prefix, its headers.

    What no letter can hold is cut, and the letter says so: it must not stop the log. Headers go first, from the last
    on; then key and all headers but the position that the record replays, and the value's end.
    """
    record, own = letter.record, letter_headers(position, letter)
    value = record.value or b""
    keyed = own if record.key is None else [*own, (KEY, record.key)]
    quoted = [(PREFIX + name, data) for name, data in record.headers]
    whole = len(value) + _size(keyed)
    if whole + _size(quoted) <= LETTER_BYTES_MAX:
        return value, keyed + quoted
    replays = [(PREFIX + name, data) for name, data in record.headers if name == REPLAYS and data is not None][:1]
    if whole + _size(replays) <= LETTER_BYTES_MAX:
        first = _first(quoted, replays, LETTER_BYTES_MAX - whole)
        left_out = str(len(quoted) - len(first)).encode()
        return value, [*keyed, (LEFT_OUT, left_out), *first]
    kept = replays if _size(replays) <= SOURCE_MESSAGE_BYTES else []
    return value[:SOURCE_MESSAGE_BYTES], [*own, (CUT, str(whole + _size(quoted)).encode()), *kept]


def _first(
    headers: Sequence[tuple[str, bytes]], kept: Sequence[tuple[str, bytes]], room: int
) -> list[tuple[str, bytes]]:
    """``kept``, which is one of the headers or nothing, then the first of the others that fit."""
    found, room = list(kept), room - _size(kept) - 2 * HEADER_BYTES - len(LEFT_OUT)
    for header in headers:
        if header in kept:
            continue
        room -= _size([header])
        if room < 0:
            break
        found.append(header)
    return found


def _size(headers: Sequence[tuple[str, bytes]]) -> int:
    return sum(len(name.encode()) + len(data or b"") + HEADER_BYTES for name, data in headers)


def portions(letters: Sequence[DeadLetter]) -> Iterator[Sequence[DeadLetter]]:
    """The letters in their order, a portion at a time; one letter at least."""
    start = size = 0
    for at, letter in enumerate(letters):
        size += kept_bytes_of(letter.record)
        if at + 1 - start == PORTION_LETTERS or size >= PORTION_BYTES:
            yield letters[start : at + 1]
            start, size = at + 1, 0
    if start < len(letters):
        yield letters[start:]


async def send_dead_letters(
    producer: AIOKafkaProducer, topic: str, position: Position, letters: Sequence[DeadLetter]
) -> None:
    """Send letters and wait until all are acknowledged. Raises ``Transient``; sending again is harmless."""
    try:
        waiting = []
        for letter in letters:
            value, headers = letter_content(position, letter)
            key = letter_key(position, letter.record.offset)
            waiting.append(await producer.send(topic, value, key=key, headers=headers))
        await asyncio.wait_for(asyncio.gather(*waiting), ACK_TIMEOUT_S)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Transient(f"dead letters not sent to {topic}: {error!r}") from error
