"""JSON lines as nginx, Apache, Caddy, Traefik, CloudFront and Cloudflare write them: one object per request.

Every property may have one of the names below; which ones a log uses is found out from its first lines. Not read:
a line that holds an array or several requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from replay.access.request import (
    METHOD,
    Moment,
    MomentCache,
    NotARequest,
    Request,
    Unreadable,
    common_log_time,
    path_of,
    to_moment,
)
from replay.access.w3c import is_html
from shared.errors import Rejected

NAMES: Mapping[str, tuple[str, ...]] = {
    "time": (
        *("time", "@timestamp", "timestamp", "time_iso8601", "time_local", "StartUTC", "EdgeStartTimestamp", "ts"),
        *("msec", "date_time", "datetime", "event.created"),
    ),
    "date": ("date",),
    "method": (
        *("request_method", "method", "RequestMethod", "ClientRequestMethod", "cs-method", "request.method"),
        *("http.request.method", "verb"),
    ),
    "target": (
        *("request_uri", "uri", "path", "url", "RequestPath", "ClientRequestURI", "ClientRequestPath", "cs-uri-stem"),
        *("request.uri", "request.url", "url.path", "url.original"),
    ),
    "request": ("request", "request_line"),
    "status": (
        *("status", "response_status", "status_code", "response", "DownstreamStatus", "EdgeResponseStatus"),
        *("sc-status", "http.response.status_code"),
    ),
    "size": (
        *("body_bytes_sent", "bytes_sent", "bytes", "size", "response_size", "DownstreamContentSize"),
        *("EdgeResponseBytes", "sc-bytes", "http.response.body.bytes", "http.response.bytes", "bytes_written"),
    ),
    "agent": (
        *("http_user_agent", "user_agent", "userAgent", "agent", "request_User-Agent", "ClientRequestUserAgent"),
        *("cs(User-Agent)", "request.headers.User-Agent", "user_agent.original", "http_useragent"),
    ),
    "address": (
        *("remote_addr", "client_ip", "clientip", "ClientHost", "ClientIP", "c-ip", "request.remote_ip", "client.ip"),
        *("source.ip", "remote_ip", "ip"),
    ),
    "country": ("country", "ClientCountry", "c-country", "geoip_country_code", "client.geo.country_iso_code"),
    "type": ("content_type", "sent_http_content_type", "EdgeResponseContentType", "sc-content-type"),
}
NEEDED = ("time", "status", "size")
DIGITS = 18
"""Of a number written as text; no status and no size has more."""


class JsonLinesParser:
    """One line at a time; holds which name each property has in this log."""

    name = "JSON lines"

    def __init__(self, names: Mapping[str, str]) -> None:
        """``names`` gives the log's own name for each property, as ``find_names`` returns it."""
        self._get = {role: _getter(name) for role, name in names.items()}
        self._moment = MomentCache(_time_text)

    def __call__(self, line: bytes) -> Request:
        """A request. Raises ``Unreadable`` with the property, or ``NotARequest`` for a blank line."""
        entry = _object(line)
        method, target = self._method_and_target(entry)
        agent, country = self._text(entry, "agent"), self._text(entry, "country").upper()
        return Request(
            self._time(self._value(entry, "time"), self._text(entry, "date")),
            method.encode(),
            path_of(target.encode("utf-8", "replace")),
            _status(self._value(entry, "status")),
            _size(self._value(entry, "size")),
            agent.encode("utf-8", "replace"),
            self._text(entry, "address").encode("utf-8", "replace"),
            country if len(country) == 2 and country.isascii() and country.isalpha() else "",
            is_html(self._text(entry, "type").encode("utf-8", "replace")),
            (() if agent else ("no_user_agent",)) + (() if method else ("no_request",)),
        )

    def _value(self, entry: dict[str, Any], role: str) -> Any:
        getter = self._get.get(role)
        return getter(entry) if getter else None

    def _text(self, entry: dict[str, Any], role: str) -> str:
        value = self._value(entry, role)
        if isinstance(value, list) and value:
            value = value[0]
        return value if isinstance(value, str) and value != "-" else ""

    def _method_and_target(self, entry: dict[str, Any]) -> tuple[str, str]:
        method, target = self._text(entry, "method"), self._text(entry, "target")
        if not method:
            method, _, rest = self._text(entry, "request").partition(" ")
            target = target or rest.rpartition(" ")[0]
        method = method.upper()
        return (method, target) if METHOD.fullmatch(method.encode("utf-8", "replace")) else ("", target)

    def _time(self, value: Any, date: str) -> Moment:
        if isinstance(value, str) and value:
            if date:
                value = f"{date}T{value}+00:00"
            return self._moment(value.encode("utf-8", "replace"))
        try:
            return to_moment(_from_number(value))
        except (TypeError, ValueError, OverflowError):
            raise Unreadable("time", "is neither a time with its offset from UTC nor seconds since 1970") from None


