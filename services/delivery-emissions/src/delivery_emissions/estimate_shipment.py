"""One line of ``estimate`` with a shipment's own fields: assessed as the service does, then estimated exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from delivery_emissions.assess import AIR_ASSUMED, CARRIER_UNKNOWN, Assessment, assess, assess_as_parcel, category_flags
from delivery_emissions.estimate_legs import chain_case, haul_case, read_view
from delivery_emissions.estimate_parcel import exact_case, parcel_case, read_trip
from delivery_emissions.methods import METHODS
from delivery_emissions.methods.ademe_parcel import AIR, SCENARIOS
from delivery_emissions.methods.legs import boundary
from delivery_emissions.parcel import measure_parcel
from delivery_emissions.tables import Tables
from delivery_emissions.vehicles import last_factor, main_factor
from shared import fields as limits
from shared.errors import Rejected
from shared.estimate import Subject
from shared.estimate_fields import Fields, ceiling
from shared.estimate_lines import Case
from shared.factors import FactorSet
from shared.methods_common import LinearMethod
from shared.trail import Term, Trail

_BY_ID = {method.id: method for method in METHODS}
POSTAL_CODE_LONGEST = 16
DESCRIBED = (
    *("carrier", "service", "mode", "scenario", "delivery_option", "category", "origin", "destination", "weight_g"),
    *("volume_cm3", "air", "carrier_emissions_g", "covered_by_shipment"),
)
"""What a shipment is worked out from, and what a figure of the carrier or a default makes unnecessary."""
OWN_MEMBER = {"carrier-figure": "carrier_emissions_g", "covered": "covered_by_shipment"}


@dataclass(frozen=True, slots=True)
class PlaceFields:
    """A place as a line gives it."""

    country: str
    postal_code: str | None
    city: str | None


@dataclass(frozen=True, slots=True)
class ShipmentFields:
    """A shipment as a line gives it; what an assessment reads."""

    country: str | None
    carrier: str | None
    service: str | None
    mode: str | None
    delivery_option: str | None
    category: str | None
    origin: PlaceFields | None
    destination: PlaceFields | None
    weight_g: int | None
    volume_cm3: int | None
    air: str | None
    carrier_emissions_g: int | None
    covered_by_shipment: str | None


def delivery_case(fields: Fields, tables: Tables, factors: FactorSet, method_id: str | None = None) -> Case:
    """Read a line, with what carriers publish beside every parcel. Raises ``Rejected`` with the field's name."""
    case = _case(fields, tables, factors, method_id)
    return _with_checks(case, factors) if _may_be_a_parcel(fields, case, tables) else case


def _may_be_a_parcel(fields: Fields, case: Case, tables: Tables) -> bool:
    """Whether a shipment of its own is light enough for a parcel network, or its weight is not said."""
    weight = fields.peek("weight_g")
    return case.subject.detail.get("method") != "covered" and (weight is None or weight <= tables.parcel_limit_g)


def _case(fields: Fields, tables: Tables, factors: FactorSet, method_id: str | None) -> Case:
    method = method_id or fields.choice("method", tuple(_BY_ID))
    if fields.has("legs") and method in (None, "legs"):
        _check_legs(fields)
        case = chain_case(fields, tables, fields.country("country") or "", factors)
        return replace(case, flags=(*case.flags, *_view_flags(fields, factors)))
    if method == "ademe-parcel" and not fields.has("origin", "destination"):
        case = parcel_case(fields, tables, fields.country("country") or "")
        if case.subject.detail["air"] != "none":
            case = replace(case, flags=(*case.flags, AIR_ASSUMED))
        return case
    shipment = _shipment(fields)
    if method == "legs":
        if shipment.origin is None or (shipment.destination is None and shipment.country is None):
            raise Rejected("is required by legs: a list of legs, or origin and destination", field="legs")
        return _between_places(fields, shipment, tables)
    if method in ("carrier-figure", "country-default", "covered"):
        return _plain(fields, method, shipment)
    return _assessed(fields, shipment, tables, method)


def _check_legs(fields: Fields) -> None:
    """Refuse a leg that names its intensity in two ways."""
    for leg in fields.items("legs") or ():
        named = [name for name in ("kg_per_tkm", "factor_id", "mode") if leg.has(name)]
        if len(named) > 1:
            raise Rejected(f"contradicts {named[0]}: give one of them", field=leg.name(named[1]))


def _view_flags(fields: Fields, factors: FactorSet) -> tuple[str, ...]:
    """A view ``iso`` beside a factor that covers more or less than ISO 14083 asks for: the factor is used as it is."""
    if read_view(fields) != "iso":
        return ()
    for leg in fields.items("legs") or ():
        named = leg.words("factor_id") or ""
        factor = factors.factors.get(named)
        contrails = ".rf." in f"{named}.ttw"
        if factor is not None:
            contrails |= "contrails" in factor.name and "without contrails" not in factor.name
        if contrails or (factor is not None and boundary(factor.scope) != "wtw"):
            return ("view=iso:not-honoured",)
    return ()


