"""Stripe Climate against the vendor's own stripe-mock, which answers by Stripe's published schema."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from demo.session import free_port
from offset_purchaser.providers.stripe_climate import StripeClimate
from shared.errors import Rejected
from tests.container.compose import wait_for
from tests.contract.test_providers import leg, order

STRIPE_MOCK = "github.com/stripe/stripe-mock@v0.197.0"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of ``STRIPE_MOCK_URL``, or of a process of our own: the installed ``stripe-mock``, else built with Go."""
    if given := os.environ.get("STRIPE_MOCK_URL"):
        yield given
        return
    port = free_port()
    program = shutil.which("stripe-mock") or _built(tmp_path_factory.mktemp("stripe"))
    process = subprocess.Popen([program, "-http-port", str(port)], stdout=subprocess.DEVNULL)
    try:
        found = f"http://127.0.0.1:{port}"
        wait_for("stripe-mock", lambda: httpx.get(found).status_code == 401)  # it wants a key, as Stripe does
        yield found
    finally:
        process.terminate()
        process.wait(10)


def _built(folder: Path) -> str:
    go = shutil.which("go")
    if go is None and os.environ.get("CI") == "true":
        pytest.fail("CI must have stripe-mock, Go to build it, or STRIPE_MOCK_URL")
    if go is None:
        pytest.skip("needs stripe-mock, Go to build it, or STRIPE_MOCK_URL")
    environment = os.environ | {"GOBIN": str(folder)}
    done = subprocess.run(
        [go, "install", STRIPE_MOCK], env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return str(folder / "stripe-mock")


@pytest_asyncio.fixture
async def stripe_mock(url: str) -> AsyncIterator[StripeClimate]:
    provider = StripeClimate("sk_test_123", url, 10)
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
