"""The demonstration's campaign: an invented company buys for its Black Friday, as a rehearsal, at the sandbox."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from demo.shapes import CAMPAIGN_SHOPS, FIRST_DAY, LAST_DAY, ZONE

CAMPAIGN_ID = "black-friday-2025"

FOUND_BY_HAND = Decimal("0.6")
"""The share of deliveries that the company once found by hand: a yardstick beside the measured one, never a target."""

COMPANY: dict[str, Any] = {
    "id": "retail-fr",
    "language": "en",
    "party": {
        "name": "Exemple Reconditionné SAS",
        "address_lines": ["12 rue de l'Exemple"],
        "postal_code": "75011",
        "city": "Paris",
        "country": "FR",
        "vat_id": "FR00000000000",
    },
}

BLACK_FRIDAY: dict[str, Any] = {
    "id": CAMPAIGN_ID,
    "name": "Black Friday 2025",
    "legal_entity": COMPANY,
    "shops": list(CAMPAIGN_SHOPS),
    "zone": str(ZONE),
    "first_day": FIRST_DAY,
    "last_day": LAST_DAY,
    "channels": ["site", "email", "ads", "delivery"],
    "wait_at_most": "3650d",  # the days lie in the past: what is missing here is still on its way, not overdue
    "legs": [{"provider": "sandbox", "price_per_tonne": 22.00, "currency": "EUR"}],
}
