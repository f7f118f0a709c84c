"""Cells as sheets hold them, and what they say as text, number, time, month or yes and no."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

Cell = str | int | float | bool | datetime | date | time | None
"""CSV cells are texts; Excel cells may be any of these."""

_GROUPED = {
    ".": re.compile(r"[+-]?\d{1,3}(?:([ ,'’])\d{3}(?:\1\d{3})*)?(?:\.\d+)?", re.ASCII),
    ",": re.compile(r"[+-]?\d{1,3}(?:([ .'’])\d{3}(?:\1\d{3})*)?(?:,\d+)?", re.ASCII),
}
_PLAIN = {
    ".": re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,2})?", re.ASCII),
    ",": re.compile(r"[+-]?\d+(?:,\d+)?", re.ASCII),
}
_YES = frozenset(("yes", "y", "true", "1", "x", "ja", "oui", "si", "sí"))
_NO = frozenset(("no", "n", "false", "0", "nein", "non"))
SHOWN = 60
"""Characters of a cell that a reason quotes."""
DIGITS = 40
"""No quantity in a sheet has more; longer digit strings are refused before they cost time."""


class Unusable(Exception):
    """A cell that does not say what its field needs. The text is the reason, with the cell's value."""


def text_of(cell: Cell) -> str:
    """A cell as trimmed text; whole floats without ``.0``."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell.strip().strip("\u00a0\ufeff").strip()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time.min:
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, (datetime, date, time)) else str(cell)


def shown(cell: Cell) -> str:
    """A cell for a reason: quoted and cut."""
    text = text_of(cell)
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")


def number_of(cell: Cell, decimal: str = ".") -> Decimal:
    """An exact number. Raises ``Unusable`` for anything that is not one, also for ambiguous grouping."""
    if isinstance(cell, (bool, datetime, date, time)):
        raise Unusable(f"{shown(cell)} is not a number")
    if isinstance(cell, (int, float)):
        value = Decimal(str(cell))
        if not value.is_finite():
            raise Unusable(f"{shown(cell)} is not a number")
        return value
    text = text_of(cell).replace("\u00a0", " ").replace("\u202f", " ")
    if len(text) <= DIGITS:
        if _PLAIN[decimal].fullmatch(text):
            return Decimal(text.replace(",", "."))
        match = _GROUPED[decimal].fullmatch(text)
        if match is not None:
            try:
                return Decimal(text.replace(match[1] or "", "").replace(",", "."))
            except InvalidOperation:
                pass
    raise Unusable(f"{shown(cell)} is not a number")


def share_of(cell: Cell, decimal: str = ".") -> Decimal:
    """A share: ``0.25``, ``25 %`` or ``1/4``. Raises ``Unusable``."""
    text = text_of(cell)
    if text.endswith("%"):
        return number_of(text[:-1].rstrip(), decimal) / 100
    one, slash, whole = text.partition("/")
    if slash:
        divisor = number_of(whole.strip(), decimal)
        if divisor == 0:
            raise Unusable(f"{shown(cell)} divides by zero")
        return number_of(one.strip(), decimal) / divisor
    return number_of(cell, decimal)


def truth_of(cell: Cell) -> bool:
    """Yes or no. Raises ``Unusable``."""
    text = text_of(cell).lower()
    if text in _YES:
        return True
    if text in _NO:
        return False
    raise Unusable(f"{shown(cell)} is neither yes nor no")


def moment_of(cell: Cell, formats: Sequence[str], at: str, zone: ZoneInfo) -> datetime:
    """An aware time: its own offset if it has one, else the zone's; a date alone is taken at ``at``.

    Raises ``Unusable``.
    """
    found = _datetime_of(cell, formats)
    if not isinstance(found, datetime):
        found = datetime.combine(found, time.fromisoformat(at))
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)


def date_of(cell: Cell, formats: Sequence[str]) -> date:
    """A calendar date, as written. Raises ``Unusable``."""
    found = _datetime_of(cell, formats)
    return found.date() if isinstance(found, datetime) else found


def _datetime_of(cell: Cell, formats: Sequence[str]) -> datetime | date:
    if isinstance(cell, datetime):
        return cell.date() if cell.time() == time.min and cell.tzinfo is None else cell
    if isinstance(cell, date):
        return cell
    text = text_of(cell)
    for form in formats:
        try:
            found = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is added by the caller
        except ValueError:
            continue
        return found if any(mark in form for mark in ("%H", "%I", "%X", "%c")) else found.date()
    try:
        return date.fromisoformat(text) if len(text) == len("2026-11-27") else datetime.fromisoformat(text)
    except ValueError:
        pass
    known = " or ".join((*formats, "2026-11-27"))
    raise Unusable(f"{shown(cell)} is not a date like {known}")
