"""What a campaign's report shows beside its days: hours, countries, methods, and what was counted apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Apart:
    """Records of one day and channel that no total counts."""

    day: date
    channel: str
    duplicates: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the report adds to the days; emissions in micrograms, central."""

    hours: tuple[tuple[datetime, str, int], ...]
    """(hour on the wall clock of the campaign's zone, channel, micrograms)."""
    countries: tuple[tuple[str, int, int], ...]
    """(country or ``""``, events, micrograms)."""
    methods: tuple[tuple[str, str, str, str], ...]
    """(channel, method, its version, factor set)."""
    apart: tuple[Apart, ...]
    outside: int
    """Events on the campaign's days, in its channels, that belong to no campaign."""
    not_estimated: int
    """Events that no method could estimate yet."""


def merged(parts: Sequence[Facts]) -> Facts:
    """The facts of some days and of the others as those of all: what counts adds up, what is named is named once."""
    hours: dict[tuple[datetime, str], int] = {}
    countries: dict[str, tuple[int, int]] = {}
    for part in parts:
        for hour, channel, ug in part.hours:
            hours[hour, channel] = hours.get((hour, channel), 0) + ug
        for country, events, ug in part.countries:
            before = countries.get(country, (0, 0))
            countries[country] = (before[0] + events, before[1] + ug)
    return Facts(
        hours=tuple((hour, channel, ug) for (hour, channel), ug in sorted(hours.items())),
        countries=tuple(
            (country, events, ug)
            for country, (events, ug) in sorted(countries.items(), key=lambda found: (-found[1][1], found[0]))
        ),
        methods=tuple(sorted({method for part in parts for method in part.methods})),
        apart=tuple(row for part in parts for row in part.apart),
        outside=sum(part.outside for part in parts),
        not_estimated=sum(part.not_estimated for part in parts),
    )
