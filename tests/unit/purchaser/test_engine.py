"""The loops of the one who acts: what ends them, and that they end."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from offset_purchaser import engine
from offset_purchaser.engine import Engine, until_one_fails
from offset_purchaser.store.leadership import Term
from shared.errors import Conflict, Transient

TERM = Term(1, "here")


async def test_a_database_that_starts_up_is_waited_for() -> None:
    nothing: Any = None
    loops = Engine(nothing, nothing, nothing, nothing)
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


async def test_a_loop_that_is_cancelled_by_what_it_uses_is_a_failure_and_not_missed() -> None:
    async def torn() -> None:
        fetch = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        fetch.cancel()
        await fetch

    async def lives() -> None:
        await asyncio.sleep(60)

    tasks = [asyncio.create_task(lives()), asyncio.create_task(torn())]
    with pytest.raises(Transient, match="cancelled from within"):
        await asyncio.wait_for(until_one_fails(tasks), 5)
