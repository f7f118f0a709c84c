"""The duplicate window of one partition: which ids were seen, exactly, within a time and a number of offsets.

An id is a duplicate iff it was sighted at an earlier offset with ``W - sighting's log time <= horizon`` and
``offset - sighting's offset <= offsets_max``, where ``W`` is the highest log time up to and including this record.
Every sighting counts, so a duplicate prolongs its own window. The answer is a function of the log alone.

Ids live in generations, one dictionary each, so that forgetting is dropping a generation. A generation old enough ends
instead of growing its dictionary: memory is used to the full, and nothing ever pauses the meter for long. Times of
sightings are kept as runs, because a broker stamps whole batches of records alike.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import compress, count, islice, pairwise
from operator import is_not, ne

from shared.meter.identity import Identities

BYTES_PER_ID = 82
"""Of an id that is held, measured (docs/performance.md): a key of 32, some 34 of dictionary, a rest and a time of 8."""
GENERATION_IDS_MAX = 174_762
"""Two thirds of 2**18, where a dictionary grows: growing once more, or dropping it, would take some 10 ms."""
_FULL = tuple((2 << power) // 3 for power in range(3, 18))
"""How many entries a dictionary takes before it grows (CPython)."""
_INDEXES = list(range(GENERATION_IDS_MAX))
"""Shared integers: a generation stores 8 bytes of reference for an index instead of 32 bytes of integer."""
INT32 = 1 << 31
SHORTEST, LONGEST = 1 / 12, 1 / 4
"""Parts of the horizon (or of the number of offsets) that a generation spans."""


def held_at_most(ids: int) -> int:
    """The most ids that a window ever holds to which a horizon brings ``ids``, evenly.

    A generation ends at the first full dictionary past its shortest span, and the oldest ones are dropped when a new
    one begins: by then the last to go is past the horizon for a generation's length, and so long again until the next.
    """
    full = next((full for full in _FULL if full >= ids * SHORTEST), GENERATION_IDS_MAX)
    return full * (2 + ids // full)


class _Generation:
    __slots__ = (
        "apart",
        "first_ms",
        "first_offset",
        "index",
        "last_offset",
        "rests",
        "run_starts",
        "run_times_ms",
        "time_max_ms",
    )

    def __init__(self, offset: int, time_ms: int) -> None:
        self.first_offset = self.last_offset = offset
        self.first_ms = time_ms
        self.time_max_ms = -(1 << 62)
        self.index: dict[int, int] = {}
        """By key, the newest sighting of an id, as an offset counted from the first."""
        self.rests = array("Q")
        """By that index, the rest of the id."""
        self.run_starts, self.run_times_ms = array("I"), array("i")
        """From which index on sightings have which log time, counted from the first."""
        self.apart: dict[tuple[int, int], list[tuple[int, int]]] = {}
        """Sightings that have no place in the index: repeated ones whose log time went back (neither of the two decides
        for both bounds), and those of an id whose key another id has."""

    def time_ms(self, index: int) -> int:
        """Log time of the sighting at an index."""
        return self.first_ms + self.run_times_ms[bisect_right(self.run_starts, index) - 1]

    def sightings(self, key: int, rest: int) -> list[tuple[int, int]]:
        """Offset and log time of an id's sightings that can decide."""
        found = list(self.apart.get((key, rest), ()))
        index = self.index.get(key)
        if index is not None and self.rests[index] == rest:
            found.append((self.first_offset + index, self.time_ms(index)))
        return found

    def remember(self, key: int, rest: int, offset: int, time_ms: int) -> None:
        """Keep one sighting whose key may be known; its rest and time are kept already."""
        known = self.index.get(key)
        if known is not None and (self.rests[known] != rest or self.time_ms(known) > time_ms):
            apart = self.apart.setdefault((key, rest), [])
            while apart and apart[-1][1] <= time_ms:  # decides nothing any more that this one does not
                apart.pop()
            apart.append((offset, time_ms))
        else:
            self.index[key] = _indexes([offset], self.first_offset)[0]

    def keep_rests(self, offsets: Sequence[int], rests: array[int]) -> None:
        """Keep the rests of the next ids; offsets without an id take their place too."""
        if offsets[-1] - offsets[0] + 1 == len(offsets):
            self.rests.frombytes(bytes(8 * (offsets[0] - self.first_offset - len(self.rests))))
            self.rests.extend(rests)
            return
        for at, rest in zip(offsets, rests, strict=True):
            self.rests.frombytes(bytes(8 * (at - self.first_offset - len(self.rests))))
            self.rests.append(rest)

    def stamp(self, offsets: Sequence[int], times_ms: Sequence[int]) -> None:
        """Remember the log times of the next records."""
        lowest, highest = min(times_ms), max(times_ms)
        self.time_max_ms = max(self.time_max_ms, highest)
        self.last_offset = offsets[-1]
        if not self.first_ms - INT32 <= lowest <= highest < self.first_ms + INT32:  # weeks within a generation
            self.run_times_ms = array("q", self.run_times_ms)
        changed = [0] if not self.run_times_ms or self.run_times_ms[-1] != times_ms[0] - self.first_ms else []
        if lowest != highest:
            changed += compress(count(1), map(ne, times_ms, islice(times_ms, 1, None)))
        self.run_starts.extend([offsets[at] - self.first_offset for at in changed])
        self.run_times_ms.extend([times_ms[at] - self.first_ms for at in changed])


