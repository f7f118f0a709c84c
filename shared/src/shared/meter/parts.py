"""Everything the runtime works with, made in the service's wiring and replaced one by one in tests."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from shared.clock import Clock
from shared.meter.channel import Channel
from shared.meter.log_reader import LogEnds, LogReader
from shared.meter.opening import TallyFactory
from shared.meter.position import Position
from shared.meter.publisher import ReadingsPublisher
from shared.meter.settings import MeterSettings
from shared.meter.stretch import Sealed
from shared.metrics import MeterMetrics
from shared.postgres import Connection, Pool

Settle = Callable[[Connection, Position, Sealed], Awaitable[Sealed]]
"""What a meter decides inside the fenced transaction (shipments); gives back the stretch with its final deltas."""


@dataclass(frozen=True, slots=True)
class MeterParts:
    """Connections, settings and decisions of one meter process."""

    settings: MeterSettings
    channels: Mapping[str, Channel]
    """By full topic name."""
    dead_letter_topic: Callable[[str], str]
    pool: Pool
    producer: AIOKafkaProducer
    ends: LogEnds
    publisher: ReadingsPublisher
    reader: Callable[[str, int], LogReader]
    new_tally: TallyFactory
    clock: Clock
    metrics: MeterMetrics
    settle: Settle | None = None
    timer: Callable[[], float] = time.monotonic
    """Seconds for intervals; never goes back."""
