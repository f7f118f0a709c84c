"""A setting that cannot be read is named as people set it."""

from __future__ import annotations

import pytest

from shared.errors import Rejected
from shared.meter.settings import MeterSettings


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("nope", "not JSON (set the environment variable METER_EXPECTED_RATES)"),
        ('{"site": -1}', "site: Input should be greater than or equal to 0 (set the environment variable "
                         "METER_EXPECTED_RATES)"),
        ("[]", "Input should be a valid dictionary (set the environment variable METER_EXPECTED_RATES)"),
    ],
)  # fmt: skip
def test_rates_that_are_none_name_the_variable(monkeypatch: pytest.MonkeyPatch, value: str, said: str) -> None:
    monkeypatch.setenv("METER_EXPECTED_RATES", value)
    with pytest.raises(Rejected) as raised:
        MeterSettings.load()
    assert (raised.value.reason, raised.value.field) == (said, "METER_EXPECTED_RATES")
