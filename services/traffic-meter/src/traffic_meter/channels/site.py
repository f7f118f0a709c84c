"""Site traffic: page views, assets, and the time spent once a page ends."""

from __future__ import annotations

from shared.estimate import ChannelName
from shared.events import SiteTraffic
from shared.meter.channel import Channel, Contribution, Row


def fold(row: Row) -> Contribution:
    """Bytes and dwell time; a record without bytes is counted as such, its size is the method's stated default."""
    size = row.get("bytes_transferred")
    dwell_ms = row.get("dwell_ms") or 0
    labels = (row["kind"], row["device"], row.get("hosting_country") or "", "missing" if size is None else "measured")
    return Contribution(labels, (0, 1, dwell_ms) if size is None else (size, 0, dwell_ms))


SITE = Channel(
    name=ChannelName.SITE,
    topic="site_traffic",
    event=SiteTraffic,
    labels=("kind", "device", "hosting", "bytes"),
    measures=("bytes_transferred", "unmeasured_events", "dwell_ms"),
    horizon_s=15 * 60,
    fold=fold,
)
