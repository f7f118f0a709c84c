"""When a settlement may freeze, and what it then owes. Pure: (state, inputs, now) → decision, a closed union.

The order of things: ``gate`` looks at the sources alone (cheap, for all days at once), ``review`` at the day's total.
What a person released by name becomes a gap, printed on every document.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from offset_purchaser.campaign import Campaign, Due
from offset_purchaser.sources import Reason, TopicState
from offset_purchaser.terms import Leg
from offset_purchaser.totals import DayTotal


@dataclass(frozen=True, slots=True)
class Release:
    """A person's decision to freeze without somebody."""

    without: tuple[str, ...]
    reason: str
    by: str

    def covers(self, reason: Reason) -> bool:
        """Whether this release names the reason: exactly, by its topic, or ``all``."""
        who = reason.who
        return any(name in ("all", who, who.split("/")[0], who.split(":")[0]) for name in self.without)


KINDS = ("all", "not-estimated", "placement")
"""What a release may name beside topics, files and channels: see where reasons are made below."""


def unnameable(campaign: Campaign, topics: Collection[str], release: Release) -> str:
    """The first name in a release that no settlement of the campaign can ever wait for, as a sentence; ``""`` when each
    is one. ``topics``: those of the campaign's channels."""
    files = [f"file:{name}" for name in campaign.expected_files]
    channels = [f"expected:{channel}" for channel in campaign.expected]
    known = [*topics, *files, *channels, *KINDS]
    roots = {*known, "file", "expected"}
    for name in release.without:
        root = name if name.startswith(("file:", "expected:")) else name.split("/")[0].split(":")[0]
        if root not in roots:
            return f"nothing waits for {name}; name one of {', '.join(known)}"
    return ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: somebody will still speak."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """Not without a person."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Freeze:
    """Everything has arrived, or a person said to go on without what ``gaps`` names."""

    gaps: tuple[Reason, ...] = ()


Decision = Wait | Hold | Freeze


def gate(
    campaign: Campaign, due: Due, topics: Sequence[TopicState], release: Release | None, now: datetime
) -> Decision:
    """Whether the sources have said everything about a day; decided without looking at the day itself."""
    return _decide(campaign, due, source_reasons(campaign, due, topics), release, now)


def review(
    campaign: Campaign, due: Due, total: DayTotal, reasons: Sequence[Reason], release: Release | None, now: datetime
) -> Decision:
    """The same with the day's total: what was expected has arrived and everything could be estimated.

    ``reasons``: what ``source_reasons`` and ``file_reasons`` gave at the moment the total was read.
    """
    return _decide(campaign, due, [*reasons, *total_reasons(campaign, total)], release, now)


def _decide(
    campaign: Campaign, due: Due, reasons: Sequence[Reason], release: Release | None, now: datetime
) -> Decision:
    open_reasons = tuple(r for r in reasons if not (release and release.covers(r)))
    if now < due.due_at:
        return Wait((Reason("calendar", f"due at {due.due_at.isoformat()}"),))
    if not open_reasons:
        return Freeze(tuple(r for r in reasons if release and release.covers(r)))
    if any(r.holds for r in open_reasons) or now >= due.due_at + campaign.wait_at_most:
        return Hold(open_reasons)
    return Wait(open_reasons)


def source_reasons(campaign: Campaign, due: Due, topics: Sequence[TopicState]) -> list[Reason]:
    """Everything that is missing for a day to be settled, by name."""
    reasons: list[Reason] = []
    for topic in topics:
        reasons += topic.missing
        if not topic.missing and (topic.as_of is None or topic.as_of <= due.due_at):
            reasons.append(Reason(topic.topic, f"counted as of {topic.as_of and topic.as_of.isoformat()} only"))
        limit = campaign.unprovable_duplicates_share
        if topic.unprovable_share > limit:
            share = f"{topic.unprovable_share:.2%}"
            why = f"{share} of the events are not keyed by their id (limit {limit:.2%})"
            reasons.append(Reason(f"{topic.topic}:keys", why, True))
    through: Mapping[str, Mapping[int, int]] = {topic.topic: topic.through for topic in topics}
    for passed in campaign.opens_after:
        seen = through.get(passed.topic, {}).get(passed.partition, 0)
        if seen < passed.offset:
            who = f"{passed.topic}/{passed.partition}"
            reasons.append(Reason(who, f"counted through offset {seen}, opens after {passed.offset}"))
    return reasons


def file_reasons(campaign: Campaign, arrived: Collection[str]) -> list[Reason]:
    """Expected files that nobody has said to have arrived."""
    return [Reason(f"file:{name}", "has not arrived") for name in campaign.expected_files if name not in arrived]


def placement_reasons(beside: Mapping[str, int]) -> list[Reason]:
    """Placements that a manual line stands for and that events were counted for too: (format, events)."""
    return [
        Reason(f"placement:{name}", f"a manual line stands beside {events} events, which counts them twice", True)
        for name, events in sorted(beside.items())
    ]


def total_reasons(campaign: Campaign, total: DayTotal) -> list[Reason]:
    """What the day's total lacks."""
    reasons = [Reason("not-estimated", f"no method for {what}", True) for what in total.not_estimated]
    for channel, expected in campaign.expected.items():
        seen = total.channels[channel].events if channel in total.channels else 0
        if seen < expected.events_per_day:
            reasons.append(Reason(f"expected:{channel}", f"{seen} of at least {expected.events_per_day} events"))
    return reasons


@dataclass(frozen=True, slots=True)
class Booked:
    """What earlier settlements of the same day already booked, and what rejected orders gave back."""

    owed_g: int = 0
    paid_by_others_g: int = 0
    waived_g: int = 0
    returned_g: int = 0


@dataclass(frozen=True, slots=True)
class Quantity:
    """``need = owed − paid by others − waived − committed``; negative when an earlier settlement ordered too much."""

    owed_g: int
    paid_by_others_g: int
    waived_g: int
    committed_g: int

    @property
    def need_g(self) -> int:
        """What this settlement still has to order."""
        return self.owed_g - self.paid_by_others_g - self.waived_g - self.committed_g


def quantity(total: DayTotal, booked: Booked, *, record_only: bool = False) -> Quantity:
    """What a settlement has to order, given what earlier ones did.

    ``record_only``: what came after the first settlement is waived, not bought (the campaign's rule ``late: record``).
    """
    net = total.owed_g - total.paid_by_others_g
    before = booked.owed_g - booked.paid_by_others_g - booked.waived_g
    waived = min(booked.waived_g, net)
    if record_only:
        waived += max(net - waived - before, 0)
    return Quantity(total.owed_g, total.paid_by_others_g, waived, before - booked.returned_g)


def shared(need_g: int, legs: Sequence[Leg], returned: Mapping[str, int]) -> list[int]:
    """What each leg has to order: what its own orders gave back (``returned``, grams by leg), and its share of the
    rest; the parts add up exactly."""
    rest = split(need_g - sum(returned.values()), legs)
    return [share + returned.get(leg.key, 0) for leg, share in zip(legs, rest, strict=True)]


def split(need_g: int, legs: Sequence[Leg]) -> list[int]:
    """Split grams by the legs' shares; the parts add up exactly."""
    parts, done, share = [], 0, Decimal(0)
    for leg in legs:
        share += leg.share
        upto = int((Decimal(need_g) * share / 100).to_integral_value(rounding="ROUND_FLOOR"))
        parts.append(upto - done)
        done = upto
    return parts


def waiting_names(reasons: Collection[Reason]) -> list[str]:
    """The reasons for people, one line each."""
    return [f"{reason.who}: {reason.why}" for reason in reasons]
