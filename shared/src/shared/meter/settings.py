"""How a meter runs. Every number says why it is that number."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import Field, NonNegativeInt, PositiveInt
from pydantic_settings import SettingsConfigDict

from shared.kafka import LogTime
from shared.settings import _FromEnvironment

RATES: Mapping[str, int] = {"site": 4_000, "email": 20, "ads": 500}
"""A busy day: 4,000 views and 500 reports of impressions a second, 1.7 million messages in 24 hours."""


class MeterSettings(_FromEnvironment):
    """Settings of both meters, ``METER_…`` in the environment."""

    model_config = SettingsConfigDict(env_prefix="METER_", frozen=True, extra="ignore")

    group_id: str = ""
    """Consumer group; empty means the service's own name."""
    log_time: LogTime = LogTime.APPEND
    """``append`` for a live run; ``recorded`` for rehearsals and replays, where producers send the arrival times."""
    flush_interval_ms: PositiveInt = 1_000
    """A second between commits: readers see a number at most a second old, PostgreSQL sees one commit a second."""
    flush_records: PositiveInt = 200_000
    """A flush at full speed at the latest after this many records: a crash repeats a second of work, not more."""
    flush_ahead_records: PositiveInt = 50_000
    """Records folded while a flush is being committed: a third of a second at full speed, twice what a commit takes.
    While PostgreSQL is slow for longer, nothing more is read."""
    flush_bytes: PositiveInt = 33_554_432
    """Memory of records kept whole until they are committed (dead letters, shipments, replays): a flush at the latest
    then, and nothing more is read while one is being committed. Records may be a megabyte each."""
    poll_records: PositiveInt = 500
    """Records of one poll: folded in some 2 ms while they are in the processor's caches; more at once was slower."""
    grace_s: NonNegativeInt = 300
    """Up to five minutes between the event and the log is on time: browsers and mail servers retry that long."""
    age_days_max: PositiveInt = 35
    """An older event is rejected: its month has been invoiced."""
    ahead_s_max: NonNegativeInt = 300
    """An event this far in the future comes from a clock that cannot be trusted with a day."""
    window_offsets_max: PositiveInt = 5_000_000
    """Offsets a duplicate may lie back. It bounds memory; a gauge shows when it, not the horizon, ends the window."""
    expected_rates: Mapping[str, NonNegativeInt] = RATES
    """Events a second by channel, over all partitions, as JSON; a channel left out keeps its default. The start is
    refused when the windows of these rates do not fit the memory: better then than in the middle of a sale."""
    memory_limit_mb: PositiveInt = 768
    """What this process may use; the limit that docker-compose.yml and deploy/kubernetes set."""
    clock_skew_ms: NonNegativeInt = 1_000
    """Allowed difference between this clock and the broker's when an idle partition is declared read up to now."""
    heartbeat_ms: PositiveInt = 1_000
    """How often an idle partition says that it is read up to now."""
    retry_s_max: PositiveInt = 60
    """A database or broker away for longer ends the process with an error; whoever runs it starts it again."""
    resend_days: PositiveInt = 40
    """Registers that changed within this time are sent again on assignment: longer than a late event may take."""
    bad_share_max: float = Field(default=0.2, gt=0, le=1)
    """A fifth of the last 1,000 records being bad is a broken producer, not bad luck: that topic stops."""

    @property
    def grace(self) -> timedelta:
        """The grace as a time span."""
        return timedelta(seconds=self.grace_s)
