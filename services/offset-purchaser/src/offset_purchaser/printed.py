"""What people type that stands on documents: printable, of bounded length, and without climate claims. Pure."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from offset_purchaser.claims import every_claim
from offset_purchaser.documents.values import Text
from shared.errors import Rejected

_TEXT: TypeAdapter[str] = TypeAdapter(Text)


def printed_text(text: str, field: str) -> str:
    """A text as documents print it: one line. Raises ``Rejected``, naming the field, for one that they cannot."""
    try:
        kept = _TEXT.validate_python(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        why = first["msg"].removeprefix("Value error, ")
        if first["type"].endswith("too_long"):
            why = f"has more than {first['ctx']['max_length']} characters"
        raise Rejected(f"{why}: it stands on documents", field=field) from None
    if claims := every_claim(kept):
        raise Rejected(f'"{claims[0].phrase}" cannot stand on a document: {claims[0].why}', field=field)
    return kept
