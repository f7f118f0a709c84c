"""What a campaign's report shows beside its days: hours, countries, methods, and what was counted apart."""

from __future__ import annotations

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
