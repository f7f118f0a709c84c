"""Whether the meters have said everything about a source topic, from their progress messages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.estimate import ChannelName


@dataclass(frozen=True, slots=True)
class PartitionState:
    """The newest progress of one source partition and log epoch, with the events of the readings stored for it."""

    topic: str
    partition: int
    log_epoch: int
    channel: ChannelName
    through_offset: int
    as_of: datetime
    partitions: int
    counted: int
    stored: int
    lost: int
    duplicate_unprovable: int
    difference: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Somebody a settlement waits for, or something that holds it. ``who`` is what ``release --without`` names."""

    who: str
    why: str
    holds: bool = False
    """True when waiting cannot mend it: a person must."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """One source topic: the moment through which everything is counted, or who is missing."""

    topic: str
    channel: ChannelName
    as_of: datetime | None
    missing: tuple[Reason, ...]
    through: Mapping[int, int]
    """Offset through which each partition is counted, by its newest log epoch."""
    counted: int
    unprovable: int

    @property
    def unprovable_share(self) -> Decimal:
        """Share of the counted events whose twin in another partition could not be seen."""
        return Decimal(self.unprovable) / self.counted if self.counted else Decimal(0)


def topic_state(channel: ChannelName, topic: str, states: Iterable[PartitionState]) -> TopicState:
    """Judge one topic. A partition is complete when, for every log epoch, the readings add up to what was counted."""
    by_partition: dict[int, list[PartitionState]] = {}
    for state in states:
        if state.topic == topic:
            by_partition.setdefault(state.partition, []).append(state)
    every = [state for found in by_partition.values() for state in found]
    newest = {number: max(found, key=lambda s: s.log_epoch) for number, found in by_partition.items()}
    wanted = max((state.partitions for state in newest.values()), default=0)
    missing = [Reason(topic, "no progress from its meter yet")] if not newest else []
    for number in range(wanted):
        missing += _missing(topic, number, by_partition.get(number, []))
    return TopicState(
        topic=topic,
        channel=channel,
        as_of=min((state.as_of for state in newest.values()), default=None),
        missing=tuple(missing),
        through={number: state.through_offset for number, state in sorted(newest.items())},
        counted=sum(state.counted for state in every),
        unprovable=sum(state.duplicate_unprovable for state in every),
    )


def _missing(topic: str, number: int, epochs: Sequence[PartitionState]) -> list[Reason]:
    who = f"{topic}/{number}"
    if not epochs:
        return [Reason(who, "no progress from its meter yet")]
    reasons = []
    for state in epochs:
        if state.counted != state.stored:
            reasons.append(Reason(who, f"readings show {state.stored} of {state.counted} events counted"))
        if state.lost:
            reasons.append(Reason(f"{who}:lost", f"{state.lost} records were lost (epoch {state.log_epoch})", True))
        if state.difference:
            why = f"the balance is off by {state.difference} (epoch {state.log_epoch})"
            reasons.append(Reason(f"{who}:balance", why, True))
    return reasons
