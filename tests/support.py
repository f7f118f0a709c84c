"""What integration tests need: own databases and topics, service processes, sending records, waiting for conditions."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from local_stack import LocalStack
from shared.readings import METER_MESSAGE, Progress, Reading

T = TypeVar("T")
BIN = Path(sys.executable).parent
Message = tuple[str, bytes | None, bytes | None, int | None]
"""Topic without prefix, key, value, time stamp in milliseconds (None: now)."""


def within_database(dsn: str, database: str) -> str:
    """The same DSN for another database."""
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(path="/" + database))


async def until(probe: Callable[[], Awaitable[T]], good: Callable[[T], bool], *, seconds_max: float = 30) -> T:
    """Ask until the answer is good; fails with the last answer."""
    deadline = time.monotonic() + seconds_max
    while True:
        answer = await probe()
        if good(answer):
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not reached within {seconds_max} s; last answer: {answer!r}")
        await asyncio.sleep(0.05)


@dataclass
class Sandbox:
    """One test's own corner of the stack: a database with every service's schema, and a topic prefix."""

    stack: LocalStack
    prefix: str
    database: str
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @classmethod
    def create(cls, stack: LocalStack, prefix: str, folder: Path) -> Self:
        """Make the database; topics are created by the services' own commands."""
        database = prefix.replace("-", "")
        asyncio.run(_create_database(stack, database))
        return cls(stack, prefix, database, folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def dsn(self, schema: str) -> str:
        """The DSN of a service's own role in this test's database."""
        return within_database(self.stack.service_dsn(schema), self.database)

    def environment(self, service: str, **more: str) -> dict[str, str]:
        """The environment of a service process, with short session time-outs so that rebalances are quick."""
        schema = service.replace("-", "_")
        return {
            **os.environ,
            **self.stack.environment(schema),
            "POSTGRES_DSN": self.dsn(schema),
            "TOPIC_PREFIX": self.prefix,
            "TOPIC_PARTITIONS": "2",
            "METER_FLUSH_INTERVAL_MS": "100",
            "METER_HEARTBEAT_MS": "200",
            "METER_GROUP_ID": self.prefix + service,
            "KAFKA_SESSION_TIMEOUT_MS": "3000",
            "KAFKA_HEARTBEAT_INTERVAL_MS": "500",
            "LOG_FORMAT": "json",
            "HTTP_PORT": "0",
            **more,
        }

    def command(self, service: str, *arguments: str, check: bool = True, **more: str) -> str:
        """Run a command of a service to its end and return what it printed."""
        done = self.ended(service, *arguments, **more)
        if check and done.returncode != 0:
            raise AssertionError(f"{service} {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def ended(self, service: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command of a service to its end, whatever that is."""
        argv, environment = [BIN / service, *arguments], self.environment(service, **more)
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)

    def prepare(self, service: str, **more: str) -> None:
        """Tables and topics of a service."""
        self.command(service, "migrate", **more)
        self.command(service, "topics", "create", **more)

    def start(self, service: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a service process; its log goes to the test's folder."""
        log = (self.folder / f"{service}-{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(
            [BIN / service, "run"], env=self.environment(service, **more), stdout=log, stderr=log
        )
        self.processes.append(process)
        return process

    def port(self, number: int, service: str) -> int:
        """Where the test's process of this number listens, by its log."""
        lines = (self.folder / f"{service}-{number}.log").read_text().splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return next((int(event["port"]) for event in events if event.get("event") == "listening"), 0)

    def stop(self, process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM) -> int:
        """Stop a process that this test started and return its exit code."""
        process.send_signal(number)
        return process.wait(timeout=20)

    async def send(self, messages: Iterable[Message]) -> None:
        """Send records in order, and wait until all are acknowledged."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.stack.bootstrap_servers, enable_idempotence=True, acks="all", linger_ms=5
        )
        await producer.start()
        try:
            waiting = [
                await producer.send(self.prefix + topic, value, key=key, timestamp_ms=stamp)
                for topic, key, value, stamp in messages
            ]
            await asyncio.gather(*waiting)
        finally:
            await producer.stop()

    async def rows(self, schema: str, sql: str, *arguments: object) -> list[dict[str, Any]]:
        """Rows of a query as a service's own role."""
        connection = await asyncpg.connect(self.dsn(schema))
        try:
            return [dict(row) for row in await connection.fetch(sql, *arguments)]
        finally:
            await connection.close()

    async def passed(self, schema: str, topic: str) -> int:
        """Offsets passed on a topic, over all partitions."""
        rows = await self.rows(
            schema,
            "SELECT coalesce(sum(next_offset - first_offset), 0) AS n FROM progress WHERE topic = $1",
            self.prefix + topic,
        )
        return int(rows[0]["n"])

    async def balance(self, schema: str, topic: str) -> dict[str, int]:
        """The balance of a topic, summed over its partitions."""
        rows = await self.rows(
            schema,
            "SELECT coalesce(sum(counted), 0) AS counted, coalesce(sum(duplicate), 0) AS duplicate, "
            "coalesce(sum(rejected), 0) AS rejected, coalesce(sum(skipped), 0) AS skipped, "
            "coalesce(sum(late), 0) AS late FROM progress WHERE topic = $1",
            self.prefix + topic,
        )
        return {name: int(value) for name, value in rows[0].items()}

    async def registers(self, schema: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """All registers summed over partitions: what one pass over every partition must give."""
        rows = await self.rows(schema, "SELECT * FROM registers")
        totals: dict[tuple[Any, ...], list[Any]] = {}
        for row in rows:
            key = (row["quarter"], row["channel"], row["shop"], row["country"], row["payer"], row["detail"])
            total = totals.setdefault(key, [0, 0, 0, 0, [0] * len(row["activity"])])
            for index, name in enumerate(("events", "late", "duplicates", "rejected")):
                total[index] += row[name]
            total[4] = [a + b for a, b in zip(total[4] or [0] * len(row["activity"]), row["activity"], strict=False)]
        return {key: (*total[:4], tuple(total[4])) for key, total in totals.items()}

    async def log(self, topic: str) -> list[Any]:
        """Every record of a topic now, in the order of partitions and offsets."""
        name = self.prefix + topic
        consumer = AIOKafkaConsumer(
            name,
            bootstrap_servers=self.stack.bootstrap_servers,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            parts = [TopicPartition(name, number) for number in sorted(consumer.partitions_for_topic(name))]
            ends = await consumer.end_offsets(parts)
            records: list[Any] = []
            while any([await consumer.position(part) < ends[part] for part in parts]):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    records += batch
            return sorted(records, key=lambda record: (record.partition, record.offset))
        finally:
            await consumer.stop()

    async def readings(self) -> tuple[dict[str, Reading], dict[str, Progress]]:
        """The newest reading of every register and the newest progress of every partition, by key."""
        readings: dict[str, Reading] = {}
        progress: dict[str, Progress] = {}
        for record in await self.log("meter-readings"):
            message = METER_MESSAGE.validate_json(record.value)
            key = record.key.decode()
            if isinstance(message, Progress):
                progress[key] = message
            elif key not in readings or readings[key].through_offset <= message.through_offset:
                readings[key] = message
        return readings, progress


async def _create_database(stack: LocalStack, database: str) -> None:
    admin = await asyncpg.connect(stack.admin_dsn)
    await admin.execute(f'CREATE DATABASE "{database}"')
    await admin.close()
    own = await asyncpg.connect(within_database(stack.admin_dsn, database))
    for schema in ("traffic_meter", "delivery_emissions", "offset_purchaser"):
        await own.execute(f"CREATE SCHEMA {schema} AUTHORIZATION {schema}")
    await own.close()


def encoded(event: Mapping[str, Any]) -> bytes:
    """An event as JSON bytes."""
    return json.dumps(event).encode()
