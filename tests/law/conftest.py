"""A database for the law: one pool on one loop, own topics for each schedule instead of own tables."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import secrets
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import asyncpg
import pytest
import stamina
import structlog
from tests.support import Sandbox, within_database

from local_stack import LocalStack
from shared.postgres import migrate
from shared.settings import PostgresSettings

Run = Callable[[Callable[[Any], Coroutine[Any, Any, None]]], None]
"""Runs a coroutine function of the pool to its end."""

_numbers = itertools.count(1)


@pytest.fixture
def on_database(stack: LocalStack, sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[Run]:
    """Run coroutines on the tables of a meter, named by the module's ``SCHEMA``."""
    schema = request.module.SCHEMA
    packages = ("shared.meter", "delivery_emissions") if schema == "delivery_emissions" else ("shared.meter",)
    dsn = within_database(stack.service_dsn(schema), sandbox.database)
    migrate(PostgresSettings(dsn=dsn), packages)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # a process that is killed leaves its transaction open
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))

    async def no_reset(_: Any) -> None:
        """The connections' settings never change."""

    async def pool() -> Any:
        return await asyncpg.create_pool(
            dsn,
            min_size=4,
            max_size=16,
            reset=no_reset,
            server_settings={"lock_timeout": "40", "synchronous_commit": "off", "jit": "off"},
        )

    with asyncio.Runner() as runner, stamina.set_testing(True, attempts=3):
        opened = runner.run(pool())

        async def call(work: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
            async with asyncio.timeout(60):
                await work(opened)

        yield lambda work: runner.run(call(work))
        opened.terminate()
    structlog.configure(**before)


@pytest.fixture
def law_seed(capsys: pytest.CaptureFixture[str]) -> int:
    """The seed of this run, printed; ``LAW_SEED`` in the environment repeats one."""
    number = int(os.environ.get("LAW_SEED") or secrets.randbelow(1 << 32))
    with capsys.disabled():
        print(f"\nlaw: LAW_SEED={number}")
    return number


@pytest.fixture
def topic_names() -> Iterator[str]:
    """Names that no schedule used before."""
    return (f"site-{next(_numbers)}" for _ in itertools.count())
