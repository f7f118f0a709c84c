"""A purchaser on a real PostgreSQL and Kafka, and a real sandbox provider in a process of its own."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from pydantic import SecretStr
from tests.integration.purchaser.calling import Api
from tests.integration.purchaser.feeding import CAMPAIGN
from tests.integration.purchaser.process import Purchaser
from tests.integration.purchaser.world import SellerProcess, SellerThread, World, free_port, open_world
from tests.support import within_database

from local_stack import LocalStack
from shared.postgres import migrate
from shared.settings import PostgresSettings

ROLE = "offset_purchaser"
_numbers = itertools.count(1)


def _database(stack: LocalStack, name: str, template: str) -> str:
    """A database with the service's schema; returns its own role's DSN."""
    with psycopg.connect(stack.admin_dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        admin.execute(f"ALTER ROLE {ROLE} IN DATABASE {name} SET search_path TO {ROLE}")
    return within_database(stack.service_dsn(ROLE), name)


@pytest.fixture(scope="session")
def migrated(stack: LocalStack) -> str:
    """A database with the tables, copied for every test."""
    dsn = _database(stack, "purchaser_template", "template1")
    with psycopg.connect(within_database(stack.admin_dsn, "purchaser_template"), autocommit=True) as admin:
        admin.execute(f"CREATE SCHEMA {ROLE} AUTHORIZATION {ROLE}")
    migrate(PostgresSettings(dsn=SecretStr(dsn)), [ROLE])
    with psycopg.connect(stack.admin_dsn, autocommit=True) as admin:  # a template may have no session of its own
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'purchaser_template'")
    return "purchaser_template"


@pytest.fixture
def new_database(stack: LocalStack, migrated: str) -> Callable[[], tuple[str, str]]:
    """Makes databases; gives the DSNs of the service's role and of the superuser."""

    def make() -> tuple[str, str]:
        name = f"purchaser_{next(_numbers)}"
        return _database(stack, name, migrated), within_database(stack.admin_dsn, name)

    return make


@pytest.fixture
def own_database(new_database: Callable[[], tuple[str, str]]) -> tuple[str, str]:
    """A database of this test's own."""
    return new_database()


@pytest.fixture
def seller(tmp_path: Path) -> Iterator[SellerThread]:
    found = SellerThread(tmp_path / "seller.sqlite", free_port())
    found.start()
    yield found
    found.stop()


@pytest.fixture
def seller_process(tmp_path: Path) -> Iterator[SellerProcess]:
    found = SellerProcess(tmp_path / "seller.sqlite", free_port())
    found.start()
    yield found
    found.stop()


@pytest_asyncio.fixture
async def world(own_database: tuple[str, str], seller: SellerThread, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(*own_database, seller.url, tmp_path) as found:
        yield found


@pytest_asyncio.fixture
async def api(world: World) -> AsyncIterator[Api]:
    found = Api(world)
    async with found.client:
        yield found


@pytest.fixture
def purchaser(stack: LocalStack, own_database: tuple[str, str], seller_process: SellerProcess, tmp_path: Path) -> Any:
    found = Purchaser(stack, own_database[0], seller_process, tmp_path, f"p{time.monotonic_ns()}.")
    found.command("topics", "create")
    (tmp_path / "campaigns.yaml").write_text(CAMPAIGN.replace("2026-11-27", "2026-11-20"))
    yield found
    if found.process and found.process.poll() is None:
        found.process.kill()
        found.process.wait()
