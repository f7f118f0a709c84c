"""Strategies for registers as the meters keep them: every method with subjects it accepts and integer activity."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from delivery_emissions.methods import METHODS as DELIVERY
from shared.estimate import Subject
from shared.methods_common import LinearMethod
from traffic_meter.methods import METHODS as TRAFFIC

METHODS: Mapping[str, LinearMethod] = {
    method.id: method for method in (*TRAFFIC, *DELIVERY) if isinstance(method, LinearMethod)
}

COUNTRIES = ("", "FR", "DE", "US", "BR", "KE", "AU", "TV")
LABELS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "site": {
        "kind": ("view", "asset", "engagement"),
        "device": ("smartphone", "tablet", "laptop", "desktop", "tv", "bot", "unknown"),
        "hosting": ("", "FR", "US"),
        "late": ("", "unprovable"),
    },
    "email": {"kind": ("marketing", "transactional")},
    "iab-europe": {
        "format": ("display", "video"),
        "buying": ("", "programmatic", "direct", "platform"),
        "own_site": ("", "yes"),
    },
    "out-of-home": {"format": ("ooh_screen", "ooh_poster"), "panel": ("", "street", "bus", "metro")},
    "ads-spend": {"basis": ("spend",)},
    "ademe-parcel": {
        "method": ("ademe-parcel",),
        "scenario": ("home", "pickup_point", "click_and_collect"),
        "category": ("groceries", "clothing", "cultural", "bulky", "other"),
        "air": ("none", "inside_europe", "outside_europe"),
        "trip": ("car", "electric_car", "bus", "light_electric", "walk", "bicycle"),
        "main": ("model-truck", "freight.bc.sea.container"),
        "weight": ("", "default"),
    },
    "legs": {
        "method": ("legs",),
        "main": ("freight.bc.artic.34-40", "freight.bc.air.43670", "freight.bc.sea.container", "freight.desnz.rail"),
        "last": ("freight.bc.van.diesel", "freight.epa2025.truck"),
        "place": ("", "country"),
    },
    "carrier-figure": {"method": ("carrier-figure",)},
    "country-default": {"method": ("country-default",)},
    "covered": {"method": ("covered",)},
}


def subjects(method: LinearMethod) -> st.SearchStrategy[Subject]:
    """Subjects that a method accepts."""
    labels = LABELS.get(method.id) or LABELS[str(method.channel)]
    detail = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in labels.items()})
    return st.builds(Subject, st.sampled_from(COUNTRIES), detail)


def activities(method: LinearMethod, low: int = 0, high: int = 10**15) -> st.SearchStrategy[dict[str, int]]:
    """Integer activity in every measure of a method."""
    return st.fixed_dictionaries({name: st.integers(low, high) for name in method.measures})
