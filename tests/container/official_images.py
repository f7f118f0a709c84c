"""A pytest plugin: the integration tests on the official images instead of the embedded Kafka and PostgreSQL.

    pytest -p tests.container.official_images tests/integration/meter tests/integration/purchaser

The tests and their fixtures stay as they are; only what they stand on is another one.
"""

from __future__ import annotations

import time
from typing import Any, Self

import psycopg
import pytest
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer

from demo.session import free_port
from local_stack import LocalStack
from local_stack.bootstrap import SERVICES, bootstrap_statements
from shared.kafka import client_options
from shared.settings import KafkaSettings

KAFKA, POSTGRES = "apache/kafka:4.3.1", "postgres:18"
DATABASE = "campaign_offsets"


class ContainerStack:
    """What tests use of ``LocalStack``, in containers. Removed when the block is left."""

    def __init__(self) -> None:
        port = free_port()  # Kafka tells its clients where it is, so the outside port must be known before the start
        self.bootstrap_servers = f"127.0.0.1:{port}"
        self._kafka = DockerContainer(KAFKA).with_bind_ports(9094, port)
        for name, value in kafka_settings(self.bootstrap_servers).items():
            self._kafka.with_env(name, value)
        self._postgres = PostgresContainer(
            POSTGRES, username="postgres", password="postgres", dbname=DATABASE, driver=None
        ).with_command("postgres -c max_connections=200")

    def __enter__(self) -> Self:
        self._postgres.start()
        self._kafka.start()
        with psycopg.connect(self.admin_dsn) as connection:
            for statement in bootstrap_statements(DATABASE, dict.fromkeys(SERVICES, "secret")):
                connection.execute(statement.encode())
        _wait_for_kafka(self.bootstrap_servers)
        return self

    def __exit__(self, *_: object) -> None:
        self._kafka.stop()
        self._postgres.stop()

    @property
    def admin_dsn(self) -> str:
        """The superuser's connection string."""
        return self._dsn("postgres", "postgres")

    def service_dsn(self, service: str, *, tcp: bool = True) -> str:
        """The connection string of a service's role."""
        return self._dsn(service, "secret")

    def environment(self, service: str | None = None) -> dict[str, str]:
        """As ``LocalStack.environment``."""
        found = {"KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers}
        return found if service is None else found | {"POSTGRES_DSN": self.service_dsn(service)}

    def _dsn(self, role: str, password: str) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self._postgres.get_exposed_port(5432)}/{DATABASE}"


def kafka_settings(outside: str) -> dict[str, str]:
    """One broker that is its own controller and reaches itself inside, as in docker-compose.yml."""
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "INSIDE://:9092,OUTSIDE://:9094,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"INSIDE://localhost:9092,OUTSIDE://{outside}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "INSIDE",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "4",  # 50 are made one by one on a busy disk
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",  # tests of dead instances do not wait six seconds
    }


def _wait_for_kafka(address: str, seconds_max: float = 90) -> None:
    import asyncio

    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    async def answers() -> bool:
        admin = AIOKafkaAdminClient(**client_options(KafkaSettings(bootstrap_servers=address, request_timeout_ms=3000)))
        try:
            await admin.start()
            return True
        except (KafkaError, OSError):
            return False
        finally:
            await admin.close()

    deadline = time.monotonic() + seconds_max
    while not asyncio.run(answers()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Kafka did not answer at {address} within {seconds_max:.0f} s")
        time.sleep(0.5)


@pytest.hookimpl
def pytest_configure() -> None:
    """Let the suites' own fixture start containers."""
    replacement: Any = classmethod(lambda _cls, *_arguments, **_options: ContainerStack())
    LocalStack.ephemeral = replacement  # type: ignore[method-assign]
