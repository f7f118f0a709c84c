"""What a mapping may set: the contract's fields by event, each with the kind of value it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.events import AdImpressions, EmailSent, Event, Shipment, SiteTraffic

_COMMON = {"occurred_at": "moment", "shop": "text", "source_system": "text", "country": "country"}
_PLACES = {
    f"{end}.{part}": kind
    for end in ("origin", "destination")
    for part, kind in (("country", "country"), ("postal_code", "text"), ("city", "text"), ("site", "place"))
}


@dataclass(frozen=True, slots=True)
class EventKind:
    """One of the four events: where it goes, its model and its fields.

    Fields that the contract does not know are helpers: ``ends_on`` (last day of a placement, becomes ``days``),
    ``opens`` (becomes ``read_share``), ``month`` and ``parcels`` (a carrier's statement), ``origin.site`` and
    ``destination.site`` (free text, becomes a place).
    """

    topic: str
    model: type[Event]
    fields: Mapping[str, str]
    required: tuple[str, ...]
    helpers: frozenset[str] = frozenset()


EVENTS: Mapping[str, EventKind] = {
    "site": EventKind(
        "site_traffic",
        SiteTraffic,
        _COMMON
        | {"kind": "text", "page": "text", "device": "text", "session_id": "text", "bytes_transferred": "data"}
        | {"dwell_ms": "time", "hosting_country": "country"},
        ("occurred_at", "kind", "device"),
    ),
    "email": EventKind(
        "emails_sent",
        EmailSent,
        _COMMON
        | {"template": "text", "kind": "text", "recipients": "count", "bytes": "data", "read_share": "share"}
        | {"opens": "count"},
        ("occurred_at", "kind", "recipients", "bytes"),
        frozenset({"opens"}),
    ),
    "ad": EventKind(
        "ad_impressions",
        AdImpressions,
        _COMMON
        | {"placement_id": "text", "format": "text", "impressions": "count", "payload_bytes": "data"}
        | {"view_ms": "time", "buying": "text", "ads_txt_lines": "count", "own_site": "flag", "faces": "count"}
        | {"starts_on": "date", "ends_on": "date", "days": "count", "area_cm2": "area", "lit_hours": "number"}
        | {"loop_share": "share"},
        ("occurred_at", "format"),
        frozenset({"ends_on"}),
    ),
    "shipment": EventKind(
        "shipments",
        Shipment,
        _COMMON
        | _PLACES
        | {"shipment_id": "text", "order_id": "text", "revision": "count", "status": "text", "direction": "text"}
        | {"return_of": "text", "ordered_at": "moment", "shipped_at": "moment", "seller_id": "text"}
        | {"carrier": "text", "service": "text", "mode": "text", "delivery_option": "text", "category": "text"}
        | {"weight_g": "mass", "volume_cm3": "volume", "air": "text", "carrier_emissions_g": "mass"}
        | {"offset_paid_by": "text", "offset_reference": "text", "covered_by_shipment": "text"}
        | {"month": "month", "parcels": "count"},
        ("shipment_id",),
        frozenset({"month", "parcels"}),
    ),
}
"""By the word that a mapping file says after ``event:``."""
