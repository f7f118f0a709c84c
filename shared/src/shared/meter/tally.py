"""The pure heart of a meter: a partition's records become integer deltas, a balance and dead letters.

A tally holds no events and touches no clock, database or network. Whatever the stretches in which records arrive, the
sum of what it seals is the same: that is the law the property tests state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from operator import add
from typing import Any, NamedTuple, Protocol

from shared.decode import BatchDecoder
from shared.meter.bad_share import BadShare
from shared.meter.channel import Channel
from shared.meter.lateness import Lateness, LatenessRules, TimeCache
from shared.meter.position import Anchor, Counts, Position
from shared.meter.register import Delta, RegisterKey
from shared.meter.window import Window, digest128, identity

QUARTER_S = 900
REPLAYS = "replays"
"""Header of a record that replays a dead letter: ``topic/epoch/partition/offset``."""
OUTCOME_REJECTED = "outcome=rejected"
"""Detail of the registers that count rejected records, in the quarter-hour of their log time."""


class Record(Protocol):
    """What a tally reads of a Kafka record (``aiokafka.ConsumerRecord`` is one)."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class DeadLetter(NamedTuple):
    """A record that was not counted, with the reason, its bytes and where it was."""

    record: Record
    field: str
    reason: str


class Replay(NamedTuple):
    """A valid record that a person sent again for a dead letter; the database tells whether its position is free."""

    source: str
    """``topic/epoch/partition/offset`` of the dead letter."""
    record: Record
    row: dict[str, Any]
    duplicate: bool
    """Its id lay in the window."""


@dataclass(slots=True)
class Sealed:
    """A stretch ``[start, next_offset)`` of a partition, folded, ready for one fenced transaction."""

    next_offset: int
    counts: Counts
    deltas: dict[RegisterKey, Delta]
    dead_letters: list[DeadLetter]
    log_time_max_ms: int
    anchor: Anchor | None
    held: list[tuple[Record, dict[str, Any]]]
    """Validated rows that the database decides about inside the transaction (shipments); empty for other channels."""
    replays: list[Replay]
    """Records with the header ``replays``; not in the counts and deltas before ``Tally.with_replays``."""


def anchor_of(record: Record) -> Anchor:
    """The fingerprint of a record: SHA-256 over key and value, lengths included."""
    digest = sha256()
    for part in (record.key, record.value):
        digest.update(b"-" if part is None else b"%d:" % len(part) + part)
    return Anchor(record.offset, record.timestamp, digest.digest())


