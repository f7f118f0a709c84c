"""W3C Extended Log Format: CloudFront, IIS and others that announce their columns in ``#Fields``.

Times are UTC, as the format says. Needed columns: ``date`` and ``time``, ``cs-method``, ``cs-uri-stem``,
``sc-status``, ``sc-bytes``. Used when there: ``cs(User-Agent)``, ``c-ip``, ``c-country``, ``sc-content-type``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes

from replay.access.request import METHOD, MomentCache, NotARequest, Request, Unreadable, path_of
from shared.errors import Rejected

NEEDED = ("date", "time", "cs-method", "cs-uri-stem", "sc-status", "sc-bytes")
OPTIONAL = ("cs(user-agent)", "c-ip", "c-country", "sc-content-type")
_STATUS = re.compile(rb"[0-9]{3}")
_COUNTRY = re.compile(rb"[A-Z]{2}")


class W3cParser:
    """One line at a time; holds the columns that the newest ``#Fields`` line announced."""

    name = "W3C Extended Log Format"

    def __init__(self) -> None:
        self._moment = MomentCache(_time)
        self._at: dict[str, int] | None = None
        self._columns = 0

    def __call__(self, line: bytes) -> Request:
        """A request. Raises ``Unreadable`` with the column, or ``NotARequest`` for a directive or a blank line."""
        if line.startswith(b"#"):
            self._directive(line)
            raise NotARequest("directive")
        if not line.strip():
            raise NotARequest("blank line")
        if self._at is None:
            raise Unreadable("#Fields", "no usable #Fields line before this line")
        values = line.split(b"\t") if b"\t" in line else line.split()
        if len(values) != self._columns:
            raise Unreadable("line", f"has {len(values)} values, #Fields announced {self._columns}")
        return self._request(self._at, values)

    def _directive(self, line: bytes) -> None:
        if line.lower().startswith(b"#fields:"):
            names = [name.lower() for name in line.partition(b":")[2].decode("latin-1").split()]
            self._columns = len(names)
            at = {name: names.index(name) for name in NEEDED + OPTIONAL if name in names}
            self._at = None if missing_columns(line) else at

    def _request(self, at: dict[str, int], values: list[bytes]) -> Request:
        status, size = values[at["sc-status"]], values[at["sc-bytes"]]
        if not _STATUS.fullmatch(status):
            raise Unreadable("sc-status", "is not a status of three digits")
        if size != b"-" and not (size.isdigit() and len(size) < 19):
            raise Unreadable("sc-bytes", "is neither a number of bytes nor -")
        agent = _optional(at, values, "cs(user-agent)")
        country = _optional(at, values, "c-country")
        kind = _optional(at, values, "sc-content-type")
        method = values[at["cs-method"]]
        usual = METHOD.fullmatch(method) is not None
        return Request(
            self._moment(values[at["date"]] + b" " + values[at["time"]]),
            method if usual else b"",
            path_of(values[at["cs-uri-stem"]]),
            int(status),
            -1 if size == b"-" else int(size),
            _agent(agent) if agent else b"",
            _optional(at, values, "c-ip"),
            country.decode("ascii") if _COUNTRY.fullmatch(country) else "",
            is_html(kind),
            (() if agent else ("no_user_agent",)) + (() if usual else ("no_request",)),
        )


def missing_columns(fields_line: bytes) -> list[str]:
    """The needed columns that a ``#Fields`` line does not announce."""
    names = fields_line.partition(b":")[2].decode("latin-1").lower().split()
    return [name for name in NEEDED if name not in names]


def insist_on_columns(line: bytes) -> None:
    """Stop with a sentence when a log's first ``#Fields`` line lacks a needed column. Raises ``Rejected``."""
    if missing := missing_columns(line):
        raise Rejected(
            f"the log does not have the column {', '.join(missing)}; add it to the log's format", field="#Fields"
        )


def is_html(content_type: bytes) -> bool | None:
    """Whether a content type is a page; ``None`` when there is none."""
    if not content_type:
        return None
    return content_type.strip().lower().startswith((b"text/html", b"application/xhtml"))


def _optional(at: dict[str, int], values: list[bytes], name: str) -> bytes:
    place = at.get(name)
    if place is None or values[place] == b"-":
        return b""
    return values[place]


def _agent(text: bytes) -> bytes:
    """CloudFront escapes the user agent, for some years twice; IIS writes ``+`` for a space."""
    if b"%25" in text:
        text = unquote_to_bytes(text)
    if b"%" in text:
        text = unquote_to_bytes(text)
    return text if b" " in text else text.replace(b"+", b" ")


def _time(text: bytes) -> datetime:
    return datetime.strptime(text.decode("ascii").partition(".")[0], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
