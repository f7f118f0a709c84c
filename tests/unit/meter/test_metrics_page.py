"""docs/metrics.md names every metric of the meters, with its labels and meaning."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from shared.meter.position import Counts, Position
from shared.metrics import MeterMetrics, metrics_page
from shared.readings import Balance


def test_the_page_is_what_the_code_says(repository: Path) -> None:
    page = (repository / "docs" / "metrics.md").read_text()
    assert page == metrics_page(), "write it again: python -m shared.metrics > docs/metrics.md"


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("meter_events", ("topic", "outcome")),
        ("meter_lag_records", ("topic", "partition")),
        ("meter_lag_seconds", ("topic", "partition")),
        ("meter_flush_seconds", ()),
        ("meter_batch_records", ()),
        ("meter_reading_emissions_grams", ("channel", "country")),
        ("meter_as_of_timestamp_seconds", ("topic", "partition")),
        ("meter_window_bytes", ("topic", "partition")),
        ("meter_window_offsets_bound", ("topic", "partition")),
        ("meter_dead_letters", ("topic", "reason")),
        ("meter_balance_difference", ("topic", "partition")),
        ("meter_lost_records", ("topic", "partition")),
        ("meter_log_epoch", ("topic", "partition")),
        ("meter_partition_stopped", ("topic", "partition")),
        ("meter_unprovable_events", ("topic", "why")),
    ],
)
def test_what_operators_watch_has_its_name_and_labels(name: str, labels: tuple[str, ...]) -> None:
    metrics = vars(MeterMetrics(CollectorRegistry())).values()
    (found,) = [one for one in metrics if isinstance(one, MetricWrapperBase) and one._name == name]
    assert found._labelnames == labels


def test_a_flush_is_shown_by_outcome_and_by_what_cannot_be_proved() -> None:
    metrics = MeterMetrics(CollectorRegistry())
    balance = Balance(
        first_offset=0, next_offset=10, counted=6, duplicate=1, rejected=2, skipped=1, lost=0, late=3,
        late_unprovable=2, duplicate_unprovable=4,
    )  # fmt: skip
    position = Position("site", 0, 2, balance, 0, None, datetime(2026, 11, 27, tzinfo=UTC), 1, "")
    metrics.flushed(position, Counts(6, 1, 2, 1, 3, 2, 4), seconds=0.002)

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, labels)

    outcomes = ("counted", "duplicate", "rejected", "skipped")
    assert [value("meter_events_total", topic="site", outcome=o) for o in outcomes] == [6, 1, 2, 1]
    assert value("meter_late_events_total", topic="site") == 3
    assert value("meter_unprovable_events_total", topic="site", why="late") == 2
    assert value("meter_unprovable_events_total", topic="site", why="key") == 4
    assert value("meter_log_epoch", topic="site", partition="0") == 2
    assert value("meter_balance_difference", topic="site", partition="0") == 0
    metrics.gone("site", 0)
    assert value("meter_log_epoch", topic="site", partition="0") is None


def test_every_metric_has_a_meaning_and_a_name_with_its_unit_or_kind() -> None:
    for metric in MeterMetrics(CollectorRegistry()).registry.collect():
        assert metric.documentation
        assert metric.name.startswith("meter_")
