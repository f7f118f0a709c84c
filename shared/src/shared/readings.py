"""What meters publish and the purchaser reads: cumulative readings and the progress of each source partition.

A reading is **cumulative**: repeating one, losing one that a later one replaces, or reading them twice never changes
what is owed. Newest = greatest ``(log_epoch, revision, through_offset)``. All messages of a source partition go, in
order, to the partition of ``meter-readings`` with the same number; the topic is compacted and never deleted.

A partition is complete when the events of its newest readings add up to ``counted`` of its newest progress message.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from shared.estimate import ChannelName

QUARTER_SECONDS = 900


class EmissionsUg(BaseModel):
    """Integer micrograms of CO2e, 95 % interval; ``low <= central <= high``."""

    model_config = ConfigDict(frozen=True)

    low: int
    central: int
    high: int


class Balance(BaseModel):
    """Where the records of a partition went: ``next_offset - first_offset`` equals the sum of the five counters."""

    model_config = ConfigDict(frozen=True)

    first_offset: int
    next_offset: int
    counted: int = 0
    duplicate: int = 0
    rejected: int = 0
    skipped: int = 0
    """Offsets that carry no record for readers: control records and aborted transactions."""
    lost: int = 0
    late: int = 0
    """Counted events later than the grace, for the tables; already inside ``counted``."""
    late_unprovable: int = 0
    """Counted events later than the horizon; already inside ``counted``."""
    duplicate_unprovable: int = 0
    """Counted events whose key is not their id, so that a twin in another partition could not be seen."""

    @property
    def difference(self) -> int:
        """0 when every offset is accounted for."""
        seen = self.counted + self.duplicate + self.rejected + self.skipped + self.lost
        return self.next_offset - self.first_offset - seen


class Reading(BaseModel):
    """What one register shows through a source offset. ``emissions_ug`` is null when no method could estimate it."""

    model_config = ConfigDict(frozen=True)

    type: Literal["reading"] = "reading"
    schema_version: Literal[1] = 1
    log_epoch: int
    topic: str
    partition: int
    quarter: AwareDatetime
    """Start of the UTC quarter-hour in which the events occurred."""
    channel: ChannelName
    shop: str
    country: str
    """ISO alpha-2, or ``""`` when unknown."""
    payer: str
    """Who else already pays for it (``carrier``, ``shopper``, ``seller``), or ``""``."""
    detail: str
    """The channel's own labels as ``a=b;c=d``, sorted."""
    events: int
    """Cumulative count of events accepted into this register."""
    activity: dict[str, int]
    method: str
    """``""`` with ``emissions_ug`` null: not estimated."""
    method_version: str
    factor_set: str
    factor_set_sha256: str
    factor_group: str
    ghg_scope: int
    ghg_category: str
    data_quality: int
    emissions_ug: EmissionsUg | None
    revision: int
    """Moves when an estimate is restated for the same activity."""
    through_offset: int
    """First source offset that this reading does not include."""
    late: int = 0
    """Events of this register later than the grace; already inside ``events``."""
    duplicates: int = 0
    """Duplicates that would have gone into this register; not inside ``events``."""
    rejected: int = 0
    """Rejected records by the quarter-hour of their log time, in registers of their own; not inside ``events``."""


class Progress(BaseModel):
    """How far a source partition has been counted, sent after the readings it speaks for are acknowledged."""

    model_config = ConfigDict(frozen=True)

    type: Literal["progress"] = "progress"
    schema_version: Literal[1] = 1
    log_epoch: int
    topic: str
    partition: int
    channel: ChannelName
    through_offset: int
    as_of: AwareDatetime
    """Every record the broker stamped before this moment is counted."""
    partitions: int
    """Partitions of the source topic when this was written."""
    balance: Balance


MeterMessage = Annotated[Reading | Progress, Field(discriminator="type")]
METER_MESSAGE: TypeAdapter[Reading | Progress] = TypeAdapter(MeterMessage)


def reading_key(reading: Reading) -> str:
    """The Kafka key of a reading: the register it shows. No field can contain the separator."""
    r = reading
    source = f"{r.topic}|{r.partition}|{r.log_epoch}"
    return f"r|{source}|{int(r.quarter.timestamp())}|{r.channel}|{r.shop}|{r.country}|{r.payer}|{r.detail}"


def progress_key(progress: Progress) -> str:
    """The Kafka key of a progress message: its source partition and log epoch."""
    return f"p|{progress.topic}|{progress.partition}|{progress.log_epoch}"


def detail_text(labels: dict[str, str]) -> str:
    """Labels as the canonical detail string: sorted, empty values left out."""
    return ";".join(f"{key}={value}" for key, value in sorted(labels.items()) if value)


def detail_labels(detail: str) -> dict[str, str]:
    """The inverse of ``detail_text``."""
    return dict(part.split("=", 1) for part in detail.split(";")) if detail else {}
