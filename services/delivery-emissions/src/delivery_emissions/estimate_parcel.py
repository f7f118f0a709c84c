"""One line of ``estimate`` by the per-parcel model: exact measures, the carton's surface worked out on the trail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from delivery_emissions.assess import limit_flags
from delivery_emissions.methods.ademe_parcel import AIR, SCENARIOS, TRIPS, AdemeParcel
from delivery_emissions.parcel import measure_parcel
from delivery_emissions.places import normalise
from delivery_emissions.tables import Tables
from shared import fields as limits
from shared.errors import Rejected
from shared.estimate import Subject
from shared.estimate_fields import Fields, ceiling
from shared.estimate_lines import Case
from shared.trail import PI, Term, Trail

METHOD = AdemeParcel()
TRIP_KM_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Trip:
    """The shopper's trip: kilometres there and back, how, and the share made for this parcel; ``None`` is a default."""

    km: Decimal | None = None
    mode: str = "car"
    share: Decimal | None = None


def read_trip(fields: Fields) -> Trip | None:
    """The member ``trip``."""
    inner = fields.inner("trip")
    if inner is None:
        return None
    trip = Trip(inner.number("km", 0, TRIP_KM_LIMIT), inner.choice("mode", tuple(TRIPS)) or "car", inner.share("share"))
    inner.close()
    return trip


def parcel_case(fields: Fields, tables: Tables, country: str) -> Case:
    """A line that asks for ``ademe-parcel``; a weight or volume of 0 is missing.

    Raises ``Rejected`` with the field's name.
    """
    option = fields.choice("delivery_option", SCENARIOS)
    scenario = fields.choice("scenario", SCENARIOS) or option
    category = fields.words("category")
    if category is not None and normalise(category) not in tables.categories:
        raise Rejected("is not in the category table", field="category")
    weight = fields.number("weight_g", 0, ceiling(limits.WeightG)) or None
    volume = fields.number("volume_cm3", 0, ceiling(limits.VolumeCm3)) or None
    if weight is None and volume is None and category is None:  # nothing known: both of the row "other"
        other = tables.categories["other"]
        parcel = measure_parcel(other.weight_g, other.volume_cm3, None, tables)
    else:
        parcel = measure_parcel(_whole(weight), _whole(volume), category, tables)
    labels = {name: value for name, value in parcel.labels.items() if name == "category_from"}
    labels |= {name: "default" for name, given in (("weight", weight), ("volume", volume)) if given is None}
    detail = {
        "method": METHOD.id,
        "scenario": scenario or "home",
        "category": parcel.model_class,
        "air": fields.choice("air", AIR) or "none",
        **labels,
    }
    if scenario is None:
        detail["scenario_from"] = "default"
    trip = read_trip(fields)
    measured = (
        Decimal(parcel.weight_g) if weight is None else weight,
        Decimal(parcel.volume_cm3) if volume is None else volume,
    )
    case = exact_case(country, detail, measured, trip)
    return replace(case, flags=(*case.flags, *limit_flags(measured[0], tables)))


def _whole(value: Decimal | None) -> int | None:
    """What the defaults of the other measure are worked out from."""
    return None if value is None else max(int(value), 1)


def exact_case(
    country: str, detail: Mapping[str, str], measured: tuple[Decimal, Decimal], trip: Trip | None, main_m: int = 0
) -> Case:
    """A parcel of ``(grams, cubic centimetres)`` whose activity is not rounded as a register's is."""
    labels, flags = dict(detail), []
    collected = detail["scenario"] != "home"
    if collected and trip is not None:
        labels["trip"] = trip.mode
        labels.pop("trip_from", None)
    elif trip is not None:
        flags.append("trip-ignored:delivered-home")
    if collected and (trip is None or trip.km is None or trip.share is None):
        labels["trip_from"] = "default"

    def derive(trail: Trail) -> dict[str, Term]:
        weight = trail.input("weight_g", measured[0], "g")
        volume = trail.input("volume_cm3", measured[1], "cm3")
        terms = {
            "parcels": trail.input("parcels", 1, "parcel"),
            "weight_g": weight,
            "volume_cm3": volume,
            "carton_mm2": carton_area(trail, volume),
        }
        if collected:
            terms["trip_m"] = _trip_length(trail, trip or Trip(), labels["scenario"])
        if main_m:
            terms["main_kg_hm"] = weight * trail.input("main_m", main_m, "m")
        return terms

    return Case(METHOD, Subject(country, labels), derive, flags=tuple(flags))


def carton_area(trail: Trail, volume: Term) -> Term:
    """4πR² with R = (3V/4π)^(1/3): the sphere of the parcel's volume."""
    four_pi = trail.constant(4) * trail.constant(PI, note="pi")
    radius = (trail.constant(3) * volume / four_pi).root(3)
    return (four_pi * radius * radius).to("cm2")


def _trip_length(trail: Trail, trip: Trip, scenario: str) -> Term:
    default = trail.factor("liv.trip.point" if scenario == "pickup_point" else "liv.trip.shop")
    length = default if trip.km is None else trail.input("trip.km", trip.km, "km")
    return length * (trail.constant(1) if trip.share is None else trail.input("trip.share", trip.share, "ratio"))
