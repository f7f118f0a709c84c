"""Integer sums by register: whole columns of a batch are added, one cheap step an event and measure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from shared.decode import Row
from shared.meter.channel import Channel
from shared.meter.lateness import LOG_MS_MAX, Lateness
from shared.meter.register import Delta, RegisterKey
from shared.meter.stretch import DeadLetter

QUARTER_S = 900
OUTCOME_REJECTED = "outcome=rejected"
"""Detail of the registers that count rejected records, in the quarter-hour of their log time."""


class _Slots(dict[tuple[Any, ...], int]):
    """Numbers slots in the order in which they are met. A slot is quarter-hour, shop, country and labels, flat."""

    def __missing__(self, key: tuple[Any, ...]) -> int:
        self[key] = number = len(self)
        return number


class _Columns:
    """Sums of events of one kind: events and measures by slot."""

    def __init__(self, measures: int) -> None:
        self.slots = _Slots()
        self.events: list[int] = []
        self.measures: list[list[int]] = [[] for _ in range(measures)]

    def number(self, keys: Iterable[tuple[Any, ...]]) -> list[int]:
        """The slot of each key, with room for the new ones."""
        numbers = list(map(self.slots.__getitem__, keys))
        new = len(self.slots) - len(self.events)
        if new:
            for column in (self.events, *self.measures):
                column.extend([0] * new)
        return numbers

    def add(self, numbers: Sequence[int], measures: Iterable[Sequence[int]]) -> None:
        """Add one event and its measures to each slot."""
        for number, events in Counter(numbers).items():
            self.events[number] += events
        self.add_measures(numbers, measures)

    def add_measures(self, numbers: Sequence[int], measures: Iterable[Sequence[int]]) -> None:
        """Add measures alone."""
        for column, values in zip(self.measures, measures, strict=True):
            if any(values):
                for number, value in zip(numbers, values, strict=True):
                    column[number] += value


class Sums:
    """What a stretch adds to the registers of a channel with a fold."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._shop, self._country = channel.column("shop"), channel.column("country")
        self._kinds: dict[tuple[Lateness, bool], _Columns] = {}

    def add(self, rows: Sequence[Row], times_ms: Sequence[int], lateness: Lateness, duplicate: bool) -> None:
        """Add events that are alike in lateness and in being duplicates; of a batch there may be none."""
        if not rows:
            return
        columns = self._kinds.get((lateness, duplicate))
        if columns is None:
            columns = self._kinds[lateness, duplicate] = _Columns(len(self._channel.measures))
        labels, measures = self._channel.columns(rows)
        quarters = [time_ms // 900_000 for time_ms in times_ms]
        keys = zip(quarters, map(self._shop, rows), map(self._country, rows), *labels, strict=True)
        columns.add(columns.number(keys), measures)
        if self._channel.spread is not None and not duplicate:
            self._spread(columns, rows)

    def _spread(self, columns: _Columns, rows: Sequence[Row]) -> None:
        assert self._channel.spread is not None
        for row in rows:
            for quarter_s, (labels, measures) in self._channel.spread(row):
                numbers = columns.number([(quarter_s // QUARTER_S, self._shop(row), self._country(row), *labels)])
                columns.add_measures(numbers, [(value,) for value in measures])

    def deltas(self, detail: Callable[[tuple[str | None, ...], bool], str]) -> dict[RegisterKey, Delta]:
        """The sums as deltas; ``detail`` spells labels out, and whether the events are unprovable."""
        deltas: dict[RegisterKey, Delta] = {}
        for (lateness, duplicate), columns in self._kinds.items():
            unprovable = lateness is Lateness.UNPROVABLE
            for (quarter, shop, country, *labels), number in columns.slots.items():
                spelled = detail(tuple(labels), unprovable)
                register = RegisterKey(quarter * QUARTER_S, shop, country or "", "", spelled)
                delta = deltas.setdefault(register, Delta(activity=[0] * len(columns.measures)))
                events = columns.events[number]
                if duplicate:
                    delta.duplicates += events
                    continue
                delta.events += events
                delta.late += events if lateness is not Lateness.ON_TIME else 0
                for index, column in enumerate(columns.measures):
                    delta.activity[index] += column[number]
        return deltas


def count_rejected(deltas: dict[RegisterKey, Delta], dead_letters: Sequence[DeadLetter]) -> None:
    """Add rejected records to the registers of their log time, so that a day shows how many it lost."""
    for letter in dead_letters:
        quarter_s = min(max(letter.record.timestamp, 0), LOG_MS_MAX) // 900_000 * QUARTER_S
        key = RegisterKey(quarter_s, "default", "", "", OUTCOME_REJECTED)
        deltas.setdefault(key, Delta()).rejected += 1
