"""What the commands do, once connected: each a few lines over the parts that know how."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition

from shared.decode import BatchDecoder
from shared.errors import Rejected
from shared.kafka import grow_topics
from shared.meter import audit as auditing
from shared.meter import interventions, store
from shared.meter.archive import SUMS, Archive, Stretch
from shared.meter.audit import Finding, KeyCheck, Log, Recount
from shared.meter.channel import Channel
from shared.meter.definition import MeterDefinition, MeterEnvironment, tally_factory
from shared.meter.interventions import LogNow, Why
from shared.meter.letters import Letter, Tell, Topics, chosen, read_letters, send_again, states_of, unsendable
from shared.meter.log_reader import LogEnds, LogReader
from shared.meter.opening import LogChanged, compare_log
from shared.meter.readable import Readable
from shared.meter.register import Register
from shared.meter.requests import request_resend
from shared.meter.stretch import Sealed
from shared.meter.tally import Tally
from shared.postgres import Pool


async def _counts(environment: MeterEnvironment, topics: Sequence[str]) -> dict[str, int]:
    ends = LogEnds(environment.kafka)
    await ends.start()
    try:
        return dict(await ends.partition_counts(topics))
    finally:
        await ends.stop()


async def _partitions(environment: MeterEnvironment, topics: Sequence[str]) -> dict[str, int]:
    counts = await _counts(environment, topics)
    missing = sorted(set(topics) - set(counts))
    if missing:
        raise Rejected(f"no such topic: {', '.join(missing)}", field="topic")
    return counts


async def _letters(environment: MeterEnvironment, definition: MeterDefinition, tell: Tell) -> dict[str, Letter]:
    dead = {topic: environment.topics.dead_letter(topic) for topic in environment.source_topics(definition.channels)}
    counts = await _partitions(environment, list(dead.values()))
    topics = [Topics(topic, name, counts[name]) for topic, name in dead.items()]
    return await read_letters(lambda topic, number: LogReader(environment.kafka, topic, number), topics, tell)


async def letters(
    environment: MeterEnvironment, pool: Pool, definition: MeterDefinition, tell: Tell
) -> list[tuple[Letter, str]]:
    """Every dead letter and what became of it."""
    found = await _letters(environment, definition, tell)
    states = states_of(found, await interventions.letter_states(pool))
    return [(letter, states[source]) for source, letter in sorted(found.items())]


async def replay(
    environment: MeterEnvironment,
    pool: Pool,
    definition: MeterDefinition,
    tell: Tell,
    sources: Sequence[str],
    *,
    every: bool,
    value: bytes | None,
    why: Why,
) -> tuple[int, int]:
    """Record it, then send the letters again; returns how many were meant and how many were sent, the others told."""
    found, decided = await _letters(environment, definition, tell), await interventions.letter_states(pool)
    picked = chosen(found, decided, sources, every=every, mended=value is not None)
    counts = await _counts(environment, list(environment.source_topics(definition.channels)))
    able = []
    for letter in picked:
        if reason := unsendable(letter, counts, value):
            tell(f"{letter.source} is not sent: {reason}")
        else:
            able.append(letter)
    if not able:
        return len(picked), 0
    await interventions.note_replay(pool, [letter.source for letter in able], why)
    return len(picked), await send_again(environment.kafka, able, tell, value)


async def accept(
    environment: MeterEnvironment, pool: Pool, definition: MeterDefinition, tell: Tell, sources: Sequence[str], why: Why
) -> None:
    """Accept letters that exist, and with each the position it is about."""
    found = await _letters(environment, definition, tell)
    picked = chosen(found, {}, sources, every=False, mended=True)
    accepted = dict.fromkeys(source for letter in picked for source in (letter.source, letter.replays))
    await interventions.accept_letters(pool, list(accepted), why)


async def audit(
    environment: MeterEnvironment,
    pool: Pool,
    definition: MeterDefinition,
    topic: str,
    partition: int | None,
    folder: Path | None = None,
) -> list[Finding]:
    """Recount the partitions that were asked for; a topic that its database decides about is recounted whole.

    ``folder``: an archive that holds what Kafka no longer has.
    """
    if folder and not (folder / SUMS).is_file():
        raise Rejected(f"{folder} is no archive: it has no {SUMS}", field="archive")
    archived = Archive.open(folder) if folder else None
    channels = environment.source_topics(definition.channels)
    if topic and topic not in channels:
        raise Rejected(f"{topic} is not a topic of this meter: {', '.join(channels)}", field="topic")
    names = [topic] if topic else list(channels)
    counts = await _partitions(environment, names)
    new_tally = tally_factory(definition, environment.meter)
    findings = []
    for name in names:
        channel = channels[name]
        if partition is not None and partition >= counts[name]:
            raise Rejected(f"{name} has {counts[name]} partitions", field="partition")
        wanted = range(counts[name]) if partition is None or channel.fold is None else [partition]
        stretches, registers = [], []
        for number in wanted:
            async with LogReader(environment.kafka, name, number) as live:
                finding, sealed, stored = await _recounted(
                    pool, live, archived, new_tally(channel), TopicPartition(name, number)
                )
            findings.append(finding)
            registers += stored
            if sealed is not None:
                stretches.append(sealed)
        if channel.fold is None and definition.recount is not None:
            findings.append(_whole_topic(definition.recount, name, channel, registers, stretches, findings))
    return findings


async def _recounted(
    pool: Pool, reader: LogReader, archived: Archive | None, tally: Tally, tp: TopicPartition
) -> tuple[Finding, Sealed | None, list[Register]]:
    """Recount one partition: what was archived of its newest log epoch, then what Kafka has.

    A record that was counted and cannot be read is a difference of this partition; one that a person passed is not.
    """
    topic, partition = tp.topic, tp.partition
    position = await store.read_position(pool, topic, partition)
    epoch, before = (position.log_epoch, position.counted_from) if position else (1, 0)
    live = Readable(reader, before)
    log: Log = archived.over(live, topic, partition, epoch) if archived else live
    try:
        finding, sealed, registers = await auditing.recount_partition(pool, log, tally.channel, tally, topic, partition)
    except Rejected as error:
        return Finding(topic, partition, differences=[str(error)]), None, []
    if live.passed:
        finding.notes.append(live.said(f"before offset {before}"))
    return finding, sealed, registers


def _whole_topic(
    recount: Recount,
    name: str,
    channel: Channel,
    registers: list[Register],
    stretches: list[Sealed],
    partitions: list[Finding],
) -> Finding:
    """Compare a topic as a whole, unless a part of what its states stand on cannot be read any more."""
    if any(one.topic == name and (one.notes or one.differences) for one in partitions):
        notes = ["not compared as a whole: its states also stand on records that are not there any more"]
        return Finding(name, -1, registers=len(registers), notes=notes)
    return auditing.compare_topic(name, channel, registers, recount(stretches))


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


async def archive(
    environment: MeterEnvironment, pool: Pool, definition: MeterDefinition, tell: Tell, folder: Path, topic: str
) -> tuple[list[Stretch], int]:
    """Write what was counted and is not archived yet into a folder that exists.

    Returns the files made, and how many partitions could not be archived; each of those is told with its reason.
    """
    channels = environment.source_topics(definition.channels)
    if topic and topic not in channels:
        raise Rejected(f"{topic} is not a topic of this meter: {', '.join(channels)}", field="topic")
    files, made, failed = Archive.open(folder), [], 0
    for name, count in (await _partitions(environment, [topic] if topic else list(channels))).items():
        for number in range(count):
            position = await store.read_position(pool, name, number)
            if position is None:
                continue
            async with LogReader(environment.kafka, name, number) as reader:
                log = Readable(reader, position.counted_from)
                try:
                    made.append(await files.add(log, name, number, position.next_offset, position.log_epoch))
                except Rejected as error:
                    failed += 1
                    tell(f"not archived: {error}")
                _tell_passed(log, name, number, tell)
    return [stretch for stretch in made if stretch is not None], failed


def _tell_passed(log: Readable, topic: str, partition: int, tell: Tell) -> None:
    if log.passed:
        tell(log.said(f"{topic}[{partition}]"))


async def check_keys(
    environment: MeterEnvironment, definition: MeterDefinition, tell: Tell, topic: str, sample: int
) -> KeyCheck:
    """Sample the newest records of every partition of a topic; those that cannot be read are told and left out."""
    channel: Channel | None = environment.source_topics(definition.channels).get(topic)
    if channel is None:
        raise Rejected(f"{topic} is not a topic of this meter", field="topic")
    name = "event_id" if channel.fold is not None else "shipment_id"
    check, decoder = KeyCheck(), BatchDecoder(channel.event)
    for number in range((await _partitions(environment, [topic]))[topic]):
        async with LogReader(environment.kafka, topic, number) as reader:
            begin, end = await reader.bounds()
            log = Readable(reader, end)
            async for records in log.read(max(begin, end - sample), end):
                check.add(decoder, name, number, records)
            _tell_passed(log, topic, number, tell)
    return check


async def reseat(
    environment: MeterEnvironment,
    pool: Pool,
    topic: str,
    partition: int,
    *,
    lost: int | None,
    start: int | None,
    why: Why,
) -> dict[str, Any]:
    """Compare the log with the row once more, then open a new log epoch where the log begins now."""
    counts = await _partitions(environment, [topic])
    if not 0 <= partition < counts[topic]:
        raise Rejected(f"{topic} has {counts[topic]} partitions", field="partition")
    before = await store.read_position(pool, topic, partition)
    async with LogReader(environment.kafka, topic, partition) as log:
        begin, end = await log.bounds()
        same = before is not None
        if before is not None:
            try:
                await compare_log(log, before, begin, end)
            except LogChanged:
                same = False
    now = LogNow(begin, end, same)
    return await interventions.reseat(pool, before, why, now, lost=lost, start=start)


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
    await request_resend(environment.kafka, environment.topics.name("meter_requests"), datetime.now(UTC))
    return done


async def resend(environment: MeterEnvironment, pool: Pool, why: Why) -> None:
    """Ask every running meter to send its recent registers and its progress again."""
    topic = environment.topics.name("meter_requests")
    await _partitions(environment, [topic])
    await interventions.note(pool, why, "resend", {"topic": topic})
    await request_resend(environment.kafka, topic, datetime.now(UTC))
