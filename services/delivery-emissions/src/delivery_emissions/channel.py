"""The delivery channel: shipments, counted inside the fenced transaction because their newest state decides."""

from __future__ import annotations

from shared.estimate import ChannelName
from shared.events import Shipment
from shared.meter.channel import Channel

MEASURES = (
    "parcels",
    "weight_g",
    "volume_cm3",
    "carton_mm2",
    "trip_m",
    "main_kg_hm",
    "last_kg_hm",
    "carrier_emissions_g",
)

DELIVERY = Channel(
    name=ChannelName.DELIVERY,
    topic="shipments",
    event=Shipment,
    labels=(),
    measures=MEASURES,
    horizon_s=0,  # event ids are remembered for ever, in PostgreSQL
    fold=None,
)
