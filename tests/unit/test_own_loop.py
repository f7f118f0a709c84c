"""Work in a loop of its own: it does not hold up the caller, and it ends when the caller is cancelled."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from shared.own_loop import run_apart


async def test_what_the_work_returns_and_raises_arrives() -> None:
    async def add() -> int:
        await asyncio.sleep(0)
        return 3

    async def fail() -> None:
        raise ValueError("wrong")

    assert await run_apart(add(), name="adds") == 3
    with pytest.raises(ValueError, match="wrong"):
        await run_apart(fail(), name="fails")


async def test_work_that_never_yields_does_not_hold_up_the_caller() -> None:
    release = threading.Event()

    async def block() -> str:
        release.wait(10)  # as a loop that is busy for long
        return threading.current_thread().name

    task = asyncio.create_task(run_apart(block(), name="blocked"))
    for _ in range(50):
        await asyncio.sleep(0.001)
    assert not task.done()
    release.set()
    assert await task == "blocked"


async def test_a_cancelled_caller_waits_until_the_work_has_cleaned_up() -> None:
    steps: list[str] = []
    begun = threading.Event()

    async def work() -> None:
        try:
            begun.set()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            steps.append("closed")

    task = asyncio.create_task(run_apart(work(), name="long"))
    assert await asyncio.to_thread(begun.wait, 10)
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["closed"]
    assert time.monotonic() - began < 5


async def test_work_that_swallows_a_cancellation_is_cancelled_again() -> None:
    begun, swallowed = threading.Event(), threading.Event()

    async def stubborn() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            swallowed.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(run_apart(stubborn(), name="stubborn"))
    assert await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    assert await asyncio.to_thread(swallowed.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


async def test_a_caller_cancelled_before_the_work_began_ends_too() -> None:
    async def work() -> None:
        await asyncio.sleep(60)

    task = asyncio.create_task(run_apart(work(), name="unbegun"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
