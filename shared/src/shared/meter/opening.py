"""Opening a partition: find where to go on, prove that the log is still the same one, rebuild the duplicate window."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiokafka import TopicPartition

from shared.errors import Rejected, Transient
from shared.meter import store
from shared.meter.channel import Channel
from shared.meter.log_reader import LogReader
from shared.meter.position import Position
from shared.meter.readable import readable
from shared.meter.stretch import Record, Sealed, anchor_of
from shared.meter.tally import Tally
from shared.meter.unreadable import Unreadable
from shared.postgres import Pool

TallyFactory = Callable[[Channel], Tally]


class LogChanged(Rejected):
    """The log is not the one that was counted: stop the partition until ``reseat`` opens a new log epoch.

    ``position`` is the row it was compared with: it is the fence of the stop.
    """

    def __init__(self, reason: str, position: Position) -> None:
        super().__init__(reason)
        self.position = position


@dataclass(slots=True, eq=False)
class Opened:
    """A partition being counted: its committed position, the stretch being committed, and what was folded behind it.

    An error drops all of it, as a restart would: the progress row says where to go on.
    """

    position: Position
    tally: Tally
    rebuild_s: float
    sealed: Sealed | None = None
    """The stretch from the position on that is being committed, or whose commit failed. It never changes: what is tried
    again is what was tried."""
    closed: bool = False
    """Nothing more is folded, because the partition is given up after this flush."""

    def fold(self, records: Sequence[Record]) -> None:
        """Fold the next records, behind a stretch that is being committed."""
        if not self.closed:
            self.tally.take(records)

    def cut(self) -> None:
        """End the stretch, if there is news and no other stretch is being committed."""
        if self.sealed is None and not self.clean:
            self.sealed = self.tally.cut()

    def committed(self, position: Position) -> None:
        """The stretch is in the tables."""
        self.position, self.sealed = position, None

    @property
    def folded(self) -> int:
        """Offsets folded and in no stretch that is being committed."""
        return self.tally.next_offset - (self.sealed or self.position).next_offset

    @property
    def clean(self) -> bool:
        """Whether everything folded is committed, so that the window remembers nothing else."""
        return self.tally.next_offset == self.position.next_offset


async def open_partition(
    pool: Pool,
    reader: Callable[[str, int], LogReader],
    tp: TopicPartition,
    channel: Channel,
    new_tally: TallyFactory,
    *,
    partitions: int,
    parked: Opened | None,
) -> Opened:
    """Read the progress row (or start at the earliest record), compare the log with it, and rebuild the window.

    ``parked`` is what this process kept when it last gave the partition up; it is used when nobody moved the row since.
    Raises ``LogChanged`` with the reason, ``Transient`` when Kafka or PostgreSQL is away.
    """
    async with reader(tp.topic, tp.partition) as log:
        begin, end = await log.bounds()
        position = await store.read_position(pool, tp.topic, tp.partition)
        if position is None:
            await store.create_position(pool, tp.topic, tp.partition, first_offset=begin, partitions=partitions)
            position = await store.read_position(pool, tp.topic, tp.partition)
            if position is None:
                raise Transient(f"the progress row of {tp} vanished while it was created")
        if position.stopped:
            raise LogChanged(position.stopped, position)
        await compare_log(log, position, begin, end)
        if parked is not None and _same(parked.position, position):
            parked.tally.begin(position)
            return Opened(position, parked.tally, 0.0)
        started = time.perf_counter()
        tally = new_tally(channel)
        await _rebuild(log, tally, position, begin)
        tally.begin(position)
        return Opened(position, tally, time.perf_counter() - started)


def _same(one: Position, other: Position) -> bool:
    return one.log_epoch == other.log_epoch and one.next_offset == other.next_offset


async def compare_log(log: LogReader, position: Position, begin: int, end: int) -> None:
    """The log must still contain what comes next, and the last record passed must be the one that was passed."""
    where = f"{position.topic}[{position.partition}]"
    if position.next_offset < begin:
        lost = begin - position.next_offset
        raise LogChanged(
            f"{lost} offsets of {where} were deleted before they were counted (next {position.next_offset}, log starts "
            f"at {begin}); open a new log epoch: reseat --reason",
            position,
        )
    if position.next_offset > end:
        raise LogChanged(
            f"{where} ends at {end}, before offset {position.next_offset} that was counted already: the topic was "
            f"re-created or truncated; open a new log epoch: reseat --reason",
            position,
        )
    anchor = position.anchor
    if anchor is None or anchor.offset < begin:
        return
    async for records in log.read(anchor.offset, anchor.offset + 1, batch=1):  # the next one may be unreadable
        found = anchor_of(records[0])
        if found == anchor:
            return
        break
    raise LogChanged(
        f"the record at offset {anchor.offset} of {where} is not the one that was counted: the topic was re-created; "
        f"open a new log epoch: reseat --reason",
        position,
    )


async def _rebuild(log: LogReader, tally: Tally, position: Position, begin: int) -> None:
    """Sight again every id that a later record could be a duplicate of."""
    window = tally.window
    if window.horizon_ms <= 0 or position.next_offset <= begin:
        return
    start = await log.offset_at(position.log_time_max_ms - window.horizon_ms)
    if start is None or start >= position.next_offset:
        return
    start = max(start, begin, position.next_offset - window.offsets_max)
    w_ms = position.log_time_max_ms
    async for records in readable(log, start, position.next_offset, _passed_before):
        tally.remember(records, w_ms)


def _passed_before(_: Unreadable) -> None:
    """It was passed by a person: no id of it counts."""
