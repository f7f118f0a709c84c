"""The purchaser's own store behind the law: readings come late, twice, old after new, or never."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from tests.law.fakes import Logs
from tests.law.world import READINGS

from offset_purchaser.store.readings import move_positions, partition_states, positions, store_progress, store_readings
from shared.meter.channel import Channel
from shared.postgres import transaction
from shared.readings import METER_MESSAGE, Progress, Reading, reading_key

deliveries = st.lists(
    st.tuples(st.sampled_from(["read", "read", "lose", "again", "crash", "wipe"]), st.integers(1, 12)), max_size=6
)
"""What befalls the readings on their way: some are read, lost, read again after newer ones, read in a transaction that
never commits; or everything stored is gone and the purchaser starts from nothing."""


def assert_progress_follows_its_readings(logs: Logs) -> None:
    """At no moment does a progress message speak for events whose readings were not sent before it.

    Nor for a time at which the log was longer than what it counts.
    """
    newest: dict[tuple[int, int], dict[str, Reading]] = defaultdict(dict)
    for name, _, _, value in logs.sent:
        if name != READINGS:
            continue
        message = METER_MESSAGE.validate_json(value)
        told = newest[message.partition, message.log_epoch]
        if isinstance(message, Progress):
            assert sum(reading.events for reading in told.values()) >= message.balance.counted
            there = [
                end
                for at, tp, end in logs.produced
                if at < message.as_of and (tp.topic, tp.partition) == (message.topic, message.partition)
            ]
            assert message.through_offset >= max(there, default=0), "read up to a time at which there was more"
        else:
            key = reading_key(message)
            if key not in told or told[key].through_offset <= message.through_offset:
                told[key] = message


class Crash(Exception):
    """The purchaser ends before its transaction does."""


class Purchaser:
    """Reads what the meters sent about one source topic, through the store it uses in production."""

    def __init__(self, pool: Any, topic: str, logs: Logs) -> None:
        self._pool = pool
        self._topic = topic
        self._stream = f"readings-of-{topic}"
        sent = [(at, value) for at, (name, _, _, value) in enumerate(logs.sent) if name == READINGS]
        self._messages = [METER_MESSAGE.validate_json(value) for _, value in sent]
        self._told_again = sum(at < logs.told_again_from for at, _ in sent)
        """From here on every register is told once more, because the purchaser asked for it."""
        self._at = 0

    async def run(self, steps: Sequence[tuple[str, int]]) -> None:
        """Take the generated steps over what was sent before the last request, then read all that answers it."""
        for name, number in steps:
            end = min(self._at + number, self._told_again)
            if name == "read":
                await self._store(self._at, end)
                self._at = end
            elif name == "lose":
                self._at = end
            elif name == "again":
                await self._store(max(0, self._at - number), self._at)
            elif name == "crash":
                await self._crash(self._at, end)
            else:
                await self._wipe()
        while self._at < len(self._messages):
            end = min(max(self._at, self._told_again) + 7, len(self._messages))
            await self._store(self._told_again if self._at < self._told_again else self._at, end)
            self._at = end
        await self._store(0, self._told_again)  # everything old once more, after everything new

    async def _store(self, start: int, end: int, *, crash: bool = False) -> None:
        batch = self._messages[start:end]
        before = (await positions(self._pool, self._stream)).get(0)
        async with transaction(self._pool) as connection:
            await store_readings(connection, (one for one in batch if isinstance(one, Reading)))
            await store_progress(connection, (one for one in batch if isinstance(one, Progress)))
            await move_positions(connection, self._stream, {0: before}, {0: end})
            if crash:
                raise Crash

    async def _crash(self, start: int, end: int) -> None:
        try:
            await self._store(start, end, crash=True)
        except Crash:
            return

    async def _wipe(self) -> None:
        async with transaction(self._pool) as connection:
            for table in ("readings", "source_sums", "progress"):
                await connection.execute(f"DELETE FROM {table} WHERE topic = $1", self._topic)

    async def assert_equal_and_complete(self, channel: Channel, registers: Sequence[Any], counted: int) -> None:
        """Every register of the meter is stored as it stands, and each partition's readings add up to its count."""
        rows = await self._pool.fetch("SELECT *, activity::text AS sums FROM readings WHERE topic = $1", self._topic)
        stored = {_key(row): (row["events"], row["late"], row["revision"], row["sums"]) for row in rows}
        held = {
            _key(row): (row["events"], row["late"], row["revision"], _sums(channel, row["activity"]))
            for row in registers
        }
        assert stored == held
        states = await partition_states(self._pool, [self._topic])
        assert [state.stored - state.counted for state in states] == [0] * len(states)
        assert [state.difference for state in states] == [0] * len(states)
        assert sum(state.counted for state in states) == counted


def _key(row: Any) -> tuple[Any, ...]:
    names = ("partition", "log_epoch", "quarter", "channel", "shop", "country", "payer", "detail", "through_offset")
    return tuple(row[name] for name in names)


def _sums(channel: Channel, activity: Sequence[int]) -> str:
    named = {name: value for name, value in zip(channel.measures, activity, strict=False) if value}
    parts = (f'"{name}": {named[name]}' for name in sorted(named, key=lambda name: (len(name), name)))
    return "{" + ", ".join(parts) + "}"  # as jsonb prints it
