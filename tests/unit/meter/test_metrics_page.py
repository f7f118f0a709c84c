"""docs/metrics.md names every metric of the meters, with its labels and meaning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from shared.meter.position import Counts, Position
from shared.metrics import MeterMetrics, metrics_page
from shared.readings import Balance, EmissionsUg, Reading


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


QUARTER = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)


def position(partition: int, as_of: datetime) -> Position:
    balance = Balance(first_offset=0, next_offset=1, counted=1)
    return Position("shipments", partition, 0, balance, 0, None, as_of, 1, "")


def reading(partition: int, quarter: datetime, grams: int) -> Reading:
    mass = EmissionsUg(low=grams * 500_000, central=grams * 1_000_000, high=grams * 2_000_000)
    return Reading(
        log_epoch=0, topic="shipments", partition=partition, quarter=quarter, channel="delivery", shop="a",
        country="FR", payer="", detail="", events=1, activity={}, method="m", method_version="1", factor_set="f",
        factor_set_sha256="", factor_group="g", ghg_scope=3, ghg_category="4", data_quality=3, emissions_ug=mass,
        revision=0, through_offset=1,
    )  # fmt: skip


def delivered(metrics: MeterMetrics) -> float | None:
    labels = {"channel": "delivery", "country": "FR"}
    return metrics.registry.get_sample_value("meter_reading_emissions_grams", labels)


def test_the_newest_quarter_hour_is_shown_until_the_next_one_has_ended_without_any() -> None:
    metrics = MeterMetrics(CollectorRegistry())
    metrics.reading(reading(0, QUARTER, 60))
    metrics.reading(reading(1, QUARTER, 40))
    metrics.position(position(0, QUARTER + timedelta(minutes=30)))
    metrics.position(position(1, QUARTER + timedelta(minutes=29)))
    assert delivered(metrics) == 100
    metrics.position(position(1, QUARTER + timedelta(minutes=30)))
    assert delivered(metrics) == 0
    metrics.reading(reading(1, QUARTER + timedelta(minutes=30), 7))
    assert delivered(metrics) == 7


def test_a_reading_of_a_day_long_past_is_not_shown_as_what_is_emitted_now() -> None:
    metrics = MeterMetrics(CollectorRegistry())
    metrics.position(position(0, QUARTER + timedelta(days=2)))
    metrics.reading(reading(0, QUARTER, 60))
    assert delivered(metrics) == 0


def test_a_partition_that_moved_away_takes_its_share_of_the_quarter_hour_along() -> None:
    metrics = MeterMetrics(CollectorRegistry())
    metrics.reading(reading(0, QUARTER, 60))
    metrics.reading(reading(1, QUARTER, 40))
    metrics.gone("shipments", 0)
    assert delivered(metrics) == 40


def test_a_rejected_event_has_a_zero_before_the_first_one() -> None:
    metrics = MeterMetrics(CollectorRegistry())
    metrics.position(position(0, QUARTER))
    labels = {"topic": "shipments", "outcome": "rejected"}
    assert metrics.registry.get_sample_value("meter_events_total", labels) == 0


def test_every_metric_has_a_meaning_and_a_name_with_its_unit_or_kind() -> None:
    for metric in MeterMetrics(CollectorRegistry()).registry.collect():
        assert metric.documentation
        assert metric.name.startswith("meter_")
