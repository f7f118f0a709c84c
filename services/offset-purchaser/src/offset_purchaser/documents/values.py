"""Field types of document content and the money rounding, each named once."""

from __future__ import annotations

import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Literal

from babel.numbers import get_currency_precision, is_currency
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from shared.units import G_PER_T, decimal_text

NOT_PRINTED = frozenset({"Cc", "Cs", "Co", "Cn"})
"""Unicode categories that no document can print and no table can hold: control characters, surrogates, unassigned."""


RESERVED_NAMES = frozenset({"content.json", "factur-x.xml"})
"""Files of ours inside every document; an attachment of such a name could not be carried."""


class Part(BaseModel):
    """Base of everything inside a document: frozen, nothing unknown, nothing infinite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _one_line(value: object) -> object:
    """Collapse white space, so that a pasted reason with a line break never blocks a document."""
    return " ".join(value.split()) if isinstance(value, str) else value


def _printable(text: str) -> str:
    for character in text:
        if unicodedata.category(character) in NOT_PRINTED:
            raise ValueError(f"contains the character U+{ord(character):04X}, which no document can print")
    return text


def _canonical(value: Decimal) -> Decimal:
    return Decimal(decimal_text(value)) if value else Decimal(0)


def _known_currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError(f"{code} is not an ISO 4217 currency")
    return code


_Line = StringConstraints(max_length=1000)
OptionalText = Annotated[str, BeforeValidator(_one_line), _Line, AfterValidator(_printable)]
"""One line of text, possibly empty; white space is collapsed, control characters are rejected."""
Text = Annotated[OptionalText, StringConstraints(min_length=1)]
Word = Annotated[Text, StringConstraints(max_length=200)]
"""A name, number or serial of somebody else's: what it identifies is lost when it is cut, so too long is refused."""
Effect = Literal["", "reduction", "removal"]
"""What a project does; ``""``: not stated."""


def _told(value: object) -> object:
    """A description must never make an answer about a purchase unreadable: it is cut and cleaned instead."""
    if not isinstance(value, str):
        return value
    kept = "".join(c if unicodedata.category(c) not in NOT_PRINTED else " " for c in value)
    return " ".join(kept.split())[:500]


Told = Annotated[str, BeforeValidator(_told)]
"""What somebody else says about a thing, possibly nothing: one line, 500 characters at most."""
DocumentNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9+/_-]{0,99}$")]
"""Made of ``A-Z a-z 0-9 + / _ -``, the characters that every e-invoicing platform accepts."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(_known_currency)]
Grams = Annotated[Decimal, Field(max_digits=40), AfterValidator(_canonical)]
"""Decimal grams of CO2e, stored without trailing zeros, so that equal values have equal bytes."""
Amount = Annotated[Decimal, Field(max_digits=30), AfterValidator(_canonical)]
"""Decimal money in major units (euros), stored without trailing zeros."""


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Round to the currency's minor unit, half away from zero: the one money rounding of documents."""
    return amount.quantize(Decimal(1).scaleb(-get_currency_precision(currency)), rounding=ROUND_HALF_UP)


def line_amount(quantity_g: int, price_per_tonne: Decimal, currency: str) -> Decimal:
    """Net price of a quantity: grams x price per tonne / 10**6, rounded once to the minor unit."""
    return round_money(Decimal(quantity_g) * price_per_tonne / G_PER_T, currency)
