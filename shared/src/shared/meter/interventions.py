"""What people may do to a meter by command, in plain SQL. Each leaves a record of who, when and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from shared.errors import Conflict, Rejected
from shared.meter.assignment import BAD_RECORDS
from shared.meter.position import Position
from shared.postgres import Connection, Pool, transaction


@dataclass(frozen=True, slots=True)
class Why:
    """Who does it and for what reason; both are required. Raises ``Rejected`` when one is blank."""

    who: str
    reason: str

    def __post_init__(self) -> None:
        if not self.who.strip():
            raise Rejected("say who does it: --by", field="by")
        if not self.reason.strip():
            raise Rejected("say why: --reason", field="reason")
        for name, text in (("by", self.who), ("reason", self.reason)):
            if "\0" in text or text != text.encode(errors="replace").decode():
                raise Rejected("not a text in UTF-8", field=name)


FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
"""Days that a person may mean."""

LOST_MAX = 10**12
"""Records that a person may mean: a year at 30,000 a second."""

_RECORD = """INSERT INTO interventions (who, command, reason, detail) VALUES ($1, $2, $3, $4) RETURNING id"""

_HELD = """
SELECT 1 FROM progress AS p WHERE topic = $1 AND partition = $2 AND log_epoch = $3 AND next_offset = $4
    AND stopped <> '' AND log_epoch = (SELECT max(log_epoch) FROM progress WHERE topic = $1 AND partition = $2)
FOR UPDATE"""

_LIFT = """
UPDATE progress SET stopped = '', updated_at = now() WHERE topic = $1 AND partition = $2 AND log_epoch = $3"""

_NEW_EPOCH = """
INSERT INTO progress (topic, partition, log_epoch, first_offset, next_offset, lost, log_time_max_ms, began_log_time_ms,
    as_of, partitions, reason)
SELECT topic, partition, log_epoch + 1, $4, $5, $6, $7, $7, as_of, partitions, $8 FROM progress
WHERE topic = $1 AND partition = $2 AND log_epoch = $3"""

_RESTATE = """
UPDATE registers SET factor_set = $4, revision = $5, updated_at = now()
WHERE channel = $1 AND quarter >= $2 AND quarter < $3"""


async def record(connection: Connection, why: Why, command: str, detail: Mapping[str, Any]) -> int:
    """Write one intervention and return its id."""
    text = json.dumps(dict(detail), default=str)
    return int(await connection.fetchval(_RECORD, why.who.strip(), command, why.reason.strip(), text))


async def note(pool: Pool, why: Why, command: str, detail: Mapping[str, Any]) -> int:
    """Write an intervention that changed nothing in this database."""
    async with transaction(pool) as connection:
        return await record(connection, why, command, detail)


@dataclass(frozen=True, slots=True)
class LogNow:
    """What a partition's log looks like when a person reseats it."""

    begin: int
    end: int
    same: bool
    """It still holds what was counted last, where it was counted."""


def new_seat(before: Position, log: LogNow, *, lost: int | None, start: int | None) -> tuple[int, int, int]:
    """First offset, offset to go on at and highest log time of a new log epoch. Raises ``Rejected``.

    Offsets that retention deleted are booked as lost. Of a topic that was made anew nobody can tell how many records
    were lost: ``lost`` says it (0 when left out), and counting begins at its first record. Of a log that was cut short
    the beginning was counted already: ``start`` says where the records begin that were not. Of a log that is the same,
    what lies before ``start`` is passed as lost.
    """
    if lost is not None and lost > LOST_MAX:
        raise Rejected(f"more than {LOST_MAX:,} records", field="lost")
    overtaken = before.next_offset < log.begin <= log.end
    at = log.begin if start is None else start
    if _passes(before, log, start):
        if lost not in (None, at - before.next_offset):
            raise Rejected(f"{at - before.next_offset} offsets lie before {at}", field="lost")
        lost = at - before.next_offset
    if not log.begin <= at <= log.end:
        raise Rejected(f"the log holds the offsets from {log.begin} to {log.end}", field="from")
    if overtaken and start is not None:
        raise Rejected("retention deleted records: counting goes on at the first that is left", field="from")
    first = before.next_offset if overtaken else at - (lost or 0)
    if lost is not None and lost != at - first:
        raise Rejected(f"{at - first} offsets were deleted; --lost is for topics that were made anew", field="lost")
    return first, at, before.log_time_max_ms if overtaken or at > log.begin else 0


def _passes(before: Position, log: LogNow, start: int | None) -> bool:
    """Whether records of a log that did not change are passed, because they cannot be read."""
    return log.same and start is not None and start > before.next_offset


