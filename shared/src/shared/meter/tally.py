"""The pure heart of a meter: a partition's records become integer deltas, a balance and dead letters.

A tally holds no events and touches no clock, database or network. Whatever the stretches in which records arrive, the
sum of what it seals is the same: that is the law the property tests state.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter, sub
from typing import cast

from shared.decode import BatchDecoder, Row
from shared.meter.bad_share import BadShare
from shared.meter.channel import Channel
from shared.meter.identity import window_identities
from shared.meter.lateness import OUTSIDE, Lateness, LatenessRules, is_log_time, outside
from shared.meter.position import Counts, Position
from shared.meter.stretch import (
    PLACE,
    REPLAYS,
    DeadLetter,
    Record,
    Replay,
    Sealed,
    anchor_of,
    kept_bytes_of,
    replays_of,
)
from shared.meter.sums import Sums, count_rejected
from shared.meter.window import Window

STAMPED = "the record's time stamp lies before 1970 or after 9999"

_headers, _offset = attrgetter("headers"), attrgetter("offset")


class Tally:
    """Counts one partition of a channel whose duplicates are told by a window (all channels but shipments).

    The hot path of the meter: work is done on whole columns of a batch, and what needs a look at a single record (bad
    ones, replays, duplicates, late ones) is taken out first.
    """

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
        self.rules = rules
        self._decoder = decoder
        self._event_id = channel.column("event_id")
        self._details: dict[tuple[tuple[str | None, ...], bool], str] = {}

    def begin(self, position: Position) -> None:
        """Start a new stretch at a committed position."""
        self._start(position.next_offset, position.log_time_max_ms)

    def _start(self, next_offset: int, w_ms: int) -> None:
        self._next_offset = next_offset
        self._w_ms = w_ms
        self.kept_bytes = 0
        """Of the records of this stretch that are kept whole until it is committed."""
        self._counts = Counts()
        self._sums = Sums(self.channel)
        self._dead: list[DeadLetter] = []
        self._last: Record | None = None
        self.held: list[tuple[Record, Row]] = []
        self._replays: list[Replay] = []

    @property
    def next_offset(self) -> int:
        """First offset not folded yet."""
        return self._next_offset

    @property
    def log_time_max_ms(self) -> int:
        """Highest log time so far."""
        return self._w_ms

    def remember(self, records: Sequence[Record], w_ms: int) -> None:
        """Rebuild the window from records before the stretch; ``w_ms`` is the highest log time at its start."""
        rows, event_ms, _ = self._decoder.decode([record.value for record in records])
        known = [
            (record, self._event_id(row))
            for record, row, occurred_ms in zip(records, rows, event_ms, strict=True)
            if row is not None and occurred_ms is not None and self._sights(record, occurred_ms)
        ]
        if known:
            offsets, times_ms = [r.offset for r, _ in known], [r.timestamp for r, _ in known]
            self.window.sight_all(window_identities([i for _, i in known]), offsets, times_ms, w_ms)

    def _sights(self, record: Record, occurred_ms: int) -> bool:
        """Whether a valid record is a sighting: a rejected one is none, so that its mended replay counts."""
        source = replays_of(record) if record.headers else ""
        if (source and not PLACE.fullmatch(source)) or not is_log_time(record.timestamp):
            return False
        return self.rules.judge(record.timestamp, occurred_ms) not in OUTSIDE

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
        dead_before = len(self._dead)
        rows, times_ms, bad = self._decoder.decode([record.value for record in records])
        if bad or any(map(_headers, records)):
            self._take_apart(records, rows, times_ms)
        else:
            self._take_valid(records, rows, times_ms)
        end = records[-1].offset + 1
        self._counts.skipped += end - self._next_offset - len(records)
        self._next_offset, self._last = end, records[-1]
        if self.share is not None:
            dead = [letter.record.offset for letter in self._dead[dead_before:]]
            self.share.add(len(records), [bisect_left(records, offset, key=_offset) for offset in sorted(dead)])

    def _take_apart(
        self, records: Sequence[Record], rows: Sequence[Row | None], times_ms: Sequence[int | None]
    ) -> None:
        """Bad records and replays one by one, what lies between them together."""
        sources = {n: replays_of(record) for n, record in enumerate(records) if record.headers}

        def act(at: int) -> None:
            record, row, time_ms = records[at], rows[at], times_ms[at]
            if row is None or time_ms is None:
                why = self._decoder.why(record.value)
                self.reject(record, why.field, why.reason)
            elif not is_log_time(record.timestamp):
                self.reject(record, "timestamp", STAMPED)
            elif not PLACE.fullmatch(sources[at]):
                self.reject(record, REPLAYS, "the header names no dead letter: topic/epoch/partition/offset")
            else:
                self.replay(sources[at], record, row, time_ms)

        apart = [n for n, row in enumerate(rows) if row is None or sources.get(n)]
        self._one_by_one(records, rows, times_ms, apart, act)

    def _one_by_one(
        self,
        records: Sequence[Record],
        rows: Sequence[Row | None],
        times_ms: Sequence[int | None],
        apart: Sequence[int],
        act: Callable[[int], None],
    ) -> None:
        """``act`` on the records at some positions, ascending; fold what lies between them together.

        ``W`` moves past a record before it is acted on, unless its time stamp is no log time.
        """
        start = 0
        for at in apart:
            self._take_valid(records[start:at], rows[start:at], times_ms[start:at])
            start, stamp = at + 1, records[at].timestamp
            if is_log_time(stamp):
                self._w_ms = max(self._w_ms, stamp)
            act(at)
        self._take_valid(records[start:], rows[start:], times_ms[start:])

    def _take_valid(
        self, records: Sequence[Record], rows: Sequence[Row | None], times_ms: Sequence[int | None]
    ) -> None:
        if not records:
            return
        log_ms = [record.timestamp for record in records]
        newest_ms = max(log_ms)
        if not (is_log_time(newest_ms) and is_log_time(min(log_ms))):
            wrong = [n for n, stamp in enumerate(log_ms) if not is_log_time(stamp)]
            self._one_by_one(records, rows, times_ms, wrong, lambda at: self.reject(records[at], "timestamp", STAMPED))
            return
        self.count(records, log_ms, cast(list[Row], rows), cast(list[int], times_ms))
        self._w_ms = max(self._w_ms, newest_ms)

    def count(self, records: Sequence[Record], log_ms: list[int], rows: list[Row], times_ms: list[int]) -> None:
        """Fold valid records, given column by column, before ``W`` moves past them."""
        late = self.rules.not_on_time(list(map(sub, log_ms, times_ms)))
        if late and not OUTSIDE.isdisjoint(late.values()):
            wrong = sorted(n for n, lateness in late.items() if lateness in OUTSIDE)
            self._one_by_one(
                records,
                rows,
                times_ms,
                wrong,
                lambda at: self.reject(records[at], "occurred_at", outside(late[at], self.rules)),
            )
            return
        event_ids = list(map(self._event_id, rows))
        first, end = records[0].offset, records[-1].offset + 1
        gapless = end - first == len(records)
        offsets = range(first, end) if gapless else [record.offset for record in records]
        duplicates = self.window.sight_all(window_identities(event_ids), offsets, log_ms, self._w_ms)
        keys = [record.key for record in records]
        encoded = list(map(str.encode, event_ids))
        unlike = (
            0 if keys == encoded else len({n for n, key in enumerate(keys) if key != encoded[n]}.difference(duplicates))
        )
        if odd := dict.fromkeys(duplicates, Lateness.ON_TIME) | late:
            self._count_odd(rows, times_ms, odd, set(duplicates))
            rows, times_ms = list(rows), list(times_ms)
            for n in sorted(odd, reverse=True):
                del rows[n], times_ms[n]
        _book(self._counts, self._sums, rows, times_ms, Lateness.ON_TIME, False)
        self._counts.duplicate_unprovable += unlike

    def _count_odd(
        self, rows: Sequence[Row], times_ms: Sequence[int], odd: Mapping[int, Lateness], duplicates: set[int]
    ) -> None:
        """Duplicates and events that are not on time, grouped by what they are."""
        groups: dict[tuple[Lateness, bool], list[int]] = {}
        for n in sorted(odd):
            groups.setdefault((odd[n], n in duplicates), []).append(n)
        for (lateness, duplicate), at in groups.items():
            some, when = [rows[n] for n in at], [times_ms[n] for n in at]
            _book(self._counts, self._sums, some, when, lateness, duplicate)

    def replay(self, source: str, record: Record, row: Row, occurred_ms: int) -> None:
        """Hold a replayed record until the database has told whether its position was counted before."""
        lateness = self.rules.judge(record.timestamp, occurred_ms)
        if lateness in OUTSIDE:
            self.reject(record, "occurred_at", outside(lateness, self.rules))
            return
        identities = window_identities([self._event_id(row)])
        duplicate = bool(self.window.sight_all(identities, [record.offset], [record.timestamp], self._w_ms))
        self._replays.append(Replay(source, record, row, occurred_ms, duplicate))
        self.kept_bytes += kept_bytes_of(record)

    def reject(self, record: Record, field_name: str, reason: str) -> None:
        """Dead-letter a record with its reason."""
        self._counts.rejected += 1
        self.kept_bytes += kept_bytes_of(record)
        self._dead.append(DeadLetter(record, field_name, reason))

    def _detail(self, labels: tuple[str | None, ...], unprovable: bool) -> str:
        key = (labels, unprovable)
        detail = self._details.get(key)
        if detail is None:
            detail = self.channel.detail(labels)
            if unprovable:
                detail = ";".join(sorted([*filter(None, detail.split(";")), "late=unprovable"]))
            self._details[key] = detail
        return detail

    def cut(self) -> Sealed:
        """End the stretch and begin the next behind it. What is given back is the caller's: nothing changes it later.

        The window goes on over both: it is a function of the log, whatever was committed of it.
        """
        sealed = self.seal()
        self._start(self._next_offset, self._w_ms)
        return sealed

    def seal(self) -> Sealed:
        """The stretch so far, without ending it."""
        deltas = self._sums.deltas(self._detail)
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
            topic_is_bad=self.share is not None and self.share.exceeded,
        )

    def with_replays(self, sealed: Sealed, fresh: set[int]) -> Sealed:
        """The stretch with its replayed records: those at the indexes ``fresh`` are counted, others are duplicates."""
        counts, sums = replace(sealed.counts), Sums(self.channel)
        for index, replay in enumerate(sealed.replays):
            duplicate = replay.duplicate or index not in fresh
            lateness = self.rules.judge(replay.record.timestamp, replay.occurred_ms)
            _book(counts, sums, [replay.row], [replay.occurred_ms], lateness, duplicate)
            counts.duplicate_unprovable += not duplicate and replay.record.key != self._event_id(replay.row).encode()
        deltas = {key: delta.copy() for key, delta in sealed.deltas.items()}
        for key, delta in sums.deltas(self._detail).items():
            if key in deltas:
                deltas[key].add(delta)
            else:
                deltas[key] = delta
        return replace(sealed, counts=counts, deltas=deltas)


def _book(
    counts: Counts,
    sums: Sums,
    rows: Sequence[Row],
    times_ms: Sequence[int],
    lateness: Lateness,
    duplicate: bool,
) -> None:
    """Count events that are alike."""
    sums.add(rows, times_ms, lateness, duplicate)
    if duplicate:
        counts.duplicate += len(rows)
        return
    counts.counted += len(rows)
    if lateness is not Lateness.ON_TIME:
        counts.late += len(rows)
        counts.late_unprovable += len(rows) if lateness is Lateness.UNPROVABLE else 0
