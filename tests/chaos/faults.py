"""Faults on real processes. Each leaves the machine able to recover; recovery is timed by the caller."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from dataclasses import dataclass, field

import asyncpg

from tests.chaos.producer import ChaosProducer
from tests.support import Sandbox, within_database

METERS = {"traffic-meter": "traffic_meter", "delivery-emissions": "delivery_emissions"}
SESSION_S = 3.0


@dataclass
class Fleet:
    """The running processes of each meter; dead ones are replaced, as whoever runs them would."""

    sandbox: Sandbox
    running: dict[str, list[subprocess.Popen[bytes]]] = field(default_factory=dict)
    restarts: int = 0

    def scale(self, service: str, number: int) -> None:
        """Start or SIGTERM processes until there are ``number``."""
        alive = self.running.setdefault(service, [])
        while len(alive) > number:
            self.sandbox.stop(alive.pop())
        while len(alive) < number:
            alive.append(self.sandbox.start(service, METER_BAD_SHARE_MAX="1"))

    def heal(self) -> None:
        """Replace processes that ended by themselves."""
        for service, alive in self.running.items():
            for process in [one for one in alive if one.poll() is not None]:
                alive.remove(process)
                alive.append(self.sandbox.start(service, METER_BAD_SHARE_MAX="1"))
                self.restarts += 1


async def kill(fleet: Fleet, service: str, _: ChaosProducer) -> None:
    """kill -9."""
    fleet.sandbox.stop(fleet.running[service][0], signal.SIGKILL)


async def term(fleet: Fleet, service: str, _: ChaosProducer) -> None:
    """SIGTERM; leaving takes less than five seconds."""
    process = fleet.running[service][0]
    process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(process.wait, 15)


async def freeze(fleet: Fleet, service: str, _: ChaosProducer) -> None:
    """SIGSTOP past the session time-out, then SIGCONT: a zombie that flushes late."""
    process = fleet.running[service][0]
    process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(SESSION_S * 1.5)
    process.send_signal(signal.SIGCONT)


async def scale_up(fleet: Fleet, service: str, _: ChaosProducer) -> None:
    """One to three instances."""
    fleet.scale(service, 3)


async def scale_down(fleet: Fleet, service: str, _: ChaosProducer) -> None:
    """Back to one."""
    fleet.scale(service, 1)


async def cut_connections(fleet: Fleet, service: str, _: ChaosProducer) -> None:
    """PostgreSQL ends every connection of the meter, mid-transaction or not, for two seconds."""
    admin = await asyncpg.connect(within_database(fleet.sandbox.stack.admin_dsn, fleet.sandbox.database))
    for _attempt in range(20):
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND datname = $2",
            METERS[service],
            fleet.sandbox.database,
        )
        await asyncio.sleep(0.1)
    await admin.close()


async def refuse(fleet: Fleet, service: str, _: ChaosProducer) -> None:
    """PostgreSQL refuses the meter for some seconds."""
    role, database = METERS[service], fleet.sandbox.database
    admin = await asyncpg.connect(within_database(fleet.sandbox.stack.admin_dsn, database))
    await admin.execute(f"ALTER ROLE {role} NOLOGIN")
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", role)
    await asyncio.sleep(5)
    await admin.execute(f"ALTER ROLE {role} LOGIN")
    await admin.close()


async def slow(fleet: Fleet, service: str, _: ChaosProducer) -> None:
    """Flushes wait for a lock for three seconds."""
    admin = await asyncpg.connect(within_database(fleet.sandbox.stack.admin_dsn, fleet.sandbox.database))
    async with admin.transaction():
        await admin.execute(f"LOCK TABLE {METERS[service]}.registers IN SHARE MODE")
        await asyncio.sleep(3)
    await admin.close()


async def poison(_: Fleet, __: str, producer: ChaosProducer) -> None:
    """A stretch in which most views are malformed (the limit of bad records is off in this run)."""
    producer.poison = True
    await asyncio.sleep(1)
    producer.poison = False


async def aborted(_: Fleet, __: str, producer: ChaosProducer) -> None:
    """A transaction that never happened."""
    await producer.abort()


async def restart_kafka(fleet: Fleet, _: str, __: ChaosProducer) -> None:
    """kill -9 of the broker, and a start three seconds later."""
    stack = fleet.sandbox.stack
    await asyncio.to_thread(stack.kill_kafka)
    await asyncio.sleep(3)
    await asyncio.to_thread(stack.start_kafka)


async def restart_postgres(fleet: Fleet, _: str, __: ChaosProducer) -> None:
    """kill -9 of PostgreSQL, and a start three seconds later."""
    stack = fleet.sandbox.stack
    await asyncio.to_thread(stack.kill_postgres)
    await asyncio.sleep(3)
    await asyncio.to_thread(stack.start_postgres)


SERVERS = (restart_kafka, restart_postgres)
"""For stacks of one's own."""
FAULTS = (kill, term, freeze, scale_up, scale_down, cut_connections, refuse, slow, poison, aborted)
