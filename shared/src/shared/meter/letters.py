"""Dead letters as people see them: read from their topics, sent again with the header ``replays``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from shared.errors import Rejected, Transient
from shared.kafka import SOURCE_MESSAGE_BYTES, client_options
from shared.meter.dead_letters import CUT, FIELD, KEY, LEFT_OUT, LOG_TIME, NO_VALUE, PREFIX, REASON
from shared.meter.log_reader import LogReader
from shared.meter.readable import Readable
from shared.meter.stretch import PLACE, REPLAYS
from shared.settings import KafkaSettings

Tell = Callable[[str], None]
"""Says one sentence to the person who runs a command."""


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
    """``None`` when the record had none."""
    headers: tuple[tuple[str, bytes], ...]
    """The record's own."""
    cut: bool = False
    """Only the beginning of the record is here."""
    headers_left_out: int = 0
    """So many of the record's headers, the last ones, are not here."""

    @property
    def replays(self) -> str:
        """The position a replay takes: that of the first letter, when this one is itself a replay that failed.

        A header that names no position is what was wrong with its record.
        """
        texts = (value.decode(errors="replace") for name, value in self.headers if name == REPLAYS and value)
        text = next(texts, "")
        return text if PLACE.fullmatch(text) else self.source

    @property
    def place(self) -> tuple[str, int]:
        """Topic and partition of the record."""
        topic, _, partition, _ = self.source.rsplit("/", 3)
        return topic, int(partition)

    @property
    def age(self) -> tuple[int, int]:
        """Orders the letters of a partition: log epoch and offset."""
        _, epoch, _, offset = self.source.rsplit("/", 3)
        return int(epoch), int(offset)

    def row(self, state: str) -> dict[str, Any]:
        """For tables and JSON; the value is left out, it may be personal data."""
        return {"source": self.source, "state": state, "field": self.field, "reason": self.reason,
                "log_time_ms": self.time_ms, "bytes": len(self.value or b"")}  # fmt: skip

    def shown(self, state: str) -> dict[str, Any]:
        """All of it, with the record's bytes as text."""
        headers = {name: _text(data or b"") for name, data in self.headers}
        missing = {"cut": self.cut, "headers_left_out": self.headers_left_out}
        value = None if self.value is None else _text(self.value)
        return {**self.row(state), "key": _text(self.key or b""), "headers": headers, **missing, "value": value}


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
        value=None if NO_VALUE in own else record.value,
        headers=tuple(headers),
        cut=CUT in own,
        headers_left_out=_number(own.get(LEFT_OUT)),
    )


def _text(data: bytes) -> str:
    return data.decode(errors="backslashreplace")


def _number(text: bytes | None) -> int:
    """The number of a header; 0 for what no meter writes."""
    return int(text) if text and text.isdigit() and len(text) < 16 else 0


class Topics(NamedTuple):
    """A source topic and where its dead letters are."""

    source: str
    letters: str
    partitions: int
    """Of the dead-letter topic."""


async def read_letters(
    reader: Callable[[str, int], LogReader], topics: Iterable[Topics], tell: Tell
) -> dict[str, Letter]:
    """All letters in dead-letter topics, by source. Raises ``Transient``.

    What no meter wrote is passed over, and told when it names a place: its bytes would be sent to another topic.
    """
    letters: dict[str, Letter] = {}
    for topic in topics:
        for partition in range(topic.partitions):
            async with reader(topic.letters, partition) as live:
                begin, end = await live.bounds()
                log = Readable(live, end)
                async for records in log.read(begin, end):
                    for record in records:
                        if not PLACE.fullmatch((record.key or b"").decode(errors="replace")):
                            continue  # not written by a meter
                        letter = letter_of(record)
                        if letter.place[0] == topic.source:
                            letters[letter.source] = letter
                        else:
                            where = f"{topic.letters}[{partition}] at offset {record.offset}"
                            tell(f"{letter.source} is no dead letter of {topic.source}: passed over in {where}")
                if log.passed:
                    tell(log.said(f"{topic.letters}[{partition}]"))
    return letters


