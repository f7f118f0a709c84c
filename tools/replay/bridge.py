"""Bridges a JSON topic of another shape to one of the four source topics, exactly once.

The events of a batch and the positions behind them are one Kafka transaction: a crash anywhere repeats nothing and
loses nothing. Ids come from topic, partition and offset, so that meters would recognise a repetition by themselves.
One process bridges a topic at a time: a second one takes over and the first one stops.

Not promised: a source on another cluster (positions and events could not be one transaction), Avro, protobuf.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced
from aiokafka.structs import ConsumerRecord

from demo.records import Record
from demo.send import end_offsets
from replay.account import COLUMNS, REJECTED, Tally
from replay.rows import Parsed, State, not_traffic, rejected
from replay.sheets.mapping import Names, SheetMapping
from replay.sheets.onerow import RowShaper
from replay.sheets.shape import SheetOptions
from replay.sheets.table import RawRow, blank
from replay.sheets.values import Header
from shared.errors import Conflict, Rejected, Transient
from shared.kafka import client_options
from shared.settings import KafkaSettings, TopicSettings

BATCH = 2000
"""Records of one transaction: about a quarter of a second of work, far below any transaction time-out."""
POLL_MS = 500
LOOK_AGAIN_S = 30.0
"""How often new partitions of the source are looked for."""


class OffsetIds:
    """Event ids of a topic's records: ``SHA-256("<topic>:<partition>:<offset>")`` in hex; later parts append ``:n``."""

    def __init__(self, topic: str, partition: int) -> None:
        self._start = f"{topic}:{partition}:"

    def __call__(self, row: int, part: int = 0) -> str:
        """The id of the record at an offset."""
        text = f"{self._start}{row}" + (f":{part}" if part else "")
        return hashlib.sha256(text.encode()).hexdigest()


class Translator:
    """Records of one partition of the source to events. Columns of the mapping are keys, or paths of keys with dots."""

    def __init__(self, topic: str, partition: int, mapping: SheetMapping, options: SheetOptions) -> None:
        self._columns: list[Names] = list(dict.fromkeys(names for names, _ in mapping.columns()))
        header = Header([names[0] for names in self._columns])
        self._shaper = RowShaper(mapping, header, OffsetIds(topic, partition), options)

    def __call__(self, offset: int, value: bytes | None) -> Parsed:
        """What becomes of the record at an offset; ``row`` is the offset."""
        if value is None:
            return not_traffic(offset, "tombstone")
        try:
            entry = json.loads(value)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            return rejected(offset, "value", "is not a JSON object")
        cells = [_first(entry, names) for names in self._columns]
        if blank(cells):
            return rejected(offset, "value", "has none of the keys that the mapping reads")
        outcome = self._shaper.values(RawRow(offset, cells))
        return outcome if isinstance(outcome, Parsed) else self._shaper.sent(offset, *outcome)


def _first(entry: dict[str, Any], names: Names) -> Any:
    for name in names:
        value = _at(entry, name)
        if value is not None:
            return json.dumps(value) if isinstance(value, (dict, list)) else value
    return None


def _at(entry: dict[str, Any], name: str) -> Any:
    if name in entry:
        return entry[name]
    value: Any = entry
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


