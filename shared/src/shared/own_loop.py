"""A coroutine in a thread with an event loop of its own, for work that would keep everybody else's loop waiting."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
LEFT_S_MAX = 5.0
"""What the work has left running ends in milliseconds, or is left to itself."""


async def run_apart(work: Coroutine[Any, Any, T], *, name: str) -> T:
    """Run ``work`` to its end in a loop and thread of its own; returns or raises what it does.

    When the caller is cancelled the work is cancelled there, and this returns only after it has ended. Whatever the
    work uses (connections, locks, clients) must be opened inside it. Not promised: more than one core; Python code of
    both threads takes turns.
    """
    here, there = asyncio.get_running_loop(), asyncio.new_event_loop()
    task = there.create_task(work)
    ended = asyncio.Event()

    def live() -> None:
        try:
            with contextlib.suppress(BaseException):  # the task keeps it, and it is raised where it is waited for
                there.run_until_complete(task)
            there.run_until_complete(_leave_nothing())
            there.run_until_complete(there.shutdown_default_executor())
        finally:
            there.close()
            with contextlib.suppress(RuntimeError):  # nobody is there any more to be told
                here.call_soon_threadsafe(ended.set)

    threading.Thread(target=live, name=name, daemon=True).start()
    cancelled = False
    while not ended.is_set():
        try:
            await ended.wait()
        except asyncio.CancelledError:  # each time anew: what the work uses may have swallowed the one before
            cancelled = True
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                there.call_soon_threadsafe(task.cancel)
    if cancelled:
        raise asyncio.CancelledError
    return task.result()


async def _leave_nothing() -> None:
    """End what the work has left running, as ``asyncio.run`` does."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for other in left:
        other.cancel()
    if left:
        await asyncio.wait(left, timeout=LEFT_S_MAX)
    await asyncio.get_running_loop().shutdown_asyncgens()
