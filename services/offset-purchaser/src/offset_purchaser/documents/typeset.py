"""typst as a pure function: data and files in, PDF/A-3 bytes out, with the fonts of this package only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from importlib.resources import files
from typing import Literal, cast

import typst

MISSING_GLYPH = "□"


@dataclass(frozen=True, slots=True)
class Embedded:
    """A file inside the PDF. ``relationship`` says what it is to the page (ISO 32000-2, AFRelationship)."""

    filename: str
    content: bytes
    mime_type: str
    relationship: Literal["source", "data", "alternative", "supplement"]
    description: str


def typeset(page: Mapping[str, object], embedded: Sequence[Embedded], created: date) -> bytes:
    """Typeset a page as tagged PDF/A-3a, dated midnight UTC of ``created``.

    Raises ``typst.TypstError`` when the layout is wrong, whatever the data. Characters that the
    fonts lack are printed as a box, so that a foreign name never stops a document.
    """
    shown, lacking = _displayable(page)
    shown["glyphs"] = page["glyphs"] if lacking else ""
    listed = [
        {"path": f.filename, "mime": f.mime_type, "relationship": f.relationship, "description": f.description}
        for f in embedded
    ]
    source = {
        "main.typ": _layout("document.typ"),
        "parts.typ": _layout("parts.typ"),
        "page.json": json.dumps(shown).encode(),
        "files.json": json.dumps(listed).encode(),
        **{f"embedded/{f.filename}": f.content for f in embedded},
    }
    pdf = typst.compile(  # type: ignore[call-overload]  # the stubs omit the mapping of in-memory files
        source,
        format="pdf",
        pdf_standards=["a-3a"],
        font_paths=package_fonts(),
        timestamp=datetime.combine(created, time(), UTC),
    )
    return bytes(pdf)


def _layout(name: str) -> bytes:
    return files(__package__).joinpath("layout", name).read_bytes()


@lru_cache
def package_fonts() -> typst.Fonts:
    """The fonts that ship with the package and with typst, and no others."""
    folder = str(files(__package__).joinpath("fonts"))
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[folder])


@lru_cache
def covered() -> frozenset[int]:
    """The code points that the package's own fonts can show."""
    text = files(__package__).joinpath("fonts", "coverage.txt").read_text(encoding="ascii")
    return frozenset(_ranges(line for line in text.splitlines() if not line.startswith("#")))


def _ranges(lines: Iterable[str]) -> Iterable[int]:
    for line in lines:
        first, _, last = line.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


def _displayable(page: Mapping[str, object]) -> tuple[dict[str, object], bool]:
    """The page with uncovered characters replaced, and whether there were any."""
    text = json.dumps(page, ensure_ascii=False)
    known = covered()
    lacking = {ord(character) for character in text if ord(character) not in known} - {ord("\n")}
    shown = text.translate(dict.fromkeys(lacking, MISSING_GLYPH))
    return cast("dict[str, object]", json.loads(shown)), bool(lacking)
