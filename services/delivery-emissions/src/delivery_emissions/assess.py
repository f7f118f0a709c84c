"""From a shipment as it was reported to what is counted of it: method, labels and integer activity.

Order of preference: covered by another shipment, the carrier's own figure, ADEME's per-parcel model up to 30 kg, a
chain of legs above, a country default when nothing is known (unless it flies); a category word that no table knows is
nothing known. Everything missing is filled by a stated default and flagged. Pure: the same shipment and tables give
the same assessment. Not promised: that a sender's data are true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from delivery_emissions.distance import Route, half_even
from delivery_emissions.methods.ademe_parcel import EXTENDED
from delivery_emissions.parcel import Parcel, carton_area_mm2, measure_parcel, unknown_parcel
from delivery_emissions.places import normalise
from delivery_emissions.tables import Journey, PlaceLike, Tables
from delivery_emissions.vehicles import last_factor, main_factor

__all__ = ["Assessment", "ShipmentLike", "Tables", "assess", "assess_as_parcel"]

AIR_ASSUMED = "air_distance:assumed"
"""The per-parcel model's flight of 2 000 or 9 000 km, whatever the two places."""
CARRIER_UNKNOWN = "carrier:unknown"
KG_HM = 100_000
"""Gram-metres in a kilogram-hectometre."""


