"""What must be there before a meter counts: its topics and tables; made by commands, checked at every start."""

from __future__ import annotations

from collections.abc import Sequence

from shared.kafka import LogTime, TopicSpec, check_topics, readings_topics, set_up_topics, source_topic
from shared.meter.channel import Channel
from shared.meter.settings import MeterSettings
from shared.postgres import check_migrated, open_pool
from shared.settings import KafkaSettings, PostgresSettings, TopicSettings


def topic_specs(topics: TopicSettings, log_time: LogTime, channels: Sequence[Channel]) -> list[TopicSpec]:
    """Every topic a meter reads or writes."""
    specs: list[TopicSpec] = []
    for channel in channels:
        specs += source_topic(topics, channel.topic, log_time)
    return [*specs, *readings_topics(topics)]


async def ensure_meter_topics(channels: Sequence[Channel]) -> list[str]:
    """Create missing topics and check the others; returns the names created. Reads no setting of PostgreSQL."""
    topics = TopicSettings.load()
    specs = topic_specs(topics, MeterSettings.load().log_time, channels)
    return await set_up_topics(KafkaSettings.load(), specs, replication_factor=topics.replication_factor)


async def check_set_up(
    name: str, kafka: KafkaSettings, specs: Sequence[TopicSpec], postgres: PostgresSettings, migrations: Sequence[str]
) -> None:
    """Check topics and tables before anything listens or reads.

    Raises ``Rejected`` naming what is missing and the command that makes it, ``Transient`` when Kafka or PostgreSQL
    cannot be asked.
    """
    await check_topics(kafka, specs)
    pool = await open_pool(postgres, application=name)
    try:
        await check_migrated(pool, migrations)
    finally:
        pool.terminate()
