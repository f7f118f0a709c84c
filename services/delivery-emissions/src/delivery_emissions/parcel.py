"""Weight, volume and carton of a parcel, measured or filled from its category, with labels for what was assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from delivery_emissions.places import normalise
from shared.trail import PI

if TYPE_CHECKING:
    from delivery_emissions.tables import Tables

_GEOMETRY = Context(prec=28, rounding=ROUND_HALF_EVEN)
_THIRD = _GEOMETRY.divide(Decimal(1), Decimal(3))


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel's measures, its class in the per-parcel model, and labels of assumptions."""

    weight_g: int
    volume_cm3: int
    model_class: str
    labels: Mapping[str, str]
    inputs: Mapping[str, object]


def measure_parcel(weight_g: int | None, volume_cm3: int | None, category: str | None, tables: Tables) -> Parcel:
    """Fill what is missing: by the category, else volume by mass and mass by volume, else the class ``other``.

    A weight or volume of 0 is missing: nothing that is shipped has none.
    """
    known = tables.categories.get(normalise(category)) if category else None
    labels: dict[str, str] = {}
    inputs: dict[str, object] = {"category": category, "weight_g": weight_g, "volume_cm3": volume_cm3}
    default = known or tables.categories["other"]
    weight, volume = weight_g or 0, volume_cm3 or 0
    if not weight:
        labels["weight"] = "default"
        weight = default.weight_g if known or not volume else tables.weight_of(volume)
        inputs["weight_assumed_g"] = weight
    if not volume:
        labels["volume"] = "default"
        volume = known.volume_cm3 if known else tables.volume_of(weight)
        inputs["volume_assumed_cm3"] = volume
    if known is None:
        labels["category_from"] = "default"
    if labels and known is not None:
        inputs["category_source"] = known.source
    return Parcel(weight, volume, default.model_class, labels, inputs)


def unknown_parcel(tables: Tables) -> Parcel:
    """A parcel of which nothing is known but that it flies: the stated default weight, flagged."""
    parcel = measure_parcel(tables.default_weight_g, None, None, tables)
    inputs = {**parcel.inputs, "weight_g": None, "weight_assumed_g": tables.default_weight_g}
    return Parcel(
        parcel.weight_g, parcel.volume_cm3, parcel.model_class, {"weight": "default", **parcel.labels}, inputs
    )


@lru_cache(maxsize=65536)
def carton_area_mm2(volume_cm3: int) -> int:
    """Surface of the sphere of a volume, 4πR² with R = (3V/4π)^(1/3), in whole square millimetres (half to even)."""
    if not volume_cm3:
        return 0
    cube = _GEOMETRY.multiply(Decimal(36) * PI, Decimal(volume_cm3) ** 2)
    square_cm = _GEOMETRY.power(cube, _THIRD)
    return int((square_cm * 100).to_integral_value(rounding=ROUND_HALF_EVEN))
