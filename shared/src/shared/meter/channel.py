"""What a channel is to the meter runtime: a topic, an event model, and how an event becomes integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.estimate import ChannelName
from shared.events import Event
from shared.readings import detail_text

Row = Mapping[str, Any]
"""A validated record: the fields of the event that were present, by name."""


class Contribution(NamedTuple):
    """What one event adds to one register: values of the channel's labels and of its measures, in their order."""

    labels: tuple[str, ...]
    measures: tuple[int, ...]


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
    fold: Callable[[Row], Contribution] | None
    """``None``: the meter decides inside the fenced transaction (shipments)."""
    spread: Callable[[Row], tuple[Share, ...]] | None = None

    def detail(self, values: tuple[str, ...]) -> str:
        """The register's detail for a contribution's labels."""
        return detail_text(dict(zip(self.labels, values, strict=True)))
