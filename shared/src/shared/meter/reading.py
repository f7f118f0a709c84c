"""Polls the consumer and folds what comes; a failed poll loses nothing, and a record that cannot be read stops its
partition alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError, RecordTooLargeError

from shared.meter.assignment import Assignment
from shared.meter.unreadable import of_records
from shared.telemetry import log

_log = log(__name__)

POLL_S_MAX = 0.2
"""Longest wait for records: a stop is noticed this late at most."""
ALONE_S_MAX = 0.5
"""Wait for the records of one partition that are fetched again."""

Stop = Callable[[TopicPartition, str], Awaitable[None]]
"""Commits what was folded of a partition and stops it, with the reason."""


class Reading:
    """The consumer's side of the loop."""

    def __init__(self, partitions: Assignment, stop: Stop, records_max: int) -> None:
        self._partitions = partitions
        self._stop = stop
        self._records_max = records_max

    async def read(self, consumer: AIOKafkaConsumer, wait_s: float) -> None:
        """Poll once and fold. Raises what is not about records or the broker's connection."""
        try:
            await self._poll(consumer, wait_s, self._records_max)
        except NoOffsetForPartitionError:
            return  # of a partition that was just assigned; its opening seeks
        except OffsetOutOfRangeError as error:
            for tp, offset in dict(error.args[0]).items():
                await self._stop(tp, f"offset {offset} is gone: retention or a re-created topic; reseat --reason")
        except RecordTooLargeError as error:
            for tp, offset in dict(error.args[1]).items():
                await self._stop(tp, f"the record at offset {offset} is larger than a fetch")
        except Exception as error:
            await self._look_for_it(consumer, error)

    async def _look_for_it(self, consumer: AIOKafkaConsumer, error: Exception) -> None:
        """Find the partition of a record that cannot be read; any other error passes, or is raised."""
        if of_records(error):
            _log.warning("a record cannot be read, looking for its partition", error=repr(error))
            for tp in list(self._partitions.open):
                if await self._read_alone(consumer, tp):
                    return
        elif isinstance(error, KafkaError):
            _log.warning("nothing read", error=repr(error))
            await asyncio.sleep(POLL_S_MAX)
        else:
            raise error

    async def _poll(self, consumer: AIOKafkaConsumer, wait_s: float, records_max: int, *alone: TopicPartition) -> int:
        """Poll and fold; returns how many records came. Whatever it raises, nothing was passed without being folded."""
        try:
            timeout_ms = max(1, int(wait_s * 1000))
            batches = await consumer.getmany(*alone, timeout_ms=timeout_ms, max_records=records_max)
        except Exception:
            # It may have moved the positions of partitions whose records it then dropped for the failure of another.
            self._seek_back(consumer)
            raise
        for tp, records in batches.items():  # nothing is awaited since the poll moved the positions: see Flusher._cut
            opened = self._partitions.open.get(tp)
            if opened is not None:
                opened.fold(records)
        return sum(map(len, batches.values()))

    def _seek_back(self, consumer: AIOKafkaConsumer) -> None:
        """To where was folded, and fetch again from there."""
        assigned = consumer.assignment()
        for tp, opened in self._partitions.open.items():
            if tp in assigned:
                consumer.seek(tp, opened.tally.next_offset)

    async def _read_alone(self, consumer: AIOKafkaConsumer, tp: TopicPartition) -> bool:
        """Read one partition; if it cannot be read, go on record by record, and stop it where that fails twice.

        Returns whether it was stopped.
        """
        failed_at, records_max = -1, self._records_max
        while (opened := self._partitions.open.get(tp)) is not None and tp in consumer.assignment():
            try:
                came = await self._poll(consumer, ALONE_S_MAX, records_max, tp)
            except Exception as error:
                if not of_records(error):
                    _log.warning("nothing read", error=repr(error))
                    return False
                offset = opened.tally.next_offset
                if offset == failed_at and records_max == 1:
                    what = f"the records from offset {offset} on cannot be read: {type(error).__name__}: {error}"
                    await self._stop(
                        tp, f"{what}; when they can be: reseat --reason, to pass them as lost: reseat --from"
                    )
                    return True
                failed_at, records_max = offset, 1
            else:
                if records_max > 1 or not came:
                    return False
        return False
