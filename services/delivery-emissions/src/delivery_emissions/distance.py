"""Distances that activity is counted over: great circle times circuity, never the distance driven on a round.

Road and rail follow land; between landmasses a lorry takes the listed crossings, its ferry kilometres counting like
road ones. Without a crossing there is no road. Not promised: the driven route; the half width is 15 %.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from delivery_emissions.places import Point, great_circle_m
from delivery_emissions.tablefile import Row, degrees, whole
from shared.errors import Rejected
from shared.factors import FactorSet
from shared.measure_units import parse_unit

MODES = ("road", "rail", "sea", "air")
_HUNDREDTHS = 100


@dataclass(frozen=True, slots=True)
class DistanceRules:
    """The parameters of the factor set, in metres and hundredths."""

    road: int
    road_short: int
    rail: int
    sea: int
    short_limit_m: int
    minimum_m: int
    air_uplift_m: int
    last_leg_m: int
    port_haul_m: int
    trunk_m: int
    """Road distance that the per-parcel model already contains."""
    road_limit_m: int
    """Longest drive between two countries that is assumed when no mode is named."""
    air_default_m: int
    sea_default_m: int

    def default_m(self, mode: str) -> int:
        """The stated distance when the places are unknown: the per-parcel model's own for road, rail and air."""
        return {"air": self.air_default_m, "sea": self.sea_default_m}.get(mode, self.trunk_m)

    @staticmethod
    def of(factors: FactorSet) -> DistanceRules:
        """Read the parameters of a factor set."""

        def hundredths(name: str) -> int:
            return int(factors.value(f"project.distance.circuity.{name}") * _HUNDREDTHS)

        trunk = sum(_metres(factors, f"liv.dist.{name}") for name in ("trunk1", "trunk2", "van"))
        return DistanceRules(
            road=hundredths("road"),
            road_short=hundredths("road_short"),
            rail=hundredths("rail"),
            sea=hundredths("sea"),
            short_limit_m=_metres(factors, "project.distance.short_limit"),
            minimum_m=_metres(factors, "project.distance.minimum"),
            air_uplift_m=_metres(factors, "freight.en16258.air_uplift"),
            last_leg_m=_metres(factors, "project.distance.last_leg"),
            port_haul_m=_metres(factors, "project.distance.port_haul"),
            trunk_m=trunk,
            road_limit_m=_metres(factors, "project.distance.road_limit"),
            air_default_m=_metres(factors, "liv.air.distance.outside_europe"),
            sea_default_m=_metres(factors, "project.distance.sea_default"),
        )


def _metres(factors: FactorSet, factor_id: str) -> int:
    factor = factors.get(factor_id)
    return int(factor.value * Decimal(int(parse_unit(factor.unit).scale)))


@dataclass(frozen=True, slots=True)
class Route:
    """A distance and how it came about."""

    distance_m: int
    great_circle_m: int
    method: str
    """``great-circle x 1.25``, ``great-circle + 95 km``, ``sea-lane``, ``crossings …``, ``country-spread``,
    ``minimum``."""
    via: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Port:
    """One end of a crossing."""

    name: str
    landmass: str
    latitude: float
    longitude: float


