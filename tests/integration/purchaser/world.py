"""A purchaser in this process on a real PostgreSQL, and a real sandbox provider in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import uvicorn
from pydantic import SecretStr

from offset_purchaser.campaign_file import load
from offset_purchaser.handlers.buy import buy
from offset_purchaser.handlers.campaigns import apply
from offset_purchaser.handlers.context import Context
from offset_purchaser.handlers.credit import issue_credits
from offset_purchaser.handlers.deliver import deliver
from offset_purchaser.handlers.issue import issue, render_documents
from offset_purchaser.handlers.settle import settle
from offset_purchaser.providers import open_providers
from offset_purchaser.sandbox_service.app import create_app
from offset_purchaser.sandbox_service.book import Book, Conduct
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.store import readings
from offset_purchaser.store.leadership import Term, acquire
from shared.postgres import Pool, open_pool, transaction
from shared.readings import Progress, Reading
from shared.settings import PostgresSettings, TopicSettings


class Seller:
    """What tests turn at a sandbox provider, however it runs."""

    def __init__(self, state: Path | None, port: int) -> None:
        self.state, self.port = state, port
        self._http = httpx.Client(base_url=self.url, verify=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fault(self, **fault: object) -> None:
        self.post("/v1/faults", fault)

    def post(self, path: str, body: dict[str, object] | None = None) -> None:
        assert self._http.post(path, json=body).status_code == 202

    def orders(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = self._http.get("/v1/orders").json()["orders"]
        return found


class SellerThread(Seller):
    """The sandbox in a thread: a real HTTP server that starts at once. ``conduct`` is read by every request."""

    def start(self, **conduct: Any) -> None:
        self.book = Book(str(self.state), Conduct(**conduct))
        app = create_app(self.book)
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=self.port, log_level="critical"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)

    def conduct(self, **conduct: Any) -> None:
        self.book.conduct = Conduct(**conduct)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(5)


class SellerProcess(Seller):
    """The sandbox as the command that people run, in a process of its own."""

    def start(self, *options: str) -> None:
        command = [str(Path(sys.executable).parent / "offset-purchaser"), "sandbox", "--port", str(self.port)]
        memory = [] if self.state is None else ["--state", str(self.state)]
        self._process = subprocess.Popen([*command, *memory, *options], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if self._http.get("/health/live").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("the sandbox did not start")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
    admin_dsn: str
    term: Term = field(default_factory=lambda: Term(0, ""))

    async def lead(self) -> Term:
        await self.pool.execute("UPDATE lease SET expires_at = '-infinity'")
        term = await acquire(self.pool, "test", 3600)
        assert term is not None
        self.term = term
        return term

    async def owner(self, statement: str) -> None:
        """Run something that the service may not, past its triggers: for setting up tests only."""
        connection = await asyncpg.connect(self.admin_dsn)
        try:
            await connection.execute("SET session_replication_role = replica; SET search_path TO offset_purchaser")
            await connection.execute(statement)
        finally:
            await connection.close()

    async def campaigns(self, text: str) -> None:
        path = self.folder / "campaigns.yaml"
        path.write_text(text)
        await apply(self.context, self.term, load(path))

    async def feed(self, *messages: Reading | Progress) -> None:
        async with transaction(self.pool) as connection:
            await readings.store_readings(connection, [m for m in messages if isinstance(m, Reading)])
            await readings.store_progress(connection, [m for m in messages if isinstance(m, Progress)])


@asynccontextmanager
async def open_world(
    dsn: str, admin_dsn: str, seller_url: str, folder: Path, http_timeout_s: float = 1.0
) -> AsyncIterator[World]:
    """A purchaser's store, clock and providers; it has the right to act."""
    pool = await open_pool(PostgresSettings(dsn=SecretStr(dsn)), application="test")
    settings = PurchaserSettings(
        campaigns_file=folder / "campaigns.yaml",
        documents_folder=folder / "documents",
        manual_folder=folder / "manual",
        sandbox_url=seller_url,
        http_timeout_s=http_timeout_s,
    )
    clock = SettableClock(datetime(2026, 12, 1, 12, tzinfo=UTC))
    context = Context(pool, settings, TopicSettings(), clock, open_providers(settings))
    found = World(pool, context, clock, folder, dsn, admin_dsn)
    async with httpx.AsyncClient(base_url=seller_url) as seller:  # what it retires is dated by one clock with us
        assert (await seller.post("/v1/clock", json={"at": clock.now.isoformat()})).status_code == 202
    await found.lead()
    try:
        yield found
    finally:
        for provider in context.providers.values():
            await provider.close()
        await pool.close()


async def everything(world: World, rounds: int = 3) -> None:
    """What one instance does, a few times over."""
    for _ in range(rounds):
        await settle(world.context, world.term)
        await buy(world.context, world.term)
        await issue(world.context, world.term)
        await issue_credits(world.context, world.term)
        await render_documents(world.context, world.term)
        await deliver(world.context, world.term)
