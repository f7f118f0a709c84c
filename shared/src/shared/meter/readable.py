"""Reading a partition around records that cannot be read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from shared.meter.log_reader import LogReader
from shared.meter.stretch import Record
from shared.meter.unreadable import Unreadable

READ_RECORDS = 2_000
"""Records of one read of the past."""


async def readable(
    log: LogReader, start: int, end: int, passing: Callable[[Unreadable], None]
) -> AsyncIterator[Sequence[Record]]:
    """Batches of what can be read of ``[start, end)``; what lies behind ``end`` need not be readable.

    ``passing`` is told each offset that cannot be read, and raises where it must not be passed.
    """
    at, batch, passed = start, READ_RECORDS, False
    while at < end:
        try:
            async for records in log.read(at, end, batch=batch):
                yield records
                at = records[-1].offset + 1
                if passed:
                    break
            else:
                return
            batch, passed = READ_RECORDS, False
        except Unreadable as error:
            if batch == 1:
                passing(error.exactly(at))
                at, passed = at + 1, True
            batch = 1


class Readable:
    """A log (see ``audit.Log``) of which records before an offset may be unreadable: ``passed`` names them.

    Reading one at or behind that offset raises ``Unreadable``.
    """

    def __init__(self, log: LogReader, before: int) -> None:
        self._log = log
        self._before = before
        self.passed: list[int] = []

    async def bounds(self) -> tuple[int, int]:
        """As the log says."""
        return await self._log.bounds()

    async def read(self, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """Batches of what can be read of ``[start, end)``."""
        async for records in readable(self._log, start, end, self._pass):
            yield records

    def said(self, where: str) -> str:
        """What was passed, as a sentence; ``""`` for nothing."""
        if not self.passed:
            return ""
        first = self.passed[0]
        return f"{where}: {len(self.passed)} offsets cannot be read and are passed over, the first is {first}"

    def _pass(self, error: Unreadable) -> None:
        if error.offset >= self._before:
            raise error
        self.passed.append(error.offset)