@dataclass(slots=True)
class Bridge:
    """A bridge from one topic, for as long as it runs."""

    kafka: KafkaSettings
    topics: TopicSettings
    source: str
    mapping: SheetMapping
    options: SheetOptions
    out: Path
    stop_at_end: bool = False
    skip_lost: bool = False
    """Go on behind records that the source deleted before they were bridged."""
    on_batch: Callable[[Tally], None] = lambda _: None
    tally: Tally = field(init=False)
    _translators: dict[int, Translator] = field(init=False, default_factory=dict)
    _listed: set[tuple[str, str]] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.tally = Tally(self.source)

    @property
    def group(self) -> str:
        """Under which the positions are stored; the same source and mapping go on where they were.

        A rehearsal under a topic prefix has positions and a transaction of its own.
        """
        return f"{self.topics.prefix}replay-bridge-{self.source}-{self.mapping.name}"

    async def run(self) -> None:
        """Bridge until stopped, or to the present end. Raises ``Conflict`` when another process took over."""
        if self.source == self.topics.name(self.mapping.kind.topic):
            raise Rejected(
                f"{self.source} is the topic that {self.mapping.name} writes to; a bridge needs another source"
            )
        self._listed = _listed(self.out / REJECTED)
        producer = AIOKafkaProducer(**client_options(self.kafka), transactional_id=self.group, acks="all")
        consumer = AIOKafkaConsumer(
            **client_options(self.kafka),
            group_id=self.group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
        )
        try:
            await producer.start()  # ends an unfinished transaction of a process before this one
            await consumer.start()
            await self._bridge(consumer, producer)
        except ProducerFenced:
            raise Conflict(
                f"another process bridges {self.source} with {self.mapping.name} now; this one stops"
            ) from None
        except KafkaError as error:
            raise Transient(f"Kafka failed ({error!r}); start again, the bridge goes on where it was") from error
        finally:
            await consumer.stop()
            with contextlib.suppress(KafkaError):
                await producer.stop()

    async def _bridge(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
        looked: float | None = None
        ends: dict[TopicPartition, int] = {}
        while True:
            if looked is None or time.monotonic() - looked > LOOK_AGAIN_S:
                looked = time.monotonic()
                await self._assign(consumer)
                if self.stop_at_end and not ends:
                    ends = await consumer.end_offsets(list(consumer.assignment()))
            batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH)
            for place, records in batches.items():
                if records:
                    await self._one(producer, place, records)
            if self.stop_at_end and all([await consumer.position(place) >= end for place, end in ends.items()]):
                return

    async def _assign(self, consumer: AIOKafkaConsumer) -> None:
        """Read every partition, from where the last transaction left it, else from its beginning."""
        numbers = (await end_offsets(self.kafka, [self.source]))[self.source]
        places = {TopicPartition(self.source, number) for number in numbers}
        fresh = places - consumer.assignment()
        if not fresh:
            return
        positions = {place: await consumer.position(place) for place in consumer.assignment()}
        begins, ends = await consumer.beginning_offsets(list(fresh)), await consumer.end_offsets(list(fresh))
        for place in fresh:
            positions[place] = self._start(place, await consumer.committed(place), begins[place], ends[place])
        consumer.assign(sorted(places))
        for place, position in positions.items():
            consumer.seek(place, position)

    def _start(self, place: TopicPartition, stored: int | None, begin: int, end: int) -> int:
        if stored is not None and stored > end:
            raise Rejected(
                f"{place.topic} was bridged up to {stored} of partition {place.partition}, but ends at {end}: it was "
                "created anew, and its events would have the ids of the old ones; bridge a topic of another name"
            )
        if stored is None or stored >= begin or self.skip_lost:
            return max(stored or 0, begin)
        raise Rejected(
            f"{place.topic} deleted the records {stored} to {begin - 1} of partition {place.partition} "
            "before they were bridged; --skip-lost goes on behind them"
        )

    async def _one(
        self, producer: AIOKafkaProducer, place: TopicPartition, records: Sequence[ConsumerRecord[bytes, bytes]]
    ) -> None:
        """One transaction: the events of a batch and the position behind it."""
        translate = self._translators.get(place.partition)
        if translate is None:
            translate = Translator(self.source, place.partition, self.mapping, self.options)
            self._translators[place.partition] = translate
        ends = [(translate(record.offset, record.value), record.timestamp) for record in records]
        self._list(place.partition, [parsed for parsed, _ in ends if parsed.state is State.REJECTED])
        async with producer.transaction():
            waiting = [await self._send(producer, record, stamp) for parsed, stamp in ends for record in parsed.records]
            await asyncio.gather(*waiting)
            await producer.send_offsets_to_transaction({place: records[-1].offset + 1}, self.group)
        for parsed, _ in ends:
            self.tally.add(parsed)
        self.on_batch(self.tally)

    async def _send(self, producer: AIOKafkaProducer, record: Record, stamp: int) -> asyncio.Future[Any]:
        """The stamp is that of the source's record; a topic stamped by the broker replaces it."""
        future: asyncio.Future[Any] = await producer.send(
            self.topics.name(record.topic), record.value, key=record.key, timestamp_ms=stamp
        )
        return future

    def _list(self, partition: int, refused: Sequence[Parsed]) -> None:
        """List rejected records before their batch is committed; a repeated batch lists none a second time."""
        rows = [(self.source, f"{partition}/{one.row}", one.field, one.reason) for one in refused]
        rows = [row for row in rows if row[:2] not in self._listed]
        path = self.out / REJECTED
        fresh = not path.exists()
        if not rows and not fresh:
            return
        self.out.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows] if fresh else rows)
        self._listed.update(row[:2] for row in rows)


def _listed(path: Path) -> set[tuple[str, str]]:
    if not path.exists():
        return set()
    with path.open(encoding="utf-8", newline="") as file:
        return {(row[0], row[1]) for row in csv.reader(file) if len(row) >= 2}
