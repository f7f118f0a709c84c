"""A database for the law: one pool on one loop, own topics for each schedule instead of own tables."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import secrets
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import asyncpg
import pytest
import stamina
import structlog
import uvloop
from tests.support import Sandbox

from shared.postgres import migrate
from shared.settings import PostgresSettings

Run = Callable[[Callable[[Any, Any], Coroutine[Any, Any, None]]], None]
"""Runs a coroutine function of the meter's and the purchaser's pool to its end."""

PURCHASER = "offset_purchaser"
SCHEMAS = ("traffic_meter", "delivery_emissions", PURCHASER)
DSNS = "LAW_DSNS"
"""Environment variable with the connection strings by schema, as JSON: several processes share one server."""

_numbers = itertools.count(1)


@pytest.fixture
def dsns(request: pytest.FixtureRequest) -> dict[str, str]:
    """Connection strings by schema: those of the run that started this process, else of a database of its own."""
    if given := os.environ.get(DSNS):
        return dict(json.loads(given))
    sandbox: Sandbox = request.getfixturevalue("sandbox")
    return {schema: sandbox.dsn(schema) for schema in SCHEMAS}


@pytest.fixture
def on_database(dsns: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Run]:
    """Run coroutines on the tables of a meter, named by the module's ``SCHEMA``."""
    schema = request.module.SCHEMA
    packages = ("shared.meter", "delivery_emissions") if schema == "delivery_emissions" else ("shared.meter",)
    dsn, buyers = dsns[schema], dsns[PURCHASER]
    migrate(PostgresSettings(dsn=dsn), packages)
    migrate(PostgresSettings(dsn=buyers), (PURCHASER,))
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # a process that is killed leaves its transaction open
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))

    async def no_reset(_: Any) -> None:
        """The connections' settings never change."""

    async def pool(dsn: str, size: int) -> Any:
        return await asyncpg.create_pool(
            dsn,
            min_size=size,
            max_size=4 * size,
            reset=no_reset,
            server_settings={"lock_timeout": "40", "synchronous_commit": "off", "jit": "off"},
        )

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, stamina.set_testing(True, attempts=3):
        meters, purchaser = runner.run(pool(dsn, 4)), runner.run(pool(buyers, 1))

        async def call(work: Callable[[Any, Any], Coroutine[Any, Any, None]]) -> None:
            async with asyncio.timeout(60):
                await work(meters, purchaser)

        yield lambda work: runner.run(call(work))
        meters.terminate()
        purchaser.terminate()
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
    process = os.environ.get("LAW_PROCESS", "0")
    return (f"site-{process}-{next(_numbers)}" for _ in itertools.count())
