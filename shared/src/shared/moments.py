"""Times of many events at once: from the text a producer wrote to milliseconds since the epoch.

Turning one text into an aware time and that into a number costs as much as parsing the whole event. Producers write the
same second thousands of times, and the same fraction and zone too, so both halves of a text are looked up. Whether a
half is allowed is always asked of the contract's own type (``shared.fields.Moment``), once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import add

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from shared.fields import Moment

_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
_HEAD = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt _][0-9]{2}:[0-9]{2}:[0-9]{2}")
_TAIL = re.compile(r"(?:\.([0-9]{1,6}))?([Zz]|[+-][0-9]{2}:[0-9]{2})")
_HEAD_LENGTH = 19
_BASE = "2000-01-01T00:00:00"
ENTRIES_MAX = 100_000
"""Texts of each half kept: a day of seconds, or every millisecond in a hundred zones; then it starts anew."""


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since the epoch, rounded down."""
    return int(moment.replace(microsecond=0).timestamp()) * 1_000 + moment.microsecond // 1_000


def parsed_ms(text: str) -> int | None:
    """What one text comes to by the contract's own type, ``None`` when it is no time."""
    try:
        return epoch_ms(_MOMENT.validate_json(to_json(text)))
    except ValidationError:
        return None


class Moments:
    """Milliseconds since the epoch, rounded down, of texts that the contract accepts; ``None`` of all others."""

    def __init__(self, entries_max: int = ENTRIES_MAX) -> None:
        self._entries_max = entries_max
        self._heads: dict[str, int] = {}
        """Date and time of day, to the second, as if it were UTC."""
        self._tails: dict[str, int] = {}
        """Fraction and zone: milliseconds to add."""
        self._zones: dict[str, int | None] = {}
        self._base_ms = parsed_ms(_BASE + "Z") or 0

    def ms(self, texts: Sequence[str]) -> Sequence[int | None]:
        """One number per text, in their order."""
        heads, tails = self._heads, self._tails
        try:
            return list(
                map(
                    add,
                    [heads[text[:_HEAD_LENGTH]] for text in texts],
                    [tails[text[_HEAD_LENGTH:]] for text in texts],
                )
            )
        except KeyError:
            return list(self._each(texts))

    def _each(self, texts: Iterable[str]) -> Iterable[int | None]:
        for text in texts:
            head_ms, tail_ms = self._head(text[:_HEAD_LENGTH]), self._tail(text[_HEAD_LENGTH:])
            yield parsed_ms(text) if head_ms is None or tail_ms is None else head_ms + tail_ms

    def _head(self, head: str) -> int | None:
        known = self._heads.get(head)
        if known is None and _HEAD.fullmatch(head) and "1000" <= head[:4] <= "9000":  # far from where zones overflow
            known = parsed_ms(head + "Z")
            if known is not None:
                self._heads = _room(self._heads, self._entries_max)
                self._heads[head] = known
        return known

    def _tail(self, tail: str) -> int | None:
        known = self._tails.get(tail)
        if known is None and (match := _TAIL.fullmatch(tail)):
            fraction, zone = match.group(1) or "", match.group(2)
            if zone not in self._zones:
                whole_ms = parsed_ms(_BASE + zone)
                self._zones[zone] = None if whole_ms is None else whole_ms - self._base_ms
            zone_ms = self._zones[zone]
            if zone_ms is None:
                return None
            known = zone_ms + int(fraction[:3].ljust(3, "0"))
            if len(fraction) <= 3:  # finer ones hardly ever repeat
                self._tails = _room(self._tails, self._entries_max)
                self._tails[tail] = known
        return known


def _room(known: dict[str, int], entries_max: int) -> dict[str, int]:
    return known if len(known) < entries_max else {}
