"""The API of the service as people run it: one process, its commands, a real port."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime
from typing import Any

import httpx
from tests.integration.purchaser.feeding import progress, reading
from tests.integration.purchaser.process import Purchaser, publish
from tests.support import until

from local_stack import LocalStack

DAY = "2026-11-20"


async def test_a_key_made_by_command_opens_the_running_service_until_it_is_revoked(
    purchaser: Purchaser, stack: LocalStack
) -> None:
    purchaser.start()
    purchaser.wait_ready()
    secret = purchaser.command("keys", "create", "--role", "admin", "--name", "Anna Martin").strip()
    base = f"http://127.0.0.1:{purchaser.port}"
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    site = f"{purchaser.prefix}site-traffic"
    async with httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {secret}"}) as client:
        assert (await client.get("/v1/me")).json()["name"] == "Anna Martin"
        assert (await client.get("/v1/openapi.json", headers={"Authorization": ""})).status_code == 200
        assert (await client.get("/metrics")).status_code == 200
        topic = f"{purchaser.prefix}meter-readings"
        row = reading(grams=1_000_000, quarter=noon, topic=site)
        await publish(stack, topic, row, progress(topic=site, as_of=datetime.now(UTC)))

        async def total() -> Any:
            answer = await client.get(f"/v1/campaigns/bf/days/{DAY}")
            return answer.json().get("emissions", {}).get("total_g", {}).get("central")

        await until(total, lambda grams: grams == "1000000")
        purchaser.wait_complete()
        assert (await client.get("/v1/settlements")).json()["items"][0]["amount"] == "22.00"
        table = purchaser.command("totals", "bf", DAY)
        assert "1000000" in table
        assert "Credits, apart" in table
        assert json.loads(purchaser.command("totals", "bf", DAY, "--json"))["credits"]["confirmed_g"] == 1_000_000
        keys = json.loads(purchaser.command("keys", "list", "--json"))
        assert [(key["name"], key["role"], key["revoked_at"]) for key in keys] == [("Anna Martin", "admin", None)]
        secret_of_hook = purchaser.command("webhooks", "add", "https://example.com/hook", "--by", "Anna")
        assert secret_of_hook.startswith("whsec_")
        hooks = json.loads(purchaser.command("webhooks", "list", "--json"))
        assert purchaser.command("webhooks", "disable", hooks[0]["endpoint_id"]).endswith("is off\n")
        assert "Attempts" in purchaser.command("webhooks", "attempts", hooks[0]["endpoint_id"])
        purchaser.command("keys", "revoke", keys[0]["key_id"])

        async def status() -> int:
            return (await client.get("/v1/me")).status_code

        await until(status, lambda code: code == 401, seconds_max=4)
    assert purchaser.end(signal.SIGTERM) < 10
    assert secret not in (purchaser.folder / "purchaser.log").read_text()
