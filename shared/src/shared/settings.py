"""Settings from the environment, named once: Kafka, PostgreSQL, topics, HTTP.

Secrets come from the environment or from files of a directory named by ``SECRETS_DIR`` (one file per variable, lower
case), are held as ``SecretStr`` and never logged. Every number says why it is that number.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, PositiveInt, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from shared.errors import Rejected

PORT_MAX = 65_535


class _FromEnvironment(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False, hide_input_in_errors=True)

    @classmethod
    def load(cls) -> Self:
        """Read the environment (and ``SECRETS_DIR``). Raises ``Rejected`` that names the variable."""
        try:
            return cls(_secrets_dir=os.environ.get("SECRETS_DIR"))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = cls._variable(str(first["loc"][0]))
            inside = "".join(f"{part}: " for part in first["loc"][1:])
            said = inside + first["msg"].removeprefix("Value error, ")
            raise Rejected(f"{said} (set the environment variable {name})", field=name) from None
        except SettingsError as error:  # a value that should be JSON and is none
            found = re.search(r'field "(\w+)"', str(error))
            name = cls._variable(found[1]) if found else ""
            raise Rejected(f"not JSON (set the environment variable {name})", field=name) from None

    @classmethod
    def _variable(cls, field: str) -> str:
        """The environment variable of a field."""
        return (str(cls.model_config.get("env_prefix", "")) + field).upper()


def checked_url(url: SecretStr, schemes: Collection[str]) -> SecretStr:
    """The URL, when every reader takes the same host and port from it.

    Raises ``ValueError`` in words without any part of the URL: the libraries that would fail on it later quote what
    they took for a port, which is the password. Not promised: that anything answers there.
    """
    try:
        parts = urlsplit(url.get_secret_value())
        ports = [host.rpartition("]")[2].partition(":")[2] for host in parts.netloc.rpartition("@")[2].split(",")]
    except ValueError:  # a square bracket in the password
        parts, ports = urlsplit(""), []
    plain = parts.scheme in schemes and not parts.fragment and "@" not in parts.path + parts.query
    if not plain or not all(port == "" or (port.isdecimal() and 0 < int(port) <= PORT_MAX) for port in ports):
        raise ValueError(
            f"not a URL of the form {next(iter(schemes))}://user:password@host:port; a character of the password other "
            "than letters, digits, - . _ and ~ is written as % and its code, / as %2F, # as %23, @ as %40"
        )
    return url


class KafkaSettings(_FromEnvironment):
    """How to reach Kafka. TLS and SASL as the broker asks for them."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_", frozen=True, extra="ignore")

    bootstrap_servers: str = Field(min_length=3)
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str = ""
    sasl_password: SecretStr = SecretStr("")
    ssl_ca_file: str = ""
    request_timeout_ms: PositiveInt = 30_000
    """Kafka's own default: longer than a leader election, shorter than a person's patience."""
    session_timeout_ms: PositiveInt = 10_000
    """A dead instance's partitions move after 10 s; the readings of a day wait that long at most."""
    heartbeat_interval_ms: PositiveInt = 3_000
    """A third of the session time-out, so that two lost heartbeats are survived."""
    max_poll_interval_ms: PositiveInt = 300_000
    """A window rebuild never blocks polling, so Kafka's default of five minutes means stuck."""
    metadata_max_age_ms: PositiveInt = 10_000
    """A topic that grew, or was made anew while the group formed, is noticed within ten seconds: long before readings
    that do not fit end a meter (retry_s_max). Asking costs a kilobyte."""


class PostgresSettings(_FromEnvironment):
    """How to reach the service's own schema with the service's own role."""

    model_config = SettingsConfigDict(env_prefix="POSTGRES_", frozen=True, extra="ignore")

    dsn: SecretStr
    """``postgresql://role:password@host:port/database``."""
    pool_min: PositiveInt = 1
    pool_max: PositiveInt = 8
    """One flush at a time per partition of a few; more would only queue in PostgreSQL."""
    connect_timeout_s: float = 10.0
    """A restart of PostgreSQL takes a few seconds; longer is an outage and is retried from the outside."""
    command_timeout_s: float = 30.0
    """A flush takes milliseconds. Thirty seconds means the database hangs: give up, keep the offsets, try again."""
    statement_timeout_ms: PositiveInt = 25_000
    """Below the client's own limit, so that the server stops first and the outcome is known."""

    @field_validator("dsn")
    @classmethod
    def _can_be_read(cls, dsn: SecretStr) -> SecretStr:
        return checked_url(dsn, ("postgresql", "postgres"))


class TraceSettings(_FromEnvironment):
    """Where spans go. Unset, no trace is made."""

    model_config = SettingsConfigDict(env_prefix="TRACES_", frozen=True, extra="ignore")

    endpoint: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """The collector's OTLP/HTTP address, e.g. ``http://collector:4318/v1/traces``."""


class TopicSettings(_FromEnvironment):
    """Topic names. A rehearsal sets ``TOPIC_PREFIX`` and shares nothing with the real run."""

    model_config = SettingsConfigDict(env_prefix="TOPIC_", frozen=True, extra="ignore")

    prefix: str = ""
    site_traffic: str = "site-traffic"
    emails_sent: str = "emails-sent"
    ad_impressions: str = "ad-impressions"
    shipments: str = "shipments"
    meter_readings: str = "meter-readings"
    meter_requests: str = "meter-requests"
    offset_orders: str = "offset-orders"
    offset_documents: str = "offset-documents"
    partitions: PositiveInt = 4
    """Four partitions carry 10^5 events a second here and let four instances share the work."""
    replication_factor: PositiveInt = 1
    """1 suits one broker; set 3 on a cluster."""

    def name(self, setting: str) -> str:
        """The full name of a topic by the name of its setting, e.g. ``name("site_traffic")``."""
        return self.prefix + str(getattr(self, setting))

    def dead_letter(self, topic: str) -> str:
        """The dead-letter topic of a full topic name."""
        return f"{topic}.dead-letter"


class HttpSettings(_FromEnvironment):
    """Where health, metrics and the API listen."""

    model_config = SettingsConfigDict(env_prefix="HTTP_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=PORT_MAX)
    """0 lets the system choose; the line ``listening`` of the log names it."""


class LogSettings(_FromEnvironment):
    """How logs look."""

    model_config = SettingsConfigDict(env_prefix="LOG_", frozen=True, extra="ignore")

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"
