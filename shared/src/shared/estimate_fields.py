"""Reading one object of an ``estimate`` line: every field checked for type and limits, refused by its own name.

Numbers keep the digits they were written with. Not promised: any default; the caller states them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, get_args

from shared.countries import CONTINENTS
from shared.errors import Rejected


def ceiling(kind: Any) -> int:
    """The upper limit of a field type of the contract (``shared.fields``)."""
    for item in get_args(kind)[1:]:
        for rule in getattr(item, "metadata", ()):
            if hasattr(rule, "le"):
                return int(rule.le)
    raise ValueError(f"{kind} has no upper limit")


class Fields:
    """The members of a JSON object, by typed getters; absent and ``null`` are the same."""

    def __init__(self, members: Mapping[str, Any], path: str = "") -> None:
        self._members = members
        self._path = path
        self.read: set[str] = set()

    def name(self, key: str) -> str:
        """The full name of a member, as errors give it."""
        return f"{self._path}.{key}" if self._path else key

    def without(self, key: str) -> Fields:
        """The same object without a member."""
        return Fields({name: value for name, value in self._members.items() if name != key}, self._path)

    def has(self, *keys: str) -> bool:
        """Whether one of the members is there."""
        return any(self._members.get(key) is not None for key in keys)

    def unread(self) -> list[str]:
        """Members that nobody asked for, sorted."""
        return sorted(set(self._members) - self.read)

    def peek(self, key: str) -> Any:
        """A member as it is, without taking it as read."""
        return self._members.get(key)

    def unused(self, *keys: str) -> None:
        """Members that were checked and have no part in the result; what is absent stays as it was."""
        self.read.difference_update(key for key in keys if self.has(key))

    def ignore(self, *keys: str) -> None:
        """Members that are known and do not matter here."""
        self.read.update(keys)

    def _get(self, key: str) -> Any:
        self.read.add(key)
        return self._members.get(key)

    def integer(self, key: str, low: int, high: int) -> int | None:
        """A whole number within limits; ``1.0`` is not one."""
        value = self._get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise Rejected("must be a whole number", field=self.name(key))
        if not low <= value <= high:
            raise Rejected(f"must lie between {low} and {high}", field=self.name(key))
        return value

    def number(self, key: str, low: Decimal | int, high: Decimal | int) -> Decimal | None:
        """A finite number within limits."""
        value = self._get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise Rejected("must be a number", field=self.name(key))
        number = Decimal(value)
        if not number.is_finite():
            raise Rejected("must be a finite number", field=self.name(key))
        if not low <= number <= high:
            raise Rejected(f"must lie between {low} and {high}", field=self.name(key))
        return number

    def share(self, key: str) -> Decimal | None:
        """A number between 0 and 1."""
        return self.number(key, 0, 1)

    def choice(self, key: str, choices: Collection[str]) -> str | None:
        """One of some words."""
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, str) or value not in choices:
            raise Rejected(f"must be one of {', '.join(choices)}", field=self.name(key))
        return value

    def flag(self, key: str) -> bool | None:
        """``true`` or ``false``."""
        value = self._get(key)
        if value is not None and not isinstance(value, bool):
            raise Rejected("must be true or false", field=self.name(key))
        return value

    def words(self, key: str, longest: int = 128) -> str | None:
        """A text that is not empty."""
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not 1 <= len(value) <= longest:
            raise Rejected(f"must be a text of 1 to {longest} characters", field=self.name(key))
        return value

    def country(self, key: str) -> str | None:
        """An ISO 3166-1 alpha-2 code."""
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not re.fullmatch("[A-Z]{2}", value) or value not in CONTINENTS:
            raise Rejected("must be an ISO 3166-1 alpha-2 country", field=self.name(key))
        return value

    def inner(self, key: str) -> Fields | None:
        """An object."""
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise Rejected("must be an object", field=self.name(key))
        return Fields(value, self.name(key))

    def items(self, key: str) -> Sequence[Fields] | None:
        """A list of objects that is not empty."""
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
            raise Rejected("must be a list of objects, at least one", field=self.name(key))
        return [Fields(item, f"{self.name(key)}[{index}]") for index, item in enumerate(value)]

    def close(self, *known: str) -> None:
        """Refuse members that this object does not have; for inner objects, where a misspelling is no foreign field."""
        self.ignore(*known)
        left = self.unread()
        if left:
            raise Rejected("unknown field", field=self.name(left[0]))
