"""docs/metrics.md names every metric of the meters, with its labels and meaning."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry

from shared.metrics import MeterMetrics, metrics_page


def test_the_page_is_what_the_code_says(repository: Path) -> None:
    page = (repository / "docs" / "metrics.md").read_text()
    assert page == metrics_page(), "write it again: python -m shared.metrics > docs/metrics.md"


def test_every_metric_has_a_meaning_and_a_name_with_its_unit_or_kind() -> None:
    for metric in MeterMetrics(CollectorRegistry()).registry.collect():
        assert metric.documentation
        assert metric.name.startswith("meter_")