class ShipmentLike(Protocol):
    """The fields of a shipment that an assessment reads (``shared.events.Shipment`` has them)."""

    @property
    def country(self) -> str | None: ...
    @property
    def carrier(self) -> str | None: ...
    @property
    def service(self) -> str | None: ...
    @property
    def mode(self) -> str | None: ...
    @property
    def delivery_option(self) -> str | None: ...
    @property
    def category(self) -> str | None: ...
    @property
    def origin(self) -> PlaceLike | None: ...
    @property
    def destination(self) -> PlaceLike | None: ...
    @property
    def weight_g(self) -> int | None: ...
    @property
    def volume_cm3(self) -> int | None: ...
    @property
    def air(self) -> str | None: ...
    @property
    def carrier_emissions_g(self) -> int | None: ...
    @property
    def covered_by_shipment(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a shipment adds to a register, and why. ``inputs`` is JSON-able and names every assumption."""

    detail: Mapping[str, str]
    activity: Mapping[str, int]
    flags: tuple[str, ...]
    data_quality: int
    distance_method: str
    inputs: Mapping[str, object]


def assess(event: ShipmentLike, tables: Tables) -> Assessment:
    """Assess one shipment. Raises nothing for a valid event."""
    if event.covered_by_shipment:
        return _plain("covered", {"parcels": 1}, 5, (), {"covered_by_shipment": event.covered_by_shipment})
    ignored: tuple[str, ...] = ()
    if event.carrier_emissions_g:
        figure = {"parcels": 1, "carrier_emissions_g": event.carrier_emissions_g}
        return _plain("carrier-figure", figure, 5, (), {"carrier_emissions_g": event.carrier_emissions_g})
    if event.carrier_emissions_g == 0:
        ignored = ("carrier-figure-of-0-not-believed",)
    journey = tables.journey(event)
    unknown = category_flags(event.category, tables)
    ignored += unknown
    if event.weight_g or event.volume_cm3 or (event.category and not unknown):
        parcel = _measured(event, tables)
    elif journey.mode == "air":  # a flight is never priced like an average parcel on the road
        parcel = unknown_parcel(tables)
    else:
        return _plain("country-default", {"parcels": 1}, 1, ("nothing-known", *ignored), {"country": event.country})
    if parcel.weight_g <= tables.parcel_limit_g:
        return _by_parcel(event, parcel, journey, tables, ignored)
    return _by_legs(parcel, journey, tables, (*ignored, *limit_flags(parcel.weight_g, tables)))


def assess_as_parcel(event: ShipmentLike, tables: Tables) -> Assessment:
    """The same shipment by the per-parcel model whatever its weight, for comparisons."""
    parcel = _measured(event, tables)
    flags = category_flags(event.category, tables) + limit_flags(parcel.weight_g, tables)
    return _by_parcel(event, parcel, tables.journey(event), tables, flags)


def limit_flags(weight_g: int | Decimal, tables: Tables) -> tuple[str, ...]:
    """A weight that parcel networks do not take."""
    return (f"model-limit:{tables.parcel_limit_g // 1000}kg",) if weight_g > tables.parcel_limit_g else ()


def category_flags(category: str | None, tables: Tables) -> tuple[str, ...]:
    """A category word that no table knows."""
    return ("category:unknown",) if category and normalise(category) not in tables.categories else ()


def _measured(event: ShipmentLike, tables: Tables) -> Parcel:
    """The parcel's measures; with neither weight, volume nor a known category, both of the row ``other``."""
    parcel = measure_parcel(event.weight_g, event.volume_cm3, event.category, tables)
    if event.weight_g or event.volume_cm3 or "category_from" not in parcel.labels:
        return parcel
    other = tables.categories["other"]
    inputs = {**parcel.inputs, "weight_assumed_g": other.weight_g, "volume_assumed_cm3": other.volume_cm3}
    return replace(parcel, weight_g=other.weight_g, volume_cm3=other.volume_cm3, inputs=inputs)


def _plain(
    method: str, activity: dict[str, int], quality: int, flags: tuple[str, ...], why: dict[str, object]
) -> Assessment:
    return Assessment({"method": method}, activity, flags, quality, "", why)


def _by_parcel(
    event: ShipmentLike, parcel: Parcel, journey: Journey, tables: Tables, ignored: tuple[str, ...]
) -> Assessment:
    detail = {"method": "ademe-parcel", "scenario": event.delivery_option or "home", "category": parcel.model_class}
    detail.update(parcel.labels)
    activity = {
        "parcels": 1,
        "weight_g": parcel.weight_g,
        "volume_cm3": parcel.volume_cm3,
        "carton_mm2": carton_area_mm2(parcel.volume_cm3),
    }
    inputs: dict[str, object] = dict(parcel.inputs)
    if event.delivery_option is None:
        detail["scenario_from"] = "default"
    elif event.delivery_option != "home":
        detail["trip"], detail["trip_from"] = "car", "default"
        activity["trip_m"] = tables.trips_m[event.delivery_option]
    labels, haul_m = _haul(event, journey, tables)
    detail.update(labels)
    if haul_m:
        activity["main_kg_hm"] = kg_hm(parcel.weight_g, haul_m)
        inputs["main_m"] = haul_m
    inputs.update(journey.inputs)
    return _finish(detail, activity, journey, inputs, ignored)


def _haul(event: ShipmentLike, journey: Journey, tables: Tables) -> tuple[dict[str, str], int]:
    """What comes before the model's own legs: a flight, a ship, a train, or a longer drive; labels and metres."""
    labels: dict[str, str] = {}
    reported = event.air not in (None, "none")
    flown = event.air if reported else journey.air if journey.mode == "air" else None
    doubtful = journey.mode_fallback and (journey.mode_named or bool(flown))
    if not reported and (doubtful or (flown and event.air == "none")):
        labels["mode_from"] = "fallback"
    if flown:
        return {**labels, "air": flown}, 0
    by_water_or_rail = journey.mode in ("sea", "rail")
    length = journey.route.distance_m if journey.route else tables.rules.default_m(journey.mode)
    beyond = length if by_water_or_rail else length - tables.rules.trunk_m
    if beyond <= 0:
        return labels, 0
    labels["main"] = (journey.main or main_factor(journey.mode, length)) if by_water_or_rail else EXTENDED
    labels.update(journey.labels)
    if journey.route is None:
        labels["distance"] = "default"
    return labels, beyond


def _by_legs(parcel: Parcel, journey: Journey, tables: Tables, ignored: tuple[str, ...]) -> Assessment:
    route = journey.route or Route(tables.rules.default_m(journey.mode), 0, "default")
    last_m = tables.rules.port_haul_m if journey.mode in ("sea", "rail") else tables.rules.last_leg_m
    detail = {
        "method": "legs",
        "main": journey.main or main_factor(journey.mode, route.distance_m),
        "last": journey.last or last_factor(journey.mode, parcel.weight_g, tables.van_limit_g),
        **parcel.labels,
        **journey.labels,
    }
    detail.pop("volume", None)
    detail.pop("category_from", None)
    if journey.route is None:
        detail["distance"] = "default"
    if journey.mode_fallback:
        detail["mode_from"] = "fallback"
    activity = {
        "parcels": 1,
        "weight_g": parcel.weight_g,
        "main_kg_hm": kg_hm(parcel.weight_g, route.distance_m),
        "last_kg_hm": kg_hm(parcel.weight_g, last_m),
    }
    inputs = {**parcel.inputs, **journey.inputs, "main_m": route.distance_m, "last_m": last_m}
    return _finish(detail, activity, journey, inputs, ignored)


def kg_hm(weight_g: int, distance_m: int) -> int:
    """Kilogram-hectometres, rounded half to even."""
    return half_even(weight_g * distance_m, KG_HM)


_QUALITY = {
    "weight": 3,
    "volume": 4,
    "category_from": 3,
    "scenario_from": 4,
    "trip_from": 4,
    "distance": 2,
    "mode_from": 2,
}


def _finish(
    detail: dict[str, str],
    activity: dict[str, int],
    journey: Journey,
    inputs: dict[str, object],
    ignored: tuple[str, ...],
) -> Assessment:
    assumed = [name for name in _QUALITY if name in detail]
    quality = min([4, *(_QUALITY[name] for name in assumed), 3 if detail.get("place") == "country" else 4])
    flags = tuple(f"{name}={detail[name]}" for name in (*assumed, *(["place"] if "place" in detail else [])))
    if detail.get("air", "none") != "none":
        flags += (AIR_ASSUMED,)
    if journey.carrier_unknown:
        flags += (CARRIER_UNKNOWN,)
    flags += journey.postal_flags
    method = journey.route.method if journey.route else ""
    if journey.check is not None:
        inputs["check"] = journey.check
    return Assessment(detail, activity, flags + ignored, quality, method, inputs)