def _shipment(fields: Fields) -> ShipmentFields:
    option = fields.choice("delivery_option", SCENARIOS)
    fields.choice("direction", ("outbound", "return", "trade_in"))
    return ShipmentFields(
        country=fields.country("country"),
        carrier=fields.words("carrier"),
        service=fields.words("service"),
        mode=fields.words("mode"),
        delivery_option=fields.choice("scenario", SCENARIOS) or option,
        category=fields.words("category"),
        origin=_place(fields, "origin"),
        destination=_place(fields, "destination"),
        weight_g=fields.integer("weight_g", 0, ceiling(limits.WeightG)),
        volume_cm3=fields.integer("volume_cm3", 0, ceiling(limits.VolumeCm3)),
        air=fields.choice("air", AIR),
        carrier_emissions_g=fields.integer("carrier_emissions_g", 0, ceiling(limits.EmissionsG)),
        covered_by_shipment=fields.words("covered_by_shipment"),
    )


def _place(fields: Fields, member: str) -> PlaceFields | None:
    inner = fields.inner(member)
    if inner is None:
        return None
    country = inner.country("country")
    if country is None:
        raise Rejected("is required", field=inner.name("country"))
    place = PlaceFields(country, inner.words("postal_code", POSTAL_CODE_LONGEST), inner.words("city"))
    inner.close()
    return place


def _plain(fields: Fields, method_id: str, shipment: ShipmentFields) -> Case:
    method = _BY_ID[method_id]
    assert isinstance(method, LinearMethod)
    if method_id == "carrier-figure" and shipment.carrier_emissions_g is None:
        raise Rejected("is required by carrier-figure", field="carrier_emissions_g")
    if method_id == "covered" and shipment.covered_by_shipment is None:
        raise Rejected("is required: 0 g only where another shipment has the weight", field="covered_by_shipment")
    fields.unused(*(name for name in DESCRIBED if name != OWN_MEMBER.get(method_id)))

    def derive(trail: Trail) -> dict[str, Term]:
        if method_id == "carrier-figure":
            return {
                "carrier_emissions_g": trail.input("carrier_emissions_g", shipment.carrier_emissions_g or 0, "gCO2e")
            }
        return {"parcels": trail.input("parcels", 1, "parcel")}

    return Case(method, Subject(shipment.country or "", {"method": method_id}), derive)


def _between_places(fields: Fields, shipment: ShipmentFields, tables: Tables) -> Case:
    """Legs between two places whatever the weight, in either view."""
    view = read_view(fields)
    parcel = measure_parcel(shipment.weight_g, shipment.volume_cm3, shipment.category, tables)
    journey = tables.journey(shipment)
    metres = journey.route.distance_m if journey.route else tables.rules.default_m(journey.mode)
    last_m = tables.rules.port_haul_m if journey.mode in ("sea", "rail") else tables.rules.last_leg_m
    own = view == "france"
    detail = {
        "method": "legs",
        "main": (own and journey.main) or main_factor(journey.mode, metres, view),
        "last": (own and journey.last) or last_factor(journey.mode, parcel.weight_g, tables.van_limit_g, view),
        **({"weight": "default"} if "weight" in parcel.labels else {}),
        **journey.labels,
    }
    if journey.route is None:
        detail["distance"] = "default"
    if journey.mode_fallback:
        detail["mode_from"] = "fallback"
    if view == "iso":
        detail["view"] = "iso"
    case = haul_case(shipment.country or "", detail, Decimal(parcel.weight_g), (metres, last_m))
    flags = category_flags(shipment.category, tables) + ((CARRIER_UNKNOWN,) if journey.carrier_unknown else ())
    flags += journey.postal_flags
    return replace(case, extra={"assessment": dict(journey.inputs)}, flags=flags)


def _assessed(fields: Fields, shipment: ShipmentFields, tables: Tables, method_id: str | None) -> Case:
    """What the service itself would make of the shipment, or the per-parcel model when the line asks for it."""
    found = assess(shipment, tables) if method_id is None else assess_as_parcel(shipment, tables)
    method = found.detail["method"]
    country = shipment.country or (shipment.destination.country if shipment.destination else "")
    if method == "ademe-parcel":
        measured = (Decimal(found.activity["weight_g"]), Decimal(found.activity["volume_cm3"]))
        case = exact_case(country, found.detail, measured, read_trip(fields), _metres(found, "main_m"))
    elif method == "legs":
        metres = (_metres(found, "main_m"), _metres(found, "last_m"))
        case = haul_case(country, found.detail, Decimal(found.activity["weight_g"]), metres)
    else:
        case = _plain(fields, method, replace(shipment, country=country or None))
        if shipment.country is None:
            fields.ignore("destination")  # its country was taken
    extra: dict[str, Any] = {"assessment": dict(found.inputs)}
    flags = (*case.flags, *(flag for flag in found.flags if "=" not in flag))
    return replace(case, extra=extra, flags=flags)


def _metres(found: Assessment, name: str) -> int:
    value = found.inputs.get(name, 0)
    return value if isinstance(value, int) else 0


def _with_checks(case: Case, factors: FactorSet) -> Case:
    """Carriers' published grams per parcel, beside the result."""
    checks = [
        {"published": item.name, "g_per_parcel": str(int(item.value * (1000 if item.unit.startswith("kg") else 1)))}
        | {"year": item.year, "source": item.source}
        for item in map(factors.get, ("parcel.colissimo.2022", "parcel.dpd.2018", "parcel.ademe.average"))
    ]
    return replace(case, extra={**case.extra, "checks": checks})
