"""The meter's tables in plain SQL: progress rows, which fence every flush, and registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import asyncpg

from shared.errors import Conflict
from shared.meter.position import Anchor, Position
from shared.meter.register import Delta, Register, RegisterKey
from shared.meter.stretch import Replay
from shared.postgres import Connection, Pool, transaction
from shared.readings import Balance

MIGRATIONS = ("shared.meter",)


_POSITION = """SELECT * FROM progress WHERE topic = $1 AND partition = $2 ORDER BY log_epoch DESC LIMIT 1"""

_FIRST = """
INSERT INTO progress (topic, partition, log_epoch, first_offset, next_offset, log_time_max_ms, as_of, partitions)
VALUES ($1, $2, 1, $3, $3, 0, 'epoch', $4) ON CONFLICT DO NOTHING"""

_FENCE = """
SELECT 1 FROM progress WHERE topic = $1 AND partition = $2 AND log_epoch = $3 AND next_offset = $4 AND stopped = ''
FOR UPDATE"""

_ADVANCE = """
UPDATE progress SET next_offset = $4, counted = $5, duplicate = $6, rejected = $7, skipped = $8, lost = $9, late = $10,
    late_unprovable = $11, duplicate_unprovable = $12, log_time_max_ms = $13, anchor_offset = $14, anchor_time_ms = $15,
    anchor_sha256 = $16, as_of = $17, partitions = $18, stopped = $19, updated_at = now()
WHERE topic = $1 AND partition = $2 AND log_epoch = $3 AND next_offset = $20 AND stopped = ''"""

_DATE = """
WITH told AS (SELECT * FROM unnest($1::text[], $2::int[], $3::int[], $4::bigint[], $5::timestamptz[], $6::int[])
        AS t (topic, partition, log_epoch, next_offset, as_of, partitions)),
    own AS (SELECT p.topic, p.partition, p.log_epoch FROM progress AS p
        JOIN told USING (topic, partition, log_epoch, next_offset)
        WHERE p.stopped = '' ORDER BY p.topic, p.partition FOR UPDATE OF p)
UPDATE progress AS p SET as_of = told.as_of, partitions = told.partitions, updated_at = now()
FROM own JOIN told USING (topic, partition, log_epoch)
WHERE p.topic = own.topic AND p.partition = own.partition AND p.log_epoch = own.log_epoch
RETURNING p.topic, p.partition"""

_ADD = """
INSERT INTO registers AS r (topic, partition, log_epoch, channel, through_offset, quarter, shop, country, payer, detail,
    events, late, duplicates, rejected, activity, revision, factor_set)
SELECT $1, $2, $3, $4, $5, d.quarter, d.shop, d.country, d.payer, d.detail, d.events, d.late, d.duplicates, d.rejected,
    d.activity::bigint[], coalesce(s.revision, 0), coalesce(s.factor_set, '')
FROM unnest($6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bigint[], $12::bigint[],
    $13::bigint[], $14::bigint[], $15::text[])
    AS d (quarter, shop, country, payer, detail, events, late, duplicates, rejected, activity)
LEFT JOIN LATERAL (SELECT revision, factor_set FROM restatements
    WHERE channel = $4 AND day = (d.quarter AT TIME ZONE 'UTC')::date ORDER BY revision DESC LIMIT 1) AS s ON true
ON CONFLICT (topic, partition, log_epoch, quarter, channel, shop, country, payer, detail) DO UPDATE SET
    events = r.events + excluded.events, late = r.late + excluded.late,
    duplicates = r.duplicates + excluded.duplicates, rejected = r.rejected + excluded.rejected,
    activity = add_activity(r.activity, excluded.activity), through_offset = excluded.through_offset,
    updated_at = now()
