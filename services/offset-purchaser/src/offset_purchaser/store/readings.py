"""Readings, progress and positions: what the meters said, stored once, newest only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from offset_purchaser.sources import PartitionState
from shared.errors import Conflict
from shared.estimate import ChannelName
from shared.postgres import Connection, Pool
from shared.readings import Progress, Reading, detail_labels, reading_key

COLUMNS: tuple[tuple[str, str], ...] = (
    ("register", "text"),
    ("topic", "text"),
    ("partition", "int"),
    ("log_epoch", "int"),
    ("quarter", "timestamptz"),
    ("channel", "text"),
    ("shop", "text"),
    ("country", "text"),
    ("payer", "text"),
    ("detail", "text"),
    ("unprovable", "boolean"),
    ("bot", "boolean"),
    ("events", "bigint"),
    ("late", "bigint"),
    ("activity", "jsonb"),
    ("method", "text"),
    ("method_version", "text"),
    ("factor_set", "text"),
    ("factor_set_sha256", "text"),
    ("factor_group", "text"),
    ("ghg_scope", "int"),
    ("ghg_category", "text"),
    ("data_quality", "int"),
    ("estimated", "boolean"),
    ("low_ug", "bigint"),
    ("central_ug", "bigint"),
    ("high_ug", "bigint"),
    ("revision", "int"),
    ("through_offset", "bigint"),
    ("duplicates", "bigint"),
    ("rejected", "bigint"),
)
NAMES = ", ".join(name for name, _ in COLUMNS)
_ARRAYS = ", ".join(f"${n}::{'text' if kind == 'jsonb' else kind}[]" for n, (_, kind) in enumerate(COLUMNS, 1))
_INCOMING = ", ".join(f"i.{name}::jsonb" if kind == "jsonb" else f"i.{name}" for name, kind in COLUMNS)
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name, _ in COLUMNS if name != "register")

UPSERT = f"""
WITH incoming AS (SELECT * FROM unnest({_ARRAYS}) AS i({NAMES})),
before AS (SELECT r.register, r.events FROM readings r JOIN incoming USING (register)),
stored AS (
    INSERT INTO readings ({NAMES}) SELECT {_INCOMING} FROM incoming i
    ON CONFLICT (register) DO UPDATE SET {_CHANGES}
    WHERE (readings.revision, readings.through_offset) < (excluded.revision, excluded.through_offset)
    RETURNING register, topic, partition, log_epoch, events
)
INSERT INTO source_sums AS s (topic, partition, log_epoch, events)
SELECT stored.topic, stored.partition, stored.log_epoch, sum(stored.events - coalesce(before.events, 0))
FROM stored LEFT JOIN before USING (register) GROUP BY 1, 2, 3
ON CONFLICT (topic, partition, log_epoch) DO UPDATE SET events = s.events + excluded.events
"""  # noqa: S608  (column names are the constants above)

PROGRESS = """
INSERT INTO progress AS p (topic, partition, log_epoch, channel, through_offset, as_of, partitions, first_offset,
    next_offset, counted, duplicate, rejected, skipped, lost, duplicate_unprovable)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (topic, partition, log_epoch) DO UPDATE SET channel = excluded.channel,
    through_offset = excluded.through_offset, as_of = excluded.as_of, partitions = excluded.partitions,
    first_offset = excluded.first_offset, next_offset = excluded.next_offset, counted = excluded.counted,
    duplicate = excluded.duplicate, rejected = excluded.rejected, skipped = excluded.skipped, lost = excluded.lost,
    duplicate_unprovable = excluded.duplicate_unprovable
WHERE (p.through_offset, p.as_of) <= (excluded.through_offset, excluded.as_of)
"""


def _row(reading: Reading) -> tuple[object, ...]:
    r, labels = reading, detail_labels(reading.detail)
    ug = r.emissions_ug
    return (
        reading_key(r),
        r.topic,
        r.partition,
        r.log_epoch,
        r.quarter,
        r.channel.value,
        r.shop,
        r.country,
        r.payer,
        r.detail,
        labels.get("late") == "unprovable",
        labels.get("device") == "bot",
        r.events,
        r.late,
        json.dumps(r.activity, sort_keys=True),
        r.method,
        r.method_version,
        r.factor_set,
        r.factor_set_sha256,
        r.factor_group,
        r.ghg_scope,
        r.ghg_category,
        r.data_quality,
        ug is not None,
        ug.low if ug else 0,
        ug.central if ug else 0,
        ug.high if ug else 0,
        r.revision,
        r.through_offset,
        r.duplicates,
        r.rejected,
    )


ROWS_AT_ONCE = 500
"""Rows of one statement: making and encoding them takes some 10 ms, in which the API's requests wait."""