async def reseat(
    pool: Pool, before: Position | None, why: Why, log: LogNow, *, lost: int | None, start: int | None
) -> dict[str, Any]:
    """Open a new log epoch for a stopped partition; one whose log is the same, and of which nothing is passed, goes on.

    Returns what was done. Raises ``Rejected`` when the partition is not stopped for its log, ``Conflict`` when its row
    moved meanwhile.
    """
    if before is None:
        raise Rejected("it was never counted", field="partition")
    where = f"{before.topic}[{before.partition}]"
    if not before.stopped or before.stopped.startswith(BAD_RECORDS):
        raise Rejected(f"{where} is not stopped for its log: nothing to reseat", field="partition")
    place = {"topic": before.topic, "partition": before.partition}
    key = (before.topic, before.partition, before.log_epoch)
    goes_on = log.same and not _passes(before, log, start)
    if goes_on and lost:
        raise Rejected(f"the log of {where} is unchanged: nothing was lost, leave --lost out", field="lost")
    if goes_on and start is not None and start != before.next_offset:
        raise Rejected(f"the log of {where} is unchanged: counting goes on at {before.next_offset}", field="from")
    first, at, newest_ms = new_seat(before, log, lost=lost, start=start)
    if goes_on:
        detail = {**place, "log_epoch": before.log_epoch, "from": before.next_offset, "lost": 0, "log": "unchanged"}
    else:
        detail = {**place, "log_epoch": before.log_epoch + 1, "from": at, "lost": at - first}
    async with transaction(pool) as connection:
        held = await connection.fetchval(_HELD, *key, before.next_offset)
        if held is None:
            raise Conflict(f"{where} moved meanwhile; look at it again: balance")
        if goes_on:
            await connection.execute(_LIFT, *key)
        else:
            await connection.execute(_NEW_EPOCH, *key, first, at, at - first, newest_ms, why.reason)
        await record(connection, why, "reseat", detail)
    return detail


async def restate(pool: Pool, channels: Sequence[str], day: date, factor_set: str, why: Why) -> list[dict[str, Any]]:
    """Estimate a UTC day again with another factor set; registers made later for that day follow.

    Flushes wait until it is done, so that none of them makes a register this one does not see.
    """
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Rejected(f"no day between {FIRST_DAY} and {LAST_DAY}", field="day")
    start = datetime.combine(day, time(), UTC)
    done = []
    async with transaction(pool) as connection:
        await connection.execute("LOCK TABLE registers IN SHARE ROW EXCLUSIVE MODE")
        for channel in channels:
            revision = 1 + await connection.fetchval(
                "SELECT coalesce(max(revision), 0) FROM restatements WHERE channel = $1 AND day = $2", channel, day
            )
            detail = {"channel": channel, "day": day.isoformat(), "factor_set": factor_set, "revision": revision}
            number = await record(connection, why, "restate", detail)
            await connection.execute(
                "INSERT INTO restatements (channel, day, revision, factor_set, intervention) "
                "VALUES ($1, $2, $3, $4, $5)",
                channel,
                day,
                revision,
                factor_set,
                number,
            )
            end = start + timedelta(days=1)
            answer = await connection.execute(_RESTATE, channel, start, end, factor_set, revision)
            done.append({**detail, "registers": int(answer.split()[-1])})
    return done


async def resume(pool: Pool, topic: str, why: Why) -> int:
    """Lift the stop for too many bad records of a topic; returns the partitions that go on. Raises ``Rejected``."""
    async with transaction(pool) as connection:
        answer = await connection.execute(
            "UPDATE progress SET stopped = '', updated_at = now() WHERE topic = $1 AND stopped LIKE $2",
            topic,
            BAD_RECORDS + "%",
        )
        partitions = int(answer.split()[-1])
        if not partitions:
            raise Rejected(f"{topic} is not stopped for bad records", field="topic")
        await record(connection, why, "resume", {"topic": topic, "partitions": partitions})
    return partitions


async def accept_letters(pool: Pool, sources: Sequence[str], why: Why) -> None:
    """Note that dead letters will not be counted. Raises ``Conflict`` when one was replayed or accepted before."""
    async with transaction(pool) as connection:
        known = await connection.fetch(
            "SELECT source FROM replayed WHERE source = ANY($1) UNION "
            "SELECT source FROM accepted_letters WHERE source = ANY($1)",
            list(sources),
        )
        if known:
            raise Conflict(f"already replayed or accepted: {', '.join(sorted(row['source'] for row in known))}")
        number = await record(connection, why, "dead-letters accept", {"sources": list(sources)})
        await connection.executemany(
            "INSERT INTO accepted_letters (source, intervention) VALUES ($1, $2)", [(s, number) for s in sources]
        )


async def note_replay(pool: Pool, sources: Sequence[str], why: Why) -> None:
    """Record that dead letters are about to be sent again. Counting each once is the meters' part."""
    async with transaction(pool) as connection:
        await record(connection, why, "dead-letters replay", {"sources": list(sources)})


async def letter_states(pool: Pool) -> dict[str, str]:
    """What became of dead letters by source: ``replayed`` or ``accepted``; all others are open."""
    async with transaction(pool) as connection:
        replayed = await connection.fetch("SELECT source FROM replayed")
        accepted = await connection.fetch("SELECT source FROM accepted_letters")
    return {row["source"]: "accepted" for row in accepted} | {row["source"]: "replayed" for row in replayed}


async def interventions(pool: Pool) -> list[dict[str, Any]]:
    """Everything people did, oldest first."""
    async with transaction(pool) as connection:
        rows = await connection.fetch("SELECT * FROM interventions ORDER BY id")
    return [{**dict(row), "at": row["at"].isoformat(), "detail": json.loads(row["detail"])} for row in rows]