RETURNING r.*"""

_RECENT = """
SELECT * FROM registers WHERE topic = $1 AND partition = $2 AND updated_at >= $3"""


_CLOSED = """
SELECT * FROM (SELECT *, max(log_epoch) OVER () AS newest FROM progress WHERE topic = $1 AND partition = $2) AS p
WHERE log_epoch < newest ORDER BY log_epoch"""

_STOP = """
UPDATE progress SET stopped = $5, updated_at = now()
WHERE topic = $1 AND partition = $2 AND log_epoch = $3 AND next_offset = $4 AND stopped = ''"""

_STOP_TOPIC = """
UPDATE progress AS p SET stopped = $2, updated_at = now()
WHERE topic = $1 AND stopped = ''
    AND log_epoch = (SELECT max(log_epoch) FROM progress WHERE topic = p.topic AND partition = p.partition)"""

_REPLAYED = """
INSERT INTO replayed (source, topic, partition, record_offset)
SELECT s.source, $1, $2, s.record_offset FROM unnest($3::text[], $4::bigint[]) AS s (source, record_offset)
ON CONFLICT DO NOTHING RETURNING source"""


async def read_position(pool: Pool, topic: str, partition: int) -> Position | None:
    """The newest epoch's row of a partition. Raises ``Transient``."""
    async with transaction(pool) as connection:
        row = await connection.fetchrow(_POSITION, topic, partition)
    return None if row is None else _position(row)


async def create_position(pool: Pool, topic: str, partition: int, *, first_offset: int, partitions: int) -> None:
    """Start epoch 1 of a partition at its earliest record; an existing row is left alone. Raises ``Transient``."""
    async with transaction(pool) as connection:
        await connection.execute(_FIRST, topic, partition, first_offset, partitions)


async def fence(connection: Connection, position: Position) -> None:
    """Lock the partition's row where this flush began, for a flush that the database must decide something for first.

    Raises ``Conflict`` when another process moved it.
    """
    p = position
    if await connection.fetchval(_FENCE, p.topic, p.partition, p.log_epoch, p.next_offset) is None:
        raise _moved(p)


def _moved(p: Position) -> Conflict:
    return Conflict(f"{p.topic}[{p.partition}] was moved by another process while this one was at {p.next_offset}")


async def advance(connection: Connection, before: Position, position: Position) -> None:
    """Move the partition's row from where this flush began, which is its fence: whoever else moves it waits or fails.

    Raises ``Conflict`` when another process moved it.
    """
    p, b = position, position.balance
    anchor = p.anchor
    done = await connection.execute(
        _ADVANCE,
        p.topic,
        p.partition,
        p.log_epoch,
        b.next_offset,
        b.counted,
        b.duplicate,
        b.rejected,
        b.skipped,
        b.lost,
        b.late,
        b.late_unprovable,
        b.duplicate_unprovable,
        p.log_time_max_ms,
        anchor.offset if anchor else None,
        anchor.time_ms if anchor else None,
        anchor.sha256 if anchor else None,
        p.as_of,
        p.partitions,
        p.stopped,
        before.next_offset,
    )
    if done != "UPDATE 1":
        raise _moved(before)


async def date(connection: Connection, positions: Sequence[Position]) -> set[tuple[str, int]]:
    """Write how far in time partitions are counted that stand where they stood; others are left out of the answer."""
    p = positions
    rows = await connection.fetch(
        _DATE,
        [one.topic for one in p],
        [one.partition for one in p],
        [one.log_epoch for one in p],
        [one.next_offset for one in p],
        [one.as_of for one in p],
        [one.partitions for one in p],
    )
    return {(row["topic"], row["partition"]) for row in rows}


async def add_to_registers(
    connection: Connection, position: Position, channel: str, deltas: Mapping[RegisterKey, Delta]
) -> list[Register]:
    """Add deltas and return the registers as they now stand, through the position's offset."""
    if not deltas:
        return []
    keys = sorted(deltas)  # one order for every process, so that two transactions never wait for each other in a circle
    values = [deltas[key] for key in keys]
    rows = await connection.fetch(
        _ADD,
        position.topic,
        position.partition,
        position.log_epoch,
        channel,
        position.next_offset,
        [datetime.fromtimestamp(key.quarter_s, UTC) for key in keys],
        [key.shop for key in keys],
        [key.country for key in keys],
        [key.payer for key in keys],
        [key.detail for key in keys],
        [delta.events for delta in values],
        [delta.late for delta in values],
        [delta.duplicates for delta in values],
        [delta.rejected for delta in values],
        ["{" + ",".join(map(str, delta.activity)) + "}" for delta in values],
    )
    return [_register(row) for row in rows]


async def recent_registers(pool: Pool, topic: str, partition: int, since: datetime) -> list[Register]:
    """Registers of all epochs of a partition that changed since a moment. Raises ``Transient``."""
    async with transaction(pool) as connection:
        return [_register(row) for row in await connection.fetch(_RECENT, topic, partition, since)]


