"""The start is refused when the duplicate windows cannot fit."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from shared.errors import Rejected
from shared.meter import memory
from shared.meter.memory import check_memory, check_windows_fit
from shared.meter.settings import MeterSettings
from traffic_meter.channels import CHANNELS

MEASURED_BYTES_PER_ID = memory.BYTES_PER_ID


@pytest.fixture(autouse=True)
def hundred_bytes_an_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "BYTES_PER_ID", 100)


def test_the_defaults_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "BYTES_PER_ID", MEASURED_BYTES_PER_ID)
    assert check_memory(CHANNELS, MeterSettings(), partitions=4) < 768 - memory.PROCESS_MB


def test_a_horizon_at_a_rate_that_needs_more_than_the_limit_is_refused_with_both_numbers() -> None:
    with pytest.raises(Rejected) as raised:
        check_windows_fit(CHANNELS, {"site": 5_000}, memory_limit_mb=719, offsets_max=5_000_000, partitions=4)
    text = str(raised.value)
    assert "need 560 MB: site 560 MB (5000 a second for 15 minutes)" in text
    assert "limit of 719 MB" in text
    assert check_windows_fit(CHANNELS, {"site": 5_000}, memory_limit_mb=720, offsets_max=5_000_000, partitions=4) == 560


def test_a_window_of_fewer_offsets_than_a_horizon_brings_is_refused() -> None:
    with pytest.raises(Rejected, match=r"17,280,000 ids that email brings in 1440 minutes at 200 a second"):
        check_windows_fit(CHANNELS, {"email": 200}, memory_limit_mb=9_000, offsets_max=4_319_999, partitions=4)
    assert check_windows_fit(CHANNELS, {"email": 200}, memory_limit_mb=9_000, offsets_max=4_320_000, partitions=4)


def test_a_rate_of_a_channel_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Rejected, match="no channel sites here; there are site, email, ads"):
        check_memory(CHANNELS, MeterSettings(expected_rates={"sites": 1}), partitions=4)


def test_a_meter_without_windows_needs_nothing() -> None:
    assert check_memory((), MeterSettings(memory_limit_mb=1), partitions=4) == 0


def test_what_the_page_on_scale_sets_for_each_rate_is_taken_by_the_start_check(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "BYTES_PER_ID", MEASURED_BYTES_PER_ID)
    page = (repository / "docs/scale.md").read_text()
    partitions = dict(re.findall(r"^\| (10.) \| (\d+) \|", page, re.MULTILINE))
    rows = re.findall(r"^\| (10.) \| `(\{.+?\})` \| (\d+) \| (\d+) MB \| (\d+) \|$", page, re.MULTILINE)
    assert [row[0] for row in rows] == list(partitions) == ["10³", "10⁴", "10⁵"]
    for peak, rates, offsets, windows, limit in rows:
        settings = MeterSettings(
            expected_rates=json.loads(rates), window_offsets_max=int(offsets), memory_limit_mb=int(limit)
        )
        needed = check_memory(CHANNELS, settings, int(partitions[peak]))
        assert needed == int(windows)
        assert needed + memory.PROCESS_MB <= settings.memory_limit_mb
        if peak != "10³":
            with pytest.raises(Rejected):
                check_memory(CHANNELS, MeterSettings(expected_rates=json.loads(rates)), int(partitions[peak]))
