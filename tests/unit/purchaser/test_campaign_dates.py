"""A date that does not exist is an error with its line, not a traceback."""

from __future__ import annotations

import pytest

from offset_purchaser.campaign_file import parse
from shared.errors import Rejected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("campaigns:\n  - id: a\n    first_day: 2026-11-31\n", "c.yaml:3: not a date or number that exists"),
        ("a:\n  b: 2026-11-27T99:00:00Z\n", "c.yaml:2: not a date or number that exists"),
        ("[" * 5_000, "c.yaml"),
    ],
)
def test_a_value_that_does_not_exist_names_its_line(text: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        parse(text.encode(), "c.yaml")
