"""What the commands do, once connected: each a few lines over the parts that know how."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.decode import BatchDecoder
from shared.errors import Rejected, Transient
from shared.kafka import client_options, grow_topics
from shared.meter import audit as auditing
from shared.meter import interventions
from shared.meter.audit import Finding, KeyCheck
from shared.meter.channel import Channel
from shared.meter.interventions import Why
from shared.meter.letters import Letter, chosen, read_letters, send_again
from shared.meter.log_reader import LogEnds, LogReader
from shared.meter.requests import ResendRequest
from shared.meter.service import MeterDefinition, MeterEnvironment, tally_factory
from shared.postgres import Pool


async def _partitions(environment: MeterEnvironment, topics: Sequence[str]) -> dict[str, int]:
    ends = LogEnds(environment.kafka)
    await ends.start()
    try:
        counts = dict(await ends.partition_counts(topics))
    finally:
        await ends.stop()
    missing = sorted(set(topics) - set(counts))
    if missing:
        raise Rejected(f"no such topic: {', '.join(missing)}", field="topic")
    return counts


async def _letters(environment: MeterEnvironment, definition: MeterDefinition) -> dict[str, Letter]:
    topics = [environment.topics.dead_letter(topic) for topic in environment.source_topics(definition.channels)]
    counts = await _partitions(environment, topics)
    return await read_letters(lambda topic, number: LogReader(environment.kafka, topic, number), counts.items())


async def letters(environment: MeterEnvironment, pool: Pool, definition: MeterDefinition) -> list[tuple[Letter, str]]:
    """Every dead letter and what became of it."""
    found, states = await _letters(environment, definition), await interventions.letter_states(pool)
    return [
        (letter, states.get(source) or states.get(letter.replays) or "open") for source, letter in sorted(found.items())
    ]


async def replay(
    environment: MeterEnvironment,
    pool: Pool,
    definition: MeterDefinition,
    sources: Sequence[str],
    *,
    every: bool,
    value: bytes | None,
    why: Why,
) -> int:
    """Record it, then send the letters again."""
    found, states = await _letters(environment, definition), await interventions.letter_states(pool)
    picked = chosen(found, states, sources, every=every)
    await interventions.note_replay(pool, [letter.source for letter in picked], why)
    await send_again(environment.kafka, picked, value)
    return len(picked)


async def accept(
    environment: MeterEnvironment, pool: Pool, definition: MeterDefinition, sources: Sequence[str], why: Why
) -> None:
    """Accept letters that exist."""
    found = await _letters(environment, definition)
    chosen(found, {}, sources, every=False)
    await interventions.accept_letters(pool, sources, why)


async def audit(
    environment: MeterEnvironment, pool: Pool, definition: MeterDefinition, topic: str, partition: int
) -> list[Finding]:
    """Recount the partitions that were asked for; a topic that its database decides about is recounted whole."""
    channels = environment.source_topics(definition.channels)
    if topic and topic not in channels:
        raise Rejected(f"{topic} is not a topic of this meter: {', '.join(channels)}", field="topic")
    names = [topic] if topic else list(channels)
    counts = await _partitions(environment, names)
    new_tally = tally_factory(definition, environment.meter)
    findings = []
    for name in names:
        channel = channels[name]
        wanted = range(counts[name]) if partition < 0 or channel.fold is None else [partition]
        stretches, registers = [], []
        for number in wanted:
            async with LogReader(environment.kafka, name, number) as log:
                finding, sealed, stored = await auditing.recount_partition(
                    pool, log, channel, new_tally(channel), name, number
                )
            findings.append(finding)
            registers += stored
            if sealed is not None:
                stretches.append(sealed)
        if channel.fold is None and definition.recount is not None:
            counted = definition.recount(stretches)
            findings.append(auditing.compare_topic(name, channel, registers, counted))
    return findings


async def grow(
    environment: MeterEnvironment, pool: Pool, definition: MeterDefinition, topic: str, partitions: int, why: Why
) -> dict[str, int]:
    """More partitions for a source topic; before it for the topics its meter writes to. Returns how many each had.

    In this order no meter ever counts a partition whose readings or dead letters have no place to go.
    """
    channels = environment.source_topics(definition.channels)
    if topic not in channels:
        raise Rejected(f"{topic} is not a topic of this meter: {', '.join(channels)}", field="topic")
    names = [environment.topics.name("meter_readings"), environment.topics.dead_letter(topic), topic]
    had = await grow_topics(environment.kafka, names, partitions)
    await interventions.note(pool, why, "topics grow", {"topic": topic, "partitions": partitions, "had": had[topic]})
    return had


async def check_keys(environment: MeterEnvironment, definition: MeterDefinition, topic: str, sample: int) -> KeyCheck:
    """Sample the newest records of every partition of a topic."""
    channel: Channel | None = environment.source_topics(definition.channels).get(topic)
    if channel is None:
        raise Rejected(f"{topic} is not a topic of this meter", field="topic")
    name = "event_id" if channel.fold is not None else "shipment_id"
    check, decoder = KeyCheck(), BatchDecoder(channel.event)
    for number in range((await _partitions(environment, [topic]))[topic]):
        async with LogReader(environment.kafka, topic, number) as log:
            begin, end = await log.bounds()
            async for records in log.read(max(begin, end - sample), end):
                check.add(decoder, name, number, records)
    return check


async def reseat(
    environment: MeterEnvironment, pool: Pool, topic: str, partition: int, lost: int | None, why: Why
) -> dict[str, Any]:
    """Open a new log epoch where the log begins now."""
    counts = await _partitions(environment, [topic])
    if not 0 <= partition < counts[topic]:
        raise Rejected(f"{topic} has {counts[topic]} partitions", field="partition")
    async with LogReader(environment.kafka, topic, partition) as log:
        begin, end = await log.bounds()
    return await interventions.reseat(pool, topic, partition, why, begin=begin, end=end, lost=lost)


async def restate(
    environment: MeterEnvironment,
    pool: Pool,
    definition: MeterDefinition,
    *,
    channel: str,
    day: date,
    factor_set: str,
    why: Why,
) -> list[dict[str, Any]]:
    """Restate the channels of this meter, or one of them, then ask the running meters to send again."""
    names = [str(one.name) for one in definition.channels]
    if channel and channel not in names:
        raise Rejected(f"this meter has the channels {', '.join(names)}", field="channel")
    done = await interventions.restate(pool, [channel] if channel else names, day, factor_set, why)
    await request_resend(environment, datetime.now(UTC))
    return done


async def request_resend(environment: MeterEnvironment, now: datetime) -> None:
    """Ask every meter to send its recent readings again. Raises ``Transient``."""
    producer = AIOKafkaProducer(**client_options(environment.kafka), acks="all")
    request = ResendRequest(type="resend", requested_at=now)
    try:
        await producer.start()
        await producer.send_and_wait(environment.topics.name("meter_requests"), request.model_dump_json().encode())
    except (KafkaError, OSError) as error:
        raise Transient(f"readings were not asked for again: {error!r}; run the command again") from error
    finally:
        await producer.stop()
