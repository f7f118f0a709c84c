"""The one place that knows how to reach Kafka and what our topics must look like.

Source topics are stamped by the broker (``LogAppendTime``): lateness and the duplicate window are functions of the log
alone. Replays carry the recorded times instead (``LogTime.RECORDED``).
Not promised: any change to topics that exist; a wrong one is reported with what to do.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from shared.errors import Rejected, Transient
from shared.fields import VALUE_BYTES_MAX
from shared.retry import retried
from shared.settings import KafkaSettings, TopicSettings

DAY_MS = 86_400_000
SOURCE_MESSAGE_BYTES = VALUE_BYTES_MAX
"""Kafka's own default for one record batch: an event is about 400 bytes."""


class LogTime(StrEnum):
    """Whose time stamp on a record is its log time."""

    APPEND = "append"
    """The broker's, at arrival: the only one for a live run."""
    RECORDED = "recorded"
    """The producer's: for rehearsals and replays, where it is the time the record first arrived."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it must be: name, partitions to create it with, and the settings that correctness rests on."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


def source_topic(
    topics: TopicSettings, setting: str, log_time: LogTime = LogTime.APPEND
) -> tuple[TopicSpec, TopicSpec]:
    """A source topic and its dead-letter topic.

    Retention of 40 days outlives the 35 days that an event may be late; a recorded topic is kept, because Kafka's
    retention goes by the recorded times. Dead letters are compacted by position and may be larger than what they quote.
    """
    name = topics.name(setting)
    recorded = log_time is LogTime.RECORDED
    source = TopicSpec(
        name,
        topics.partitions,
        {
            "cleanup.policy": "delete",
            "message.timestamp.type": "CreateTime" if recorded else "LogAppendTime",
            "retention.ms": "-1" if recorded else str(40 * DAY_MS),
            **({"message.timestamp.after.max.ms": str(2**63 - 1)} if recorded else {}),  # a rehearsal may run ahead
            "retention.bytes": "-1",
            "max.message.bytes": str(SOURCE_MESSAGE_BYTES),
        },
    )
    dead = TopicSpec(
        topics.dead_letter(name),
        topics.partitions,
        {"cleanup.policy": "compact", "retention.ms": "-1", "max.message.bytes": str(3 * SOURCE_MESSAGE_BYTES)},
    )
    return source, dead


def readings_topics(topics: TopicSettings) -> tuple[TopicSpec, TopicSpec]:
    """The readings, compacted and never deleted, and the requests to send all of them again."""
    return (
        TopicSpec(
            topics.name("meter_readings"), topics.partitions, {"cleanup.policy": "compact", "retention.ms": "-1"}
        ),
        TopicSpec(topics.name("meter_requests"), 1, {"cleanup.policy": "delete", "retention.ms": str(DAY_MS)}),
    )


def announcement_topics(topics: TopicSettings) -> tuple[TopicSpec, TopicSpec]:
    """Orders and documents, kept for ever: a restored purchaser learns from them what it already bought."""
    keep = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
    return TopicSpec(topics.name("offset_orders"), 1, keep), TopicSpec(topics.name("offset_documents"), 1, keep)


STOP_S_MAX = 5.0
"""A consumer ends in milliseconds; one whose broker is away may wait for it without end, and its loop with it."""


async def stop_consumer(consumer: AIOKafkaConsumer, seconds_max: float = STOP_S_MAX) -> None:
    """End a consumer, or leave it to itself after ``seconds_max``.

    In a task of its own: a fetch that swallows its cancellation would swallow that of a waiting caller, too. And an end
    that waits for a fetch which it cancelled is cancelled by it (aiokafka 0.14) before its connections are closed: they
    are closed here, and the caller, whom nobody cancelled, goes on.
    """
    if await _torn(consumer.stop(), seconds_max):
        await _torn(consumer._client.close(), seconds_max)


async def _torn(end: Coroutine[Any, Any, None], seconds_max: float) -> bool:
    """Wait for an end, not for ever; whether it was cancelled from within. Raises what it failed with."""
    ending = asyncio.ensure_future(end)
    done, _ = await asyncio.wait({ending}, timeout=seconds_max)
    if not done:
        ending.add_done_callback(lambda late: late.cancelled() or late.exception())  # nobody waits for it any more
        ending.cancel()
        return False
    if not ending.cancelled():
        ending.result()
    return ending.cancelled()


def _ssl_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """Host names are checked; without a CA file by the system's authorities. Raises ``Rejected`` for a bad file."""
    if settings.security_protocol in ("SSL", "SASL_SSL"):
        try:
            return ssl.create_default_context(cafile=settings.ssl_ca_file or None)
        except OSError as error:  # ssl.SSLError is one
            why = f"{settings.ssl_ca_file} cannot be used as certificates in PEM: {error.strerror or error}"
            raise Rejected(f"{why} (set KAFKA_SSL_CA_FILE)", field="KAFKA_SSL_CA_FILE") from None
    return None


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments for every bare aiokafka client."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "request_timeout_ms": settings.request_timeout_ms,
        "metadata_max_age_ms": settings.metadata_max_age_ms,
        "security_protocol": settings.security_protocol,
        "ssl_context": _ssl_context(settings),
    }
    if settings.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = settings.sasl_password.get_secret_value()
    return options


