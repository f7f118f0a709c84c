"""Money only: kilograms per thousand euros of advertising services (Base Carbone, 2023 euros, +-80 %).

The last fallback, when nothing but the media budget is known; never scheduled by itself. Not covered: what was bought.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from shared.estimate import ChannelName, Subject
from shared.linear_model import ModelBuilder
from shared.methods_common import LinearMethod


class AdsSpend(LinearMethod):
    """Euros to grams."""

    id = "ads-spend"
    title = "Spend on advertising (Base Carbone)"
    channel = ChannelName.ADS
    measures: ClassVar[Mapping[str, str]] = {"spend_eur": "EUR"}

    def accepts(self, subject: Subject) -> bool:
        return subject.detail.get("basis") == "spend"

    def build(self, subject: Subject, model: ModelBuilder) -> None:
        model.quality = 1
        model.add("spend", "spend_eur", model("ads.spend.2023"))
        model.flag("spend-based:euros-of-2023")
        if subject.country != "FR":
            model.flag("default-of-another-country:FR")
