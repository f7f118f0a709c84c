"""The claim guard: words that no outgoing text may contain, in French, English and German.

Pure. The reviewed list is ``documents/claims.toml``. Every outgoing text is rendered in a test and handed to
``find_claims``; texts that people type at run time (a campaign's title) can be checked the same way.
Not promised: that a text without findings is lawful; only that it has none of the listed words.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("fr", "en", "de")
ALWAYS = "en"
"""English slogans turn up in every language, so its list always applies."""

_PLAIN = str.maketrans({"\u00ad": "", "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "’": "'", "ß": "ss"})


_LOOK_ALIKE = str.maketrans("авекмнорстухіјѕԁԛԝһӏαβεικνορτυχ", "abekmhopctyxijsdqwhlabeikvoptux")
"""Cyrillic and Greek letters, in lower case, that readers take for Latin ones."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A forbidden word found in a text. ``phrase`` is the match in prepared text (lower case, without accents)."""

    language: str
    rule: str
    phrase: str
    why: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the list: what it forbids and sentences that it must find."""

    language: str
    id: str
    why: str
    expression: re.Pattern[str]
    says: tuple[str, ...]


def find_claims(text: str, language: str) -> tuple[Claim, ...]:
    """The forbidden words in a text of ``language`` (fr, en, de), in the order of the list; empty when there are none.

    The English list applies to every language. Raises ``ValueError`` for a language without a list.
    """
    known = {rule.language for rule in rules()}
    if language not in known:
        raise ValueError(f"no list of claims for {language!r}, there is one for {', '.join(sorted(known))}")
    prepared = prepare(text)
    found = (
        Claim(rule.language, rule.id, match.group().strip(), rule.why)
        for rule in rules()
        if rule.language in {language, ALWAYS}
        for match in rule.expression.finditer(prepared)
    )
    return tuple(dict.fromkeys(found))


def every_claim(text: str) -> tuple[Claim, ...]:
    """The forbidden words of every language: for what people type without saying in which."""
    found = (claim for language in LANGUAGES for claim in find_claims(text, language))
    return tuple(dict.fromkeys(found))


def prepare(text: str) -> str:
    """What patterns search: lower Latin letters, no accents, subscripts, invisible characters, breaks, own names."""
    plain = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    bare = "".join(c for c in plain if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    text = " ".join(re.sub(r"-\s*\n\s*", "-", bare).casefold().translate(_LOOK_ALIKE).split())
    for name in _list()["names"]:
        text = text.replace(name, "")
    return text


@lru_cache
def rules() -> tuple[Rule, ...]:
    """The reviewed list, compiled."""
    return tuple(_rule(entry) for entry in _list()["claim"])


def fine_sentences() -> Mapping[str, Iterable[str]]:
    """Sentences by language that say the facts and must never be found."""
    fine: Mapping[str, Iterable[str]] = _list()["fine"]
    return fine


@lru_cache
def _list() -> dict[str, Any]:
    return tomllib.loads(files("offset_purchaser.documents").joinpath("claims.toml").read_text(encoding="utf-8"))


def _rule(entry: Mapping[str, Any]) -> Rule:
    patterns = "|".join(pattern.replace("~", r"[ -]?") for pattern in entry["patterns"])
    expression = re.compile(rf"(?<!\w)(?:{patterns})(?!\w)")
    return Rule(entry["language"], entry["id"], entry["why"], expression, tuple(entry["says"]))