async def store_readings(connection: Connection, readings: Iterable[Reading]) -> int:
    """Store the newest of each register; returns how many registers the batch names."""
    newest: dict[str, Reading] = {}
    for reading in readings:
        key = reading_key(reading)
        old = newest.get(key)
        if old is None or (old.revision, old.through_offset) <= (reading.revision, reading.through_offset):
            newest[key] = reading
    found = list(newest.values())
    for start in range(0, len(found), ROWS_AT_ONCE):
        rows = [_row(reading) for reading in found[start : start + ROWS_AT_ONCE]]
        await connection.execute(UPSERT, *(list(column) for column in zip(*rows, strict=True)))
    return len(newest)


async def store_progress(connection: Connection, messages: Iterable[Progress]) -> None:
    """Store the newest progress of each source partition and epoch."""
    rows = [
        (
            p.topic,
            p.partition,
            p.log_epoch,
            p.channel.value,
            p.through_offset,
            p.as_of,
            p.partitions,
            p.balance.first_offset,
            p.balance.next_offset,
            p.balance.counted,
            p.balance.duplicate,
            p.balance.rejected,
            p.balance.skipped,
            p.balance.lost,
            p.balance.duplicate_unprovable,
        )
        for p in messages
    ]
    if rows:
        await connection.executemany(PROGRESS, rows)


async def positions(pool: Pool, topic: str) -> dict[int, int]:
    """Where to go on reading, by partition; a partition without a row starts at its earliest record."""
    rows = await pool.fetch("SELECT partition, next_offset FROM positions WHERE topic = $1", topic)
    return {row["partition"]: row["next_offset"] for row in rows}


async def move_positions(
    connection: Connection, topic: str, before: Mapping[int, int | None], after: Mapping[int, int]
) -> None:
    """Move the positions with what was read. Raises ``Conflict`` when somebody else moved one of them."""
    for partition, offset in sorted(after.items()):
        found = before.get(partition)
        if found is None:
            done = await connection.execute(
                "INSERT INTO positions VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", topic, partition, offset
            )
        else:
            done = await connection.execute(
                "UPDATE positions SET next_offset = $4 WHERE topic = $1 AND partition = $2 AND next_offset = $3",
                *(topic, partition, found, offset),
            )
        if not done.endswith(" 1"):
            raise Conflict(f"another instance reads {topic}/{partition}")


async def partition_states(connection: Connection | Pool, topics: Sequence[str]) -> list[PartitionState]:
    """Every source partition and epoch of some topics, with the events of the readings stored for it."""
    rows = await connection.fetch(
        """
        SELECT p.*, coalesce(s.events, 0)::bigint AS stored,
               p.next_offset - p.first_offset - p.counted - p.duplicate - p.rejected - p.skipped - p.lost AS difference
        FROM progress p LEFT JOIN source_sums s USING (topic, partition, log_epoch)
        WHERE p.topic = ANY($1) ORDER BY topic, partition, log_epoch
        """,
        list(topics),
    )
    return [
        PartitionState(
            topic=row["topic"],
            partition=row["partition"],
            log_epoch=row["log_epoch"],
            channel=ChannelName(row["channel"]),
            through_offset=row["through_offset"],
            as_of=row["as_of"],
            partitions=row["partitions"],
            counted=row["counted"],
            stored=row["stored"],
            lost=row["lost"],
            duplicate_unprovable=row["duplicate_unprovable"],
            difference=row["difference"],
        )
        for row in rows
    ]


async def balances(pool: Pool) -> dict[str, dict[str, int]]:
    """Per source topic: where its records went, by the meters' own words, over all partitions and epochs."""
    rows = await pool.fetch(
        """
        SELECT topic, sum(next_offset - first_offset)::bigint AS consumed, sum(counted)::bigint AS counted,
               sum(duplicate)::bigint AS duplicates, sum(rejected)::bigint AS rejected,
               sum(skipped)::bigint AS skipped, sum(lost)::bigint AS lost
        FROM progress GROUP BY topic ORDER BY topic
        """
    )
    return {row["topic"]: {name: row[name] for name in row.keys() if name != "topic"} for row in rows}  # noqa: SIM118


async def partition_balances(connection: Connection | Pool, topics: Sequence[str]) -> dict[str, list[dict[str, int]]]:
    """Per source topic, for every partition and log epoch: where its records went, by its meter's own words."""
    rows = await connection.fetch(
        """
        SELECT topic, partition, log_epoch, first_offset, next_offset, counted, duplicate, rejected, skipped, lost
        FROM progress WHERE topic = ANY($1) ORDER BY topic, partition, log_epoch
        """,
        list(topics),
    )
    found: dict[str, list[dict[str, int]]] = {}
    for row in rows:
        balance = dict(row)
        found.setdefault(balance.pop("topic"), []).append(balance)
    return found