class Window:
    """Sightings of one partition. ``offsets_bound`` tells whether the number of offsets, not the horizon, ended it."""

    def __init__(self, horizon_ms: int, offsets_max: int) -> None:
        self.horizon_ms = horizon_ms
        self.offsets_max = offsets_max
        self.offsets_bound = False
        self._generations: list[_Generation] = []

    def __len__(self) -> int:
        return sum(len(generation.index) + len(generation.apart) for generation in self._generations)

    def sight_all(
        self, identities: Identities, offsets: Sequence[int], times_ms: Sequence[int], w_ms: int
    ) -> list[int]:
        """Record sightings of a batch; returns the positions in it, ascending, of those that are duplicates.

        Offsets must ascend; ``w_ms``: the highest log time before the batch.
        """
        if offsets[-1] - offsets[0] >= GENERATION_IDS_MAX:  # behind a long aborted transaction
            return self._sight_parts(identities, offsets, times_ms, w_ms)
        keys = identities.keys
        generation = self._current(offsets, times_ms[0], max(w_ms, times_ms[0]))
        generation.stamp(offsets, times_ms)
        generation.keep_rests(offsets, identities.rests)
        repeated: set[int] = set()
        for older in self._generations[:-1]:
            if not older.index.keys().isdisjoint(keys):  # hardly ever, which takes one step for all
                repeated.update(compress(count(), map(older.index.__contains__, keys)))
        indexes = _indexes(offsets, generation.first_offset)
        held = map(generation.index.setdefault, keys, indexes)  # the first sighting stays, also within the batch
        repeated.update(compress(count(), map(is_not, held, indexes)))
        return self._judge(sorted(repeated), identities, offsets, times_ms, w_ms) if repeated else []

    def _sight_parts(
        self, identities: Identities, offsets: Sequence[int], times_ms: Sequence[int], w_ms: int
    ) -> list[int]:
        """A batch with gaps that no generation spans, part by part."""
        starts = [0]
        for n, offset in enumerate(offsets):
            if offset - offsets[starts[-1]] >= GENERATION_IDS_MAX:
                starts.append(n)
        duplicates: list[int] = []
        for start, end in pairwise([*starts, len(offsets)]):
            part = Identities(identities.keys[start:end], identities.rests[start:end])
            found = self.sight_all(part, offsets[start:end], times_ms[start:end], w_ms)
            duplicates += [start + n for n in found]
            w_ms = max(w_ms, *times_ms[start:end])
        return duplicates

    def _judge(
        self,
        repeated: Sequence[int],
        identities: Identities,
        offsets: Sequence[int],
        times_ms: Sequence[int],
        w_ms: int,
    ) -> list[int]:
        """Sight ids whose keys are known one after another; returns those that are duplicates."""
        duplicates, done = [], 0
        for n in repeated:
            w_ms, done = max(w_ms, *times_ms[done : n + 1]), n + 1
            key, rest = identities.keys[n], identities.rests[n]
            if self._seen(key, rest, offsets[n], w_ms):
                duplicates.append(n)
            self._generations[-1].remember(key, rest, offsets[n], times_ms[n])
        return duplicates

    def _seen(self, key: int, rest: int, offset: int, w_ms: int) -> bool:
        """Whether an earlier sighting of an id lies within both bounds."""
        duplicate = False
        for generation in self._generations:
            for seen_offset, seen_ms in generation.sightings(key, rest):
                if seen_offset < offset and seen_ms >= w_ms - self.horizon_ms:  # its own is kept already
                    if seen_offset >= offset - self.offsets_max:
                        duplicate = True
                    else:
                        self.offsets_bound = True
        return duplicate

    def _current(self, offsets: Sequence[int], time_ms: int, w_ms: int) -> _Generation:
        """The generation that the next records belong to: the last one, or a new one."""
        if self._generations and not self._ends(self._generations[-1], offsets, time_ms):
            return self._generations[-1]
        self._forget(offsets[0], w_ms)
        self._generations.append(_Generation(offsets[0], time_ms))
        return self._generations[-1]

    def _ends(self, last: _Generation, offsets: Sequence[int], time_ms: int) -> bool:
        """Whether a generation ends before these records: it must, or it is old enough and would have to grow."""
        parts = max(
            (time_ms - last.first_ms) / max(1, self.horizon_ms),
            (offsets[0] - last.first_offset) / max(1, self.offsets_max),
        )
        if parts > LONGEST or offsets[-1] - last.first_offset >= GENERATION_IDS_MAX:
            return True
        ids = len(last.index)
        return parts >= SHORTEST and any(ids <= full < ids + len(offsets) for full in _FULL)

    def _forget(self, offset: int, w_ms: int) -> None:
        """Drop the generations in which nothing can be a duplicate of a later record any more."""
        oldest_ms, oldest_offset = w_ms - self.horizon_ms, offset - self.offsets_max
        kept = []
        for generation in self._generations:
            in_time = generation.time_max_ms >= oldest_ms
            if in_time and generation.last_offset >= oldest_offset:
                kept.append(generation)
            elif in_time:
                self.offsets_bound = True
        self._generations = kept


def _indexes(offsets: Sequence[int], first: int) -> list[int]:
    start, end = offsets[0] - first, offsets[-1] - first + 1
    if end - start == len(offsets) and end <= GENERATION_IDS_MAX:
        return _INDEXES[start:end]
    return [_INDEXES[at - first] if at - first < GENERATION_IDS_MAX else at - first for at in offsets]
