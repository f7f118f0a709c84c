"""The contract: what the four source topics carry.

One frozen model per topic. Unknown fields are ignored; wrong types, negative numbers, naive times and values beyond
the limits of ``shared.fields`` are rejected with the field's name. A field that is absent is filled by a stated default
of the method or the campaign and flagged, never by a favourable silence.

Not promised: anything about order or uniqueness. Meters establish both from the log itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared import fields as f


class Device(StrEnum):
    """What a page was shown on; ``bot`` is counted under its own label and bought or not by the campaign's rule."""

    SMARTPHONE = "smartphone"
    TABLET = "tablet"
    LAPTOP = "laptop"
    DESKTOP = "desktop"
    TV = "tv"
    BOT = "bot"
    UNKNOWN = "unknown"


class Event(BaseModel):
    """What every event carries."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", use_attribute_docstrings=True)

    schema_version: Literal[1] = 1
    """Version of this contract."""
    event_id: f.EventId
    """Identity of the event; the Kafka key of every topic but shipments."""
    occurred_at: f.Moment
    """When it happened, with its offset from UTC."""
    shop: f.Shop = "default"
    """The market or legal entity the event belongs to."""
    source_system: f.Label | None = None
    """Who sent it; campaigns may expect a minimum per source."""
    country: f.Country | None = None
    """ISO 3166-1 alpha-2 of the visitor, reader, viewer or addressee; unknown means the world average, flagged."""

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """What no single field can tell. Raises ``ValueError`` with ``field: reason``; reads fields by name."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        self.check(self.__dict__)
        return self


class SiteTraffic(Event):
    """Topic ``site-traffic``: one page view, one asset, or the time spent once a page ends (not a second view)."""

    kind: Literal["view", "asset", "engagement"]
    session_id: f.Label | None = None
    """Never stored; kept for producers that share the record with other readers."""
    page: f.Text | None = None
    """Never stored."""
    device: Device
    bytes_transferred: f.Bytes | None = None
    """Bytes on the wire; absent means the default size of the kind, flagged."""
    dwell_ms: f.DwellMs | None = None
    """Time spent on the page, known when it ends."""
    hosting_country: f.Country | None = None
    """Where the data centre stands; absent means the world average, flagged."""


class EmailSent(Event):
    """Topic ``emails-sent``: one message, or one mailing to many recipients."""

    template: f.Label | None = None
    kind: Literal["marketing", "transactional"]
    recipients: f.Recipients
    bytes: f.MessageBytes
    """Size of one message."""
    read_share: f.Share | None = None
    """Share of the recipients who open it; absent means the campaign's or the method's default, flagged."""

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """The bytes of all recipients fit a register."""
        _product("recipients", values["recipients"], values["bytes"])


class AdImpressions(Event):
    """Topic ``ad-impressions``: digital impressions, or out-of-home faces spread evenly over local days."""

    placement_id: f.Label | None = None
    format: Literal["display", "video", "ooh_screen", "ooh_poster"]
    impressions: f.Impressions | None = None
    payload_bytes: f.PayloadBytes | None = None
    """Bytes of one impression."""
    view_ms: f.ViewMs | None = None
    """View time of one impression."""
    buying: Literal["programmatic", "direct", "platform"] | None = None
    ads_txt_lines: f.AdsTxtLines | None = None
    own_site: f.Flag | None = None
    """Shown on the company's own pages: already in the page bytes, counted once."""
    faces: f.Faces | None = None
    starts_on: date | None = None
    days: f.Days | None = None
    area_cm2: f.AreaCm2 | None = None
    """Area of one face."""
    lit_hours: f.LitHours | None = None
    """Hours a day that a face is lit or a screen runs."""
    loop_share: f.Share | None = None
    """Share of a screen's loop that shows this advertisement."""

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Digital formats have impressions, out of home has faces, dates and area; the products fit a register."""
        if values["format"] in ("display", "video"):
            impressions = values.get("impressions")
            if impressions is None:
                raise ValueError("impressions: required for display and video")
            for name in ("payload_bytes", "view_ms", "ads_txt_lines"):
                _product(name, impressions, values.get(name) or 0)
            return
        for name in ("faces", "starts_on", "days", "area_cm2"):
            if values.get(name) is None:
                raise ValueError(f"{name}: required for {values['format']}")
        _product("area_cm2", values["faces"] * 24, values["area_cm2"])
        if abs((values["starts_on"] - values["occurred_at"].date()).days) > f.BOOKING_DAYS_MAX:
            raise ValueError(f"starts_on: more than {f.BOOKING_DAYS_MAX} days from occurred_at")


class Place(BaseModel):
    """Where a shipment starts or ends, as precisely as the sender knows."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    country: f.Country
    postal_code: Annotated[str, Field(strict=True, min_length=1, max_length=16, pattern=f.NO_NUL)] | None = None
    city: f.Label | None = None


class Shipment(Event):
    """Topic ``shipments``: one state of one parcel or consignment; the newest state counts."""

    shipment_id: f.EventId
    """Identity of the shipment and the Kafka key of the topic."""
    order_id: f.Label | None = None
    revision: f.Revision | None = None
    """Greater is newer; absent counts as 0 and ``occurred_at`` decides."""
    status: Literal["created", "updated", "voided", "returned"]
    direction: Literal["outbound", "return", "trade_in"] = "outbound"
    return_of: f.EventId | None = None
    ordered_at: f.Moment | None = None
    shipped_at: f.Moment | None = None
    seller_id: f.Label | None = None
    carrier: f.Label | None = None
    service: f.Label | None = None
    mode: f.Label | None = None
    """Transport mode as the sender names it (``air``, ``road``, ``sea`` …); an unknown one falls back, flagged."""
    delivery_option: Literal["home", "pickup_point", "click_and_collect"] | None = None
    category: f.Label | None = None
    origin: Place | None = None
    destination: Place | None = None
    weight_g: f.WeightG | None = None
    volume_cm3: f.VolumeCm3 | None = None
    air: Literal["none", "inside_europe", "outside_europe"] | None = None
    carrier_emissions_g: f.EmissionsG | None = None
    """The carrier's own figure for this shipment, well to wheel."""
    offset_paid_by: Literal["carrier", "shopper", "seller"] | None = None
    """Somebody else already contributes for this shipment: counted, not bought again."""
    offset_reference: f.Text | None = None
    covered_by_shipment: f.EventId | None = None
    """The shipment that carries this one's weight."""

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """No shipment is covered by itself: it would weigh nothing."""
        if values.get("covered_by_shipment") == values["shipment_id"]:
            raise ValueError("covered_by_shipment: a shipment cannot be covered by itself")


def _product(field: str, one: int, other: int) -> None:
    if one * other > f.PRODUCT_MAX:
        raise ValueError(f"{field}: {one} x {other} is beyond the limit of {f.PRODUCT_MAX} for one event; split it")


SourceEvent = SiteTraffic | EmailSent | AdImpressions | Shipment
SOURCE_EVENTS: tuple[type[SiteTraffic] | type[EmailSent] | type[AdImpressions] | type[Shipment], ...] = (
    SiteTraffic,
    EmailSent,
    AdImpressions,
    Shipment,
)
