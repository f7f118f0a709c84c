"""The loops of the one who acts: what ends them, and that they end."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from offset_purchaser import engine
from offset_purchaser.engine import Engine, until_one_fails
from offset_purchaser.store.leadership import Term
from shared.errors import Conflict

TERM = Term(1, "here")


async def test_a_database_that_starts_up_is_waited_for() -> None:
    nothing: Any = None
    loops = Engine(nothing, nothing, nothing)
    errors: list[Exception] = [asyncpg.CannotConnectNowError("the database system is starting up"), OSError("gone")]
    done = asyncio.Event()

    async def work(_: Term) -> None:
        if errors:
            raise errors.pop()
        done.set()

    looping = asyncio.create_task(loops._loop(TERM, "work", 0.01, work))
    await asyncio.wait_for(done.wait(), 5)
    looping.cancel()
    assert (errors, loops.problem) == ([], "starting")


async def test_a_loop_that_swallows_its_cancellation_ends_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "END_S", 0.01)
    cancelled = 0

    async def stubborn() -> None:
        nonlocal cancelled
        while cancelled < 3:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled += 1

    async def loses() -> None:
        await asyncio.sleep(0)
        raise Conflict("another instance took over")

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(loses())]
    with pytest.raises(Conflict, match="took over"):
        await asyncio.wait_for(until_one_fails(tasks), 5)
    assert (cancelled, tasks[0].done()) == (3, True)
