"""Common and Combined Log Format as Apache and nginx write them, with the variants met in the wild.

Read: a virtual host (``host:port``) before the address, user names with spaces, escaped quotes, a request that is
``-`` or binary, a missing referrer and user agent (Common Log Format), fields after the user agent (ignored), a line
cut off inside its referrer or user agent. Not read: custom formats that move the time, request, status or size.
"""

from __future__ import annotations

import re

from replay.access.request import METHOD, CommonLogTimes, NotARequest, Request, Unreadable, path_of

_new = tuple.__new__  # a named tuple's own constructor costs three times as much
_QUOTED = rb'"([^"\\]*(?:\\.[^"\\]*)*)'
_LINE = re.compile(
    rb"([^\[]*)\[([^\]]{26})\] "
    + (_QUOTED + rb'" ([0-9]{3}) ([0-9]{1,18}|-)(?![^ ])')
    + (rb"(?: " + _QUOTED + rb'"?(?: ' + _QUOTED + rb'("?))?)?')
)
_USUAL = re.compile(
    rb"([^\[]*)\[([^\]]{26})\] "
    rb'"([A-Z]{3,20}) (/[^"\\ ?#;]*)(?:[?#;][^"\\ ]*)? HTTP/[0-9.]+" ([0-9]{3}) ([0-9]{1,18}|-) "[^"\\]*" "([^"\\]*)"'
)
"""What nearly every line looks like, with the path already cut out: half the time of the general pattern."""
_STEPS = (
    ("time", re.compile(rb"[^\[]*\[([^\]]*)\] ?"), "there is no [time]"),
    ("request", re.compile(_QUOTED + rb'" ?'), "there is no quoted request"),
    ("status", re.compile(rb"[0-9]{3} "), "is not a status of three digits"),
    ("size", re.compile(rb"(?:[0-9]{1,18}|-)(?: |$)"), "is neither a number of bytes nor -"),
)


class CombinedParser:
    """One line at a time; holds only a cache of times."""

    name = "Combined Log Format"

    def __init__(self) -> None:
        self._moment = CommonLogTimes()

    def __call__(self, line: bytes) -> Request:
        """A request. Raises ``Unreadable`` with the field, or ``NotARequest`` for a blank line."""
        usual = _USUAL.match(line)
        if usual is not None:
            front, time, method, path, status, size, agent = usual.groups()
            bytes_ = -1 if size == b"-" else int(size)
            moment = self._moment(time)
            return _new(Request, (moment, method, path, int(status), bytes_, agent, front, "", None, ()))
        return self._general(line)

    def _general(self, line: bytes) -> Request:
        match = _LINE.match(line)
        if match is None:
            raise _why(line)
        front, time, request, status, size, _referrer, agent, closed = match.groups()
        method, target, flags = _split_request(request)
        if agent is None or not closed:
            flags += ("no_user_agent",) if agent is None else ("line_cut_off",)
        return Request(
            self._moment(time),
            method,
            path_of(target),
            int(status),
            -1 if size == b"-" else int(size),
            agent or b"",
            front,
            flags=flags,
        )


def _split_request(request: bytes) -> tuple[bytes, bytes, tuple[str, ...]]:
    method, _, rest = request.partition(b" ")
    if not METHOD.fullmatch(method):
        return b"", b"", ("no_request",)
    target, space, protocol = rest.rpartition(b" ")
    return (method, target, ()) if space and protocol.startswith(b"HTTP/") else (method, rest, ())


def _why(line: bytes) -> Exception:
    if not line.strip():
        return NotARequest("blank line")
    at = 0
    for field, pattern, reason in _STEPS:
        match = pattern.match(line, at)
        if match is None:
            return Unreadable(field, reason)
        if field == "time" and len(match[1]) != 26:
            return Unreadable(field, "is not a time of this format with its offset from UTC")
        at = match.end()
    return Unreadable("line", "is not in Combined Log Format")
