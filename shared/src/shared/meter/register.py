"""Registers: the running totals of one partition and log epoch, and what a stretch adds to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple


class RegisterKey(NamedTuple):
    """A register of one partition and epoch: quarter-hour (seconds since the epoch) and labels."""

    quarter_s: int
    shop: str
    country: str
    payer: str
    detail: str


@dataclass(slots=True)
class Delta:
    """What is added to a register. ``activity`` follows the channel's measures."""

    events: int = 0
    late: int = 0
    duplicates: int = 0
    rejected: int = 0
    activity: list[int] = field(default_factory=list)

    def copy(self) -> Delta:
        """An independent copy."""
        return Delta(self.events, self.late, self.duplicates, self.rejected, list(self.activity))

    def add(self, other: Delta) -> None:
        """Add what another stretch adds."""
        self.events += other.events
        self.late += other.late
        self.duplicates += other.duplicates
        self.rejected += other.rejected
        for index, value in enumerate(other.activity):
            self.activity[index] += value


@dataclass(frozen=True, slots=True)
class Register:
    """A register as stored: its key and its running totals."""

    key: RegisterKey
    channel: str
    events: int
    late: int
    duplicates: int
    rejected: int
    activity: tuple[int, ...]
    through_offset: int
    revision: int
    factor_set: str
    log_epoch: int

    @property
    def quarter(self) -> datetime:
        """Start of the register's quarter-hour."""
        return datetime.fromtimestamp(self.key.quarter_s, UTC)
