"""One line of ``estimate`` by legs: the caller's own chain, or a main haul and last leg between two places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from delivery_emissions.methods.legs import Legs, freight, is_freight
from delivery_emissions.places import normalise
from delivery_emissions.tables import Tables
from delivery_emissions.vehicles import DEFAULT_VIEW, VIEWS, leg_factor
from shared import fields as limits
from shared.errors import Rejected
from shared.estimate import ChannelName, Subject
from shared.estimate_fields import Fields, ceiling
from shared.estimate_lines import Case
from shared.factors import FactorSet
from shared.linear_model import ModelBuilder
from shared.methods_common import FREIGHT, LinearMethod
from shared.trail import Term, Trail

MOST_LEGS = 50
LONGEST_KM = 100_000
HIGHEST_KG_PER_TKM = 1_000


@dataclass(frozen=True, slots=True)
class Leg:
    """One transport chain element: a factor or an intensity, and a distance."""

    factor_id: str
    kg_per_tkm: Decimal | None
    km: Decimal


class LegChain(LinearMethod):
    """The method ``legs`` for a chain that a caller spells out; distances are the caller's, without error of ours."""

    id = "legs"
    title = "Chain of legs"
    channel = ChannelName.DELIVERY
    ghg = FREIGHT
    measures: ClassVar[Mapping[str, str]] = {f"leg_{number}": "t.km" for number in range(1, MOST_LEGS + 1)}

    def __init__(self, legs: tuple[Leg, ...]) -> None:
        self.legs = legs

    def accepts(self, subject: Subject) -> bool:
        return subject.detail.get("method") == self.id

    def build(self, subject: Subject, model: ModelBuilder) -> None:
        model.quality = 4
        for number, leg in enumerate(self.legs, start=1):
            name = f"leg_{number}"
            if leg.kg_per_tkm is None:
                per_km, own = freight(model, leg.factor_id)
                model.uncertainty(name, own)
            else:
                per_km = model.trail.input(
                    f"{name}.kg_per_tkm", leg.kg_per_tkm, "kgCO2e/t.km", note="given by the caller"
                )
                model.flag("boundary:as-stated-by-the-caller")
            model.add(name, name, per_km)
        contrails = {note.flag for note in model.notes if note.flag.startswith("air:")}
        if len(contrails) > 1:
            raise Rejected(
                "one chain has one treatment of high-altitude effects, with or without contrails", field="legs"
            )


def read_view(fields: Fields) -> str:
    """``france`` (with vehicle build, air with contrails) or ``iso`` (well to wheel, without contrails)."""
    return fields.choice("view", VIEWS) or DEFAULT_VIEW


def chain_case(fields: Fields, tables: Tables, country: str, factors: FactorSet) -> Case:
    """A line with ``legs``. Raises ``Rejected`` with the field's name."""
    weight = fields.number("weight_g", 0, ceiling(limits.WeightG))
    if weight is None:
        raise Rejected("is required by legs", field="weight_g")
    view = read_view(fields)
    items = fields.items("legs") or ()
    if len(items) > MOST_LEGS:
        raise Rejected(f"at most {MOST_LEGS}", field="legs")
    legs = tuple(_leg(item, tables, view, factors) for item in items)
    method = LegChain(legs)

    def derive(trail: Trail) -> dict[str, Term]:
        mass = trail.input("weight_g", weight, "g").to("t")
        return {
            f"leg_{number}": mass * trail.input(f"leg_{number}.distance_km", leg.km, "km")
            for number, leg in enumerate(legs, start=1)
        }

    return Case(method, Subject(country, {"method": "legs"}), derive)


def _leg(item: Fields, tables: Tables, view: str, factors: FactorSet) -> Leg:
    km = item.number("distance_km", 0, LONGEST_KM)
    if km is None:
        raise Rejected("is required", field=item.name("distance_km"))
    intensity = item.number("kg_per_tkm", 0, HIGHEST_KG_PER_TKM)
    factor_id, mode = item.words("factor_id"), item.words("mode")
    item.close()
    if intensity is not None:
        return Leg("", intensity, km)
    if factor_id is not None:
        known = factor_id in factors.factors or f"{factor_id}.ttw" in factors.factors
        if not is_freight(factor_id) or not known:
            raise Rejected(f"factor set {factors.id} has no freight factor {factor_id!r}", field=item.name("factor_id"))
        return Leg(factor_id, None, km)
    if mode is None:
        raise Rejected("a leg needs mode, factor_id or kg_per_tkm", field=item.name("mode"))
    metres = int(km * 1000)
    found = leg_factor(mode, metres, view) or leg_factor(tables.modes.get(normalise(mode), ""), metres, view)
    if found is None:
        raise Rejected(f"unknown mode {mode!r}", field=item.name("mode"))
    return Leg(found, None, km)


def haul_case(country: str, detail: Mapping[str, str], weight: Decimal, metres: tuple[int, int]) -> Case:
    """Main haul and last leg of ``metres``, not rounded as a register's are."""

    def derive(trail: Trail) -> dict[str, Term]:
        mass = trail.input("weight_g", weight, "g")
        return {
            "main_kg_hm": mass * trail.input("main_m", metres[0], "m"),
            "last_kg_hm": mass * trail.input("last_m", metres[1], "m"),
        }

    return Case(Legs(), Subject(country, detail), derive)
