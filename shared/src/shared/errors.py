"""Errors named by the reaction they ask for.

Every failure that crosses a module boundary is one of these four, so a caller decides by type, never by reading a text.
They promise nothing about the cause; the message is for people and says what to do.
"""

from __future__ import annotations


class OffsetsError(Exception):
    """Base of all errors this project raises on purpose."""


class Transient(OffsetsError):
    """Nothing happened; the same call may be tried again later."""


class Rejected(OffsetsError):
    """The input is wrong and stays wrong: report it, never retry it.

    ``field`` names the offending field, key or column; empty when the whole input is unreadable.
    """

    def __init__(self, reason: str, *, field: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class Conflict(OffsetsError):
    """Somebody else moved first: drop what was prepared, read the state again."""


class OutcomeUnknown(OffsetsError):
    """A call left this process and its effect cannot be told: never repeat it blindly, look it up."""
