"""`make smoke` itself, on the system that the container suite runs."""

from __future__ import annotations

import pytest

from tests.container.conftest import Ran
from tests.container.smoke import run

pytestmark = pytest.mark.timeout(1800)  # alone it waits for the campaign to end


def test_a_smoke_test_beside_another_campaign_counts_320_events_and_ends_with_a_document(ran: Ran) -> None:
    before = ran.compose.campaigns.read_bytes()
    found = run(ran.compose)
    (settlement,) = found["settlements"]
    assert settlement["document"]
    assert settlement["quantity_g"] > 0
    assert ran.compose.campaigns.read_bytes() == before
