"""One event, two ways: counted by a meter and estimated from its register, or asked about with ``estimate``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from delivery_emissions.assess import assess
from delivery_emissions.methods import METHODS as DELIVERY
from shared.estimate import ChannelName, Subject
from shared.methods_common import ModelCache, estimate_ug
from shared.readings import detail_labels
from shared.schedule import choose_method, default_schedule
from shared.units import g_to_ug
from tests.unit.delivery.test_assess import At, Shipped
from tests.unit.methods.support import central, close, delivery, factor_set, tables, traffic
from traffic_meter.channels import CHANNELS
from traffic_meter.methods import METHODS as TRAFFIC

CACHE: ModelCache = {}

EVENTS: tuple[tuple[ChannelName, Mapping[str, Any]], ...] = (
    (ChannelName.SITE, {"kind": "view", "device": "smartphone", "bytes_transferred": 1_234_567, "country": "FR"}),
    (ChannelName.SITE, {"kind": "asset", "device": "tv", "country": "DE", "hosting_country": "IE"}),
    (ChannelName.SITE, {"kind": "engagement", "device": "laptop", "dwell_ms": 90_000}),
    (
        ChannelName.EMAIL,
        {"kind": "marketing", "recipients": 1000, "bytes": 120_000, "read_share": 0.25, "country": "FR"},
    ),
    (ChannelName.EMAIL, {"kind": "transactional", "recipients": 1, "bytes": 30_000, "country": "US"}),
    (
        ChannelName.ADS,
        {
            **{"format": "display", "impressions": 5000, "payload_bytes": 280_000, "view_ms": 2500, "country": "FR"},
            **{"ads_txt_lines": 120, "buying": "programmatic"},
        },
    ),
    (ChannelName.ADS, {"format": "video", "impressions": 700, "buying": "platform"}),
    (ChannelName.ADS, {"format": "display", "impressions": 5, "own_site": True, "country": "FR"}),
    (
        ChannelName.ADS,
        {
            **{"format": "ooh_poster", "faces": 20, "days": 14, "area_cm2": 20_000, "lit_hours": 12.0},
            **{"country": "FR", "starts_on": date(2026, 11, 20)},
        },
    ),
    (
        ChannelName.ADS,
        {
            **{"format": "ooh_screen", "faces": 3, "days": 7, "area_cm2": 20_000, "loop_share": 0.25},
            **{"country": "FR", "starts_on": date(2026, 11, 20)},
        },
    ),
)


def metered_ug(channel_name: ChannelName, row: Mapping[str, Any]) -> int:
    """Micrograms of the registers that an event is counted in."""
    channel = next(item for item in CHANNELS if item.name == channel_name)
    assert channel.fold is not None
    parts = [channel.fold(row)]
    parts += [share.contribution for share in channel.spread(row)] if channel.spread else []
    entry = default_schedule().entry_for(channel_name, date(2026, 11, 27))
    total = 0
    for part in parts:
        subject = Subject(row.get("country") or "", detail_labels(channel.detail(part.labels)))
        method = choose_method(entry, TRAFFIC, subject)
        assert method is not None
        activity = dict(zip(channel.measures, part.measures, strict=False))
        total += estimate_ug(method, subject, activity, factor_set(), CACHE).central
    return total


@pytest.mark.parametrize(("channel", "row"), EVENTS, ids=[str(index) for index in range(len(EVENTS))])
def test_an_event_has_the_same_micrograms_in_a_register_as_in_estimate(
    channel: ChannelName, row: Mapping[str, Any]
) -> None:
    line = {name: str(value) if isinstance(value, date) else value for name, value in row.items()}

    asked = g_to_ug(central(traffic(channel=str(channel), **line)))

    registers_rounded = len(EVENTS) + row.get("days", 0)
    assert abs(metered_ug(channel, row) - asked) <= registers_rounded


@pytest.mark.parametrize(
    "shipment",
    [
        Shipped(weight_g=3000, volume_cm3=12000, category="cultural", delivery_option="home"),
        Shipped(category="phone", delivery_option="pickup_point"),
        Shipped(category="laptop", origin=At("DE", "10115"), destination=At("FR", "33000")),
        Shipped(category="phone", origin=At("CN"), destination=At("FR")),
        Shipped(weight_g=358_000, mode="Air", origin=At("IN"), destination=At("VN"), country="VN"),
        Shipped(carrier_emissions_g=357),
        Shipped(),
    ],
)
def test_a_shipment_is_assessed_alike_and_the_register_rounds_by_less_than_1_in_10_000(shipment: Shipped) -> None:
    found = assess(shipment, tables())
    subject = Subject(shipment.country or "", found.detail)
    method = choose_method(default_schedule().entry_for(ChannelName.DELIVERY, date(2026, 11, 27)), DELIVERY, subject)
    assert method is not None
    counted = estimate_ug(method, subject, found.activity, factor_set(), CACHE).central

    line = {name: getattr(shipment, name) for name in Shipped.__dataclass_fields__}
    for end in ("origin", "destination"):
        line[end] = vars(line[end]) if line[end] else None
    asked = central(delivery(**line))

    assert close(Decimal(counted) / 10**6, asked, "1e-4")
