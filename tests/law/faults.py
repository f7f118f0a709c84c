"""Faults at every await: each call to the outside passes two points, before and after its effect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.errors import KafkaConnectionError

from shared.errors import Transient
from shared.meter.store import _ADVANCE as ADVANCE


class Killed(BaseException):
    """The process ended at this very point: kill -9."""


ERROR, OUTAGE, KILL, STALL = "error", "outage", "kill", "stall"
OUTAGE_POINTS = 12
"""An outage outlasts the retries of one flush."""


class Gate:
    """What happens at the n-th point of one process: a lost connection, an outage, its end, or a stall meanwhile.

    The plan's negative numbers are the moments after its flushes were committed, the first is -1: few among all points,
    and those at which a process knows less than its database.
    """

    def __init__(self, plan: Mapping[int, str], meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._plan = plan
        self._meanwhile = meanwhile
        self.points = 0
        self._commits = 0
        self._out = 0
        self.dead = False
        self.quiet = False
        self._awaited: list[tuple[int, asyncio.Future[None]]] = []
        self._beside: tuple[int, Callable[[], Awaitable[None]], str | None] | None = None

    def passed(self, points: int) -> asyncio.Future[None]:
        """Done when that many more points were passed."""
        done = asyncio.get_running_loop().create_future()
        if points > 0:
            self._awaited.append((self.points + points, done))
        else:
            done.set_result(None)
        return done

    def beside(self, points: int, work: Callable[[], Awaitable[None]], fault: str | None) -> None:
        """What the process itself does while one of its calls waits, after that many more points, and how it ends."""
        self._beside = (self.points + points, work, fault)

    def alone(self) -> None:
        """Forget what was to be done beside a call."""
        self._beside = None

    def outage(self) -> None:
        """The connections are away from here on, for longer than one flush tries."""
        self._out = OUTAGE_POINTS

    async def point(self, error: Callable[[], Exception]) -> None:
        """Pass one point."""
        if self.dead:
            raise Killed
        self.points += 1
        for number, done in self._awaited:
            if number == self.points and not done.done():
                done.set_result(None)
        then = None
        if self._beside is not None and self.points > self._beside[0]:
            (_, work, then), self._beside = self._beside, None
            await self._meanwhile_alive(work)
        await self._meet(self.points, error, then)

    async def committed(self) -> None:
        """The moment after a flush was committed, of which this process has not heard yet."""
        self._commits += 1
        await self._meet(-self._commits, lambda: ConnectionResetError("the answer to the commit was lost"))

    async def _meet(self, number: int, error: Callable[[], Exception], then: str | None = None) -> None:
        """What the plan says of this moment, or else ``then``."""
        fault = (None if self.quiet else self._plan.get(number)) or then
        if fault == KILL:
            self.dead = True
            raise Killed
        if fault == OUTAGE:
            self.outage()
        if fault == ERROR or (self._out > 0 and not self.quiet):
            self._out -= 1
            raise error()
        if fault == STALL:
            await self._meanwhile_alive(self._meanwhile)

    async def _meanwhile_alive(self, work: Callable[[], Awaitable[None]]) -> None:
        await work()
        if self.dead:
            raise Killed

    async def database(self) -> None:
        """A point of PostgreSQL's connection."""
        await self.point(lambda: ConnectionResetError("connection lost"))

    async def kafka(self) -> None:
        """A point of Kafka's connection."""
        await self.point(lambda: KafkaConnectionError("connection lost"))

    async def log(self) -> None:
        """A point of a ``LogReader``, which translates its connection's errors."""
        await self.point(lambda: Transient("connection lost"))


class FaultyPool:
    """A process's pool over the real one: every statement and both ends of a commit are points."""

    def __init__(self, pool: Any, gate: Gate) -> None:
        self._pool = pool
        self._gate = gate

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        """A connection of the real pool."""
        await self._gate.database()
        async with self._pool.acquire() as connection:
            yield _FaultyConnection(connection, self._gate)


class _FaultyConnection:
    def __init__(self, connection: Any, gate: Gate) -> None:
        self._connection = connection
        self._gate = gate
        self._advanced = False

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._connection, name)

        async def faulty(*arguments: Any, **options: Any) -> Any:
            await self._gate.database()
            answer = await call(*arguments, **options)
            self._advanced = self._advanced or arguments[0] is ADVANCE
            return answer

        return faulty

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Commits; the answer to the commit may be lost."""
        own = self._connection.transaction()
        await own.start()
        try:
            yield
            await self._gate.database()
        except BaseException:
            await own.rollback()
            raise
        await own.commit()
        if self._advanced:
            await self._gate.committed()
        await self._gate.database()
