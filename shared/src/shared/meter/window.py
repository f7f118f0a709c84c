"""The duplicate window of one partition: which ids were seen, exactly, within a time and a number of offsets.

An id is a duplicate iff it was sighted at an earlier offset with ``W - sighting's log time <= horizon`` and
``offset - sighting's offset <= offsets_max``, where ``W`` is the highest log time up to and including this record.
Every sighting counts, so a duplicate prolongs its own window. The answer is a function of the log alone.

Memory: about 86 bytes an id. Ids live in generations (at most a quarter of the horizon each) of sharded dictionaries,
so that growing one never pauses the meter for long and forgetting is dropping a generation.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b

SHARDS = 16
BYTES_PER_ID = 86
"""Measured (docs/performance.md)."""
GENERATION_OFFSETS = 337_600
"""Fills 16 dictionaries to just below the size at which they would grow once more."""
_from_bytes = int.from_bytes
_INDEXES = list(range(GENERATION_OFFSETS))
"""Shared integers: a generation stores 8 bytes of reference for an index instead of 32 bytes of integer."""


def identity(event_id: str) -> int:
    """First 128 bits of BLAKE2b of the id, as an integer."""
    return digest128(event_id.encode())


def digest128(raw: bytes) -> int:
    """The same of the id's bytes."""
    return _from_bytes(blake2b(raw, digest_size=16).digest(), "big")


class _Generation:
    __slots__ = (
        "first_offset",
        "first_w_ms",
        "last_offset",
        "regressed",
        "shards",
        "time_max_ms",
        "times_ms",
    )

    def __init__(self, offset: int, w_ms: int) -> None:
        self.first_offset = offset
        self.last_offset = offset
        self.first_w_ms = w_ms
        self.time_max_ms = -(1 << 62)
        self.shards: list[dict[int, int]] = [{} for _ in range(SHARDS)]
        self.times_ms = array("q")
        """By offset, counted from the first."""
        self.regressed: dict[int, list[tuple[int, int]]] = {}
        """Repeated sightings whose log time went back: neither of the two decides for both bounds."""


class Window:
    """Sightings of one partition. ``offsets_bound`` tells whether the number of offsets, not the horizon, ended it."""

    def __init__(self, horizon_ms: int, offsets_max: int) -> None:
        self.horizon_ms = horizon_ms
        self.offsets_max = offsets_max
        self.offsets_bound = False
        self._generations: list[_Generation] = []

    def __len__(self) -> int:
        return sum(len(shard) for generation in self._generations for shard in generation.shards)

    def sight(self, identity: int, offset: int, time_ms: int, w_ms: int) -> bool:
        """Record a sighting; True when the id is a duplicate. Offsets must ascend, ``w_ms >= time_ms``."""
        duplicate = False
        shard = identity & (SHARDS - 1)
        for generation in self._generations:
            if identity in generation.shards[shard]:
                duplicate |= self._repeated(generation, shard, identity, offset, w_ms)
        generation = self._current(offset, w_ms)
        shards, times_ms = generation.shards[shard], generation.times_ms
        known = shards.get(identity)
        index = offset - generation.first_offset
        if index > len(times_ms):
            times_ms.extend([0] * (index - len(times_ms)))  # offsets that carried no id
        times_ms.append(time_ms)
        if known is not None and times_ms[known] > time_ms:
            generation.regressed.setdefault(identity, []).append((offset, time_ms))
        else:
            shards[identity] = _INDEXES[index]
        generation.last_offset = offset
        if time_ms > generation.time_max_ms:  # noqa: PLR1730  (max() costs a call a record)
            generation.time_max_ms = time_ms
        return duplicate

    def _repeated(self, generation: _Generation, shard: int, identity: int, offset: int, w_ms: int) -> bool:
        """Whether a sighting of this id in a generation lies within both bounds."""
        index = generation.shards[shard][identity]
        duplicate = False
        for seen_offset, seen_ms in (
            (generation.first_offset + index, generation.times_ms[index]),
            *generation.regressed.get(identity, ()),
        ):
            if seen_ms >= w_ms - self.horizon_ms:
                if seen_offset >= offset - self.offsets_max:
                    duplicate = True
                else:
                    self.offsets_bound = True
        return duplicate

    def _current(self, offset: int, w_ms: int) -> _Generation:
        generations = self._generations
        if generations:
            last = generations[-1]
            if (
                w_ms - last.first_w_ms <= self.horizon_ms // 4
                and offset - last.first_offset <= self.offsets_max // 4
                and offset - last.first_offset < GENERATION_OFFSETS
            ):
                return last
        self._forget(offset, w_ms)
        self._generations.append(_Generation(offset, w_ms))
        return self._generations[-1]

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
