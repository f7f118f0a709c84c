"""The Kafka settings against a broker that asks for TLS, by a CA of our own, and SASL with SCRAM-SHA-512."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from aiokafka import AIOKafkaProducer
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import SecretStr
from testcontainers.core.container import DockerContainer

from demo.session import free_port
from shared.kafka import client_options
from shared.settings import KafkaSettings
from tests.container.compose import require_engine, wait_for
from tests.container.official_images import KAFKA, kafka_settings
from tests.integration.meter.test_meters import counted, view
from tests.support import Sandbox

USER, PASSWORD = "campaign-offsets", "correct horse"
SECURED = {
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "INSIDE:PLAINTEXT,OUTSIDE:SASL_SSL,CONTROLLER:PLAINTEXT",
    "KAFKA_SASL_ENABLED_MECHANISMS": "SCRAM-SHA-512",
    "KAFKA_LISTENER_NAME_OUTSIDE_SCRAM___SHA___512_SASL_JAAS_CONFIG": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
    "KAFKA_SSL_KEYSTORE_TYPE": "PEM",
    "KAFKA_SSL_KEYSTORE_LOCATION": "/certs/broker.pem",
}


@dataclass(frozen=True)
class Broker:
    """Where it is, and the files that a service is given."""

    address: str
    ca_file: Path
    secrets: Path

    def environment(self, **changes: str) -> dict[str, str]:
        """What docs/runbook.md tells an operator to set."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.address,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": USER,
            "KAFKA_SSL_CA_FILE": str(self.ca_file),
            "SECRETS_DIR": str(self.secrets),
            **changes,
        }


def certificates(folder: Path) -> Path:
    """The broker's key (PKCS#8, as Kafka reads it) with its certificate, and the CA's, whose path is returned."""
    ca = trustme.CA()
    issued = ca.issue_cert("127.0.0.1", "localhost")
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    chain = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "broker.pem").write_bytes(pem + chain)
    (folder / "broker.pem").chmod(0o644)  # the image's user reads it
    folder.chmod(0o755)
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    return folder / "ca.pem"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    require_engine()
    folder, secrets = tmp_path_factory.mktemp("certs"), tmp_path_factory.mktemp("secrets")
    ca_file = certificates(folder)
    (secrets / "kafka_sasl_password").write_text(PASSWORD)
    port = free_port()
    container = DockerContainer(KAFKA).with_bind_ports(9094, port).with_volume_mapping(str(folder), "/certs", "ro")
    for name, value in (kafka_settings(f"127.0.0.1:{port}") | SECURED).items():
        container.with_env(name, value)
    admin = ["/opt/kafka/bin/kafka-configs.sh", "--bootstrap-server", "localhost:9092", "--alter"]
    user = ["--entity-type", "users", "--entity-name", USER, "--add-config", f"SCRAM-SHA-512=[password={PASSWORD}]"]
    with container:
        wait_for("the broker and its user", lambda: container.exec([*admin, *user]).exit_code == 0, 90)
        yield Broker(f"127.0.0.1:{port}", ca_file, secrets)


async def test_a_meter_creates_topics_counts_and_publishes_over_tls_with_scram(
    sandbox: Sandbox, broker: Broker
) -> None:
    secured = broker.environment()
    sandbox.prepare("traffic-meter", **secured)
    process = sandbox.start("traffic-meter", **secured)
    options = client_options(
        KafkaSettings(
            bootstrap_servers=broker.address,
            security_protocol="SASL_SSL",
            sasl_username=USER,
            sasl_password=SecretStr(PASSWORD),
            ssl_ca_file=str(broker.ca_file),
        )
    )
    async with AIOKafkaProducer(**options) as producer:
        for topic, key, value, _ in (view(n) for n in range(30)):
            await producer.send_and_wait(sandbox.prefix + topic, value, key=key)
    await counted(sandbox, "traffic_meter", "site-traffic", 30)
    assert sandbox.stop(process) == 0
    assert PASSWORD not in next(sandbox.folder.glob("traffic-meter-*.log")).read_text()


@pytest.mark.parametrize("service", ["traffic-meter", "offset-purchaser"])
def test_a_wrong_password_is_one_sentence_without_the_password(
    sandbox: Sandbox, broker: Broker, tmp_path: Path, service: str
) -> None:
    (tmp_path / "kafka_sasl_password").write_text("wrong-secret")
    ended = sandbox.ended(service, "topics", "create", **broker.environment(SECRETS_DIR=str(tmp_path)))
    assert ended.returncode == 1
    assert "Kafka cannot be reached" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "wrong-secret" not in ended.stderr


def test_a_broker_of_an_unknown_authority_is_refused(sandbox: Sandbox, broker: Broker, tmp_path: Path) -> None:
    other = tmp_path / "other-ca.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    ended = sandbox.ended("traffic-meter", "topics", "create", **broker.environment(KAFKA_SSL_CA_FILE=str(other)))
    assert ended.returncode == 1
    assert "Kafka cannot be reached" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_missing_ca_file_is_named_with_its_setting(sandbox: Sandbox, broker: Broker, tmp_path: Path) -> None:
    missing = str(tmp_path / "none.pem")
    ended = sandbox.ended("traffic-meter", "topics", "create", **broker.environment(KAFKA_SSL_CA_FILE=missing))
    assert ended.returncode == 1
    assert f"{missing} cannot be used as certificates in PEM: No such file or directory" in ended.stderr
    assert "Traceback" not in ended.stderr
