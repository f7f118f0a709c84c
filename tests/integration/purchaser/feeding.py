"""Readings and campaign files for tests, with literal numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.estimate import ChannelName
from shared.readings import Balance, EmissionsUg, Progress, Reading

TOPICS = {
    ChannelName.SITE: "site-traffic",
    ChannelName.EMAIL: "emails-sent",
    ChannelName.ADS: "ad-impressions",
    ChannelName.DELIVERY: "shipments",
}
NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)

CAMPAIGN = """
legal_entities:
  - id: retail-fr
    party: {name: Exemple SAS, address_lines: [1 rue], country: FR}
campaigns:
  - id: bf
    legal_entity: retail-fr
    shops: [FR]
    zone: Europe/Paris
    first_day: 2026-11-27
    last_day: 2026-11-27
    channels: [site]
    grace: 6h
    true_up_days: 0
    legs:
      - {provider: sandbox, price_per_tonne: 22, currency: EUR}
"""


def reading(events: int = 10, grams: float = 1000, **changes: Any) -> Reading:
    """A site reading of ``grams`` central, 0.8 low, 1.5 high."""
    central = round(grams * 1_000_000)
    values: dict[str, Any] = {
        "log_epoch": 1,
        "topic": "site-traffic",
        "partition": 0,
        "quarter": NOON,
        "channel": "site",
        "shop": "FR",
        "country": "FR",
        "payer": "",
        "detail": "device=laptop;kind=view",
        "events": events,
        "activity": {"bytes": events * 1000},
        "method": "swd-v4",
        "method_version": "1",
        "factor_set": "2026.1",
        "factor_set_sha256": "a" * 64,
        "factor_group": "swd",
        "ghg_scope": 3,
        "ghg_category": "1",
        "data_quality": 3,
        "emissions_ug": EmissionsUg(low=min(central * 8 // 10, central), central=central, high=central * 15 // 10),
        "revision": 1,
        "through_offset": events,
    }
    return Reading.model_validate(values | changes)


def progress(counted: int = 10, **changes: Any) -> Progress:
    """Progress of a one-partition topic, everything counted as of 1 December noon."""
    values: dict[str, Any] = {
        "log_epoch": 1,
        "topic": "site-traffic",
        "partition": 0,
        "channel": "site",
        "through_offset": counted,
        "as_of": datetime(2026, 12, 1, 12, tzinfo=UTC),
        "partitions": 1,
        "balance": Balance(first_offset=0, next_offset=counted, counted=counted),
    }
    return Progress.model_validate(values | changes)
