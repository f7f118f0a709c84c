"""Seeded histories of orders under crashes, a faulty provider and restored backups, and what must hold at their end.

Time is one number: ``Chaos.pass_by`` moves the purchaser's clock and the provider's together, so that a delay of 30
seconds or a backup of six hours costs none.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import asyncpg
from pydantic import SecretStr
from tests.integration.purchaser.crashing import run_and_die
from tests.integration.purchaser.world import Seller, World

from offset_purchaser.handlers.buy import buy
from offset_purchaser.handlers.context import Context
from offset_purchaser.handlers.issue import issue
from offset_purchaser.handlers.recover import compare, take_over
from offset_purchaser.handlers.settle import settle
from offset_purchaser.providers.sandbox import TRAITS, Sandbox
from shared.errors import Conflict, OffsetsError
from shared.offset_events import OffsetDocument, OffsetOrder
from shared.postgres import open_pool
from shared.settings import PostgresSettings

GRAMS = 1_234_567
LISTING_DELAY_S = 45
DECLARED = replace(TRAITS, visibility_delay=timedelta(seconds=60))
"""The sandbox as a provider whose listing shows an order late."""
LIFE_TURNS = 260
"""Turns of the event loop in one life that settles, buys and documents; every one of them is a place to die at."""
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "lose_response"},
    {"kind": "delay", "seconds": 30},
    {"kind": "duplicate"},
    {"kind": "status", "status": 500, "store": True, "after": True},
    {"kind": "status", "status": 500, "store": True},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 500, "after": True},
    {"kind": "status", "status": 409, "store": True},
    {"kind": "status", "status": 409},
    {"kind": "status", "status": 429, "store": True},
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 422, "store": True},
    {"kind": "status", "status": 422},
    {"kind": "outcome", "outcome": {"kind": "partly_filled", "fill": "0.5"}},
)


class Backup:
    """Every table that purchases live in, as it was; written by the superuser past the service's triggers."""

    def __init__(self, connection: asyncpg.Connection[Any], tables: list[str]) -> None:
        self._connection, self._tables = connection, tables

    @classmethod
    async def open(cls, admin_dsn: str) -> Backup:
        connection = await asyncpg.connect(admin_dsn)
        await connection.execute("SET session_replication_role = replica; SET search_path TO offset_purchaser")
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'offset_purchaser'")
        keep = ("_yoyo", "yoyo", "leadership", "lease", "readings", "progress", "source_sums", "campaign")
        tables = [row["tablename"] for row in rows if not row["tablename"].startswith(keep)]
        await connection.execute("CREATE SCHEMA backup")
        for table in tables:
            await connection.execute(f"CREATE UNLOGGED TABLE backup.{table} (LIKE {table})")
        return cls(connection, tables)

    async def take(self) -> None:
        await self._connection.execute(
            "".join(f"DELETE FROM backup.{t}; INSERT INTO backup.{t} TABLE {t};" for t in self._tables)
        )

    async def restore(self) -> None:
        await self._connection.execute(
            "".join(f"DELETE FROM {t}; INSERT INTO {t} OVERRIDING SYSTEM VALUE TABLE backup.{t};" for t in self._tables)
        )

    async def empty(self) -> None:
        """As before anything was settled."""
        await self._connection.execute(
            "".join(f"DELETE FROM {t};" for t in self._tables)
            + "INSERT INTO settlements (campaign, day, number, due_at, state)"
            " VALUES ('bf', '2026-11-27', 1, '2026-11-28 05:00+00', 'waiting')"
        )

    async def close(self) -> None:
        await self._connection.close()


