"""One request as any log format tells it, and the times that logs write."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

BOM = b"\xef\xbb\xbf"
CACHED = 8192
"""Distinct texts remembered per cache; a busy log repeats a second, a path or a user agent thousands of times."""
CACHED_BYTES = 512
"""Longer texts are not remembered: a log of long texts, all different, must not fill the memory."""


_new = tuple.__new__  # a named tuple's own constructor costs three times as much
METHOD = re.compile(rb"[A-Z]{3,20}")
"""A request without such a method is none: a port scan, another protocol, a broken client."""
SECONDS = {b"%02d" % number: min(number, 59) for number in range(61)}
"""A leap second counts as the second before."""


class Moment(NamedTuple):
    """A time as text with its offset and as Kafka's milliseconds."""

    text: str
    ms: int


class Request(NamedTuple):
    """A request as logged. The address and the full target stay inside this process."""

    moment: Moment
    method: bytes
    path: bytes
    """Without scheme, host, query, fragment and path parameters."""
    status: int
    size: int
    """Bytes transferred; -1 when the log says ``-``."""
    agent: bytes
    address: bytes
    """What stands where the address stands, for the country database alone."""
    country: str = ""
    html: bool | None = None
    """Whether the log's own content type says it is a page; ``None`` when it has none."""
    flags: tuple[str, ...] = ()


class Unreadable(Exception):
    """A line that is not a request: the field that says so and why. Never quotes the line."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class NotARequest(Exception):
    """A line that is no request and no error: a directive, a comment, a blank line."""


LineParser = Callable[[bytes], Request]
"""Raises ``Unreadable`` or ``NotARequest``."""

MONTHS = {name: number for number, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}


class MomentCache:
    """Turns the time text of a log into a ``Moment``, once per distinct text."""

    def __init__(self, parse: Callable[[bytes], datetime]) -> None:
        self._parse = parse
        self._known: dict[bytes, Moment] = {}

    def __call__(self, text: bytes) -> Moment:
        """The moment of a text. Raises ``Unreadable``."""
        moment = self._known.get(text)
        if moment is None:
            if len(self._known) >= CACHED:
                self._known.clear()
            try:
                moment = to_moment(self._parse(text[:CACHED_BYTES]))
            except (ValueError, KeyError, OverflowError):
                raise Unreadable("time", "is not a time of this format with its offset from UTC") from None
            self._known[text[:CACHED_BYTES]] = moment
        return moment


class CommonLogTimes:
    """The same for the times of common logs, whose seconds are counted on from a minute parsed before."""

    def __init__(self) -> None:
        self._minutes: dict[bytes, tuple[str, str, int]] = {}

    def __call__(self, text: bytes) -> Moment:
        """The moment of a text of 26 bytes. Raises ``Unreadable``."""
        minute, second = self._minutes.get(text[:18] + text[20:]), SECONDS.get(text[18:20])
        if minute is None or second is None:
            return self._new(text)
        start, offset, ms = minute
        return _new(Moment, (f"{start}{second:02d}{offset}", ms + 1000 * second))

    def _new(self, text: bytes) -> Moment:
        if len(self._minutes) >= CACHED:
            self._minutes.clear()
        try:
            moment = to_moment(common_log_time(text))
        except (ValueError, KeyError, OverflowError):
            raise Unreadable("time", "is not a time of this format with its offset from UTC") from None
        self._minutes[text[:18] + text[20:]] = moment.text[:17], moment.text[19:], moment.ms // 60_000 * 60_000
        return moment


def to_moment(moment: datetime) -> Moment:
    """A ``Moment`` from an aware datetime. Raises ``ValueError`` when it is naive or before 1970."""
    if moment.tzinfo is None:
        raise ValueError("no offset from UTC")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    ms = since // timedelta(milliseconds=1)
    if ms < 0:
        raise ValueError("before 1970")
    return Moment(moment.isoformat(), ms)


def common_log_time(text: bytes) -> datetime:
    """``17/May/2015:10:05:03 +0000``. Raises ``ValueError`` or ``KeyError``."""
    if len(text) != 26 or text[20:21] != b" ":
        raise ValueError("not a common log time")
    minutes = int(text[22:24]) * 60 + int(text[24:26])
    sign = {b"+": 1, b"-": -1}[text[21:22]]
    return datetime(
        int(text[7:11]),
        MONTHS[text[3:6]],
        int(text[0:2]),
        int(text[12:14]),
        int(text[15:17]),
        SECONDS[text[18:20]],
        tzinfo=timezone(sign * timedelta(minutes=minutes)),
    )


def path_of(target: bytes) -> bytes:
    """The path of a request target: no scheme, host, user info, query, fragment or ``;parameters``."""
    for end in (b"?", b"#", b";"):
        target = target.partition(end)[0]
    if target[:1] != b"/" and b"://" in target:
        host_and_path = target.partition(b"://")[2]
        target = b"/" + host_and_path.partition(b"/")[2]
    return target