def find_names(lines: Iterable[bytes]) -> dict[str, str]:
    """Which name each property has in these first lines. Raises ``Rejected`` when a needed one has none."""
    found: dict[str, str] = {}
    for line in lines:
        try:
            entry = _object(line)
        except (Unreadable, NotARequest):
            continue
        for role, candidates in NAMES.items():
            if role not in found:
                name = next((name for name in candidates if _usable(role, _getter(name)(entry))), None)
                if name is not None:
                    found[role] = name
    missing = [role for role in NEEDED if role not in found]
    if not ({"method", "request"} & found.keys()):
        missing.append("method")
    if missing:
        known = "; ".join(f"{role}: {', '.join(NAMES[role])}" for role in missing)
        raise Rejected(f"the log's objects do not have a name that is known for {known}", field=missing[0])
    return found


def _usable(role: str, value: Any) -> bool:
    """``request`` is a line in one format and an object in another, so a value must have the right shape."""
    if role in ("status", "size"):
        return isinstance(value, (int, str)) and not isinstance(value, bool)
    if role == "time":
        return isinstance(value, (int, float, str)) and not isinstance(value, bool)
    return isinstance(value, (str, list))


def _getter(name: str) -> Callable[[dict[str, Any]], Any]:
    """A getter for a name that is either a key or a path of keys joined by dots."""
    if "." not in name:
        return lambda entry: entry.get(name)
    path = name.split(".")

    def get(entry: dict[str, Any]) -> Any:
        if name in entry:
            return entry[name]
        value: Any = entry
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value

    return get


def _object(line: bytes) -> dict[str, Any]:
    if not line.strip():
        raise NotARequest("blank line")
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        raise Unreadable("line", "is not a JSON object") from None
    if not isinstance(entry, dict):
        raise Unreadable("line", "is not a JSON object")
    return entry


def _whole(value: Any, role: str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= DIGITS:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Unreadable(role, "is not a whole number")
    return value


def _status(value: Any) -> int:
    status = _whole(value, "status")
    if status > 999:
        raise Unreadable("status", "is not a status of three digits")
    return status


def _size(value: Any) -> int:
    return -1 if value in (None, "", "-") else _whole(value, "size")


def _time_text(text: bytes) -> datetime:
    try:
        return common_log_time(text)
    except (ValueError, KeyError):
        pass
    plain = text.decode("ascii")
    if plain.replace(".", "", 1).isdigit():
        return _from_number(float(plain) if "." in plain else int(plain))
    return datetime.fromisoformat(plain)


def _from_number(value: Any) -> datetime:
    """Seconds since 1970, or milli-, micro- or nanoseconds, told apart by their size."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("not a number")
    micros = round(value * 1_000_000) if value < 1e11 else int(value)
    for limit, factor in ((1e14, 1000), (1e17, 1), (1e20, 0.001)):
        if value >= 1e11 and value < limit:
            micros = round(value * factor)
            break
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
