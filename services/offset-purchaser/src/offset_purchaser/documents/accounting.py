"""Lines for other people's books: GHG Protocol scopes and categories, Bilan Carbone posts, ESRS E1-7.

Emissions and credits stay two tables; neither knows the other's numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from offset_purchaser.documents.dossier_data import DossierData, RegisterLine, counted, total_of
from offset_purchaser.documents.parts import OrderLine
from offset_purchaser.documents.tables import csv_bytes
from shared.units import G_PER_T

BILAN_CARBONE_POSTS = {
    "3.1": "Achats de services",
    "3.3": "Énergie",
    "3.4": "Fret aval",
    "3.9": "Déplacements des visiteurs et des clients",
}
"""Bilan Carbone post of a GHG Protocol category, as in the project's factor set; others print as not mapped."""

_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU = frozenset(_EU.split())


def ghg_protocol_csv(data: DossierData) -> bytes:
    """Emissions in kg CO2e by GHG Protocol scope and category, with the 95 % interval."""
    return _emissions(data, ("scope", "category"), lambda line: (f"Scope {line.ghg_scope}", line.ghg_category))


def bilan_carbone_csv(data: DossierData) -> bytes:
    """Emissions in kg CO2e by Bilan Carbone post, with the GHG Protocol category it comes from."""

    def post(line: RegisterLine) -> tuple[str, str]:
        return BILAN_CARBONE_POSTS.get(line.ghg_category.split(" ")[0], "not mapped"), line.ghg_category

    return _emissions(data, ("post", "ghg_category"), post)


def _emissions(data: DossierData, names: Sequence[str], key: Callable[[RegisterLine], tuple[str, str]]) -> bytes:
    groups: dict[tuple[str, str], list[RegisterLine]] = {}
    for line in counted(data.registers):
        groups.setdefault(key(line), []).append(line)
    rows = []
    for group, lines in sorted(groups.items()):
        found = total_of(lines)
        rows.append(
            (
                *group,
                sum(line.events for line in lines),
                *(round(grams / 1000, 6) for grams in (found.low, found.central, found.high)),
            )
        )
    return csv_bytes((*names, "events", "low_kg", "central_kg", "high_kg"), rows)


def esrs_e1_7_csv(data: DossierData) -> bytes:
    """ESRS E1-7, carbon credits outside the value chain: tonnes and shares; what was not stated is its own line.

    Cancelled are the credits whose retirement is certified; the rest of what was ordered is planned.
    """
    cancelled = sum((_retired_g(line) for line in data.orders), Decimal(0))
    ordered = Decimal(sum(line.quantity_g for line in data.orders))
    rows: list[tuple[str, object, str]] = [
        ("carbon credits cancelled in the period", cancelled / G_PER_T, "tCO2e"),
        ("carbon credits planned to be cancelled", max(ordered - cancelled, Decimal(0)) / G_PER_T, "tCO2e"),
    ]
    for name, of in _SHARES:
        rows += _shares(name, data.orders, of)
    return csv_bytes(("field", "value", "unit"), rows)


def _retired_g(line: OrderLine) -> Decimal:
    stated = (item.quantity_t or Decimal(0) for item in line.certificates if item.retired_on is not None)
    return min(sum(stated, Decimal(0)) * G_PER_T, Decimal(line.quantity_g))


def _shares(name: str, orders: Iterable[OrderLine], of: Callable[[OrderLine], str]) -> list[tuple[str, object, str]]:
    grams: dict[str, Decimal] = {}
    for line in orders:
        if retired := _retired_g(line):
            label = of(line) or "not stated"
            grams[label] = grams.get(label, Decimal(0)) + retired
    whole = sum(grams.values(), Decimal(0))
    return [(f"{name}: {label}", round(part / whole * 100, 4), "%") for label, part in sorted(grams.items())]


def _in_eu(line: OrderLine) -> str:
    country = line.project.country
    return "" if not country else "European Union" if country in EU else "elsewhere"


def _adjusted(line: OrderLine) -> str:
    answers = {item.host_country_authorised for item in line.certificates}
    names: dict[frozenset[bool | None], str] = {frozenset({True}): "authorised", frozenset({False}): "not authorised"}
    return names.get(frozenset(answers), "")


_SHARES: tuple[tuple[str, Callable[[OrderLine], str]], ...] = (
    ("share by effect", lambda line: line.project.effect),
    ("share by quality standard", lambda line: line.standard),
    ("share by place of the project", _in_eu),
    ("share by corresponding adjustment (Article 6)", _adjusted),
)
