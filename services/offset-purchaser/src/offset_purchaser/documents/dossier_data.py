"""What an audit file of one settlement is made of: plain data, gathered by the caller."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from offset_purchaser.documents.parts import OrderLine
from offset_purchaser.documents.values import Part, Sha256, Text
from offset_purchaser.formulas import FORMULAS, NEWEST, Cover, Ranges
from shared.estimate import ChannelName, RangeG
from shared.ranges import combine_ranges
from shared.readings import detail_labels
from shared.units import ug_to_g

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
    estimated: bool
    low_ug: int
    central_ug: int
    high_ug: int
    revision: int
    through_offset: int


_FIRST_AFTER_REGISTER = tuple(RegisterLine.model_fields).index("events")
_BESIDE_REGISTER = tuple(RegisterLine.model_fields)[_FIRST_AFTER_REGISTER:]
MANUAL = "manual"
"""The topic of figures that people brought; their register is the name of their factor group."""


def record_line(line: RegisterLine) -> str:
    """One register as it was hashed: its key, then every field behind it, between bars."""
    return "|".join((register_key(line), *(_recorded(getattr(line, name)) for name in _BESIDE_REGISTER)))


def register_key(line: RegisterLine) -> str:
    """The register's key on ``meter-readings`` (``shared.readings.reading_key``)."""
    if line.topic == MANUAL:
        return line.factor_group
    place = f"{line.topic}|{line.partition}|{line.log_epoch}|{int(line.quarter.timestamp())}"
    return f"r|{place}|{line.channel}|{line.shop}|{line.country}|{line.payer}|{line.detail}"


def _recorded(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def record_of(registers: Iterable[RegisterLine]) -> bytes:
    """The exact bytes whose SHA-256 a settlement stores and its documents print."""
    return "\n".join(record_line(line) for line in registers).encode()


def treatment_of(line: RegisterLine, *, bots: str, late_unprovable: str) -> Treatment:
    """What a campaign's rules (``buy`` or ``record``) make of a register."""
    labels = detail_labels(line.detail)
    if labels.get("device") == "bot" and bots == "record":
        return "bots"
    if labels.get("late") == "unprovable" and late_unprovable == "record":
        return "late_unprovable"
    if not line.estimated:
        return "not_estimated"
    return "paid_by_others" if line.payer else "bought"


class File(Part):
    """A file to put into the dossier as it is. ``name`` is a plain file name, or one inside one folder."""

    name: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9.+=_-]{0,99}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    content: bytes


class DossierData(Part):
    """One settlement of one campaign day with everything that it stands on.

    ``registers`` are in the order in which they were hashed: by key, byte by byte. ``contents`` are the stored bytes
    of the documents' contents, ``documents`` their PDF files.
    """

    campaign_id: Text
    campaign_name: Text
    legal_entity: Text
    mode: Literal["live", "rehearsal"]
    day: date
    number: int
    frozen_at: AwareDatetime
    cover: Cover = "central"
    bots: Literal["buy", "record"] = "record"
    late_unprovable: Literal["buy", "record"] = "record"
    formula: Annotated[int, Field(ge=1, le=NEWEST)] = 1
    """How it was computed; audit files that do not say so are of the first formula."""
    owed_g: int
    paid_by_others_g: int
    waived_g: int
    committed_g: int
    need_g: int
    lines_sha256: Sha256
    sources: tuple[Source, ...]
    registers: tuple[RegisterLine, ...]
    orders: tuple[OrderLine, ...]
    contents: tuple[File, ...] = ()
    factors: tuple[File, ...] = ()
    documents: tuple[File, ...] = ()
    certificates: tuple[File, ...] = ()
    evidence: tuple[File, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> DossierData:
        for files in (self.contents, self.factors, self.documents, self.certificates, self.evidence):
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


def owed_of(registers: Iterable[RegisterLine], cover: Cover, formula: int = NEWEST) -> tuple[int, int]:
    """Grams owed and the part of them that others pay, by the campaign's ``cover`` and the settlement's formula."""
    lines = list(registers)
    own, paid = (
        total_of(line for line in lines if line.treatment == treatment) for treatment in ("bought", "paid_by_others")
    )
    grams = FORMULAS[formula].grams(Ranges(total_of(counted(lines)), own, paid), cover)
    return grams.owed_g, grams.paid_by_others_g
