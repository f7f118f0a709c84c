"""The campaign that covers a set of files: its days, its channels, in rehearsal, at the sandbox provider."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from demo.records import CHANNELS

PRICE_PER_TONNE = 22.00
"""The price of the main job, EUR; a real campaign file states its own."""

COMPANY: dict[str, Any] = {
    "id": "replayed-files",
    "language": "en",
    "party": {
        "name": "Replayed files (invented company)",
        "address_lines": ["12 rue de l'Exemple"],
        "postal_code": "75011",
        "city": "Paris",
        "country": "FR",
        "vat_id": "FR00000000000",
    },
}


def covering(first: date, last: date, *, zone: str, shop: str, topics: Sequence[str]) -> dict[str, Any]:
    """An entry of the campaign file for every day from the first to the last.

    Bought once, for all days together: years of small days would otherwise be thousands of orders.
    """
    return {
        "id": f"replay-{first:%Y%m%d}-{last:%Y%m%d}",
        "name": f"Replay of {first:%Y-%m-%d} to {last:%Y-%m-%d}",
        "legal_entity": COMPANY,
        "shops": [shop],
        "zone": zone,
        "first_day": first,
        "last_day": last,
        "channels": [channel for topic, channel in CHANNELS.items() if topic in topics],
        "buy": "per_campaign",
        "grace": "0s",  # with recorded times nothing arrives late
        "true_up_days": 0,
        "wait_at_most": "3650d",  # the days lie in the past: what is missing here is still on its way, not overdue
        "legs": [{"provider": "sandbox", "price_per_tonne": PRICE_PER_TONNE, "currency": "EUR"}],
    }
