"""The processes of a chaos run: several of each meter, one purchaser; those that end are started again."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from dataclasses import dataclass, field

import asyncpg

from shared.kafka import TopicSpec, ensure_topics, source_topic
from shared.settings import KafkaSettings, TopicSettings
from tests.chaos.producer import SITE, TOPIC_BYTES
from tests.support import Sandbox, within_database

METERS = {"traffic-meter": "traffic_meter", "delivery-emissions": "delivery_emissions"}
TOPICS = {"traffic-meter": SITE, "delivery-emissions": "shipments"}
PURCHASER = "offset-purchaser"
INSTANCES = 2
"""Of each meter, when no fault asks for another number."""

METER_ENVIRONMENT = {
    "METER_BAD_SHARE_MAX": "1",  # a poison stretch must be counted here; that it stops a topic has a test of its own
    "KAFKA_REQUEST_TIMEOUT_MS": "8000",
    "KAFKA_SESSION_TIMEOUT_MS": "2000",
    "KAFKA_HEARTBEAT_INTERVAL_MS": "400",
    "KAFKA_METADATA_MAX_AGE_MS": "2000",  # a topic that was away while the group formed is found again by this
}
CAMPAIGNS = """
legal_entities:
  - id: chaos
    party: {name: Exemple SAS, address_lines: [1 rue], country: FR}
campaigns:
  - id: far
    legal_entity: chaos
    shops: [FR]
    zone: Europe/Paris
    first_day: 2990-11-27
    last_day: 2990-11-27
    channels: [site]
    grace: 6h
    true_up_days: 0
    legs:
      - {provider: sandbox, price_per_tonne: 22, currency: EUR}
"""
"""The purchaser reads and adds up; nothing is due for centuries."""


@dataclass
class Fleet:
    """Running processes by service. ``heal`` replaces dead ones, as whoever runs them would."""

    sandbox: Sandbox
    running: dict[str, list[subprocess.Popen[bytes]]] = field(default_factory=dict)
    restarts: int = 0
    number: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    """Of processes that start from now on, besides their own."""

    def open(self) -> None:
        """Tables, topics, and the usual number of processes."""
        (self.sandbox.folder / "campaigns.yaml").write_text(CAMPAIGNS)
        asyncio.run(self.make_topic(SITE))
        for service in (*METERS, PURCHASER):
            self.sandbox.prepare(service, **self.environment)
        self.usual()

    def usual(self) -> None:
        """Back to the usual number of processes."""
        for service in METERS:
            self.scale(service, INSTANCES)
        self.scale(PURCHASER, 1)

    def scale(self, service: str, number: int) -> None:
        """Start or SIGTERM processes until there are ``number``."""
        alive = self.running.setdefault(service, [])
        while len(alive) > number:
            self.sandbox.stop(alive.pop())
        while len(alive) < number:
            alive.append(self._start(service))

    def close(self) -> None:
        """SIGTERM to all but the purchaser, whatever their number."""
        for service in METERS:
            self.scale(service, 0)

    def heal(self) -> None:
        """Replace processes that ended."""
        for service, alive in self.running.items():
            for process in [one for one in alive if one.poll() is not None]:
                alive.remove(process)
                alive.append(self._start(service))
                self.restarts += 1

    def replace_oldest(self, service: str) -> None:
        """SIGTERM of the oldest process, and a new one."""
        self.sandbox.stop(self.running[service].pop(0))
        self.running[service].append(self._start(service))

    def kill(self, service: str) -> None:
        """kill -9 of the oldest process."""
        self.sandbox.stop(self.running[service][0], signal.SIGKILL)

    async def make_topic(self, name: str) -> None:
        """Create a source topic as the services do, but for a limit that lets records in that no dead letter holds."""
        topics = TopicSettings(prefix=self.sandbox.prefix, partitions=2)
        setting = name.replace("-", "_")
        source, dead = source_topic(topics, setting)
        wide = TopicSpec(source.name, source.partitions, {**source.config, "max.message.bytes": str(TOPIC_BYTES)})
        settings = KafkaSettings(bootstrap_servers=self.sandbox.stack.bootstrap_servers)
        await ensure_topics(settings, [wide, dead], replication_factor=1)

    async def as_admin(self, *statements: str) -> None:
        """Statements of the superuser in this run's database."""
        connection = await asyncpg.connect(within_database(self.sandbox.stack.admin_dsn, self.sandbox.database))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    def _start(self, service: str) -> subprocess.Popen[bytes]:
        self.number += 1
        if service in METERS:
            return self.sandbox.start(service, **METER_ENVIRONMENT, **self.environment)
        folder = self.sandbox.folder
        return self.sandbox.start(
            service,
            PURCHASER_CAMPAIGNS_FILE=str(folder / "campaigns.yaml"),
            PURCHASER_DOCUMENTS_FOLDER=str(folder / "documents"),
            PURCHASER_MANUAL_FOLDER=str(folder / "orders"),
            PURCHASER_LEASE_S="2.5",  # one that was killed is followed by the next when its lease ends
            PURCHASER_LEASE_RENEW_S="0.5",
            **self.environment,
        )
