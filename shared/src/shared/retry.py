"""The one retry helper: exponential back-off with jitter on ``Transient``, and on nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from shared.errors import Transient

T = TypeVar("T")


async def retried(call: Callable[[], Awaitable[T]], *, seconds_max: float) -> T:
    """Await ``call`` until it does not raise ``Transient``; after ``seconds_max`` the last ``Transient`` is raised.

    Waits 0.1 s at first, doubles up to 5 s, with up to a second of jitter, so that instances do not return in step.
    """
    async for attempt in stamina.retry_context(
        on=Transient, attempts=None, timeout=seconds_max, wait_initial=0.1, wait_max=5.0, wait_jitter=1.0
    ):
        with attempt:
            return await call()
    raise AssertionError("unreachable: the last attempt returns or raises")
