"""One thing that was checked about an audit file, and what it says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked. ``detail`` says what differs, ``""`` when nothing does."""

    what: str
    ok: bool
    detail: str = ""
    proof: bool = False
    """Whether it was held against something from outside the file."""


def same(what: str, settled: object, recomputed: object) -> Finding:
    """A figure that is stated and recomputed."""
    return none(what, "" if settled == recomputed else f"{settled}, recomputed {recomputed}")


def none(what: str, detail: str) -> Finding:
    """Something that is right when there is nothing to say of it."""
    return Finding(what, not detail, detail)
