"""What the generator itself knows about its records: counted while they are made, without any code of the meters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date


@dataclass(slots=True)
class TopicTally:
    """Records of one topic. ``sent = accepted + duplicates + malformed``."""

    sent: int = 0
    accepted: int = 0
    duplicates: int = 0
    malformed: int = 0


@dataclass(slots=True)
class DayTally:
    """One channel on one campaign day, by the day on which things occurred (``rejected``: on which they arrived)."""

    events: int = 0
    """Accepted events of the campaign's shops."""
    duplicates: int = 0
    rejected: int = 0
    late: int = 0
    """Accepted, more than the grace after they occurred; ``late_unprovable`` included."""
    late_unprovable: int = 0
    bots: int = 0
    """Accepted visits of robots."""
    bots_unprovable: int = 0
    """Those of them that are in ``late_unprovable``, too."""
    activity: Counter[str] = field(default_factory=Counter)
    """Sums over the accepted events, e.g. ``bytes``; of shipments only ``standing``, the shipments not voided."""


@dataclass(slots=True)
class Tally:
    """Everything the generator counted. Complete once its last record has been taken."""

    topics: dict[str, TopicTally] = field(default_factory=dict)
    days: dict[tuple[date, str], DayTally] = field(default_factory=dict)
    """By day and channel, campaign days only."""
    outside: Counter[str] = field(default_factory=Counter)
    """Accepted events by channel that belong to no campaign day or to no shop of the campaign."""

    def topic(self, name: str) -> TopicTally:
        """The tally of a topic, made when missing."""
        return self.topics.setdefault(name, TopicTally())

    def day(self, day: date, channel: str) -> DayTally:
        """The tally of a campaign day and channel, made when missing."""
        return self.days.setdefault((day, channel), DayTally())
