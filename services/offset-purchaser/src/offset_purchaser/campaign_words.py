"""What a campaign file's reader says about a wrong value, in the words of the people who write such files. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PATTERNS: Mapping[str, str] = {
    r"^[a-z0-9][a-z0-9-]{0,62}$": "small letters, digits and dashes, at most 63 of them (black-friday-2026-fr)",
    r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$": "letters, digits, dashes and underscores, at most 32 of them (FR)",
    r"^[A-Z]{2}$": "two capital letters of ISO 3166-1 (FR)",
    r"^[A-Z0-9-]{0,12}$": "capital letters, digits and dashes, at most 12 of them",
}
NOT_A_SPAN = "{value} is not a span of time; write 90s, 15m, 6h or 2d"
NUMBER, WHOLE = "{value} is not a number", "{value} is not a whole number"
NEITHER, KEYS = "{value} is neither true nor false", "{value} stands where keys are expected; write key: value"
SENTENCES: Mapping[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not a key that exists here",
    "literal_error": "{value} is not {expected}",
    "enum": "{value} is not {expected}",
    **dict.fromkeys(("decimal_parsing", "decimal_type", "finite_number"), NUMBER),
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float", "int_parsing_size"), WHOLE),
    "greater_than": "{value} is not above {gt}",
    "greater_than_equal": "{value} is below {ge}",
    "less_than_equal": "{value} is above {le}",
    "string_unicode": "holds half a character of two; write the whole one",
    "string_type": "{value} is not a text; put it in quotes",
    **dict.fromkeys(("bool_parsing", "bool_type"), NEITHER),
    "tuple_type": "{value} is not a list; write [one, another]",
    **dict.fromkeys(("dict_type", "model_type"), KEYS),
    **dict.fromkeys(("time_delta_parsing", "time_delta_type"), NOT_A_SPAN),
}
"""By pydantic's names for what can be wrong."""
NOT_A_DAY = "{value} is not a day; write 2026-11-27"
AN_ID = "constrained-str"
"""How pydantic calls an id where an entity may stand too."""
ALL = "'*'"
"""How pydantic calls the word for everything, where a list may stand too."""


def sentence(item: Mapping[str, Any]) -> str:
    """One of pydantic's errors as a plain sentence without its key; what it has no words for keeps pydantic's."""
    kind, limits, given = item["type"], item.get("ctx", {}), item.get("input")
    if given is None:
        return "has no value; give one, or leave the key out"
    value = printable(str(given).lower() if isinstance(given, bool) else given)
    if kind == "string_pattern_mismatch" and limits["pattern"] in PATTERNS:
        return f"{value} is not made of {PATTERNS[limits['pattern']]}"
    known = NOT_A_DAY if kind.startswith("date_") else SENTENCES.get(kind)
    return known.format(value=value, **limits) if known else str(item["msg"]).removeprefix("Value error, ")


LONG = 60
"""Characters of a wrong value that are shown."""


def printable(value: object) -> str:
    """A wrong value or key as it can be shown: one line, nothing that a terminal obeys, not too long."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return text if len(text) <= LONG else f"{text[:LONG]}..."


def told_otherwise(item: Any, items: Sequence[Any]) -> bool:
    """Whether an error follows from another one: a list too short only because its entries are wrong, not the word for
    everything where the list itself is wrong, no id where an entity's own keys are."""
    path = item["loc"]
    if item["type"] == "too_short":
        return any(len(other["loc"]) > len(path) and other["loc"][: len(path)] == path for other in items)
    if (item["type"] == "literal_error" and item["ctx"]["expected"] == ALL) or path[-1:] == (AN_ID,):
        return any(other is not item and other["loc"][: len(path) - 1] == path[:-1] for other in items)
    return False
