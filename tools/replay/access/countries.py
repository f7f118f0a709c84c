"""Address to country, when a country database (MaxMind DB format) is configured; else nobody looks at the address."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Protocol

from replay.access.request import CACHED, CACHED_BYTES
from shared.errors import Rejected


class Database(Protocol):
    """What is used of a MaxMind DB reader."""

    def get(self, ip_address: str) -> object:
        """The record of an address. Raises ``ValueError`` when it is none."""


class Countries:
    """Looks addresses up in a file; the address goes no further."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes, str] = {}

    def __call__(self, address: bytes) -> str:
        """ISO alpha-2, or ``""`` when the database does not know."""
        country = self._known.get(address)
        if country is None:
            if len(self._known) >= 4 * CACHED:
                self._known.clear()
            country = self._look_up(address_of(address))
            if len(address) <= CACHED_BYTES:
                self._known[address] = country
        return country

    def _look_up(self, address: str) -> str:
        if not address:
            return ""
        try:
            record = self._database.get(address)
        except ValueError:
            return ""
        code = _code(record)
        return code if len(code) == 2 and code.isascii() and code.isupper() else ""


def open_countries(path: Path) -> Countries:
    """Open a database file. Raises ``Rejected`` when it is none."""
    import maxminddb

    try:
        return Countries(maxminddb.open_database(path))
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        raise Rejected(f"{path} is not a country database in MaxMind DB format: {error}") from None


def address_of(front: bytes) -> str:
    """The client's address, ``""`` when there is none that can be used.

    A virtual host may come first; of a list of forwarding proxies the first is the client; a port is dropped.
    """
    client, comma, _ = front.partition(b",")
    words = [word.decode("latin-1") for word in client.split()[: 1 if comma else 2]]
    plain = (word for word in words if _is_address(word))
    with_port = (word for word in map(_without_port, words) if _is_address(word))
    return next(plain, "") or next(with_port, "")


def _without_port(word: str) -> str:
    return word.rpartition(":")[0].removeprefix("[").removesuffix("]")


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True


def _code(record: object) -> str:
    if not isinstance(record, dict):
        return ""
    for key in ("country", "registered_country"):
        country = record.get(key)
        if isinstance(country, dict) and isinstance(country.get("iso_code"), str):
            return str(country["iso_code"])
        if isinstance(country, str):
            return country
    flat = record.get("country_code")
    return flat if isinstance(flat, str) else ""
