"""What an audit file of one settlement is made of: plain data, gathered by the caller."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from offset_purchaser.documents.content import DocumentContent
from offset_purchaser.documents.parts import OrderLine
from offset_purchaser.documents.values import Part, Sha256, Text
from shared.estimate import ChannelName, RangeG
from shared.ranges import combine_ranges
from shared.units import ceil_g, ug_to_g

Treatment = Literal["bought", "paid_by_others", "bots", "late_unprovable", "not_estimated"]
COUNTED: frozenset[str] = frozenset({"bought", "paid_by_others"})
"""Treatments inside the day's total; the others are shown, not counted."""


class Source(Part):
    """Where the records of one source partition went, as its meter reported at the freeze."""

    topic: Text
    partition: int
    log_epoch: int
    first_offset: int
    next_offset: int
    counted: int
    duplicate: int
    rejected: int
    skipped: int
    lost: int

    @property
    def difference(self) -> int:
        """0 when every offset is accounted for."""
        seen = self.counted + self.duplicate + self.rejected + self.skipped + self.lost
        return self.next_offset - self.first_offset - seen


class RegisterLine(Part):
    """One register as it stood when the settlement froze; emissions in integer micrograms."""

    topic: str
    partition: int
    log_epoch: int
    quarter: AwareDatetime
    channel: ChannelName
    shop: str
    country: str
    payer: str
    detail: str
    treatment: Treatment
    events: int
    late: int
    activity: str
    method: str
    method_version: str
    factor_set: str
    factor_set_sha256: str
    factor_group: str
    ghg_scope: int
    ghg_category: str
    data_quality: int
    low_ug: int
    central_ug: int
    high_ug: int
    revision: int
    through_offset: int


RECORDED = tuple(name for name in RegisterLine.model_fields if name not in ("quarter", "treatment", "activity"))
"""Fields of a register that every line of the record holds, in this order."""


class File(Part):
    """A file to put into the dossier as it is. ``name`` is a plain file name."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    content: bytes


class DossierData(Part):
    """One settlement of one campaign day with everything that it stands on.

    ``record`` holds the exact bytes whose SHA-256 is ``lines_sha256``, the hash that documents print: a line for each
    register, in the order of ``registers``, with the fields of ``RECORDED`` in that order between bars; other fields
    may stand between them.
    """

    campaign_id: Text
    campaign_name: Text
    legal_entity: Text
    mode: Literal["live", "rehearsal"]
    day: date
    number: int
    frozen_at: AwareDatetime
    cover: Literal["central", "high"] = "central"
    owed_g: int
    paid_by_others_g: int
    waived_g: int
    committed_g: int
    need_g: int
    lines_sha256: Sha256
    record: bytes
    sources: tuple[Source, ...]
    registers: tuple[RegisterLine, ...]
    orders: tuple[OrderLine, ...]
    contents: tuple[DocumentContent, ...] = ()
    factors: tuple[File, ...] = ()
    documents: tuple[File, ...] = ()
    certificates: tuple[File, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> DossierData:
        for files in (self.factors, self.documents, self.certificates):
            if len({file.name for file in files}) != len(files):
                raise ValueError(f"two files have the same name: {', '.join(file.name for file in files)}")
        return self


def total_of(registers: Iterable[RegisterLine]) -> RangeG:
    """The total in grams: linear inside a factor group, half widths in quadrature between groups; 0 for none."""
    groups: dict[str, list[int]] = {}
    for line in registers:
        sums = groups.setdefault(line.factor_group, [0, 0, 0])
        for index, value in enumerate((line.low_ug, line.central_ug, line.high_ug)):
            sums[index] += value
    if not groups:
        return RangeG(Decimal(0), Decimal(0), Decimal(0))
    return combine_ranges({name: (ug_to_g(a), ug_to_g(b), ug_to_g(c)) for name, (a, b, c) in groups.items()})


def counted(registers: Iterable[RegisterLine]) -> list[RegisterLine]:
    """The registers inside the day's total."""
    return [line for line in registers if line.treatment in COUNTED]


def owed_of(registers: Iterable[RegisterLine], cover: str) -> tuple[int, int]:
    """Grams owed (rounded up) and the part of them that others pay (rounded down), by the campaign's ``cover``."""
    lines = list(registers)

    def covered(found: RangeG) -> Decimal:
        return found.high if cover == "high" else found.central

    owed = max(ceil_g(covered(total_of(counted(lines)))), 0)
    paid = covered(total_of(line for line in lines if line.treatment == "paid_by_others"))
    return owed, min(owed, max(int(paid), 0))
