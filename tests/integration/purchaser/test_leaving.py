"""The purchaser leaves when it is told to, whatever its neighbours do. The broker is this machine's own process."""

from __future__ import annotations

import asyncio
import signal

import psutil
from tests.integration.purchaser.process import Purchaser

from local_stack import LocalStack


async def test_a_leave_takes_less_than_five_seconds_although_the_broker_is_silent(
    stack: LocalStack, purchaser: Purchaser
) -> None:
    purchaser.start()
    purchaser.wait_ready()
    broker = psutil.Process(stack.kafka_pid)
    broker.suspend()
    try:
        assert await asyncio.to_thread(purchaser.end, signal.SIGTERM) < 5
    finally:
        broker.resume()
