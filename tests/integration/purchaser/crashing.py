"""A crash at a chosen turn of the event loop: a forked process that ends there, as by kill -9."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any

CRASHED, FINISHED = 9, 0


class DyingLoop(asyncio.SelectorEventLoop):
    """An event loop whose process ends, with nothing cleaned up, at its n-th turn."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self._left = turns

    def _run_once(self) -> None:
        self._left -= 1
        if self._left < 0:
            os._exit(CRASHED)
        super()._run_once()  # type: ignore[misc]  # private, but every turn passes here


def run_and_die(work: Callable[[], Coroutine[Any, Any, None]], turns: int) -> bool:
    """Run something in a fork that dies after so many turns; true when it died before it had finished."""
    child = os.fork()
    if child == 0:
        try:
            loop = DyingLoop(turns)
            asyncio.set_event_loop(loop)
            loop.run_until_complete(work())
            os._exit(FINISHED)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (CRASHED, FINISHED), f"the instance ended with {code}"
    return code == CRASHED
