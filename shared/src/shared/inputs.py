"""Where every integer a method reads comes from: the event fields, and the named default when they are absent.

Checked by a contract test against the channels, the event models and the factor sets, so that no input hides anywhere
else. Defaults are parameters of the factor set: versioned, sourced, and part of what a reading names. A campaign names
its own by ``shared.campaign_defaults``.
"""

from __future__ import annotations

from typing import NamedTuple

from shared.estimate import ChannelName


class Source(NamedTuple):
    """Event fields a value is made of, and the factor-set parameter that fills in when they are absent."""

    fields: tuple[str, ...]
    default: str = ""


MEASURES: dict[ChannelName, dict[str, Source]] = {
    ChannelName.SITE: {
        "bytes_transferred": Source(("bytes_transferred",)),
        "unmeasured_events": Source(("bytes_transferred", "kind"), "project.site.default_bytes.view"),
        "dwell_ms": Source(("dwell_ms",)),
    },
    ChannelName.EMAIL: {
        "recipients": Source(("recipients",)),
        "recipient_bytes": Source(("recipients", "bytes")),
        "read_recipients_bp": Source(("recipients", "read_share")),
        "unknown_read_recipients": Source(("recipients", "read_share"), "project.email.read_share"),
    },
    ChannelName.ADS: {
        "impressions": Source(("impressions",)),
        "payload_bytes": Source(("impressions", "payload_bytes")),
        "payload_unknown_impressions": Source(("impressions", "payload_bytes"), "ads.iab.payload.display"),
        "view_ms": Source(("impressions", "view_ms")),
        "view_unknown_impressions": Source(("impressions", "view_ms"), "ads.iab.view.display"),
        "ads_txt_lines": Source(("impressions", "ads_txt_lines")),
        "lines_unknown_impressions": Source(("impressions", "ads_txt_lines"), "ads.iab.adstxt.default"),
        "faces": Source(("faces", "starts_on")),
        "face_days": Source(("faces", "starts_on", "days")),
        "area_cm2_faces": Source(("faces", "area_cm2", "starts_on")),
        "area_cm2_face_days": Source(("faces", "area_cm2", "days")),
        "lit_cm2_hours": Source(("faces", "area_cm2", "lit_hours")),
        "lit_unknown_cm2_days": Source(("faces", "area_cm2", "lit_hours"), "project.ooh.lit_hours"),
        "screen_ppm_hours": Source(("faces", "loop_share", "lit_hours")),
        "screen_ppm_days": Source(("faces", "loop_share")),
        "screen_hours_unknown_ppm_days": Source(("faces", "loop_share", "lit_hours"), "ooh.screen.hours"),
    },
    ChannelName.DELIVERY: {
        "parcels": Source(("shipment_id", "status", "revision")),
        "weight_g": Source(("weight_g", "category")),
        "volume_cm3": Source(("volume_cm3", "category"), "project.parcel.volume_per_mass"),
        "carton_mm2": Source(("volume_cm3", "category"), "project.parcel.minimum_volume"),
        "trip_m": Source(("delivery_option",)),
        "main_kg_hm": Source(("origin", "destination", "weight_g", "mode"), "project.distance.circuity.road"),
        "last_kg_hm": Source(("origin", "destination", "weight_g", "mode"), "project.distance.last_leg"),
        "carrier_emissions_g": Source(("carrier_emissions_g",)),
    },
}
"""Per channel, every measure of its registers."""

LABELS: dict[ChannelName, tuple[str, ...]] = {
    ChannelName.SITE: ("kind", "device", "hosting_country", "country", "shop"),
    ChannelName.EMAIL: ("kind", "country", "shop"),
    ChannelName.ADS: ("format", "buying", "own_site", "country", "shop"),
    ChannelName.DELIVERY: (
        "delivery_option",
        "category",
        "air",
        "carrier",
        "service",
        "covered_by_shipment",
        "offset_paid_by",
        "country",
        "shop",
        "ordered_at",
        "shipped_at",
        "direction",
    ),
}
"""Per channel, the event fields that choose the register."""

CARRIED = {
    "schema_version": "which contract this is",
    "event_id": "identity",
    "occurred_at": "time",
    "source_system": "campaigns may expect a minimum per source",
    "session_id": "never stored",
    "page": "never stored",
    "template": "never stored",
    "placement_id": "a placement with events and a manual line is refused",
    "seller_id": "never stored",
    "order_id": "kept with the explanation",
    "return_of": "kept with the explanation",
    "offset_reference": "kept with the explanation",
}
"""Fields that no method or rule of a meter turns into a number, and why they are there."""
