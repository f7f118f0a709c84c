"""Numbers, dates, money and masses as people of a language write them; all by babel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from babel import Locale
from babel.dates import format_date, format_interval
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal, format_percent

from offset_purchaser.documents.content import Language
from offset_purchaser.documents.values import round_money
from shared.units import G_PER_T

LOCALES: dict[Language, str] = {"en": "en_GB", "fr": "fr_FR", "de": "de_DE"}
_SCALES = ((Decimal(1000), 1, "g"), (Decimal(G_PER_T), 1000, "kg"))


class Formats:
    """The formats of one language."""

    def __init__(self, language: Language) -> None:
        self.locale = LOCALES[language]
        self._territories = Locale.parse(self.locale).territories

    def count(self, value: int) -> str:
        """A whole number with separators."""
        return str(format_decimal(value, locale=self.locale))

    def decimal(self, value: Decimal, pattern: str = "#,##0.######") -> str:
        """A decimal number by a CLDR pattern, rounded half to even by babel where the pattern is shorter."""
        return str(format_decimal(value, format=pattern, locale=self.locale))

    def people_mass(self, grams: Decimal) -> tuple[str, str]:
        """A mass for people: number with two decimals, and its unit (g, kg or t)."""
        for limit, scale, unit in _SCALES:
            if abs(grams) < limit:
                return self.decimal(grams / scale, "#,##0.00"), unit
        return self.decimal(grams / G_PER_T, "#,##0.00"), "t"

    def mass(self, grams: Decimal) -> str:
        """``people_mass`` as one text."""
        return "\u00a0".join(self.people_mass(grams))

    def tonnes(self, grams: int | Decimal) -> str:
        """An exact quantity in tonnes, to the gram, without trailing zeros."""
        return f"{self.decimal(Decimal(grams) / G_PER_T)}\u00a0t"

    def tonnes_column(self, grams: int | Decimal) -> str:
        """An exact quantity in tonnes with six decimals, for a column."""
        return f"{self.decimal(Decimal(grams) / G_PER_T, '#,##0.000000')}\u00a0t"

    def kilograms(self, grams: Decimal) -> str:
        """Kilograms with three decimals, without the unit, for a column."""
        return self.decimal(grams / 1000, "#,##0.000")

    def percent(self, fraction: Decimal) -> str:
        """A fraction as per cent with one decimal."""
        return str(format_percent(fraction, format="#,##0.0\u00a0%", locale=self.locale))

    def rate(self, percent: Decimal) -> str:
        """A VAT rate, exact."""
        return f"{self.decimal(percent)}\u00a0%"

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount rounded to the minor unit, with its currency."""
        return str(format_currency(round_money(amount, currency), currency, locale=self.locale))

    def price(self, amount: Decimal, currency: str) -> str:
        """A unit price, exact, with at least the currency's minor digits."""
        return str(format_currency(amount, currency, locale=self.locale, decimal_quantization=False))

    def country(self, code: str) -> str:
        """The name of an ISO 3166-1 alpha-2 country, the code itself when it is not known."""
        return str(self._territories.get(code, code))

    def day(self, value: date) -> str:
        """A date in words."""
        return str(format_date(value, "long", locale=self.locale))

    def days(self, values: Sequence[date]) -> str:
        """Days in words: an interval for days that follow one another, a list of up to four such; ``""`` for more."""
        runs: list[list[date]] = []
        for day in sorted(set(values)):
            if runs and day - runs[-1][-1] == timedelta(days=1):
                runs[-1].append(day)
            else:
                runs.append([day])
        if len(runs) > 4:
            return ""
        return str(format_list([self._run(run) for run in runs], locale=self.locale))

    def _run(self, run: Sequence[date]) -> str:
        if len(run) == 1:
            return self.day(run[0])
        return str(format_interval(run[0], run[-1], "yMMMMd", locale=self.locale))
