"""Stripe Climate against the vendor's own stripe-mock. Needs ``STRIPE_MOCK_URL``; the container suite sets it.

go install github.com/stripe/stripe-mock@latest && stripe-mock -http-port 12111 &
STRIPE_MOCK_URL=http://127.0.0.1:12111 pytest tests/container/test_providers_stripe_mock.py
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from offset_purchaser.providers.stripe_climate import StripeClimate
from shared.errors import Rejected
from tests.contract.test_providers import leg, order

URL = os.environ.get("STRIPE_MOCK_URL", "")
pytestmark = pytest.mark.skipif(not URL, reason="STRIPE_MOCK_URL is not set")


@pytest_asyncio.fixture
async def stripe_mock() -> AsyncIterator[StripeClimate]:
    provider = StripeClimate("sk_test_123", URL, 10)
    yield provider
    await provider.close()


async def test_an_order_is_accepted_by_the_vendors_own_schema(stripe_mock: StripeClimate) -> None:
    answer = await stripe_mock.place(order(), stripe_mock.request(order(), leg("stripe-climate"), "Exemple SAS"))
    assert answer.reference.startswith("climorder_")
    assert answer.project_id == "climsku_frontier_2027"
    status = await stripe_mock.status(replace(order(), reference=answer.reference))
    assert status is not None
    assert status.registry == "Stripe Climate"


async def test_a_cancellation_is_accepted_by_the_vendors_own_schema(stripe_mock: StripeClimate) -> None:
    placed = await stripe_mock.place(order(), stripe_mock.request(order(), leg("stripe-climate"), "Exemple SAS"))
    answer = await stripe_mock.cancel(replace(order(), reference=placed.reference))
    assert answer is not None
    assert answer.reference.startswith("climorder_")


async def test_the_listing_is_searched_by_metadata(stripe_mock: StripeClimate) -> None:
    assert await stripe_mock.find(order()) is None


async def test_a_product_has_prices_by_currency(stripe_mock: StripeClimate) -> None:
    with pytest.raises(Rejected, match=r"has no price in EUR \(it has usd\)"):
        await stripe_mock.quote(order(), leg("stripe-climate"))
    dollars = leg("stripe-climate").model_copy(update={"currency": "USD"})
    quote = await stripe_mock.quote(replace(order(), quantity_g=1), dollars)
    assert quote is not None
    assert quote.currency == "USD"


async def test_a_parameter_that_stripe_does_not_know_is_refused(stripe_mock: StripeClimate) -> None:
    with pytest.raises(Rejected):
        await stripe_mock.place(order(), b'{"product":"p","metric_tons":"1","surprise":"yes"}')