OPEN, SENT_AGAIN = "open", "sent again"


def states_of(letters: Mapping[str, Letter], decided: Mapping[str, str]) -> dict[str, str]:
    """What became of each letter: ``open``, or as ``decided`` says of any letter of its position.

    A position that is sent again and refused again has several letters: the newest one is open, the older ones are
    ``sent again``.
    """
    positions: dict[str, list[Letter]] = {}
    for letter in letters.values():
        positions.setdefault(letter.replays, []).append(letter)
    states = {}
    for position, own in positions.items():
        known = [decided[source] for source in (position, *(letter.source for letter in own)) if source in decided]
        newest = max(own, key=lambda letter: letter.age)
        for letter in own:
            states[letter.source] = known[0] if known else OPEN if letter is newest else SENT_AGAIN
    return states


def chosen(
    letters: Mapping[str, Letter],
    decided: Mapping[str, str],
    sources: Sequence[str],
    *,
    every: bool,
    mended: bool = False,
) -> list[Letter]:
    """The letters that were named, or all open ones that are whole. Raises ``Rejected`` naming one that is decided.

    ``mended``: the bytes come from elsewhere, so a letter that holds only the beginning of its record will do.
    """
    if every and sources:
        raise Rejected("name dead letters or take --all, not both", field="source")
    states = states_of(letters, decided)
    if every:
        return [letter for source, letter in letters.items() if states[source] == OPEN and not letter.cut]
    for source in sources:
        if source not in letters:
            raise Rejected(f"no dead letter {source}", field="source")
        if letters[source].cut and not mended:
            raise Rejected(f"dead letter {source} holds only the beginning of its record: --value", field="source")
        if states[source] not in (OPEN, SENT_AGAIN):
            raise Rejected(f"dead letter {source} is {states[source]}", field="source")
    if not sources:
        raise Rejected("name dead letters, or --all", field="source")
    return [letters[source] for source in dict.fromkeys(sources)]


def unsendable(letter: Letter, partitions: Mapping[str, int], value: bytes | None) -> str:
    """Why a letter cannot be sent again as things are, or ``""``; ``value`` replaces its bytes."""
    topic, partition = letter.place
    if partition >= partitions.get(topic, 0):
        return f"{topic} has {partitions.get(topic, 0)} partitions"
    if letter.key is None and letter.value is None and value is None:
        return "its record had neither key nor value: give --value, or accept it"
    return ""


async def send_again(settings: KafkaSettings, letters: Sequence[Letter], tell: Tell, value: bytes | None = None) -> int:
    """Send records again to their own partitions, with their log times (which a broker that stamps replaces).

    ``value`` replaces the bytes. Returns how many were sent; one that its topic has no room for is told. Raises
    ``Transient``; sending again is harmless, each position is counted once.
    """
    sent = 0
    producer = AIOKafkaProducer(
        **client_options(settings),
        enable_idempotence=False,  # after one that is refused for its size an idempotent producer can send nothing more
        acks="all",
        max_request_size=3 * SOURCE_MESSAGE_BYTES,
    )
    try:
        await producer.start()
        for letter in letters:
            topic, partition = letter.place
            own = [(name, data) for name, data in letter.headers if name != REPLAYS]
            try:
                await producer.send_and_wait(
                    topic,
                    letter.value if value is None else value,
                    key=letter.key,
                    partition=partition,
                    timestamp_ms=letter.time_ms if letter.time_ms > 0 else None,
                    headers=[*own, (REPLAYS, letter.replays.encode())],
                )
                sent += 1
            except MessageSizeTooLargeError:
                tell(
                    f"{letter.source} is not sent: with its headers it is larger than {topic} takes: --value, or accept"
                )
    except (KafkaError, OSError) as error:
        raise Transient(f"not all dead letters were sent: {error!r}") from error
    finally:
        await producer.stop()
    return sent
