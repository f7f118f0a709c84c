"""The carrier's own figure for a shipment, well to wheel (ISO 14083): preferred to anything we could compute.

Not promised: that the carrier is right; the interval is an assumption of this project.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from shared.estimate import ChannelName, Subject
from shared.linear_model import ModelBuilder
from shared.methods_common import FREIGHT, LinearMethod


class CarrierFigure(LinearMethod):
    """Grams in, grams out."""

    id = "carrier-figure"
    title = "Carrier's own figure"
    channel = ChannelName.DELIVERY
    ghg = FREIGHT
    measures: ClassVar[Mapping[str, str]] = {"carrier_emissions_g": "gCO2e"}

    def accepts(self, subject: Subject) -> bool:
        return subject.detail.get("method") == self.id

    def build(self, subject: Subject, model: ModelBuilder) -> None:
        model.quality = 5
        model.add("carrier", "carrier_emissions_g", model.trail.constant(1))
        model.flag("boundary:as-stated-by-the-carrier")