class Tally:
    """Counts one partition of a channel whose duplicates are told by a window (all channels but shipments)."""

    def __init__(
        self,
        channel: Channel,
        decoder: BatchDecoder,
        rules: LatenessRules,
        window: Window,
        share: BadShare | None = None,
    ) -> None:
        self.channel = channel
        self.share = share
        self.window = window
        self._decoder = decoder
        self.rules = rules
        self._times = TimeCache()
        self._details: dict[tuple[tuple[str, ...], bool], str] = {}
        self._fold = channel.fold
        self._spreads = channel.spread is not None
        self._sight = window.sight
        self._occurred_ms = self._times.occurred_ms
        self._ahead_ms, self._grace_ms = -rules.ahead_ms_max, rules.grace_ms

    def begin(self, position: Position) -> None:
        """Start a new stretch at a committed position."""
        self._next_offset = position.next_offset
        self._w_ms = position.log_time_max_ms
        self._counts = Counts()
        self._deltas: dict[tuple[Any, ...], Delta] = {}
        self._dead: list[DeadLetter] = []
        self._last: Record | None = None
        self.held: list[tuple[Record, dict[str, Any]]] = []
        self._replays: list[Replay] = []

    @property
    def next_offset(self) -> int:
        """First offset not folded yet."""
        return self._next_offset

    def remember(self, records: Sequence[Record], w_ms: int) -> None:
        """Rebuild the window from records before the stretch; ``w_ms`` is the highest log time at its start."""
        for record, row in zip(records, self._decoder.rows([r.value for r in records]), strict=True):
            if row is not None:
                self.window.sight(identity(row["event_id"]), record.offset, record.timestamp, w_ms)

    def passed(self, offset: int) -> None:
        """Everything before ``offset`` that was not handed over carries no record: control records, aborted ones."""
        if offset > self._next_offset:
            self._counts.skipped += offset - self._next_offset
            self._next_offset = offset

    def take(self, records: Sequence[Record]) -> None:
        """Fold records in ascending offsets; records before the stretch's end were folded already and are ignored."""
        if records and records[0].offset < self._next_offset:
            records = [record for record in records if record.offset >= self._next_offset]
        if not records:
            return
        dead_before, count = len(self._dead), self.count
        for record, row in zip(records, self._decoder.rows([r.value for r in records]), strict=True):
            offset, log_ms = record.offset, record.timestamp
            if offset != self._next_offset:
                self.passed(offset)
            self._next_offset = offset + 1
            if log_ms > self._w_ms:  # noqa: PLR1730  (max() costs a call a record)
                self._w_ms = log_ms
            if row is None:
                why = self._decoder.why(record.value)
                self.reject(record, why.field, why.reason)
            elif record.headers and (source := replays_of(record)):
                self.replay(source, record, row)
            else:
                count(record, row)
        self._last = records[-1]
        if self.share is not None:
            bad = {letter.record.offset for letter in self._dead[dead_before:]}
            self.share.add(len(records), [i for i, r in enumerate(records) if r.offset in bad] if bad else ())

    def count(self, record: Record, row: dict[str, Any]) -> None:
        """Fold one valid record."""
        raw, log_ms = row["event_id"].encode(), record.timestamp
        duplicate = self._sight(digest128(raw), record.offset, log_ms, self._w_ms)
        occurred_ms = self._occurred_ms(row)
        if not self._ahead_ms <= log_ms - occurred_ms <= self._grace_ms:  # rare, and judged as everything is
            lateness = self.rules.judge(log_ms, occurred_ms)
            if lateness.value >= Lateness.TOO_OLD.value:
                self.reject(record, "occurred_at", outside(lateness, self.rules))
                return
            if lateness is not Lateness.ON_TIME:
                unprovable = lateness is Lateness.UNPROVABLE
                delta = self._book(self._counts, self._deltas, row, occurred_ms, duplicate, unprovable)
                self._late(self._counts, delta, duplicate, unprovable)
                self._counts.duplicate_unprovable += not duplicate and record.key != raw
                return
        self._book(self._counts, self._deltas, row, occurred_ms, duplicate, False)
        if record.key != raw and not duplicate:
            self._counts.duplicate_unprovable += 1

    def replay(self, source: str, record: Record, row: dict[str, Any]) -> None:
        """Hold a replayed record until the database has told whether its position was counted before."""
        duplicate = self._sight(digest128(row["event_id"].encode()), record.offset, record.timestamp, self._w_ms)
        lateness = self.rules.judge(record.timestamp, self._occurred_ms(row))
        if lateness.value >= Lateness.TOO_OLD.value:
            self.reject(record, "occurred_at", outside(lateness, self.rules))
        else:
            self._replays.append(Replay(source, record, row, duplicate))

    def _book_replay(
        self, counts: Counts, deltas: dict[tuple[Any, ...], Delta], replay: Replay, duplicate: bool
    ) -> None:
        record, row = replay.record, replay.row
        occurred_ms = self._occurred_ms(row)
        lateness = self.rules.judge(record.timestamp, occurred_ms)
        unprovable = lateness is Lateness.UNPROVABLE
        delta = self._book(counts, deltas, row, occurred_ms, duplicate, unprovable)
        if lateness is not Lateness.ON_TIME:
            self._late(counts, delta, duplicate, unprovable)
        counts.duplicate_unprovable += not duplicate and record.key != row["event_id"].encode()

    def _late(self, counts: Counts, delta: Delta, duplicate: bool, unprovable: bool) -> None:
        if not duplicate:
            delta.late += 1
            counts.late += 1
            counts.late_unprovable += unprovable

    def _book(
        self,
        counts: Counts,
        deltas: dict[tuple[Any, ...], Delta],
        row: dict[str, Any],
        occurred_ms: int,
        duplicate: bool,
        unprovable: bool,
    ) -> Delta:
        assert self._fold is not None, "a channel without a fold needs a tally of its own"
        get = row.get
        labels, measures = self._fold(row)
        key = (occurred_ms // 900_000 * QUARTER_S, get("shop", "default"), get("country") or "", labels, unprovable)
        delta = deltas.get(key)
        if delta is None:
            delta = deltas[key] = Delta(activity=[0] * len(self.channel.measures))
        if duplicate:
            delta.duplicates += 1
            counts.duplicate += 1
            return delta
        delta.events += 1
        counts.counted += 1
        delta.activity = list(map(add, delta.activity, measures))
        if self._spreads:
            self._spread(deltas, key, row)
        return delta

    def _spread(self, deltas: dict[tuple[Any, ...], Delta], key: tuple[Any, ...], row: dict[str, Any]) -> None:
        assert self.channel.spread is not None
        for quarter_s, contribution in self.channel.spread(row):
            other = (quarter_s, *key[1:3], contribution.labels, key[4])
            delta = deltas.get(other)
            if delta is None:
                delta = deltas[other] = Delta(activity=[0] * len(self.channel.measures))
            for index, value in enumerate(contribution.measures):
                delta.activity[index] += value

    def reject(self, record: Record, field_name: str, reason: str) -> None:
        """Dead-letter a record with its reason."""
        self._counts.rejected += 1
        self._dead.append(DeadLetter(record, field_name, reason))

    def _detail(self, labels: tuple[str, ...], unprovable: bool) -> str:
        key = (labels, unprovable)
        detail = self._details.get(key)
        if detail is None:
            detail = self.channel.detail(labels)
            if unprovable:
                detail = ";".join(sorted([*filter(None, detail.split(";")), "late=unprovable"]))
            self._details[key] = detail
        return detail

    def seal(self) -> Sealed:
        """The stretch so far, without ending it: sealing again after a failed flush gives at least the same."""
        deltas = self._registers(self._deltas)
        count_rejected(deltas, self._dead)
        return Sealed(
            next_offset=self._next_offset,
            counts=self._counts,
            deltas=deltas,
            dead_letters=self._dead,
            log_time_max_ms=self._w_ms,
            anchor=anchor_of(self._last) if self._last is not None else None,
            held=self.held,
            replays=self._replays,
        )

    def with_replays(self, sealed: Sealed, fresh: set[int]) -> Sealed:
        """The stretch with its replayed records: those at the indexes ``fresh`` are counted, others are duplicates."""
        counts = replace(sealed.counts)
        booked: dict[tuple[Any, ...], Delta] = {}
        for index, replay in enumerate(sealed.replays):
            self._book_replay(counts, booked, replay, replay.duplicate or index not in fresh)
        deltas = {key: delta.copy() for key, delta in sealed.deltas.items()}
        for key, delta in self._registers(booked).items():
            if key in deltas:
                deltas[key].add(delta)
            else:
                deltas[key] = delta
        return replace(sealed, counts=counts, deltas=deltas)

    def _registers(self, deltas: dict[tuple[Any, ...], Delta]) -> dict[RegisterKey, Delta]:
        return {
            RegisterKey(quarter_s, shop, country, "", self._detail(labels, unprovable)): delta
            for (quarter_s, shop, country, labels, unprovable), delta in deltas.items()
        }


def replays_of(record: Record) -> str:
    """The position a record replays, or ``""``."""
    for name, value in record.headers:
        if name == REPLAYS:
            return value.decode(errors="replace")[:400]
    return ""


def count_rejected(deltas: dict[RegisterKey, Delta], dead_letters: Sequence[DeadLetter]) -> None:
    """Add rejected records to the registers of their log time, so that a day shows how many it lost."""
    for letter in dead_letters:
        key = RegisterKey(letter.record.timestamp // 900_000 * QUARTER_S, "default", "", "", OUTCOME_REJECTED)
        deltas.setdefault(key, Delta()).rejected += 1


def outside(lateness: Lateness, rules: LatenessRules) -> str:
    """Why an event outside the limits is rejected."""
    if lateness is Lateness.AHEAD:
        return f"more than {rules.ahead_ms_max // 1000} seconds ahead of the log"
    return f"more than {rules.age_ms_max // 86_400_000} days before the log"
