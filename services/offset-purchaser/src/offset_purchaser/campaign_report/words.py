"""The words of a language, and numbers, dates and money as its people write them: the only place where texts are."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, get_args

from babel.dates import format_date, format_interval, format_time

from offset_purchaser.campaign_report.page import Kind
from offset_purchaser.documents.content import Language
from offset_purchaser.documents.formats import Formats
from shared.errors import Rejected

LANGUAGES: tuple[Language, ...] = get_args(Language)


UNITS = {"g": Decimal(1), "kg": Decimal(1000), "t": Decimal(1_000_000)}
"""Grams of one unit."""


def axis_unit(grams: Decimal) -> str:
    """The unit in which an axis up to some mass has short labels."""
    return next((unit for unit in ("t", "kg") if grams >= UNITS[unit] * 10), "g" if grams < UNITS["kg"] else "kg")


def table_unit(grams: Decimal) -> str:
    """The unit of tables whose largest figure is some mass."""
    return "t" if grams >= UNITS["t"] * 1000 else "kg"


@cache
def _load(language: Language) -> Mapping[str, Any]:
    text = files("offset_purchaser.campaign_report") / "texts" / f"{language}.toml"
    return tomllib.loads(text.read_text(encoding="utf-8"))


class Words(Formats):
    """One language: texts by dotted key, and the formats of documents."""

    def __init__(self, language: str) -> None:
        """Raises ``Rejected`` for a language that has no file."""
        if language not in LANGUAGES:
            raise Rejected(f"there are no texts in {language!r}; there are {', '.join(LANGUAGES)}", field="language")
        self.language: Language = next(known for known in LANGUAGES if known == language)
        super().__init__(self.language)
        self._texts = _load(self.language)

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key with its placeholders filled. Raises ``KeyError`` for an unknown key."""
        found: Any = self._texts
        for part in key.split("."):
            found = found[part]
        return str(found).format(**values) if values else str(found)

    def column(self, grams: Decimal, unit: str) -> str:
        """A mass for a column of some unit, with as many decimals as help."""
        return self.short(grams / UNITS[unit])

    def short(self, value: Decimal) -> str:
        """A number with as many decimals as help."""
        decimals = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 3
        return self.decimal(value, "#,##0" + ("." + "0" * decimals if decimals else ""))

    def whole_percent(self, share: Decimal) -> str:
        """A share in whole per cent."""
        return f"{self.decimal(share * 100, '#,##0')}\u00a0%"

    def change(self, now: Decimal, before: Decimal) -> str:
        """How much more or less than before, in per cent with its sign; a dash when there was nothing before."""
        if not before:
            return "–"
        if now >= before * 10:
            return f"×\u00a0{self.decimal(now / before, '#,##0')}"
        percent = (now / before - 1) * 100
        sign = "+" if percent > 0 else "−" if percent < 0 else "±"
        return f"{sign}{self.decimal(abs(percent), '#,##0' if abs(percent) >= 10 else '#,##0.0')}\u00a0%"

    def short_day(self, value: date) -> str:
        """A day for axes and tables."""
        pattern = {"en": "EEE d MMM", "fr": "EEE d MMM", "de": "EEE d. MMM"}[self.language]
        return str(format_date(value, pattern, locale=self.locale))

    def period(self, value: date, kind: Kind) -> str:
        """The name of a day, month or year."""
        if kind == "day":
            return self.short_day(value)
        return str(format_date(value, "MMM y" if kind == "month" else "y", locale=self.locale))

    def span(self, first: date, last: date) -> str:
        """From a day to another in words."""
        return self.day(first) if first == last else str(format_interval(first, last, "yMMMMd", locale=self.locale))

    def hour(self, moment: datetime, *, of_the_day: bool) -> str:
        """An hour, with its day unless it stands for all days."""
        clock = str(format_time(moment.time(), "HH:mm", locale=self.locale))
        return clock if of_the_day else f"{self.short_day(moment.date())}, {clock}"

    def place(self, code: str) -> str:
        """A country of the report: its name, all others, or unknown."""
        return self("countries.others") if code == "*" else self.country(code) if code else self("countries.unknown")