class Network:
    """Crossings between landmasses and sea lanes between regions; immutable."""

    def __init__(self, crossings: Iterable[Row], regions: Iterable[Row], lanes: Iterable[Row]) -> None:
        self._crossings = tuple((_port(row, "one"), _port(row, "other")) for row in crossings)
        self._region = {country: row["region"] for row in regions for country in row["countries"].split()}
        self._lanes: dict[frozenset[str], int] = {}
        for row in lanes:
            self._lanes.setdefault(
                frozenset((row["one"], row["other"])), whole(row, "km", "sea_lanes.csv", least=1) * 1000
            )

    def lane_m(self, one: str, other: str) -> int | None:
        """Length of the sea lane between two countries' coasts, when the table has it."""
        regions = (self._region.get(one), self._region.get(other))
        if None in regions or regions[0] == regions[1]:
            return None
        return self._lanes.get(frozenset(regions))  # type: ignore[arg-type]

    def over_land_m(self, one: Point, other: Point) -> tuple[int, tuple[str, ...]] | None:
        """Shortest great-circle chain over land and listed crossings, with the ports passed; ``None`` without one."""
        ports = [port for crossing in self._crossings for port in crossing]
        twin = {index: index ^ 1 for index in range(len(ports))}
        best: dict[int, int] = {}
        queue: list[tuple[int, int, tuple[int, ...]]] = []
        for index, port in enumerate(ports):
            if port.landmass == one.landmass:
                heapq.heappush(queue, (_between(one, port), index, (index,)))
        while queue:
            length, index, path = heapq.heappop(queue)
            if index == -1:
                return length, tuple(ports[item].name for item in path)
            if index in best:
                continue
            best[index] = length
            over = twin[index]
            crossed = length + _between(ports[index], ports[over])
            if ports[over].landmass == other.landmass:
                heapq.heappush(queue, (crossed + _between(ports[over], other), -1, (*path, over)))
            for item, port in enumerate(ports):
                if port.landmass == ports[over].landmass and item != over and item not in best:
                    heapq.heappush(queue, (crossed + _between(ports[over], port), item, (*path, over, item)))
        return None


def _port(row: Row, side: str) -> Port:
    latitude = degrees(row, f"{side}_lat", "crossings.csv", 90)
    return Port(row[f"{side}_port"], row[side], latitude, degrees(row, f"{side}_lon", "crossings.csv", 180))


def _between(one: Point | Port, other: Point | Port) -> int:
    return great_circle_m((one.latitude, one.longitude), (other.latitude, other.longitude))


def route(one: Point, other: Point, mode: str, rules: DistanceRules, network: Network) -> Route | None:
    """Distance between two points by a mode; ``None`` when no road or rail leads there."""
    if mode not in MODES:
        raise Rejected(f"unknown mode {mode!r}; there are {', '.join(MODES)}", field="mode")
    straight = _between(one, other)
    if mode == "air":
        return Route(straight + rules.air_uplift_m, straight, f"great-circle + {rules.air_uplift_m // 1000} km")
    if one.level == other.level == "country" and one.country == other.country:
        return Route(max(one.spread_m, rules.minimum_m), straight, "country-spread")
    if mode == "sea":
        return _by_sea(one, other, straight, rules, network)
    if one.landmass != other.landmass:
        return _by_crossings(one, other, rules.rail if mode == "rail" else rules.road, network)
    return _over_land(straight, mode, rules)


def _by_sea(one: Point, other: Point, straight: int, rules: DistanceRules, network: Network) -> Route:
    lane = network.lane_m(one.country, other.country)
    if lane is not None:
        return Route(max(lane, straight), straight, "sea-lane")
    return Route(max(times(straight, rules.sea), rules.minimum_m), straight, _label(rules.sea))


def _by_crossings(one: Point, other: Point, circuity: int, network: Network) -> Route | None:
    found = network.over_land_m(one, other)
    if found is None:
        return None
    return Route(times(found[0], circuity), _between(one, other), "crossings " + _label(circuity), found[1])


def _over_land(straight: int, mode: str, rules: DistanceRules) -> Route:
    if mode == "rail":
        return Route(max(times(straight, rules.rail), rules.minimum_m), straight, _label(rules.rail))
    if straight <= rules.short_limit_m:
        circuity, length = rules.road_short, times(straight, rules.road_short)
    else:  # farther is never shorter
        circuity, length = rules.road, max(times(straight, rules.road), times(rules.short_limit_m, rules.road_short))
    if length < rules.minimum_m:
        return Route(rules.minimum_m, straight, "minimum")
    return Route(length, straight, _label(circuity))


def _label(hundredths: int) -> str:
    return f"great-circle x {Decimal(hundredths) / _HUNDREDTHS}"


def times(metres: int, hundredths: int) -> int:
    """Metres times hundredths, rounded half to even."""
    return half_even(metres * hundredths, _HUNDREDTHS)


def half_even(numerator: int, denominator: int) -> int:
    """An exact integer division rounded half to even."""
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return quotient + (1 if twice > denominator or (twice == denominator and quotient % 2) else 0)
