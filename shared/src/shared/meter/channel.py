"""What a channel is to the meter runtime: a topic, an event model, and how an event becomes integers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.decode import BatchDecoder, QuickReader, column
from shared.estimate import ChannelName
from shared.events import Event
from shared.readings import detail_text

Fields = Mapping[str, Any]
"""A validated record: the fields of the event that were present, by name."""


class Contribution(NamedTuple):
    """What one event adds to one register: values of the channel's labels and of its measures, in their order."""

    labels: tuple[str, ...]
    measures: tuple[int, ...]


class Columns(NamedTuple):
    """What many events add, column by column, one value an event in each."""

    labels: Sequence[Iterable[str | None]]
    """One column a label, in the channel's order; ``None`` reads as ``""``."""
    measures: Sequence[Sequence[int]]


class Share(NamedTuple):
    """A part of an event that belongs to another quarter-hour (seconds since the epoch); it carries no event count."""

    quarter_s: int
    contribution: Contribution


@dataclass(frozen=True, slots=True)
class Channel:
    """One source topic and how it is counted. A new channel is one of these plus one line in the service's tuple.

    ``fold`` must be pure and additive: what two events add does not depend on their order or on other events.
    ``measures`` is append-only, because registers store the values by position.
    """

    name: ChannelName
    topic: str
    """Name of the topic's setting, e.g. ``site_traffic``."""
    event: type[Event]
    labels: tuple[str, ...]
    measures: tuple[str, ...]
    horizon_s: int
    """How long after its first sighting an id is recognised as a duplicate."""
    fold: Callable[[Fields], Contribution] | None
    """``None``: the meter decides inside the fenced transaction (shipments)."""
    spread: Callable[[Fields], tuple[Share, ...]] | None = None
    filled: tuple[str, ...] = ()
    """Optional fields that are in every row handed over, ``None`` when the event had none."""
    fold_rows: Callable[[Sequence[Any]], Columns] | None = None
    """``fold`` of many rows at once, for a busy channel; a property test holds it to ``fold``."""

    quick: Callable[[type[Event]], QuickReader] | None = None
    """A quicker reader of most records, for a busy channel; its rows have attributes."""

    def column(self, name: str) -> Callable[[Any], Any]:
        """What gives a field of a decoded row that is in every one."""
        return column(name, quick=self.quick is not None)

    def columns(self, rows: Sequence[Any]) -> Columns:
        """What many events add, by ``fold_rows`` or one by one."""
        if self.fold_rows is not None:
            return self.fold_rows(rows)
        assert self.fold is not None, "a channel without a fold needs a tally of its own"
        labels, measures = zip(*map(self.fold, rows), strict=True)
        return Columns(tuple(zip(*labels, strict=True)), tuple(zip(*measures, strict=True)))

    def decoder(self) -> BatchDecoder:
        """A decoder whose rows suit this channel."""
        return BatchDecoder(self.event, self.filled, self.quick(self.event) if self.quick else None)

    def detail(self, values: tuple[str | None, ...]) -> str:
        """The register's detail for a contribution's labels."""
        return detail_text({name: value or "" for name, value in zip(self.labels, values, strict=True)})
