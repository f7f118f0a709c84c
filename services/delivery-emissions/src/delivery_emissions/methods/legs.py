"""A chain of legs (ISO 14083): tonnes x kilometres x the intensity of each vehicle, distances never the driven round.

Two views, labelled: ``france`` (Base Carbone, well to wheel with vehicle build, air with contrails, the default) and
``iso`` (well to wheel without build, air without contrails). Not covered: hubs, empty returns beyond the factors' own.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from delivery_emissions.methods.flags import note_assumptions
from shared.errors import Rejected
from shared.estimate import ChannelName, Subject
from shared.factors import Factor
from shared.linear_model import ModelBuilder
from shared.methods_common import FREIGHT, LinearMethod
from shared.trail import Term

AIR_ROWS = "freight.bc.air."
PARTS = (("main", "main_kg_hm"), ("last", "last_kg_hm"))


class Legs(LinearMethod):
    """Kilogram-hectometres on the main haul and on the last leg to grams.

    The register's detail names a freight factor for each (``main``, ``last``).
    """

    id = "legs"
    title = "Chain of legs"
    channel = ChannelName.DELIVERY
    ghg = FREIGHT
    measures: ClassVar[Mapping[str, str]] = {"main_kg_hm": "kg.hm", "last_kg_hm": "kg.hm"}

    def accepts(self, subject: Subject) -> bool:
        named = [subject.detail[part] for part, _ in PARTS if part in subject.detail]
        return subject.detail.get("method") == self.id and bool(named) and all(map(is_freight, named))

    def build(self, subject: Subject, model: ModelBuilder) -> None:
        model.quality = 4
        note_assumptions(subject, model)
        distance = model("project.distance.uncertainty").value
        for part, measure in PARTS:
            factor_id = subject.detail.get(part)
            if factor_id is None:
                continue
            per_km, own = freight(model, factor_id)
            model.add(part, measure, per_km)
            model.uncertainty(part, own, distance)


def is_freight(factor_id: str) -> bool:
    """Whether a name can be a freight factor (binding the method says whether the set has it)."""
    return factor_id.startswith("freight.")


def freight(model: ModelBuilder, factor_id: str) -> tuple[Term, Decimal]:
    """Intensity of a freight factor with its uncertainty in per cent; the boundary it covers is flagged.

    A name without ``.ttw`` or ``.wtt`` whose set has both parts (DESNZ) means their sum.
    """
    if factor_id in model.factors.factors:
        factor = model.factors.get(factor_id)
        model.flag(f"boundary:{boundary(factor.scope)}", 5 if factor.scope.startswith("WTW") else 3)
        if "contrails" in factor.name:
            model.flag("air:" + ("without" if "without contrails" in factor.name else "with") + "-contrails")
        return model(factor_id), _half_width(model, factor)
    direct, supply = f"{factor_id}.ttw", f"{factor_id}.wtt"
    if direct not in model.factors.factors or supply not in model.factors.factors:
        raise Rejected(f"no freight factor {factor_id!r} in set {model.factors.id}", field="factor_id")
    model.flag("boundary:wtw")
    if ".rf." in direct or ".norf." in direct:
        model.flag("air:" + ("without" if ".norf." in direct else "with") + "-contrails")
    return model(direct) + model(supply), model.factors.get(direct).uncertainty_pct


def _half_width(model: ModelBuilder, factor: Factor) -> Decimal:
    """A flight's is the method's at least: the 10 % of the rows without contrails are those of the fuel alone."""
    if not factor.id.startswith(AIR_ROWS):
        return factor.uncertainty_pct
    return max(factor.uncertainty_pct, model("project.range.legs").value)


def boundary(scope: str) -> str:
    """A scope as a label: ``wtw+vehicle-build``, ``wtw``, ``ttw``, ``wtt``, ``ttw-co2-only``."""
    return scope.lower().replace(" + ", "+").replace(", ", "-").replace(" ", "-")
