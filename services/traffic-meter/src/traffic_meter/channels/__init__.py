"""The channels of this meter. A new one is one file beside these and one line here."""

from __future__ import annotations

from shared.meter.channel import Channel
from traffic_meter.channels.ads import ADS
from traffic_meter.channels.email import EMAIL
from traffic_meter.channels.site import SITE

CHANNELS: tuple[Channel, ...] = (SITE, EMAIL, ADS)
