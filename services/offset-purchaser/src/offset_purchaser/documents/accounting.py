"""Lines for other people's books: GHG Protocol scopes and categories, Bilan Carbone posts, ESRS E1-7.

Emissions and credits stay two tables; neither knows the other's numbers. A table is its column names and its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from offset_purchaser.documents.dossier_data import RegisterLine, counted
from offset_purchaser.documents.parts import OrderLine
from shared.ranges import combine_ranges
from shared.units import G_PER_T, ug_to_g

Table = tuple[Sequence[str], Sequence[Sequence[object]]]

BILAN_CARBONE_POSTS = {
    "3.1": "Achats de services",
    "3.3": "Énergie",
    "3.4": "Fret aval",
    "3.9": "Déplacements des visiteurs et des clients",
}
"""Bilan Carbone post of a GHG Protocol category, as in the project's factor set; others print as not mapped."""

NOT_STATED = "not stated"
_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU = frozenset(_EU.split())


@dataclass(frozen=True, slots=True)
class Emitted:
    """What counts of one day, scope, category and factor group, in integer micrograms."""

    day: date
    ghg_scope: int
    ghg_category: str
    factor_group: str
    events: int
    low_ug: int
    central_ug: int
    high_ug: int
    campaign: str = ""


def emitted(day: date, registers: Iterable[RegisterLine]) -> list[Emitted]:
    """The registers of a settlement that count."""
    return [
        Emitted(
            *(day, line.ghg_scope, line.ghg_category, line.factor_group, line.events),
            *(line.low_ug, line.central_ug, line.high_ug),
        )
        for line in counted(registers)
    ]


def ghg_protocol(lines: Iterable[Emitted]) -> Table:
    """Emissions in kg CO2e by GHG Protocol scope and category, with the 95 % interval."""
    return _emissions(lines, ("scope", "category"), lambda line: (f"Scope {line.ghg_scope}", _category(line)))


def bilan_carbone(lines: Iterable[Emitted]) -> Table:
    """Emissions in kg CO2e by Bilan Carbone post, with the GHG Protocol category it comes from."""

    def post(line: Emitted) -> tuple[str, str]:
        return BILAN_CARBONE_POSTS.get(line.ghg_category.split(" ")[0], "not mapped"), _category(line)

    return _emissions(lines, ("post", "ghg_category"), post)


def _category(line: Emitted) -> str:
    return line.ghg_category or NOT_STATED


def _emissions(lines: Iterable[Emitted], names: Sequence[str], key: Callable[[Emitted], tuple[str, str]]) -> Table:
    """Half widths in quadrature between the factor groups of a day; days add up, as on documents."""
    groups: dict[tuple[str, str], dict[tuple[str, date], list[Emitted]]] = {}
    for line in lines:
        groups.setdefault(key(line), {}).setdefault((line.campaign, line.day), []).append(line)
    rows: list[Sequence[object]] = []
    for group, days in sorted(groups.items()):
        ranges = [_range(found) for found in days.values()]
        kilograms = [round(sum((r[n] for r in ranges), Decimal(0)) / 1000, 6) for n in range(3)]
        rows.append((*group, sum(line.events for found in days.values() for line in found), *kilograms))
    return (*names, "events", "low_kg", "central_kg", "high_kg"), rows


def _range(lines: Iterable[Emitted]) -> tuple[Decimal, Decimal, Decimal]:
    sums: dict[str, list[int]] = {}
    for line in lines:
        found = sums.setdefault(line.factor_group, [0, 0, 0])
        for n, value in enumerate((line.low_ug, line.central_ug, line.high_ug)):
            found[n] += value
    total = combine_ranges({name: (ug_to_g(a), ug_to_g(b), ug_to_g(c)) for name, (a, b, c) in sums.items()})
    return total.low, total.central, total.high


def esrs_e1_7(orders: Sequence[OrderLine], since: date = date.min, until: date = date.max) -> Table:
    """ESRS E1-7, carbon credits outside the value chain: tonnes and shares; what was not stated is its own line.

    ``orders``: all that were bought up to ``until``. Cancelled in the period are the credits whose certified retirement
    is in it, both days included; planned is what was not retired by its end. The shares are those of the cancelled.
    """
    cancelled = sum((_retired_g(line, since, until) for line in orders), Decimal(0))
    planned = sum((line.quantity_g - _retired_g(line, date.min, until) for line in orders), Decimal(0))
    rows: list[tuple[str, object, str]] = [
        ("carbon credits cancelled in the period", cancelled / G_PER_T, "tCO2e"),
        ("carbon credits planned to be cancelled", planned / G_PER_T, "tCO2e"),
    ]
    for name, of in _SHARES:
        rows += _shares(name, [(of(line), _retired_g(line, since, until)) for line in orders])
    return ("field", "value", "unit"), rows


def _retired_g(line: OrderLine, since: date, until: date) -> Decimal:
    """Grams whose certified retirement is in a period. What is stated beyond the order is not counted."""
    retired = [
        (item.retired_on, (item.quantity_t or Decimal(0)) * G_PER_T) for item in line.certificates if item.retired_on
    ]
    most = Decimal(line.quantity_g)
    earlier = min(sum((grams for day, grams in retired if day < since), Decimal(0)), most)
    return min(sum((grams for day, grams in retired if day <= until), Decimal(0)), most) - earlier


def _shares(name: str, cancelled: Iterable[tuple[str, Decimal]]) -> list[tuple[str, object, str]]:
    """Shares in per cent of (label, grams); what has no label was not stated."""
    grams: dict[str, Decimal] = {}
    for label, retired in cancelled:
        if retired:
            grams[label or NOT_STATED] = grams.get(label or NOT_STATED, Decimal(0)) + retired
    whole = sum(grams.values(), Decimal(0))
    return [(f"{name}: {label}", round(part / whole * 100, 4), "%") for label, part in sorted(grams.items())]


def _in_eu(line: OrderLine) -> str:
    country = line.project.country.upper()
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
