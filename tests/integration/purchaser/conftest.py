"""A purchaser on a real PostgreSQL and Kafka, and a real sandbox provider in a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr
from tests.integration.purchaser.world import Seller, World, free_port, open_world
from tests.support import Sandbox, within_database

from shared.postgres import migrate
from shared.settings import PostgresSettings


@pytest.fixture
def seller(tmp_path: Path) -> Iterator[Seller]:
    process = Seller(tmp_path / "seller.sqlite", free_port())
    process.start()
    yield process
    process.stop()


@pytest.fixture
def fresh_dsn(sandbox: Sandbox) -> str:
    """The service's own tables in a database of this test's own."""
    dsn = sandbox.dsn("offset_purchaser")
    migrate(PostgresSettings(dsn=SecretStr(dsn)), ["offset_purchaser"])
    return dsn


@pytest_asyncio.fixture
async def world(fresh_dsn: str, sandbox: Sandbox, seller: Seller, tmp_path: Path) -> AsyncIterator[World]:
    admin = within_database(sandbox.stack.admin_dsn, sandbox.database)
    async with open_world(fresh_dsn, admin, seller.url, tmp_path) as found:
        yield found
