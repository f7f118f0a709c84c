"""Ends of clients: one that never ends holds nobody up."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from shared import kafka


class Stubborn:
    """A consumer whose end waits for a broker that is away and swallows its cancellation."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def stop(self) -> None:
        while not self.left.is_set():
            try:
                await self.left.wait()
            except asyncio.CancelledError:
                continue


async def test_a_consumer_that_never_ends_is_left_to_itself() -> None:
    consumer: Any = Stubborn()
    began = time.monotonic()
    await kafka.stop_consumer(consumer, 0.05)
    assert 0.05 <= time.monotonic() - began < 2
    consumer.left.set()


async def test_an_end_that_fails_is_told() -> None:
    class Failing:
        async def stop(self) -> None:
            raise OSError("connection lost")

    failing: Any = Failing()
    with pytest.raises(OSError, match="connection lost"):
        await kafka.stop_consumer(failing)


async def test_an_end_that_is_cancelled_by_its_own_fetch_closes_the_connections_and_not_its_caller() -> None:
    class Client:
        closed = False

        async def close(self) -> None:
            self.closed = True

    class Torn:
        """As aiokafka 0.14: its end waits for a fetch that it cancelled."""

        def __init__(self) -> None:
            self._client = Client()

        async def stop(self) -> None:
            fetch = asyncio.create_task(asyncio.sleep(60))
            await asyncio.sleep(0)
            fetch.cancel()
            await fetch

    torn: Any = Torn()
    await kafka.stop_consumer(torn)
    assert torn._client.closed
