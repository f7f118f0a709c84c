"""Who is who among the people that decide. Pure."""

from __future__ import annotations

import unicodedata


def person_name(by: str) -> str:
    """A name as it is kept: composed, white space collapsed, without characters that nobody sees."""
    text = unicodedata.normalize("NFKC", by)
    seen = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(seen.split())


def person_key(by: str) -> str:
    """Equal for two spellings of one name. Letters of other alphabets that look alike stay different."""
    return unicodedata.normalize("NFKC", person_name(by).casefold())
