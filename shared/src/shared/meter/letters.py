"""Dead letters as people see them: read from their topics, sent again with the header ``replays``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.errors import Rejected, Transient
from shared.kafka import SOURCE_MESSAGE_BYTES, client_options
from shared.meter.dead_letters import CUT, FIELD, KEY, LOG_TIME, PREFIX, REASON
from shared.meter.log_reader import LogReader
from shared.meter.stretch import PLACE, REPLAYS
from shared.settings import KafkaSettings


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter."""

    source: str
    """``topic/epoch/partition/offset`` of the record."""
    field: str
    reason: str
    time_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    """The record's own."""
    cut: bool = False
    """Only the beginning of the record is here."""

    @property
    def replays(self) -> str:
        """The position a replay takes: that of the first letter, when this one is itself a replay that failed."""
        return next(
            (value.decode(errors="replace") for name, value in self.headers if name == REPLAYS and value), self.source
        )

    @property
    def place(self) -> tuple[str, int]:
        """Topic and partition of the record."""
        topic, _, partition, _ = self.source.rsplit("/", 3)
        return topic, int(partition)

    def row(self, state: str) -> dict[str, Any]:
        """For tables and JSON; the value is left out, it may be personal data."""
        return {"source": self.source, "state": state, "field": self.field, "reason": self.reason,
                "log_time_ms": self.time_ms, "bytes": len(self.value or b"")}  # fmt: skip


def letter_of(record: Any) -> Letter:
    """A letter from its record in the dead-letter topic."""
    own = {name: value for name, value in record.headers if not name.startswith(PREFIX)}
    headers = ((name.removeprefix(PREFIX), value) for name, value in record.headers if name.startswith(PREFIX))
    return Letter(
        source=record.key.decode(errors="replace"),
        field=own.get(FIELD, b"").decode(errors="replace"),
        reason=own.get(REASON, b"").decode(errors="replace"),
        time_ms=_number(own.get(LOG_TIME)),
        key=own.get(KEY),
        value=record.value,
        headers=tuple(headers),
        cut=CUT in own,
    )


def _number(text: bytes | None) -> int:
    """Milliseconds of a header; 0 for what no meter writes."""
    return int(text) if text and text.isdigit() and len(text) < 16 else 0


async def read_letters(reader: Callable[[str, int], LogReader], places: Iterable[tuple[str, int]]) -> dict[str, Letter]:
    """All letters in dead-letter topics (topic, partitions), by source. Raises ``Transient``."""
    letters: dict[str, Letter] = {}
    for topic, partitions in places:
        for partition in range(partitions):
            async with reader(topic, partition) as log:
                begin, end = await log.bounds()
                async for records in log.read(begin, end):
                    for record in records:
                        if not PLACE.fullmatch((record.key or b"").decode(errors="replace")):
                            continue  # not written by a meter
                        letter = letter_of(record)
                        letters[letter.source] = letter
    return letters


def chosen(
    letters: dict[str, Letter], states: dict[str, str], sources: Sequence[str], *, every: bool, mended: bool = False
) -> list[Letter]:
    """The open letters that were named, or all open ones that are whole. Raises ``Rejected`` naming one that is not.

    ``mended``: the bytes come from elsewhere, so a letter that holds only the beginning of its record will do.
    """
    if every and sources:
        raise Rejected("name dead letters or take --all, not both", field="source")
    if every:
        open_ones = (letter for source, letter in letters.items() if not {source, letter.replays} & states.keys())
        return [letter for letter in open_ones if not letter.cut]
    for source in sources:
        if source not in letters:
            raise Rejected(f"no dead letter {source}", field="source")
        if letters[source].cut and not mended:
            raise Rejected(f"dead letter {source} holds only the beginning of its record: --value", field="source")
        if source in states or letters[source].replays in states:
            state = states.get(source) or states[letters[source].replays]
            raise Rejected(f"dead letter {source} is {state}", field="source")
    if not sources:
        raise Rejected("name dead letters, or --all", field="source")
    return [letters[source] for source in dict.fromkeys(sources)]


async def send_again(settings: KafkaSettings, letters: Sequence[Letter], value: bytes | None = None) -> None:
    """Send records again to their own partitions, with their log times (which a broker that stamps replaces).

    ``value`` replaces the bytes. Raises ``Transient``; sending again is harmless, each position is counted once.
    """
    producer = AIOKafkaProducer(
        **client_options(settings), enable_idempotence=True, acks="all", max_request_size=3 * SOURCE_MESSAGE_BYTES
    )
    try:
        await producer.start()
        for letter in letters:
            topic, partition = letter.place
            own = [(name, data) for name, data in letter.headers if name != REPLAYS]
            await producer.send_and_wait(
                topic,
                letter.value if value is None else value,
                key=letter.key,
                partition=partition,
                timestamp_ms=letter.time_ms if letter.time_ms > 0 else None,
                headers=[*own, (REPLAYS, letter.replays.encode())],
            )
    except (KafkaError, OSError) as error:
        raise Transient(f"not all dead letters were sent: {error!r}") from error
    finally:
        await producer.stop()
