"""Faults on real processes and servers. Each ends when the machine can recover; the recovery is timed by the caller."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from tests.chaos.fleet import INSTANCES, METERS, PURCHASER, TOPICS, Fleet
from tests.chaos.producer import ChaosProducer, Place
from tests.support import Sandbox, until, within_database

LEAVE_S_MAX = 5.0
REFUSE_S, SLOW_S, CUT_S = 20.0, 3.0, 2.0
"""How long a fault lasts that is a length of time; all others last until something is so."""
POISONED = 700
"""Malformed records of a stretch: most of what is sent in half a second."""
REACH_S_MAX = 60.0
"""Longest wait for what a fault leads to: seconds on a quiet machine."""
PASSED = "SELECT topic, partition, sum(next_offset - first_offset)::bigint AS n FROM progress GROUP BY 1, 2"
"""Of a meter's table what is counted, of the purchaser's what it knows to be counted; all log epochs together."""
STOPPED = """
SELECT * FROM (SELECT DISTINCT ON (partition) * FROM progress WHERE topic = $1 ORDER BY partition, log_epoch DESC) AS p
WHERE stopped <> ''"""
BY = ("--by", "chaos", "--reason", "the topic was made anew")


@dataclass
class Scene:
    """What faults act upon, and what they found wrong meanwhile."""

    sandbox: Sandbox
    fleet: Fleet
    producer: ChaosProducer
    chance: Random
    differences: list[str] = field(default_factory=list)
    leaves_s: list[float] = field(default_factory=list)

    async def missing(self, schema: str, target: Mapping[Place, int]) -> dict[Place, int]:
        """Offsets that a schema's table does not have yet, by partition; processes that ended are started again."""
        self.fleet.heal()
        rows = await self.sandbox.rows(schema, PASSED)
        there = {(row["topic"].removeprefix(self.sandbox.prefix), row["partition"]): row["n"] for row in rows}
        return {place: n - there.get(place, 0) for place, n in target.items() if there.get(place, 0) < n}

    async def stopped(self, service: str) -> list[dict[str, Any]]:
        """Rows of the partitions of a meter's topic that are stopped."""
        self.fleet.heal()
        topic = self.sandbox.prefix + TOPICS[service]
        return await self.sandbox.rows(METERS[service], STOPPED, topic)

    async def counted(self, service: str) -> None:
        """Wait until everything acknowledged so far on a meter's topic is counted."""
        sent = self.producer.sums.offsets
        target = {place: number for place, number in sent.items() if place[0] == TOPICS[service]}
        await until(lambda: self.missing(METERS[service], target), lambda n: not n, seconds_max=REACH_S_MAX)

    async def members(self, service: str, number: int) -> None:
        """Wait until a meter's group is at rest with so many members."""

        async def found() -> int | str:
            self.fleet.heal()
            (answer,) = await admin.describe_consumer_groups([self.sandbox.prefix + service])
            (group,) = answer.groups
            return len(group[5]) if group[2] == "Stable" else str(group[2])

        async with _admin(self) as admin:
            await until(found, lambda now: now == number, seconds_max=REACH_S_MAX)


async def kill(scene: Scene, service: str) -> None:
    """kill -9"""
    scene.fleet.kill(service)


async def kill_purchaser(scene: Scene, _: str) -> None:
    """kill -9 of the purchaser"""
    scene.fleet.kill(PURCHASER)


async def term(scene: Scene, service: str) -> None:
    """SIGTERM"""
    process, began = scene.fleet.running[service][0], time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = await asyncio.to_thread(process.wait, 30)
    scene.leaves_s.append(time.monotonic() - began)
    if scene.leaves_s[-1] > LEAVE_S_MAX:
        scene.differences.append(f"{service} took {scene.leaves_s[-1]:.1f} s to leave (exit code {code})")


async def freeze(scene: Scene, service: str) -> None:
    """SIGSTOP past the session, SIGCONT"""
    await scene.members(service, INSTANCES)
    process = scene.fleet.running[service][0]
    process.send_signal(signal.SIGSTOP)
    try:
        await scene.members(service, INSTANCES - 1)
    finally:
        process.send_signal(signal.SIGCONT)


async def scale(scene: Scene, service: str) -> None:
    """1 to 3 to 2 instances"""
    for number in (1, 3, INSTANCES):
        await asyncio.to_thread(scene.fleet.scale, service, number)
        await scene.members(service, number)


