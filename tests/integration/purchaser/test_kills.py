"""kill -9 again and again while eight campaigns buy at a faulty provider.

``KILL_RUNS=20`` for more histories, ``KILL_FIRST`` begins at another seed.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time

import pytest
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.process import Purchaser, publish
from tests.integration.purchaser.world import SellerProcess

from local_stack import LocalStack

RUNS = int(os.environ.get("KILL_RUNS", "1"))
FIRST = int(os.environ.get("KILL_FIRST", "0"))
SHOPS = [f"S{n}" for n in range(8)]
GRAMS = 1_000_000


def campaigns() -> str:
    head, entry = CAMPAIGN.split("campaigns:\n")
    entry = entry.replace("2026-11-27", "2026-11-20")
    return (
        head
        + "campaigns:\n"
        + "".join(entry.replace("id: bf", f"id: {s.lower()}").replace("[FR]", f"[{s}]") for s in SHOPS)
    )


@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + RUNS))
async def test_killed_again_and_again_every_campaign_is_bought_once(
    seed: int, stack: LocalStack, purchaser: Purchaser, seller_process: SellerProcess
) -> None:
    dice = random.Random(seed)
    purchaser.environment |= {"PURCHASER_LEASE_S": "1.5", "PURCHASER_LEASE_RENEW_S": "0.3"}
    (purchaser.folder / "campaigns.yaml").write_text(campaigns())
    for _ in range(6):
        kind = dice.choice(["lose_response", "status", "delay", "duplicate"])
        seller_process.fault(kind=kind, status=500, after=dice.random() < 0.5, store=dice.random() < 0.5, seconds=0.5)
    topic = purchaser.prefix + "site-traffic"
    at = reading().quarter.replace(day=20)
    messages = [reading(10, GRAMS, topic=topic, quarter=at, shop=shop) for shop in SHOPS]
    await publish(stack, purchaser.prefix + "meter-readings", *messages, progress(80, topic=topic))
    for _ in range(5):
        purchaser.start()
        await asyncio.sleep(dice.uniform(1.5, 5))
        purchaser.end(signal.SIGKILL)
    seller_process.post("/v1/mend")
    purchaser.start()
    deadline = time.monotonic() + 120
    while True:
        report = await asyncio.to_thread(purchaser.report)
        ends = [s for day in report["days"] for s in day["settlements"]]
        done = [s for s in ends if s["state"] == "complete" or s["order_state"] == "unknown"]
        if len(ends) == len(SHOPS) == len(done):
            break
        assert time.monotonic() < deadline, ends
        await asyncio.sleep(0.5)
    bought = seller_process.orders()
    assert len({order["order_id"] for order in bought}) == len(bought), "bought twice"
    complete = [s for s in ends if s["state"] == "complete"]
    assert sum(s["quantity_g"] for s in complete) == GRAMS * len(complete)
    assert {s["order_id"] for s in complete} <= {order["order_id"] for order in bought}
    purchaser.command("reconcile", "--json")
