"""The words and number formats of a language: the only place where the page's texts are."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal, format_percent

LANGUAGES = ("en",)
KG = Decimal(1000)
TONNE = Decimal(1_000_000)


@cache
def _load(language: str) -> Mapping[str, Any]:
    return tomllib.loads((files(__name__) / f"{language}.toml").read_text(encoding="utf-8"))


class Words:
    """One language: texts by dotted key, and numbers, dates and money as people of that language write them."""

    def __init__(self, language: str) -> None:
        """Raises ``ValueError`` for a language that has no file."""
        if language not in LANGUAGES:
            raise ValueError(f"no texts in {language!r}; there are {', '.join(LANGUAGES)}")
        self.language = language
        self._texts = _load(language)

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key with its placeholders filled. Raises ``KeyError`` for an unknown key."""
        found: Any = self._texts
        for part in key.split("."):
            found = found[part]
        return str(found).format(**values) if values else str(found)

    def number(self, value: int | Decimal) -> str:
        """A number with the language's separators."""
        return format_decimal(value, locale=self.language)

    def kg(self, grams: Decimal) -> str:
        """Grams as kilograms, with as many decimals as help."""
        kilograms = grams / KG
        decimals = 0 if abs(kilograms) >= 1000 else 1 if abs(kilograms) >= 10 else 3
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return format_decimal(kilograms, format=pattern, locale=self.language)

    def mass(self, grams: Decimal) -> str:
        """Grams with the unit that people would use: g, kg or t."""
        if abs(grams) < KG:
            return f"{format_decimal(grams, format='#,##0.0', locale=self.language)} g"
        if abs(grams) < TONNE:
            return f"{format_decimal(grams / KG, format='#,##0.0', locale=self.language)} kg"
        return f"{format_decimal(grams / TONNE, format='#,##0.00', locale=self.language)} t"

    def tonnes(self, grams: int) -> str:
        """Grams as tonnes to the gram, as they were ordered."""
        return format_decimal(Decimal(grams) / TONNE, format="#,##0.000000", locale=self.language)

    def percent(self, share: Decimal) -> str:
        """A share in percent, with one decimal."""
        return format_percent(share, format="#,##0.0 %", locale=self.language)

    def whole_percent(self, share: Decimal) -> str:
        """A share in whole percent."""
        return format_percent(share, format="#,##0 %", locale=self.language)

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount in its currency."""
        return format_currency(amount, currency, locale=self.language)

    def day(self, day: date, *, short: bool = False) -> str:
        """A day, long for text, short for tables."""
        return format_date(day, "EEE d MMM" if short else "EEEE d MMMM y", locale=self.language)

    def hour(self, moment: datetime) -> str:
        """An hour of a day."""
        return format_datetime(moment, "EEEE d MMMM HH:mm", locale=self.language)
