"""Pages to look at and to test with: a Black Friday of four days, and ten years of deliveries. All numbers invented."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from typing import Any

from offset_purchaser.campaign import Campaign
from offset_purchaser.campaign_report import Page, Proof, assemble
from offset_purchaser.campaign_report.facts import Apart, Facts
from shared.avoided import avoided_report
from shared.factors import load_factor_set

CHANNELS = ("site", "email", "ads", "delivery")
WEIGHTS = {"site": 8, "email": 4, "ads": 14, "delivery": 74}
COUNTRIES = ("FR", "DE", "GB", "ES", "IT", "BE", "NL", "AT", "PT", "US", "")


def campaign(first: date, days: int, **changes: Any) -> Campaign:
    values: dict[str, Any] = {
        "id": "black-friday-2026-fr",
        "name": "Black <Friday> & Co 2026",
        "legal_entity": "retail-fr",
        "shops": ["FR"],
        "zone": "Europe/Paris",
        "first_day": first,
        "last_day": first + timedelta(days=days - 1),
        "channels": list(CHANNELS),
        "legs": [{"provider": "sandbox", "price_per_tonne": 22, "currency": "EUR"}],
        "known_shares": {"delivery": 60},
    }
    return Campaign.model_validate(values | changes)


def grams(kilograms: int) -> dict[str, str]:
    return {"low": str(kilograms * 620), "central": str(kilograms * 1000), "high": str(kilograms * 1580)}


def report_of(found: Campaign, kilograms: int = 25_000) -> dict[str, Any]:
    """A report in which the n-th day emits a little more than the one before."""
    days = []
    for n, day in enumerate(found.days()):
        total = kilograms + n % 7 * kilograms // 20
        channels = {
            name: {
                "events": 10_000 * WEIGHTS[name],
                "late": 12,
                "emissions_g": grams(total * WEIGHTS[name] // 100),
                "not_bought": {"bots": {"events": 5983, "late": 0, "emissions_g": grams(2)}} if name == "site" else {},
            }
            for name in found.channels
        }
        channels["delivery"]["not_bought"] = {"paid_by_others": {"events": 9, "late": 0, "emissions_g": grams(37)}}
        settlement = {"number": 1, "state": "complete"}
        days.append(
            {"day": day.isoformat(), "channels": channels, "total_g": grams(total), "settlements": [settlement]}
        )
    order = {
        "order_id": "7deb80c1-5d2e-5a00-9a55-0c7a7a1d0001",
        "day": found.first_day.isoformat(),
        "number": 1,
        "leg": "sandbox",
        "provider": "sandbox",
        "state": "confirmed",
        "quantity_g": 25_262_510,
        "price_per_tonne": "22",
        "currency": "EUR",
        "amount": "555.78",
        "document": "R-ST-RETAILFR-2026-00001",
    }
    pending = {"state": "placed", "document": None, "quantity_g": 1_000_000, "currency": "GBP", "amount": "20.00"}
    topics = ("ad-impressions", "emails-sent", "shipments", "site-traffic")
    row = {"consumed": 202_119, "counted": 199_784, "duplicates": 2119, "rejected": 214, "skipped": 2, "lost": 0}
    return {"days": days, "orders": [order, {**order, **pending}], "balance": dict.fromkeys(topics, row)}


def facts_of(found: Campaign, kilograms: int = 25_000) -> Facts:
    hours = []
    for day in found.days():
        for hour in range(24):
            busy = 1 + math.sin((hour - 9) / 24 * 2 * math.pi) * 0.8
            for name in found.channels:
                ug = round(kilograms * 10**9 / 24 * WEIGHTS[name] / 100 * busy)
                hours.append((datetime.combine(day, time(hour)), name.value, ug))
    whole = sum(ug for _, _, ug in hours)
    countries = [(code, 1000 - n, whole // 2 ** (n + 1)) for n, code in enumerate(COUNTRIES)]
    return Facts(
        hours=tuple(hours),
        countries=tuple(countries),
        methods=tuple((name, f"method-of-{name}", "1", "2026.1") for name in CHANNELS),
        apart=(Apart(found.first_day, "site", 2119, 214), Apart(found.first_day, "email", 870, 100)),
        outside=1826,
        not_estimated=0,
    )


def page(first: date = date(2026, 11, 27), days: int = 4, *, mode: str = "rehearsal", **changes: Any) -> Page:
    found = campaign(first, days, **changes)
    earlier = campaign(date(2025, 11, 28), 3, id="bf-2025", name="Black Friday 2025")
    return assemble(
        found,
        "Exemple Reconditionné SAS",
        mode,
        report_of(found),
        facts_of(found),
        before=(earlier, report_of(earlier, 31_000), facts_of(earlier)),
        avoided=avoided_report({"smartphone": 1000, "laptop": 200}, found.years_of_use, load_factor_set("2026.1")),
        proof=Proof(182, 0, 2),
    )
