"""Every metric of the meters, named in one place. Units are in the names; labels are bounded by topics and channels."""

from __future__ import annotations

import sys
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from shared.meter.position import Counts, Position
from shared.meter.window import BYTES_PER_ID, Window
from shared.readings import QUARTER_SECONDS, Reading

OUTCOMES = ("counted", "duplicate", "rejected", "skipped")
SHOWN_SECONDS = 2 * QUARTER_SECONDS
"""A quarter-hour's emissions are shown until the one after it has ended as well; then nothing came, and 0 is true."""


class MeterMetrics:
    """Metrics of one meter process, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        partition = ("topic", "partition")
        self.registry = registry
        self.events = Counter(
            "meter_events_total", "Offsets passed, by outcome", ("topic", "outcome"), registry=registry
        )
        self.late = Counter(
            "meter_late_events_total", "Counted events later than the grace", ("topic",), registry=registry
        )
        self.unprovable = Counter(
            "meter_unprovable_events_total",
            "Counted events that may be repeats: their key is not their id, or they are later than the horizon",
            ("topic", "why"),
            registry=registry,
        )
        self.lag_records = Gauge("meter_lag_records", "Offsets not counted yet", partition, registry=registry)
        self.lag_seconds = Gauge(
            "meter_lag_seconds", "Age of the moment up to which every record is counted", partition, registry=registry
        )
        self.as_of = Gauge(
            "meter_as_of_timestamp_seconds", "Every record stamped before this is counted", partition, registry=registry
        )
        self.flush_seconds = Histogram(
            "meter_flush_seconds",
            "Duration of one flush transaction",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=registry,
        )
        self.batch_records = Histogram(
            "meter_batch_records",
            "Records of one flush",
            buckets=(0, 1, 10, 100, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000),
            registry=registry,
        )
        self.emissions = Gauge(
            "meter_reading_emissions_grams",
            "Central CO2e of the newest quarter-hour's readings, by channel and country; 0 when none followed",
            ("channel", "country"),
            registry=registry,
        )
        self.window_ids = Gauge("meter_window_ids", "Ids remembered against duplicates", partition, registry=registry)
        self.window_bytes = Gauge(
            "meter_window_bytes",
            "Memory of the remembered ids, by the measured bytes an id",
            partition,
            registry=registry,
        )
        self.window_bound = Gauge(
            "meter_window_offsets_bound",
            "1 when the number of offsets ended a window before its horizon",
            partition,
            registry=registry,
        )
        self.dead_letters = Counter(
            "meter_dead_letters_total", "Dead letters by the field at fault", ("topic", "reason"), registry=registry
        )
        self.balance_difference = Gauge(
            "meter_balance_difference",
            "Offsets not accounted for; 0 or something is broken",
            partition,
            registry=registry,
        )
        self.lost = Gauge("meter_lost_records", "Offsets booked as lost", partition, registry=registry)
        self.epoch = Gauge("meter_log_epoch", "Log epoch of a partition", partition, registry=registry)
        self.stopped = Gauge("meter_partition_stopped", "1 when a partition is stopped", partition, registry=registry)
        self.rebuild_seconds = Histogram(
            "meter_window_rebuild_seconds", "Duration of rebuilding a duplicate window", registry=registry
        )
        self._quarters: dict[tuple[str, str], tuple[float, dict[tuple[str, int, str, str, str], int]]] = {}
        self._as_of: dict[tuple[str, int], float] = {}

    def flushed(self, position: Position, counts: Counts, *, seconds: float) -> None:
        """Take over what one committed flush did."""
        topic = position.topic
        for outcome in OUTCOMES:
            amount = getattr(counts, outcome)
            if amount:
                self.events.labels(topic, outcome).inc(amount)
        if counts.late:
            self.late.labels(topic).inc(counts.late)
        for why, amount in (("key", counts.duplicate_unprovable), ("late", counts.late_unprovable)):
            if amount:
                self.unprovable.labels(topic, why).inc(amount)
        self.flush_seconds.observe(seconds)
        self.batch_records.observe(counts.counted + counts.duplicate + counts.rejected)
        self.position(position)

    def window(self, position: Position, window: Window) -> None:
        """Show how much a partition's duplicate window remembers."""
        labels = (position.topic, str(position.partition))
        ids = len(window)
        self.window_ids.labels(*labels).set(ids)
        self.window_bytes.labels(*labels).set(ids * BYTES_PER_ID)
        self.window_bound.labels(*labels).set(window.offsets_bound)

    def lag(self, position: Position, end: int | None, now: datetime) -> None:
        """Show how far behind a partition is. ``end``: offset after its last record, ``None`` when it is unknown."""
        labels = (position.topic, str(position.partition))
        if end is not None:
            self.lag_records.labels(*labels).set(max(0, end - position.next_offset))
        self.lag_seconds.labels(*labels).set(max(0.0, (now - position.as_of).total_seconds()))

    def position(self, position: Position) -> None:
        """Show a partition's committed position."""
        labels = (position.topic, str(position.partition))
        self.as_of.labels(*labels).set(position.as_of.timestamp())
        self.balance_difference.labels(*labels).set(position.balance.difference)
        self.lost.labels(*labels).set(position.balance.lost)
        self.epoch.labels(*labels).set(position.log_epoch)
        self.stopped.labels(*labels).set(1 if position.stopped else 0)
        for outcome in OUTCOMES:
            self.events.labels(position.topic, outcome)  # an alert on a rate must see the zero before the first one
        self._as_of[position.topic, position.partition] = position.as_of.timestamp()
        for key in self._quarters:
            self._end_old_quarter(key)

    def gone(self, topic: str, partition: int) -> None:
        """Take a partition that moved to another process off the gauges."""
        labels = (topic, str(partition))
        gauges = (
            self.lag_records, self.lag_seconds, self.as_of, self.window_ids, self.window_bytes, self.window_bound,
            self.balance_difference, self.lost, self.epoch, self.stopped,
        )  # fmt: skip
        for gauge in gauges:
            if labels in gauge._metrics:
                gauge.remove(*labels)
        self._as_of.pop((topic, partition), None)
        for key, (newest, registers) in list(self._quarters.items()):
            left = {register: amount for register, amount in registers.items() if register[:2] != (topic, partition)}
            if len(left) < len(registers):
                self._quarters[key] = (newest, left)
                self.emissions.labels(*key).set(sum(left.values()) / 1e6)

    def reading(self, reading: Reading) -> None:
        """Show the emissions of the newest quarter-hour of a channel and country."""
        if reading.emissions_ug is None:
            return
        key = (str(reading.channel), reading.country or "unknown")
        stamp = reading.quarter.timestamp()
        newest, registers = self._quarters.get(key, (stamp, {}))
        if stamp > newest:
            newest, registers = stamp, {}
        if stamp == newest:
            register = (reading.topic, reading.partition, reading.shop, reading.detail, reading.payer)
            registers[register] = reading.emissions_ug.central
            self._quarters[key] = (newest, registers)
            self.emissions.labels(*key).set(sum(registers.values()) / 1e6)
            self._end_old_quarter(key)

    def _end_old_quarter(self, key: tuple[str, str]) -> None:
        """Show 0 once every partition that a quarter-hour came from is counted far beyond it."""
        newest, registers = self._quarters[key]
        end = newest + SHOWN_SECONDS
        if registers and all(self._as_of.get(register[:2], 0.0) >= end for register in registers):
            registers.clear()
            self.emissions.labels(*key).set(0)


def metrics_page() -> str:
    """``docs/metrics.md``: every metric with type, labels and meaning."""
    metrics = MeterMetrics(CollectorRegistry())
    lines = [
        "# Metrics of the meters",
        "",
        "At `/metrics` of each meter process. Written by `python -m shared.metrics > docs/metrics.md`, and compared.",
        "",
        "| metric | type | labels | meaning |",
        "|---|---|---|---|",
    ]
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            name = metric._name + ("_total" if metric._type == "counter" else "")
            labels = ", ".join(metric._labelnames) or "-"
            lines.append(f"| `{name}` | {metric._type} | {labels} | {metric._documentation} |")
    lines += [
        "",
        "Alert when `meter_balance_difference` is not 0, `meter_partition_stopped` is 1, `meter_lost_records` grows,",
        "`meter_lag_seconds` stays above a minute, or `meter_window_offsets_bound` is 1.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(metrics_page())