def broker_security(settings: KafkaSettings) -> BaseSecurity:
    """The same for FastStream's broker."""
    context = _ssl_context(settings)
    use_ssl = context is not None
    if not settings.security_protocol.startswith("SASL"):
        return BaseSecurity(ssl_context=context, use_ssl=use_ssl)
    kinds = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}
    return kinds[settings.sasl_mechanism](
        username=settings.sasl_username,
        password=settings.sasl_password.get_secret_value(),
        ssl_context=context,
        use_ssl=use_ssl,
    )


@asynccontextmanager
async def _admin(settings: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected admin client. Raises ``Transient`` when the broker cannot be reached or refuses the credentials."""
    admin = AIOKafkaAdminClient(**client_options(settings))
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError) as error:
        raise Transient(f"Kafka cannot be reached at {settings.bootstrap_servers}: {error}") from error
    finally:
        await admin.close()


SET_UP_S_MAX = 10.0
"""Where containers start together, a broker that is healthy may have no name yet for a second or two."""


async def set_up_topics(settings: KafkaSettings, specs: Sequence[TopicSpec], *, replication_factor: int) -> list[str]:
    """``ensure_topics`` for a job: repeated until the broker is found. Raises as it does, after ``SET_UP_S_MAX``."""
    return await retried(
        lambda: ensure_topics(settings, specs, replication_factor=replication_factor), seconds_max=SET_UP_S_MAX
    )


async def ensure_topics(settings: KafkaSettings, specs: Sequence[TopicSpec], *, replication_factor: int) -> list[str]:
    """Create the topics that are missing and check the others; returns the names created.

    Raises ``Rejected`` when an existing topic has a setting that breaks counting, ``Transient`` when the broker refuses
    for the moment.
    """
    async with _admin(settings) as admin:
        existing = set(await admin.list_topics())
        missing = [spec for spec in specs if spec.name not in existing]
        if missing:
            response = await admin.create_topics(
                [NewTopic(s.name, s.partitions, replication_factor, topic_configs=dict(s.config)) for s in missing]
            )
            for name, code, *_ in response.topic_errors:
                if code not in (0, 36):  # 36: another instance created it first
                    raise Transient(f"Kafka refused to create topic {name} (error code {code})")
        await _check_topics(admin, [spec for spec in specs if spec.name in existing])
        return [spec.name for spec in missing]


async def partition_counts(settings: KafkaSettings, topics: Sequence[str]) -> dict[str, int]:
    """Number of partitions by topic; a topic that does not exist is left out. Raises ``Transient``."""
    async with _admin(settings) as admin:
        return await _counts(admin, topics)


async def _counts(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, int]:
    found = await admin.describe_topics(list(topics))
    return {topic["topic"]: len(topic["partitions"]) for topic in found if topic["partitions"]}


async def grow_topics(settings: KafkaSettings, topics: Sequence[str], partitions: int) -> dict[str, int]:
    """Give topics more partitions, one after the other; returns how many each had. Topics that have enough stay.

    Raises ``Rejected`` before anything is changed when a topic is missing or the last one has more already (Kafka
    cannot take partitions away), ``Transient`` when the broker refuses; then the topics before it have grown, and the
    command can be repeated.
    """
    async with _admin(settings) as admin:
        found = await _counts(admin, topics)
        missing = [topic for topic in topics if topic not in found]
        if missing:
            raise Rejected(f"no such topic: {', '.join(missing)}", field="topic")
        if (had := found[topics[-1]]) > partitions:
            raise Rejected(f"{topics[-1]} has {had} partitions; a topic can only grow", field="partitions")
        for topic in topics:
            if found[topic] < partitions:
                try:
                    await admin.create_partitions({topic: NewPartitions(partitions)})
                except KafkaError as error:
                    raise Transient(f"Kafka refused to grow {topic}: {error}") from error
        return found


async def check_topics(settings: KafkaSettings, specs: Sequence[TopicSpec]) -> None:
    """Check topics at start. Raises ``Rejected`` when one is missing or has a setting that breaks counting."""
    async with _admin(settings) as admin:
        missing = sorted({spec.name for spec in specs} - set(await admin.list_topics()))
        if missing:
            raise Rejected(f"topics are missing: {', '.join(missing)}; create them with the command: topics create")
        await _check_topics(admin, specs)


CHECKED = ("message.timestamp.type", "cleanup.policy")


async def _check_topics(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec]) -> None:
    if not specs:
        return
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, spec.name) for spec in specs])
    found: dict[str, dict[str, str]] = {}
    for answer in answers:
        for _code, _message, _kind, name, entries in answer.resources:
            found[name] = {entry[0]: entry[1] for entry in entries}
    for spec in specs:
        for key in CHECKED:
            wanted, is_set = spec.config.get(key), found.get(spec.name, {}).get(key)
            if wanted is not None and is_set is not None and is_set != wanted:
                raise Rejected(
                    f"topic {spec.name} has {key}={is_set}, but counting needs {wanted}: "
                    f"kafka-configs.sh --alter --topic {spec.name} --add-config {key}={wanted}",
                    field=key,
                )
