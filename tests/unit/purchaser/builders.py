"""Campaigns and register sums with literal numbers."""

from __future__ import annotations

from typing import Any

from offset_purchaser.campaign import Campaign
from offset_purchaser.totals import Sums
from shared.estimate import ChannelName


def campaign(**changes: Any) -> Campaign:
    values: dict[str, Any] = {
        "id": "bf",
        "legal_entity": "retail-fr",
        "shops": ["FR"],
        "zone": "Europe/Paris",
        "first_day": "2026-11-27",
        "last_day": "2026-11-30",
        "channels": ["site", "email", "ads", "delivery"],
        "legs": [{"provider": "sandbox", "price_per_tonne": "22", "currency": "EUR"}],
    }
    return Campaign.model_validate(values | changes)


def sums(
    events: int = 10,
    central: int = 1_000_000,
    *,
    group: str = "swd",
    channel: ChannelName = ChannelName.SITE,
    paid: bool = False,
    bot: bool = False,
    unprovable: bool = False,
    estimated: bool = True,
    example: str = "",
) -> Sums:
    low, high = central * 8 // 10, central * 15 // 10
    return Sums(channel, group, paid, unprovable, bot, estimated, events, 0, low, central, high, example)
