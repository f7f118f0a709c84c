"""Site traffic: page views, assets, and the time spent once a page ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Any

from shared.estimate import ChannelName
from shared.events import SiteTraffic
from shared.meter.channel import Channel, Columns, Contribution, Fields
from traffic_meter.quick_rows import QuickRows

_kind, _device, _hosting = attrgetter("kind"), attrgetter("device"), attrgetter("hosting_country")


def fold(row: Fields) -> Contribution:
    """Bytes and dwell time; a record without bytes is counted as such, its size is the method's stated default."""
    size = row.get("bytes_transferred")
    dwell_ms = row.get("dwell_ms") or 0
    labels = (row["kind"], row["device"], row.get("hosting_country") or "", "missing" if size is None else "measured")
    return Contribution(labels, (0, 1, dwell_ms) if size is None else (size, 0, dwell_ms))


def fold_rows(rows: Sequence[Any]) -> Columns:
    """The same of many quickly read rows."""
    sizes = [row.bytes_transferred for row in rows]
    dwells_ms = [row.dwell_ms or 0 for row in rows]
    measured: Iterable[str] = repeat("measured", len(rows))
    unmeasured = [0] * len(rows)
    if None in sizes:
        measured = ["missing" if size is None else "measured" for size in sizes]
        unmeasured = [int(size is None) for size in sizes]
        sizes = [size or 0 for size in sizes]
    labels = (map(_kind, rows), map(_device, rows), map(_hosting, rows), measured)
    return Columns(labels, (sizes, unmeasured, dwells_ms))


SITE = Channel(
    name=ChannelName.SITE,
    topic="site_traffic",
    event=SiteTraffic,
    labels=("kind", "device", "hosting", "bytes"),
    measures=("bytes_transferred", "unmeasured_events", "dwell_ms"),
    horizon_s=15 * 60,
    fold=fold,
    filled=("bytes_transferred", "dwell_ms", "hosting_country"),
    fold_rows=fold_rows,
    quick=QuickRows,
)
