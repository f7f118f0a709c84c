"""One record on its way to Kafka: what every source of events (generator, replayed file) yields."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """A record as it will be sent. ``timestamp_ms`` is its arrival time; a source yields records in that order."""

    topic: str
    """Name of the topic's setting: ``site_traffic``, ``emails_sent``, ``ad_impressions`` or ``shipments``."""
    key: bytes
    value: bytes
    timestamp_ms: int


CHANNELS = {"site_traffic": "site", "emails_sent": "email", "ad_impressions": "ads", "shipments": "delivery"}
"""The channel that each source topic feeds, by the name of the topic's setting."""
TOPIC_SETTINGS = tuple(CHANNELS)
"""The four source topics by the names of their settings, in the order of the channels."""
