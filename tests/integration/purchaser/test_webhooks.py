"""Outgoing webhooks before a real HTTP server that fails, hangs, and checks signature and order."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest_asyncio
import uvicorn
from fastapi import FastAPI, Request, Response
from tests.integration.purchaser.calling import Api, Caller
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import everything, free_port

from offset_purchaser.handlers.webhooks import WebhookSender
from offset_purchaser.keys import Role

STORY = ["order.planned", "order.ready", "order.confirmed", "document.issued"]


@dataclass
class Receiver:
    """A receiver as a customer would write one: it believes nothing that is not signed."""

    secret: str = ""
    old_secret: str = ""
    answers: list[int] = field(default_factory=list)
    """What the next requests are answered; 0 hangs until it is let go."""
    heard: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    asked: int = 0
    let_go: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        app = FastAPI()
        self.port = free_port()

        app.add_api_route("/hook", self.hook, methods=["POST"])
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=self.port, log_level="critical"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)

    def stop(self) -> None:
        self.let_go.set()
        self._server.should_exit = True
        self._thread.join(5)

    async def hook(self, request: Request) -> Response:
        body = await request.body()
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else 204
        if answer == 0:
            await asyncio.to_thread(self.let_go.wait, 30)
            return Response(status_code=204)
        if answer >= 300:
            return Response(b"x" * 10_000, answer, {"Location": "http://127.0.0.1:1/"})
        signatures = request.headers["webhook-signature"].split()
        assert self.signature(self.secret, request, body) in signatures
        if self.old_secret:
            assert self.signature(self.old_secret, request, body) in signatures
        self.ids.append(request.headers["webhook-id"])
        self.heard.append(json.loads(body))
        return Response(status_code=answer)

    @staticmethod
    def signature(secret: str, request: Request, body: bytes) -> str:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        stamp = request.headers["webhook-timestamp"]
        signed = request.headers["webhook-id"].encode() + b"." + stamp.encode() + b"." + body
        return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


@dataclass
class Hooked:
    """A world with one endpoint."""

    api: Api
    anna: Caller
    receiver: Receiver
    sender: WebhookSender
    path: str

    async def buys(self) -> None:
        await self.api.world.campaigns(CAMPAIGN)
        await self.api.world.feed(reading(grams=1_000_000), progress())
        await everything(self.api.world)

    async def send(self) -> int:
        return await self.sender.run(self.api.world.term)

    async def endpoint(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.anna.get(self.path)).json()
        return found


@pytest_asyncio.fixture
async def hooked(api: Api) -> AsyncIterator[Hooked]:
    settings = api.world.context.settings
    object.__setattr__(settings, "webhooks_private", True)
    receiver = Receiver()
    receiver.start()
    anna = await api.caller()
    made = await anna.post("/v1/webhooks", {"url": f"http://127.0.0.1:{receiver.port}/hook"})
    assert made.status_code == 200, made.text
    receiver.secret = made.json()["secret"]
    sender = WebhookSender(api.world.context)
    yield Hooked(api, anna, receiver, sender, f"/v1/webhooks/{made.json()['endpoint_id']}")
    await sender.close()
    receiver.stop()


async def test_a_bought_day_is_told_signed_and_in_order(hooked: Hooked) -> None:
    await hooked.buys()
    assert await hooked.send() == 4
    assert [message["type"] for message in hooked.receiver.heard] == STORY
    numbers = [message["sequence"] for message in hooked.receiver.heard]
    assert numbers == sorted(numbers)
    assert hooked.receiver.heard[2]["data"]["amount"] == "22.00"
    assert hooked.receiver.ids == [message["data"]["event_id"] for message in hooked.receiver.heard]
    assert await hooked.send() == 0
    assert ((await hooked.endpoint())["delivered"], (await hooked.endpoint())["waiting"]) == (4, 0)


async def test_a_failing_receiver_is_asked_again_later_and_hears_everything_in_order(hooked: Hooked) -> None:
    await hooked.buys()
    hooked.receiver.answers = [500, 302, 429]
    for wait_s, asked in ((0, 1), (4, 1), (1, 2), (10, 3), (19, 3), (1, 7)):
        hooked.api.world.clock.pass_by(seconds=wait_s)
        await hooked.send()
        assert hooked.receiver.asked == asked, wait_s
    assert [message["type"] for message in hooked.receiver.heard] == STORY
    log = (await hooked.anna.get(f"{hooked.path}/attempts")).json()
    assert [(entry["status"], entry["outcome"]) for entry in log] == [
        *[(204, "delivered")] * 4, (429, "answered 429"), (302, "answered 302"), (500, "answered 500"),
    ]  # fmt: skip
    assert {entry["lane"] for entry in log} == {"bf/2026-11-27"}


async def test_a_hanging_receiver_costs_a_time_out_and_is_asked_again(hooked: Hooked) -> None:
    await hooked.buys()
    hooked.receiver.answers = [0]
    assert await hooked.send() == 0
    assert (await hooked.anna.get(f"{hooked.path}/attempts")).json()[0]["outcome"] == "no answer: ReadTimeout"
    hooked.api.world.clock.pass_by(seconds=5)
    assert await hooked.send() == 4


async def test_a_receiver_that_is_down_is_logged_and_the_order_waits_behind_it(hooked: Hooked) -> None:
    await hooked.buys()
    hooked.receiver.stop()
    assert await hooked.send() == 0
    log = (await hooked.anna.get(f"{hooked.path}/attempts")).json()
    ((status, outcome),) = [(entry["status"], entry["outcome"]) for entry in log]
    assert status is None
    assert outcome in {"no connection: ConnectError", "no answer: TimeoutError"}  # whichever limit ends first
    assert (await hooked.endpoint())["waiting"] == 4


async def test_two_days_do_not_wait_for_one_another(hooked: Hooked) -> None:
    text = CAMPAIGN.replace("last_day: 2026-11-27", "last_day: 2026-11-28")
    await hooked.api.world.campaigns(text)
    await hooked.api.world.feed(reading(grams=1_000_000), progress())
    later = reading(1, 2_000_000, quarter=reading().quarter.replace(day=28))
    await hooked.api.world.feed(later, progress(11))
    await everything(hooked.api.world)
    hooked.receiver.answers = [500]
    await hooked.send()
    days = [message["data"]["day"] for message in hooked.receiver.heard]
    assert len(days) == 4
    assert len(set(days)) == 1


async def test_after_a_rotation_both_secrets_sign_for_a_day(hooked: Hooked) -> None:
    await hooked.buys()
    hooked.receiver.old_secret = hooked.receiver.secret
    hooked.receiver.secret = (await hooked.anna.post(f"{hooked.path}/rotate", {})).json()["secret"]
    assert await hooked.send() == 4
    hooked.api.world.clock.pass_by(hours=24)
    hooked.receiver.old_secret = ""
    await hooked.anna.post(f"{hooked.path}/resend", {"sequence": hooked.receiver.heard[0]["sequence"]})
    assert await hooked.send() == 1


async def test_a_message_is_sent_again_under_its_own_id(hooked: Hooked) -> None:
    await hooked.buys()
    await hooked.send()
    third = hooked.receiver.heard[2]["sequence"]
    assert (await hooked.anna.post(f"{hooked.path}/resend", {"sequence": third})).status_code == 200
    assert await hooked.send() == 1
    assert hooked.receiver.ids[4] == hooked.receiver.ids[2]
    assert (await hooked.anna.post(f"{hooked.path}/resend", {"sequence": 10**9})).status_code == 404


async def test_an_endpoint_that_is_gone_or_away_for_days_is_switched_off_and_goes_on_later(hooked: Hooked) -> None:
    await hooked.buys()
    hooked.receiver.answers = [410]
    await hooked.send()
    assert (await hooked.endpoint())["disabled_reason"] == "the receiver says it is gone"
    assert (await hooked.anna.post(f"{hooked.path}/enable", {})).status_code == 200
    hooked.receiver.answers = [500, 500]
    await hooked.send()
    hooked.api.world.clock.pass_by(days=3, seconds=1)
    await hooked.send()
    assert (await hooked.endpoint())["disabled_reason"] == "away for three days: answered 500"
    assert await hooked.send() == 0
    await hooked.anna.post(f"{hooked.path}/enable", {})
    assert await hooked.send() == 4


async def test_without_the_setting_a_private_address_is_refused_at_registration_and_at_every_attempt(
    hooked: Hooked,
) -> None:
    await hooked.buys()
    object.__setattr__(hooked.api.world.context.settings, "webhooks_private", False)
    for url in ("http://127.0.0.1/", "https://127.0.0.1/", "https://192.168.1.1/", "https://[::ffff:127.0.0.1]/"):
        assert (await hooked.anna.post("/v1/webhooks", {"url": url})).status_code == 422
    await hooked.anna.post("/v1/webhooks", {"url": "https://localhost/"})
    await hooked.send()
    assert hooked.receiver.asked == 0
    assert (await hooked.anna.get(f"{hooked.path}/attempts")).json()[0]["outcome"] == "url: https is needed"


async def test_a_secret_is_never_shown_again_and_only_an_admin_registers(hooked: Hooked) -> None:
    assert hooked.receiver.secret not in (await hooked.anna.get("/v1/webhooks")).text
    ben = await hooked.api.caller(Role.APPROVE, "Ben")
    assert (await ben.post("/v1/webhooks", {"url": "https://example.com/"})).status_code == 403


async def test_an_address_that_no_resolver_understands_is_a_failed_attempt_and_stops_nothing(hooked: Hooked) -> None:
    other = await hooked.anna.post("/v1/webhooks", {"url": f"http://127.0.0.1:{hooked.receiver.port}/other"})
    assert other.status_code == 200, other.text
    change = "UPDATE webhook_endpoints SET url = $2 WHERE endpoint_id = $1"
    broken = other.json()["endpoint_id"]
    await hooked.api.world.pool.execute(change, UUID(broken), "https://erp..example.com/hook")
    await hooked.buys()
    await hooked.send()
    assert [message["type"] for message in hooked.receiver.heard] == STORY
    log = (await hooked.anna.get(f"/v1/webhooks/{broken}/attempts")).json()
    assert [(entry["status"], "not the name of a host" in entry["outcome"]) for entry in log] == [(None, True)]
