"""Which electricity applies to a country: average, location-based, and flagged whenever it is not the country's own."""

from __future__ import annotations

from decimal import Decimal

from shared.linear_model import ModelBuilder
from shared.trail import Term

ADEME_FRANCE = "grid.ademe.FRA.2024"


def grid(
    model: ModelBuilder,
    country: str,
    *,
    unknown: str,
    role: str,
    option: str = "",
    france: str = "",
    unit: str = "gCO2e/kWh",
) -> Term:
    """The grid intensity of a country in g/kWh, or of the world (the factor ``unknown``) with a flag.

    ``option`` names a caller's value in ``unit``; ``france`` a factor that a French source prefers for France. ``role``
    says whose country it is, in the flags.
    """
    given = model.options.get(option) if option else None
    if isinstance(given, Decimal):
        return model.trail.input(f"option.{option}", given, unit, note="given by the caller").to("gCO2e/kWh")
    if country == "FR" and france:
        return model(france).to("gCO2e/kWh")
    found = model.factors.grids.get(country)
    if found is None:
        reason = "unknown" if not country else f"{country}-without-grid"
        model.flag(f"{role}-country-{reason}:world-grid", 2)
        found = unknown
    return model(found).to("gCO2e/kWh")
