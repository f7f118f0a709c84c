"""When nothing but the shipment's existence is known: one kilogram per parcel (order of magnitude by ADEME, 2023).

About 1 Mt for a billion French e-commerce parcels. Not covered: weight, distance, mode, the country itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from shared.estimate import ChannelName, Subject
from shared.linear_model import ModelBuilder
from shared.methods_common import FREIGHT, LinearMethod


class CountryDefault(LinearMethod):
    """Parcels to grams."""

    id = "country-default"
    title = "Country default per parcel"
    channel = ChannelName.DELIVERY
    ghg = FREIGHT
    measures: ClassVar[Mapping[str, str]] = {"parcels": "parcel"}

    def accepts(self, subject: Subject) -> bool:
        return subject.detail.get("method") == self.id

    def build(self, subject: Subject, model: ModelBuilder) -> None:
        model.quality = 2 if subject.country == "FR" else 1
        model.add("parcel", "parcels", model("parcel.ademe.average"))
        model.flag("nothing-known:1-kg-per-parcel")
        if subject.country != "FR":
            model.flag("default-of-another-country:FR")
