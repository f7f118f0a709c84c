"""The demonstration's campaign: an invented company buys for its Black Friday, as a rehearsal, at the sandbox."""

from __future__ import annotations

from typing import Any

from demo.shapes import CAMPAIGN_SHOPS, FIRST_DAY, LAST_DAY, ZONE

CAMPAIGN_ID = "black-friday-2025"

LANGUAGES = ("en", "fr", "de")
"""Of the report; the first is ``report.html``."""

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
    "known_shares": {"delivery": 60},  # found by hand once: a yardstick beside the measured share, never a target
    "units_sold": {"smartphone": 640, "laptop": 85},  # invented
    "legs": [{"provider": "sandbox", "price_per_tonne": 22.00, "currency": "EUR"}],
}
