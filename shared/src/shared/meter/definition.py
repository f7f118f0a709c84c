"""What a meter is: its channels, its methods, what it decides inside the transaction, and its settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shared.decode import BatchDecoder
from shared.estimate import Method
from shared.meter.audit import Recount
from shared.meter.bad_share import BadShare
from shared.meter.channel import Channel
from shared.meter.lateness import LatenessRules
from shared.meter.parts import Settle
from shared.meter.settings import MeterSettings
from shared.meter.tally import Tally
from shared.meter.window import Window
from shared.postgres import Pool
from shared.schedule import MethodSchedule, default_schedule
from shared.settings import KafkaSettings, PostgresSettings, TopicSettings
from shared.telemetry import AsgiApp

TallyClass = Callable[[Channel, BatchDecoder, LatenessRules, Window, BadShare], Tally]

PoolOf = Callable[[], Pool | None]
"""Gives the meter's pool once it is open."""


class Opened:
    """The meter's pool, which routes are given before it is open."""

    pool: Pool | None = None

    def current(self) -> Pool | None:
        """The pool, or ``None`` while the service starts."""
        return self.pool


@dataclass(frozen=True, slots=True)
class MeterDefinition:
    """What distinguishes one meter from another."""

    name: str
    """Service name, consumer group and database schema, e.g. ``traffic-meter``."""
    channels: tuple[Channel, ...]
    methods: tuple[Method, ...]
    migrations: tuple[str, ...]
    """Packages with ``migrations`` folders, in order."""
    schedule: MethodSchedule = field(default_factory=default_schedule)
    tally: TallyClass = Tally
    settle: Settle | None = None
    recount: Recount | None = None
    """What an audit compares for a meter that decides inside the transaction."""
    routes: Callable[[PoolOf], Sequence[tuple[str, AsgiApp]]] = lambda _pool_of: ()
    """What the meter answers over HTTP besides health and metrics."""


@dataclass(frozen=True, slots=True)
class MeterEnvironment:
    """All settings of a meter process."""

    kafka: KafkaSettings
    postgres: PostgresSettings
    topics: TopicSettings
    meter: MeterSettings

    @classmethod
    def load(cls) -> MeterEnvironment:
        """Read the environment. Raises ``Rejected`` naming the variable."""
        return cls(KafkaSettings.load(), PostgresSettings.load(), TopicSettings.load(), MeterSettings.load())

    def source_topics(self, channels: Sequence[Channel]) -> dict[str, Channel]:
        """Channels by the full name of their topic."""
        return {self.topics.name(channel.topic): channel for channel in channels}


def lateness_rules(settings: MeterSettings, channel: Channel) -> LatenessRules:
    """The limits of a channel in milliseconds. A channel without a horizon (shipments) is never unprovable."""
    return LatenessRules(
        grace_ms=settings.grace_s * 1000,
        horizon_ms=channel.horizon_s * 1000 if channel.horizon_s else settings.age_days_max * 86_400_000,
        age_ms_max=settings.age_days_max * 86_400_000,
        ahead_ms_max=settings.ahead_s_max * 1000,
    )


def tally_factory(definition: MeterDefinition, settings: MeterSettings) -> Callable[[Channel], Tally]:
    """Makes tallies; decoders are built once per channel."""
    decoders = {channel.topic: channel.decoder() for channel in definition.channels}
    shares = {channel.topic: BadShare(settings.bad_share_max) for channel in definition.channels}

    def new_tally(channel: Channel) -> Tally:
        window = Window(channel.horizon_s * 1000, settings.window_offsets_max)
        rules = lateness_rules(settings, channel)
        return definition.tally(channel, decoders[channel.topic], rules, window, shares[channel.topic])

    return new_tally