@dataclass
class Chaos:
    """One seeded history: faults at the provider, crashes of ours, time passing in between, now and then a restore."""

    world: World
    seller: Seller
    backup: Backup
    seed: int
    log: list[str] = field(default_factory=list)
    kafka: list[tuple[str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    async def run(self) -> None:
        for _ in range(self.dice.randrange(4)):
            self.fault()
        restores = self.dice.random() < 0.2
        lives = self.dice.randrange(1, 5)
        backed_up = self.dice.randrange(lives)
        for life in range(lives):
            if restores and life == backed_up:
                await self.backup.take()
            await self.crash_somewhere(1 + self.seed % LIFE_TURNS if life == 0 else self.dice.randrange(1, LIFE_TURNS))
            self.pass_by(self.dice.choice([1, 30, 3600, 13 * 3600]))
            if self.dice.random() < 0.1:
                self.seller.post("/v1/forget")
                self.log.append("the provider forgot its keys")
        if restores:
            await self.restore()
        self.seller.post("/v1/mend")
        for n in range(40):
            self.pass_by(61 if n < 10 else 3600)
            await self.tick(self.world.context)
            if await self.finished():
                return

    def pass_by(self, seconds: float) -> None:
        self.world.clock.pass_by(seconds=seconds)
        self.seller.post("/v1/clock", {"ahead_s": seconds})

    def fault(self) -> None:
        fault = self.dice.choice(FAULTS)
        self.log.append(str(fault))
        self.seller.fault(**fault)

    async def crash_somewhere(self, turns: int) -> None:
        """An instance works and dies at a turn of its loop; ours takes over. What it announced is on Kafka, or not."""
        died = run_and_die(self.one_life, turns)
        self.log.append(f"crash at turn {turns}" if died else f"no crash in {turns} turns")
        await self.world.lead()
        if self.dice.random() < 0.7:
            await self.announce()

    async def announce(self) -> None:
        rows = await self.world.pool.fetch("UPDATE outbox SET sent_at = now() WHERE sent_at IS NULL RETURNING *")
        self.kafka += [(row["topic"], row["value"]) for row in sorted(rows, key=lambda row: row["id"])]

    async def restore(self) -> None:
        """The tables of six hours ago; what Kafka tells is imported by a person."""
        self.pass_by(6 * 3600)
        await self.backup.restore()
        await self.world.lead()
        orders = [OffsetOrder.model_validate_json(value) for topic, value in self.kafka if topic == "offset-orders"]
        papers = [OffsetDocument.model_validate_json(v) for topic, v in self.kafka if topic == "offset-documents"]
        missing = await compare(self.world.pool, orders, papers, "rehearsal")
        self.log.append(f"restored; {missing.sentence or 'not behind'}")
        if missing.sentence:
            await take_over(self.world.context, missing, orders, by="Anna")

    async def one_life(self) -> None:
        await self.tick(await self.reborn())

    async def reborn(self) -> Context:
        dsn = PostgresSettings(dsn=SecretStr(self.world.dsn), pool_min=1, pool_max=1)
        pool = await open_pool(dsn, application="chaos")
        old = self.world.context
        return Context(pool, old.settings, old.topics, old.clock, {"sandbox": provider(old)})

    async def tick(self, context: Context) -> None:
        for work in (settle, buy, buy, issue):
            try:
                await work(context, self.world.term)
            except Conflict:
                raise
            except OffsetsError as error:
                self.log.append(f"{type(error).__name__}: {error}")

    async def finished(self) -> bool:
        rows = await self.world.pool.fetch("SELECT state, document FROM orders")
        return bool(rows) and all(
            r["state"] == "rejected" or (r["state"] == "confirmed" and r["document"]) for r in rows
        )


def provider(context: Context) -> Sandbox:
    """A client of its own for each life."""
    return Sandbox(context.settings.sandbox_url, context.settings.http_timeout_s, DECLARED)


async def check(world: World, seller: Seller) -> str:
    """Nothing bought twice, nothing lost, the grams equal; returns the state the order ended in."""
    bought = seller.orders()
    rows = await world.pool.fetch("SELECT * FROM orders")
    assert len(rows) == 1
    assert len(bought) <= 1, "bought twice"
    filled = sum(int(str(order["filled_g"])) for order in bought)
    row = rows[0]
    if row["state"] == "confirmed":
        assert row["confirmed_g"] == filled
        assert row["document"] is not None
    elif row["state"] == "rejected":
        assert bought == []
    else:
        assert row["state"] == "unknown"
    owed = await world.pool.fetch(
        "SELECT account, sum(amount)::bigint AS g FROM entries WHERE unit = 'g' GROUP BY account"
    )
    accounts = {r["account"]: r["g"] for r in owed}
    assert sum(accounts.values()) == 0
    assert -accounts["emitted"] == GRAMS
    assert accounts.get("bought", 0) == (filled if row["state"] == "confirmed" else 0)
    assert accounts.get("bought", 0) + accounts.get("committed", 0) + accounts.get("owed", 0) == GRAMS
    numbers = [r["sequence"] for r in await world.pool.fetch("SELECT sequence FROM documents ORDER BY sequence")]
    assert numbers == list(range(1, len(numbers) + 1))
    return str(row["state"])


async def why_unknown(world: World, seller: Seller) -> str:
    """What made an order end unknown, for the summary: the evidence that its rows and its provider hold."""
    row = await world.pool.fetchrow("SELECT find_only, first_sent_at, refusal FROM orders")
    outcomes = [r["outcome"] for r in await world.pool.fetch("SELECT outcome FROM order_attempts ORDER BY n")]
    where = "bought there" if seller.orders() else "nothing there"
    assert row is not None
    if row["find_only"] and not outcomes:
        return f"known from announcements after a restore, never sent by these tables ({where})"
    if row["refusal"]:
        return f"refused after an attempt without an answer ({where})"
    if "" in outcomes:
        return f"died while sending, key too old to send again ({where})"
    last = outcomes[-1].removeprefix("unknown: ") if outcomes else "no attempt"
    return f"last answer {last!r}, key too old to send again ({where})"