async def restart_kafka(scene: Scene, _: str) -> None:
    """kill -9 and start of the broker"""
    await asyncio.to_thread(scene.sandbox.stack.kill_kafka)
    await asyncio.to_thread(scene.sandbox.stack.start_kafka)


async def restart_postgres(scene: Scene, _: str) -> None:
    """kill -9 and start of PostgreSQL"""
    await asyncio.to_thread(scene.sandbox.stack.kill_postgres)
    await asyncio.to_thread(scene.sandbox.stack.start_postgres)


async def cut(scene: Scene, service: str) -> None:
    """PostgreSQL ends connections for 2 s"""
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}'"
    until_s = time.monotonic() + CUT_S
    while time.monotonic() < until_s:
        await scene.fleet.as_admin(end.format(METERS[service]))
        await asyncio.sleep(0.1)


async def refuse(scene: Scene, service: str) -> None:
    """PostgreSQL refuses for 20 s"""
    role = METERS[service]
    await scene.fleet.as_admin(
        f"ALTER ROLE {role} NOLOGIN",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'",
    )
    await asyncio.sleep(REFUSE_S)
    await scene.fleet.as_admin(f"ALTER ROLE {role} LOGIN")


async def slow(scene: Scene, service: str) -> None:
    """flushes wait 3 s for a lock"""
    admin = await asyncpg.connect(within_database(scene.sandbox.stack.admin_dsn, scene.sandbox.database))
    async with admin.transaction():
        await admin.execute(f"LOCK TABLE {METERS[service]}.registers IN SHARE MODE")
        await asyncio.sleep(SLOW_S)
    await admin.close()


async def poison(scene: Scene, _: str) -> None:
    """a stretch of malformed records"""
    before, scene.producer.poison = scene.producer.sums.bad, True
    await until(scene.producer.rejected, lambda bad: bad >= before + POISONED, seconds_max=REACH_S_MAX)
    scene.producer.poison = False


async def oversize(scene: Scene, _: str) -> None:
    """records above the size limits"""
    await scene.producer.oversize()


async def abort(scene: Scene, _: str) -> None:
    """aborted producer transactions"""
    for _ in range(3):
        await scene.producer.abort()


async def recreate(scene: Scene, service: str) -> None:
    """topic re-created, reseat"""
    name = TOPICS[service]
    topic = scene.sandbox.prefix + name
    async with scene.producer.without(name):
        await scene.counted(service)
        await _delete(scene, topic)
        await scene.fleet.make_topic(name)
        scene.producer.forget(name)
        stopped = await until(lambda: scene.stopped(service), lambda rows: len(rows) == 2, seconds_max=REACH_S_MAX)
    silent = [row["stopped"] for row in stopped if "reseat" not in row["stopped"]]
    scene.differences += [f"stopped without saying what to do: {text}" for text in silent]
    reseats = (
        asyncio.to_thread(
            scene.sandbox.command, service, "reseat", "--topic", topic, "--partition", str(row["partition"]), *BY
        )
        for row in stopped
    )
    await asyncio.gather(*reseats)


async def lose_readings(scene: Scene, _: str) -> None:
    """readings lost, purchaser from nothing"""
    schema = PURCHASER.replace("-", "_")
    scene.fleet.kill(PURCHASER)
    scene.fleet.running[PURCHASER].clear()
    await _delete(scene, scene.sandbox.prefix + "meter-readings")
    tables = ", ".join(f"{schema}.{name}" for name in ("readings", "source_sums", "progress", "positions"))
    await scene.fleet.as_admin(f"TRUNCATE {tables}")
    await asyncio.to_thread(scene.sandbox.command, PURCHASER, "topics", "create")
    scene.fleet.scale(PURCHASER, 1)


@asynccontextmanager
async def _admin(scene: Scene) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.sandbox.stack.bootstrap_servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def _delete(scene: Scene, topic: str) -> None:
    async with _admin(scene) as admin:
        await admin.delete_topics([topic])
        await until(admin.list_topics, lambda names: topic not in names)


Fault = Callable[[Scene, str], Awaitable[None]]
FAULTS: tuple[Fault, ...] = (
    kill,
    kill_purchaser,
    term,
    freeze,
    scale,
    restart_kafka,
    restart_postgres,
    cut,
    refuse,
    slow,
    poison,
    oversize,
    abort,
    recreate,
    lose_readings,
)
"""Every one comes once before any comes twice."""
