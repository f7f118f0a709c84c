"""Which method and factor set apply on which day, per channel.

Methods follow the day on which something occurred, never the time of a deployment. Several methods of a channel can be
active at once; the first that accepts a register's subject estimates it. Not promised: that the factor set's validity
covers the day; the schedule decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from shared.errors import Rejected
from shared.estimate import ChannelName, Method, Subject


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """From the start of ``valid_from`` these methods and this factor set apply to registers of that UTC day on."""

    channel: ChannelName
    valid_from: date
    methods: tuple[str, ...]
    factor_set: str


@dataclass(frozen=True, slots=True)
class MethodSchedule:
    """All entries, of all channels, in any order."""

    entries: tuple[ScheduleEntry, ...]

    def __post_init__(self) -> None:
        seen: set[tuple[ChannelName, date]] = set()
        for entry in self.entries:
            if (entry.channel, entry.valid_from) in seen:
                raise Rejected(f"two entries for {entry.channel} from {entry.valid_from}", field="schedule")
            if not entry.methods or not entry.factor_set:
                raise Rejected(
                    f"{entry.channel} from {entry.valid_from} names no method or factor set", field="schedule"
                )
            seen.add((entry.channel, entry.valid_from))

    def entry_for(self, channel: ChannelName, day: date) -> ScheduleEntry:
        """The newest entry that has begun. Raises ``Rejected`` when none has: activity is then *not estimated*."""
        begun = [entry for entry in self.entries if entry.channel == channel and entry.valid_from <= day]
        if not begun:
            raise Rejected(f"no method is scheduled for {channel} on {day}", field="schedule")
        return max(begun, key=lambda entry: entry.valid_from)


def choose_method(entry: ScheduleEntry, methods: Iterable[Method], subject: Subject) -> Method | None:
    """The first scheduled method that accepts the subject; ``None`` means not estimated."""
    by_id = {method.id: method for method in methods if method.channel == entry.channel}
    for method_id in entry.methods:
        method = by_id.get(method_id)
        if method is None:
            raise Rejected(f"the schedule names the unknown method {method_id}", field="schedule")
        if method.accepts(subject):
            return method
    return None


def check_change(old: MethodSchedule, new: MethodSchedule, now: datetime) -> None:
    """A change may only begin at the start of a day not yet begun; days before keep what they had.

    ``now`` is aware; its own date is compared, so give it in UTC. Raises ``Rejected`` naming the first entry at fault.
    """
    if now.tzinfo is None:
        raise Rejected("the time must carry a time zone", field="now")
    for entry in sorted(set(old.entries) ^ set(new.entries), key=lambda item: (item.valid_from, item.channel)):
        if entry.valid_from <= now.date():
            raise Rejected(
                f"{entry.channel} from {entry.valid_from} changes a day that has begun; begin on a later day",
                field="schedule",
            )


DELIVERY_METHODS = ("carrier-figure", "legs", "ademe-parcel", "country-default", "covered")

FIRST_DAY = date(1970, 1, 1)


def default_schedule(factor_set: str = "2026.1") -> MethodSchedule:
    """What applies when nothing else is configured, for every day."""

    def entry(channel: ChannelName, *methods: str) -> ScheduleEntry:
        return ScheduleEntry(channel, FIRST_DAY, methods, factor_set)

    return MethodSchedule(
        (
            entry(ChannelName.SITE, "swd-v4"),
            entry(ChannelName.EMAIL, "ademe-digital"),
            entry(ChannelName.ADS, "iab-europe", "out-of-home"),
            entry(ChannelName.DELIVERY, *DELIVERY_METHODS),
        )
    )
