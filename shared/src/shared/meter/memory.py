"""Whether the duplicate windows fit: ids of a horizon at an expected rate, against the memory limit of a process.

What counts is the most that the windows ever hold: ids are forgotten in portions, some time after their horizon.
One process must be able to hold every partition: the others may be gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil

from shared.errors import Rejected
from shared.meter.channel import Channel
from shared.meter.settings import RATES, MeterSettings
from shared.meter.window import BYTES_PER_ID, held_at_most

PROCESS_MB = 160
"""Everything beside the windows: interpreter, libraries, batches in flight, registers (measured: 110 to 150 MB)."""
MB = 1_000_000


def check_memory(channels: Iterable[Channel], settings: MeterSettings, partitions: int) -> int:
    """``check_windows_fit`` with the settings of a meter; a channel without a rate of its own takes the default."""
    return check_windows_fit(
        channels,
        {**RATES, **settings.expected_rates},
        memory_limit_mb=settings.memory_limit_mb,
        offsets_max=settings.window_offsets_max,
        partitions=partitions,
    )


def check_windows_fit(
    channels: Iterable[Channel],
    rates: Mapping[str, int],
    *,
    memory_limit_mb: int,
    offsets_max: int,
    partitions: int,
) -> int:
    """Megabytes that the windows need. ``rates``: events a second by channel, over all partitions.

    Raises ``Rejected`` when they do not fit beside the rest of the process, or when the number of offsets that a
    partition remembers is below its share of a horizon: a late repeat would be counted twice.
    """
    windowed = [channel for channel in channels if channel.horizon_s]
    unknown = sorted(set(rates) - {str(channel.name) for channel in windowed})
    if windowed and unknown:
        known = ", ".join(str(channel.name) for channel in windowed)
        raise Rejected(f"no channel {', '.join(unknown)} here; there are {known}", field="METER_EXPECTED_RATES")
    needed, told = 0, []
    for channel in windowed:
        rate = rates.get(str(channel.name), 0)
        ids = rate * channel.horizon_s
        if ids > offsets_max * partitions:
            raise Rejected(
                f"{offsets_max:,} offsets of each of {partitions} partitions are less than the {ids:,} ids that "
                f"{channel.name} brings in {channel.horizon_s // 60} minutes at {rate} a second: raise "
                f"METER_WINDOW_OFFSETS_MAX, use more partitions, or lower METER_EXPECTED_RATES",
                field="METER_WINDOW_OFFSETS_MAX",
            )
        megabytes = ceil(partitions * held_at_most(ids // partitions) * BYTES_PER_ID / MB) if ids else 0
        needed += megabytes
        told.append(f"{channel.name} {megabytes} MB ({rate} a second for {channel.horizon_s // 60} minutes)")
    if needed + PROCESS_MB > memory_limit_mb and windowed:
        raise Rejected(
            f"the duplicate windows need {needed} MB: {', '.join(told)}; with {PROCESS_MB} MB for the rest that is "
            f"more than the limit of {memory_limit_mb} MB: give the process more memory and set "
            f"METER_MEMORY_LIMIT_MB, or lower METER_EXPECTED_RATES",
            field="METER_MEMORY_LIMIT_MB",
        )
    return needed
