"""OneByte (The Shift Project, as in CO2.js 0.19.0), for comparison only: data centre and network, no devices.

One world intensity whatever the country. With green hosting only the network counts, at the IEA's 2018 world average.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from shared.estimate import ChannelName, Subject
from shared.linear_model import ModelBuilder
from shared.methods_common import LinearMethod
from traffic_meter.methods.swd_v4 import KINDS, site_flags

NETWORKS = ("wired", "wifi", "4g")


class OneByte(LinearMethod):
    """Bytes to grams, two segments."""

    id = "one-byte"
    title = "OneByte"
    channel = ChannelName.SITE
    measures: ClassVar[Mapping[str, str]] = {"bytes_transferred": "byte", "unmeasured_events": "event"}

    def accepts(self, subject: Subject) -> bool:
        return subject.detail.get("kind") in KINDS

    def build(self, subject: Subject, model: ModelBuilder) -> None:
        model.quality = 2
        green = model.options.get("green_hosting") is True
        sum_of_networks = model.trail.total(model(f"web.onebyte.net.{name}") for name in NETWORKS)
        network = sum_of_networks / model.trail.constant(len(NETWORKS), note="mean of the networks")
        size = model(f"project.site.default_bytes.{subject.detail['kind']}")
        parts = {"network": network * model("web.onebyte.grid.network_green" if green else "web.onebyte.grid")}
        if green:
            model.empty("data_centre")
        else:
            parts["data_centre"] = model("web.onebyte.dc") * model("web.onebyte.grid")
        for segment, per_byte in parts.items():
            model.add(segment, "bytes_transferred", per_byte)
            if size.value:
                model.add(segment, "unmeasured_events", per_byte * size)
        model.flag("devices-and-country-not-in-the-model")
        site_flags(subject, model)
