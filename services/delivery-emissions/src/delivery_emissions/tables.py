"""Everything an assessment looks up: places, crossings, categories, carriers, and the factor set's parameters.

Loaded once; read only afterwards but for a bounded memory of routes already computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from delivery_emissions.carriers import Carriage, carrier_index, check_vehicles, mode_index
from delivery_emissions.categories import Category, category_index
from delivery_emissions.distance import DistanceRules, Network, Route, route
from delivery_emissions.places import PlaceIndex, Point, normalise, read_postal_code
from delivery_emissions.tablefile import read_table
from shared.countries import CONTINENTS
from shared.errors import Rejected
from shared.factors import FactorSet, current_factor_set_id, load_factor_set

_ROUTES_KEPT = 200_000
_LEVELS = {"city": 0, "postal": 1, "country": 2}


Ends = tuple[str, str | None, str | None] | None
"""Country, postal code and town of one end of a shipment, or nothing."""


class PlaceLike(Protocol):
    """A place as an event carries it."""

    @property
    def country(self) -> str: ...
    @property
    def postal_code(self) -> str | None: ...
    @property
    def city(self) -> str | None: ...


class JourneyLike(Protocol):
    """The fields of a shipment that decide how it travels."""

    @property
    def country(self) -> str | None: ...
    @property
    def carrier(self) -> str | None: ...
    @property
    def service(self) -> str | None: ...
    @property
    def mode(self) -> str | None: ...
    @property
    def origin(self) -> PlaceLike | None: ...
    @property
    def destination(self) -> PlaceLike | None: ...
    @property
    def air(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Journey:
    """Mode, vehicles and distance of a shipment, and how they were found."""

    mode: str
    mode_named: bool
    mode_fallback: bool
    """The mode was not known, or no road leads there: road on one landmass, air between two."""
    main: str
    last: str
    route: Route | None
    air: str
    labels: Mapping[str, str]
    inputs: Mapping[str, object]
    check: Mapping[str, object] | None
    carrier_unknown: bool = False
    """A carrier was named that no table knows: road, unless the mode says otherwise."""
    postal_flags: tuple[str, ...] = ()
    """Postal codes that were not read as they were written."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Lookups of the delivery service."""

    places: PlaceIndex
    network: Network
    rules: DistanceRules
    categories: Mapping[str, Category]
    carriers: Mapping[tuple[str, str], Carriage]
    modes: Mapping[str, str]
    parcel_limit_g: int
    van_limit_g: int
    trips_m: Mapping[str, int]
    default_weight_g: int
    """Of a parcel that flies and of which nothing else is known."""
    volume_per_mass: Decimal
    minimum_volume_cm3: int
    _routes: dict[tuple[object, ...], tuple[Route | None, str, str]] = field(default_factory=dict, repr=False)
    _names: dict[str, str] = field(default_factory=dict, repr=False)

    @staticmethod
    def load(factors: FactorSet | None = None, extra: Path | None = None) -> Tables:
        """Read the package's tables; rows of the same files in the folder ``extra`` come first and win.

        Raises ``Rejected`` with the file and row of the first mistake in a user's table.
        """
        if extra is not None and not extra.is_dir():
            raise Rejected(f"{extra} is not a folder", field="tables")
        found = factors or load_factor_set(current_factor_set_id(date.max))
        categories = category_index(read_table("categories.csv", extra))
        carriers = carrier_index(read_table("carriers.csv", extra))
        check_vehicles(carriers, found)
        modes = mode_index(read_table("modes.csv", extra))
        lanes = read_table("sea_lanes.csv", extra)
        return Tables(
            places=PlaceIndex.load(),
            network=Network(read_table("crossings.csv", extra), read_table("sea_regions.csv"), lanes),
            rules=DistanceRules.of(found),
            categories=categories,
            carriers=carriers,
            modes=modes,
            parcel_limit_g=int(found.value("project.parcel.limit") * 1000),
            van_limit_g=int(found.value("project.distance.van_limit") * 1000),
            trips_m={
                "pickup_point": int(found.value("liv.trip.point") * 1000),
                "click_and_collect": int(found.value("liv.trip.shop") * 1000),
            },
            default_weight_g=int(found.value("project.parcel.default_weight") * 1000),
            volume_per_mass=found.value("project.parcel.volume_per_mass"),
            minimum_volume_cm3=int(found.value("project.parcel.minimum_volume")),
        )

    def volume_of(self, weight_g: int) -> int:
        """Volume assumed for a weight."""
        return max(int(weight_g * self.volume_per_mass), self.minimum_volume_cm3)

    def weight_of(self, volume_cm3: int) -> int:
        """Weight assumed for a volume, at least 1 g."""
        return max(int(volume_cm3 / self.volume_per_mass), 1)

    def journey(self, event: JourneyLike) -> Journey:
        """How a shipment travels: its own mode, else its carrier's, else road where a road leads, else air.

        Without a road a shipment reported as not flown goes by sea.
        """
        carriage = self._carriage(event.carrier, event.service)
        named = self.modes.get(self._normal(event.mode)) if event.mode else None
        wanted = named or ("air" if event.air not in (None, "none") else carriage.mode if carriage else None)
        start, end = self._ends(event)
        mode = wanted or "road"
        found, level, air = self._route(start, end, mode)
        unreachable = found is None and start is not None and end is not None
        if not unreachable and named is None and mode == "road":
            unreachable = self._too_far(start, end, found)
        if unreachable:
            mode = "sea" if event.air == "none" else "air"
            found, level, air = self._route(start, end, mode)
        inputs: dict[str, object] = {"mode": event.mode, "carrier": event.carrier, "mode_used": mode}
        if found is not None:
            inputs.update(distance_m=found.distance_m, distance_method=found.method, place_level=level)
            if found.via:
                inputs["via"] = list(found.via)
        return Journey(
            mode=mode,
            mode_named=event.mode is not None,
            mode_fallback=wanted is None or unreachable,
            main=carriage.main if carriage and mode == carriage.mode else "",
            last=carriage.last if carriage and mode == carriage.mode else "",
            route=found,
            air=air,
            labels={"place": level} if level in ("postal", "country") else {},
            inputs=inputs,
            check=_check(carriage),
            carrier_unknown=bool(event.carrier) and carriage is None,
            postal_flags=_postal_flags(start, end),
        )

    def _too_far(self, start: Ends, end: Ends, found: Route | None) -> bool:
        """Whether nobody would drive that far across a border without saying so."""
        abroad = start is not None and end is not None and start[0] != end[0]
        return abroad and found is not None and found.distance_m > self.rules.road_limit_m

    def _normal(self, name: str) -> str:
        known = self._names.get(name)
        if known is None:
            known = normalise(name)
            if len(self._names) < _ROUTES_KEPT:
                self._names[name] = known
        return known

    def _carriage(self, carrier: str | None, service: str | None) -> Carriage | None:
        if not carrier:
            return None
        name = self._normal(carrier)
        special = self.carriers.get((name, self._normal(service))) if service else None
        return special or self.carriers.get((name, ""))

    def _ends(self, event: JourneyLike) -> tuple[Ends, ...]:
        origin, target = event.origin, event.destination
        start = (origin.country, origin.postal_code, origin.city) if origin else None
        if target:
            return start, (target.country, target.postal_code, target.city)
        return start, (event.country, None, None) if event.country else None

    def _route(self, start: Ends, end: Ends, mode: str) -> tuple[Route | None, str, str]:
        """Route, the less precise level of the two places, and the flight class of the per-parcel model."""
        if start is None or end is None:
            return None, "", "outside_europe"
        key = (start, end, mode)
        known = self._routes.get(key)
        if known is None:
            known = self._find(self.places.locate(*start), self.places.locate(*end), mode)
            if len(self._routes) < _ROUTES_KEPT:
                self._routes[key] = known
        return known

    def _find(self, one: Point | None, other: Point | None, mode: str) -> tuple[Route | None, str, str]:
        if one is None or other is None:
            return None, "", "outside_europe"
        level = max(one.level, other.level, key=_LEVELS.__getitem__)
        inside = CONTINENTS.get(one.country) == CONTINENTS.get(other.country) == "EU"
        air = "inside_europe" if inside else "outside_europe"
        return route(one, other, mode, self.rules, self.network), level, air


def _postal_flags(*ends: Ends) -> tuple[str, ...]:
    codes = [(end[0], end[1]) for end in ends if end is not None and end[1]]
    found = [read_postal_code(country, code or "")[1] for country, code in codes]
    return tuple(dict.fromkeys(flag for flag in found if flag))


def _check(carriage: Carriage | None) -> dict[str, object] | None:
    if carriage is None or carriage.check_g_per_parcel is None:
        return None
    return {"published_g_per_parcel": carriage.check_g_per_parcel, "source": carriage.check_source}
