"""A shipment whose weight another shipment carries: counted as an event, 0 g, so that nothing is counted twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from shared.estimate import ChannelName, Subject
from shared.linear_model import ModelBuilder
from shared.methods_common import FREIGHT, LinearMethod


class Covered(LinearMethod):
    """Nothing to add: the covering shipment has it."""

    id = "covered"
    title = "Covered by another shipment"
    channel = ChannelName.DELIVERY
    ghg = FREIGHT
    measures: ClassVar[Mapping[str, str]] = {"parcels": "parcel"}

    def accepts(self, subject: Subject) -> bool:
        return subject.detail.get("method") == self.id

    def build(self, subject: Subject, model: ModelBuilder) -> None:
        model.quality = 5
        model.range_factor = "project.range.carrier-figure"
        model.empty("covered")
        model.flag("covered-by-another-shipment")
