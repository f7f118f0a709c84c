"""The words of documents: one TOML file for each language, with the same keys and placeholders in all."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import cast, get_args

from offset_purchaser.documents.content import Language
from offset_purchaser.documents.parts import Vat

LANGUAGES: tuple[Language, ...] = get_args(Language)

Catalogue = Mapping[str, str]
"""Texts by dotted key (``verify.title``); placeholders in braces are filled with ``str.format``."""


@lru_cache
def catalogue(language: Language) -> Catalogue:
    """The texts of a language. A key that the file lacks raises ``KeyError`` where it is used."""
    content = files(__package__).joinpath("texts", f"{language}.toml").read_text(encoding="utf-8")
    return dict(_flat(cast("Mapping[str, object]", tomllib.loads(content))))


def statement_vat(language: Language) -> Vat:
    """The VAT of a statement, which is not an invoice: category O, said in the document's language."""
    return Vat(category="O", rate=Decimal(0), exemption_text=catalogue(language)["vat.statement"])


def _flat(table: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    entries: list[tuple[str, str]] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            entries += _flat(value, f"{prefix}{key}.")
        else:
            entries.append((prefix + key, str(value)))
    return entries
