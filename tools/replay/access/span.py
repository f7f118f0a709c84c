"""The first and the last time of a log, of the lines that are sent alone: a line that is refused moves no campaign."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from replay.access.request import BOM, LineParser, NotARequest, Unreadable, common_log_time, to_moment

_TIMES = re.compile(rb"\[([0-9]{2}/[A-Za-z]{3}/[0-9]{4}:[0-9]{2}:[0-9]{2}):[0-9]{2} ([+-][0-9]{4})\]")
MINUTE_MS = 60_000
TRIES = 8
"""Minutes of a piece that are looked up; when none of them is that of a line sent, every line of the piece is read."""
SentAt = Callable[[bytes], int | None]
"""Kafka's milliseconds of the event that a line becomes; ``None`` when it becomes none."""


class LogSpan:
    """Takes pieces of whole lines; remembers the first and the last minute in which a line was sent."""

    def __init__(self, sent_at: SentAt) -> None:
        self._sent_at = sent_at
        self._first = 2**62
        self._last = -1

    def combined(self, pieces: Iterable[bytes]) -> None:
        """Logs in Combined Log Format: only lines that could move an end are read, about one in ten thousand."""
        for lines in pieces:
            times = sorted(_minutes(lines))
            latest = [(ms, written) for ms, written in reversed(times[-TRIES:]) if ms > self._last]
            earliest = [(ms, written) for ms, written in times[:TRIES] if ms < self._first]
            if not (self._found(lines, latest) and self._found(lines, earliest)):
                for line in lines.split(b"\n"):
                    self._take(line.removesuffix(b"\r"))

    def any_format(self, pieces: Iterable[bytes], parse: LineParser) -> None:
        """Other logs: every line's time is read, and the whole of a line that could move an end by a minute."""
        for number, lines in enumerate(pieces):
            for line in (lines if number else lines.removeprefix(BOM)).split(b"\n"):
                whole = line.removesuffix(b"\r")
                try:
                    ms = parse(whole).moment.ms
                except (Unreadable, NotARequest):
                    continue
                if not self._first <= ms < self._last + MINUTE_MS:
                    self._take(whole)

    def span(self) -> tuple[datetime, datetime] | None:
        """Both ends, to the minute; ``None`` when no line was sent."""
        if self._last < 0:
            return None
        return datetime.fromtimestamp(self._first / 1000, UTC), datetime.fromtimestamp(self._last / 1000, UTC)

    def _found(self, lines: bytes, candidates: Sequence[tuple[int, bytes]]) -> bool:
        """Whether there are no candidates, or one of them, in their order, is the minute of a line that is sent."""
        if not candidates:
            return True
        return any(self._take(line) == ms for ms, text in candidates for line in _lines_with(lines, text))

    def _take(self, line: bytes) -> int | None:
        ms = self._sent_at(line)
        if ms is None:
            return None
        minute = ms - ms % MINUTE_MS
        self._first, self._last = min(self._first, minute), max(self._last, minute)
        return minute


def _minutes(lines: bytes) -> Iterator[tuple[int, bytes]]:
    """The distinct minutes written in many lines, with their text: far cheaper than reading the lines."""
    for minute, offset in set(_TIMES.findall(lines)):
        try:
            yield to_moment(common_log_time(b"%b:00 %b" % (minute, offset))).ms, minute
        except (ValueError, KeyError, OverflowError):
            continue


def _lines_with(lines: bytes, text: bytes) -> Iterator[bytes]:
    at = lines.find(text)
    while at >= 0:
        begin, end = lines.rfind(b"\n", 0, at) + 1, lines.find(b"\n", at)
        end = len(lines) if end < 0 else end
        yield lines[begin:end].removesuffix(b"\r")
        at = lines.find(text, end)
