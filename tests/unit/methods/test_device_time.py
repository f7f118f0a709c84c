"""Time on the device: what an unknown country and an absent dwell time do."""

from __future__ import annotations

from tests.unit.methods.support import central, close, segment, traffic

HOUR = {"method": "device-time", "kind": "engagement", "dwell_ms": 3_600_000, "device": "smartphone"}


def test_a_device_of_an_unknown_country_runs_on_embers_world_of_472_94_g() -> None:
    found = traffic(**HOUR)

    assert close(segment(found, "device.use"), "2.12823")
    assert "visitor-country-unknown:world-grid" in found["flags"]
    assert found["method_version"] == "2"


def test_bytes_without_a_dwell_time_are_flagged_and_of_quality_2() -> None:
    page = {"method": "device-time", "bytes_transferred": 1_000_000, "device": "laptop", "country": "FR"}
    bare = traffic(**page, hosting_country="FR")
    timed = traffic(**page, hosting_country="FR", dwell_ms=1000)

    assert "dwell_ms:missing" in bare["flags"]
    assert bare["data_quality"] == 2
    assert "dwell_ms:missing" not in timed["flags"]
    assert timed["data_quality"] == 4
    assert central(timed) > central(bare)
