"""Time on a device in place of the device segment of Sustainable Web Design v4.

Device build over its hours of use and its power, by dwell time and device type (ADEME digital model 2.1.0); network and
data centre stay as in ``swd-v4``. It replaces that segment, it is never added to it. Time that is not sent is not
counted, which a flag says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from shared.estimate import ChannelName, Subject
from shared.linear_model import ModelBuilder
from shared.methods_common import LinearMethod
from shared.trail import Term
from traffic_meter.methods.ademe_digital import DEVICES, device_build
from traffic_meter.methods.grids import ADEME_FRANCE, grid
from traffic_meter.methods.swd_v4 import KINDS, per_byte, site_flags

WORLD = "grid.ember.WORLD"
"""Of the device, where the visitor's country is unknown; network and data centre keep the world of ``swd-v4``."""


class DeviceTime(LinearMethod):
    """Bytes and dwell time to grams."""

    id = "device-time"
    version = "2"
    title = "Time on the device (ADEME) + SWD v4"
    channel = ChannelName.SITE
    measures: ClassVar[Mapping[str, str]] = {
        "bytes_transferred": "byte",
        "unmeasured_events": "event",
        "dwell_ms": "ms",
    }

    def accepts(self, subject: Subject) -> bool:
        return subject.detail.get("kind") in KINDS

    def build(self, subject: Subject, model: ModelBuilder) -> None:
        model.quality = 4
        per_byte(subject, model, ("data_centre", "network"))
        device = subject.detail.get("device", "unknown")
        if device == "bot":
            model.empty("device.build")
        else:
            build, power = _device(model, device)
            electricity = grid(
                model, subject.country, unknown=WORLD, role="visitor", option="grid.device", france=ADEME_FRANCE
            )
            model.add("device.build", "dwell_ms", build)
            model.add("device.use", "dwell_ms", power * electricity)
            model.flag("dwell-time:only-as-far-as-sent")
            if model.options.get("dwell_missing") is True:
                model.flag("dwell_ms:missing", 2)
        site_flags(subject, model)


def _device(model: ModelBuilder, device: str) -> tuple[Term, Term]:
    """Build and power per time of use: the device's own, a television's from the advertising source, or a mean."""
    if device in DEVICES:
        return device_build(model, DEVICES[device]), model(f"email.dev.{DEVICES[device]}.watt")
    if device == "tv":
        return model("ads.iab.dev.tv.emb"), model("ads.iab.dev.tv.use")
    model.flag("device-unknown:mean-device", 3, "dwell_ms")
    build, power, shares = [], [], []
    for name, key in DEVICES.items():
        share = model(f"email.share.{name}")
        shares.append(share)
        build.append(device_build(model, key) * share)
        power.append(model(f"email.dev.{key}.watt") * share)
    total = model.trail.total(shares)
    return model.trail.total(build) / total, model.trail.total(power) / total
