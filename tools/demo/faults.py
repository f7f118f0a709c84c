"""What goes wrong with real producers: records that a meter must refuse, each for one reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from demo.shapes import DAY_MS, MINUTE_MS, PARIS

Body = dict[str, Any]


def _changed(**fields: Any) -> Callable[[bytes, int], bytes]:
    return lambda value, _arrival_ms: _json(json.loads(value) | fields)


def _without(*names: str) -> Callable[[bytes, int], bytes]:
    def fault(value: bytes, _arrival_ms: int) -> bytes:
        return _json({name: field for name, field in json.loads(value).items() if name not in names})

    return fault


def _naive_time(value: bytes, _arrival_ms: int) -> bytes:
    body = json.loads(value)
    return _json(body | {"occurred_at": body["occurred_at"][:19]})


def _occurring(offset_ms: int) -> Callable[[bytes, int], bytes]:
    """A producer whose clock is wrong; shipments are judged by when they were ordered."""

    def fault(value: bytes, arrival_ms: int) -> bytes:
        body = json.loads(value)
        moment = PARIS.text(arrival_ms + offset_ms)
        times = {name: moment for name in ("occurred_at", "ordered_at", "shipped_at") if name in body}
        return _json(body | times)

    return fault


def _json(body: Body) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


NUMBER = {
    "site_traffic": "bytes_transferred",
    "emails_sent": "recipients",
    "ad_impressions": "impressions",
    "shipments": "weight_g",
}
"""A number that a channel counts, by topic."""
REQUIRED = {
    "site_traffic": "device",
    "emails_sent": "bytes",
    "ad_impressions": "format",
    "shipments": "status",
}
CHOICE = {"site_traffic": "kind", "emails_sent": "kind", "ad_impressions": "format", "shipments": "status"}


def malform(topic: str, value: bytes, arrival_ms: int, random: Random) -> bytes:
    """A record that is refused, made from a good one; its key stays what it was."""
    faults: tuple[Callable[[bytes, int], bytes], ...] = (
        lambda good, _: good[: len(good) // 2],
        lambda good, _: good.replace(b'"', b"'"),
        lambda good, _: b"\xff\xfe" + good,
        lambda good, _: b"",
        lambda good, _: b"[" + good + b"]",
        _changed(**{NUMBER[topic]: -1}),
        _changed(**{NUMBER[topic]: "many"}),
        _changed(**{NUMBER[topic]: 10**15}),
        _changed(**{CHOICE[topic]: "carrier-pigeon"}),
        _changed(schema_version=99),
        _changed(country="France"),
        _without(REQUIRED[topic]),
        _without("event_id"),
        _without("occurred_at"),
        _naive_time,
        _occurring(10 * MINUTE_MS),
        _occurring(-40 * DAY_MS),
    )
    return faults[int(random.random() * len(faults))](value, arrival_ms)
