"""One pass over each partition, written as plainly as possible and without a line of the meter's own code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

MINUTE_MS = 60_000
GRACE_MS, HORIZON_MS = 5 * MINUTE_MS, 15 * MINUTE_MS
OLD_MS, AHEAD_MS = 35 * 24 * 60 * MINUTE_MS, 5 * MINUTE_MS


@dataclass(frozen=True)
class Fact:
    """What the generator knows of one offset: ``event`` is ``None`` for a bad record."""

    offset: int
    time_ms: int
    event_id: str = ""
    occurred_ms: int = 0
    size: int = 0
    country: str = ""
    bad: bool = False
    control: bool = False
    replays: str = ""
    keyed: bool = True


@dataclass
class Expected:
    """What a partition must come to."""

    registers: dict[tuple[Any, ...], list[int]] = field(default_factory=dict)
    """By (quarter, country, detail): events, late, duplicates, rejected, bytes."""
    counts: Counter[str] = field(default_factory=Counter)
    dead: list[int] = field(default_factory=list)


def one_pass(facts: list[Fact], offsets_max: int, taken: Iterable[str] = ()) -> Expected:
    """Count a partition from its first offset to its last; ``taken``: positions that were replayed before it began."""
    expected = Expected()
    replayed = set(taken)
    for at, fact in enumerate(facts):
        if fact.control:
            expected.counts["skipped"] += 1
            continue
        late_ms = fact.time_ms - fact.occurred_ms
        if _rejected(fact):
            expected.counts["rejected"] += 1
            expected.dead.append(fact.offset)
            _register(expected, fact.time_ms, "", "outcome=rejected")[3] += 1
            continue
        seen = [other for other in facts[:at] if not other.control]
        newest_ms = max([other.time_ms for other in seen] + [fact.time_ms])
        twice = any(
            not _rejected(other)
            and other.event_id == fact.event_id
            and newest_ms - other.time_ms <= HORIZON_MS
            and fact.offset - other.offset <= offsets_max
            for other in seen
        )
        if fact.replays:
            twice = twice or fact.replays in replayed
            replayed.add(fact.replays)
        detail = "bytes=measured;device=laptop;kind=view" + (";late=unprovable" if late_ms > HORIZON_MS else "")
        register = _register(expected, fact.occurred_ms, fact.country, detail)
        if twice:
            expected.counts["duplicate"] += 1
            register[2] += 1
            continue
        expected.counts["counted"] += 1
        register[0] += 1
        register[4] += fact.size
        if late_ms > GRACE_MS:
            expected.counts["late"] += 1
            register[1] += 1
        expected.counts["late_unprovable"] += late_ms > HORIZON_MS
        expected.counts["duplicate_unprovable"] += not fact.keyed
    return expected


def _rejected(fact: Fact) -> bool:
    return fact.bad or not -AHEAD_MS <= fact.time_ms - fact.occurred_ms <= OLD_MS


def _register(expected: Expected, time_ms: int, country: str, detail: str) -> list[int]:
    quarter = datetime.fromtimestamp(time_ms // (15 * MINUTE_MS) * 900, UTC)
    return expected.registers.setdefault((quarter, country, detail), [0, 0, 0, 0, 0])
