"""What a marketplace ships: category names to weight, packed volume and the per-parcel model's class.

Our own rows are assumptions and say so; users add rows with a ``categories.csv`` of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from delivery_emissions.methods.ademe_parcel import CLASSES
from delivery_emissions.places import normalise
from delivery_emissions.tablefile import Row, whole
from shared import fields as limits
from shared.errors import Rejected
from shared.estimate_fields import ceiling

LARGEST = {"weight_g": ceiling(limits.WeightG), "volume_cm3": ceiling(limits.VolumeCm3)}
"""As in the events."""


@dataclass(frozen=True, slots=True)
class Category:
    """Defaults of one category."""

    name: str
    model_class: str
    """One of the per-parcel model's five classes: storage days and order."""
    weight_g: int
    volume_cm3: int
    source: str


def category_index(rows: Iterable[Row]) -> Mapping[str, Category]:
    """Normalised names and aliases to categories; the first row of a name wins.

    Raises ``Rejected`` for an unknown class or a number that is not one.
    """
    index: dict[str, Category] = {}
    for row in rows:
        if row["class"] not in CLASSES:
            raise Rejected(f"{row['name']}: class must be one of {', '.join(CLASSES)}", field="categories.csv")
        weight, volume = (whole(row, name, "categories.csv", least=1, most=most) for name, most in LARGEST.items())
        category = Category(row["name"], row["class"], weight, volume, row["source"])
        for name in (row["name"], *row["aliases"].split("|")):
            if normalise(name):
                index.setdefault(normalise(name), category)
    return MappingProxyType(index)
