"""A purchaser on a real PostgreSQL and Kafka, and a real sandbox in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from local_stack import LocalStack
from offset_purchaser.campaign_file import load
from offset_purchaser.handlers.campaigns import apply
from offset_purchaser.handlers.context import Context
from offset_purchaser.providers import open_providers
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.store import readings
from offset_purchaser.store.leadership import Term, acquire
from shared.postgres import Pool, migrate, open_pool, transaction
from shared.readings import Progress, Reading
from shared.settings import PostgresSettings, TopicSettings


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    with LocalStack.ephemeral() as running:
        yield running


@dataclass
class SandboxProcess:
    """The sandbox provider, which can be stopped and started again without forgetting."""

    state: Path
    port: int
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [str(Path(sys.executable).parent / "offset-purchaser"), "sandbox", "--port", str(self.port)]
        command += ["--state", str(self.state), *self.arguments]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                if httpx.get(self.url + "/health/live").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("the sandbox did not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def fault(self, **fault: object) -> None:
        assert httpx.post(self.url + "/v1/faults", json=fault).status_code == 202

    def orders(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = httpx.get(self.url + "/v1/orders").json()["orders"]
        return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path / "sandbox.sqlite", free_port())
    process.start()
    yield process
    process.stop()


class SettableClock:
    """A clock that moves when told."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class World:
    """One purchaser's store and clock, and what it takes to feed it."""

    pool: Pool
    context: Context
    clock: SettableClock
    folder: Path
    dsn: str
    term: Term = field(default_factory=lambda: Term(0, ""))

    async def lead(self) -> Term:
        await self.pool.execute("UPDATE lease SET expires_at = '-infinity'")
        term = await acquire(self.pool, "test", 3600)
        assert term is not None
        self.term = term
        return term

    async def campaigns(self, text: str) -> None:
        path = self.folder / "campaigns.yaml"
        path.write_text(text)
        await apply(self.context, self.term, load(path))

    async def feed(self, *messages: Reading | Progress) -> None:
        async with transaction(self.pool) as connection:
            await readings.store_readings(connection, [m for m in messages if isinstance(m, Reading)])
            await readings.store_progress(connection, [m for m in messages if isinstance(m, Progress)])


@pytest.fixture
def fresh_dsn(stack: LocalStack) -> str:
    """The service's own schema, empty but for the tables."""
    import psycopg

    with psycopg.connect(stack.admin_dsn, autocommit=True) as admin:
        admin.execute("DROP SCHEMA IF EXISTS offset_purchaser CASCADE")
        admin.execute("CREATE SCHEMA offset_purchaser AUTHORIZATION offset_purchaser")
    dsn = stack.service_dsn("offset_purchaser")
    migrate(PostgresSettings(dsn=SecretStr(dsn)), ["offset_purchaser"])
    return dsn


@pytest_asyncio.fixture
async def world(fresh_dsn: str, sandbox: SandboxProcess, tmp_path: Path) -> AsyncIterator[World]:
    pool = await open_pool(PostgresSettings(dsn=SecretStr(fresh_dsn)), application="test")
    settings = PurchaserSettings(
        campaigns_file=tmp_path / "campaigns.yaml",
        documents_folder=tmp_path / "documents",
        manual_folder=tmp_path / "manual",
        sandbox_url=sandbox.url,
        http_timeout_s=1.0,
    )
    clock = SettableClock(datetime(2026, 12, 1, 12, tzinfo=UTC))
    context = Context(pool, settings, TopicSettings(), clock, open_providers(settings))
    found = World(pool, context, clock, tmp_path, fresh_dsn)
    await found.lead()
    yield found
    for provider in context.providers.values():
        await provider.close()
    await pool.close()


@pytest_asyncio.fixture
async def admin(stack: LocalStack) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(stack.admin_dsn)
    yield connection
    await connection.close()