async def closed_positions(pool: Pool, topic: str, partition: int) -> list[Position]:
    """The rows of a partition's earlier log epochs. Raises ``Transient``."""
    async with transaction(pool) as connection:
        return [_position(row) for row in await connection.fetch(_CLOSED, topic, partition)]


class Snapshot(NamedTuple):
    """One moment of a partition's newest log epoch."""

    position: Position
    began_ms: int
    """Highest log time when the epoch was opened."""
    registers: list[Register]
    replayed: dict[str, tuple[int, int]]
    """By replayed position, the partition and offset of the record that took it."""


async def snapshot(pool: Pool, topic: str, partition: int) -> Snapshot | None:
    """What is stored of a partition; ``None`` when it was never counted. Raises ``Transient``."""
    async with transaction(pool) as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        row = await connection.fetchrow(_POSITION, topic, partition)
        if row is None:
            return None
        registers = await connection.fetch(
            "SELECT * FROM registers WHERE topic = $1 AND partition = $2 AND log_epoch = $3",
            topic,
            partition,
            row["log_epoch"],
        )
        replayed = await connection.fetch("SELECT * FROM replayed WHERE topic = $1", topic)
    taken = {one["source"]: (one["partition"], one["record_offset"]) for one in replayed}
    return Snapshot(_position(row), row["began_log_time_ms"], [_register(one) for one in registers], taken)


async def stop_partition(pool: Pool, position: Position, why: str) -> Position | None:
    """Persist that a partition must not be counted on; ``None`` when its row is not this one any more.

    Only who stands where the row stands may stop it: a process that was left behind knows nothing about the log.
    """
    p = position
    async with transaction(pool) as connection:
        done = await connection.execute(_STOP, p.topic, p.partition, p.log_epoch, p.next_offset, why)
    return replace(position, stopped=why) if done == "UPDATE 1" else None


async def stop_topic(pool: Pool, topic: str, why: str) -> None:
    """Persist that no partition of a topic is counted on until the stop is lifted. Raises ``Transient``."""
    async with transaction(pool) as connection:
        await connection.execute(_STOP_TOPIC, topic, why)


async def new_replays(connection: Connection, position: Position, replays: Sequence[Replay]) -> set[int]:
    """Take the positions of replayed records, each for ever; returns the indexes of those not taken before."""
    sources: dict[str, int] = {}
    for index, replay in enumerate(replays):
        sources.setdefault(replay.source, index)
    ordered = sorted(sources)  # one order for every process
    offsets = [replays[sources[source]].record.offset for source in ordered]
    rows = await connection.fetch(_REPLAYED, position.topic, position.partition, ordered, offsets)
    return {sources[row["source"]] for row in rows}


def _position(row: asyncpg.Record) -> Position:
    anchor = None
    if row["anchor_offset"] is not None:
        anchor = Anchor(row["anchor_offset"], row["anchor_time_ms"], row["anchor_sha256"])
    return Position(
        topic=row["topic"],
        partition=row["partition"],
        log_epoch=row["log_epoch"],
        balance=Balance.model_validate({name: row[name] for name in Balance.model_fields}),
        log_time_max_ms=row["log_time_max_ms"],
        anchor=anchor,
        as_of=row["as_of"],
        partitions=row["partitions"],
        stopped=row["stopped"],
    )


def _register(row: asyncpg.Record | Mapping[str, Any]) -> Register:
    activity: Sequence[int] = row["activity"]
    return Register(
        key=RegisterKey(int(row["quarter"].timestamp()), row["shop"], row["country"], row["payer"], row["detail"]),
        channel=row["channel"],
        events=row["events"],
        late=row["late"],
        duplicates=row["duplicates"],
        rejected=row["rejected"],
        activity=tuple(activity),
        through_offset=row["through_offset"],
        revision=row["revision"],
        factor_set=row["factor_set"],
        log_epoch=row["log_epoch"],
    )


async def balances(pool: Pool) -> list[dict[str, Any]]:
    """Every partition and epoch: the balance, its difference (0) and why it is stopped, if it is."""
    async with transaction(pool) as connection:
        rows = await connection.fetch("SELECT * FROM progress ORDER BY topic, partition, log_epoch")
    return [
        {
            "topic": row["topic"],
            "partition": row["partition"],
            "log_epoch": row["log_epoch"],
            **{name: row[name] for name in Balance.model_fields},
            "difference": _position(row).balance.difference,
            "stopped": row["stopped"],
        }
        for row in rows
    ]
