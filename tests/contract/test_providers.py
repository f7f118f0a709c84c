"""One contract for all providers: what each declares is true against good, flaky and success-then-timeout servers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from offset_purchaser.order import Order, OrderState
from offset_purchaser.providers import PROVIDERS, provider_kind
from offset_purchaser.providers.base import BOUGHT, Progress, Provider
from offset_purchaser.sandbox_service.app import create_app
from offset_purchaser.sandbox_service.book import Book, Conduct
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.terms import Leg
from shared.errors import OutcomeUnknown, Rejected, Transient
from tests.mailbox import mail_server

NAMES = [kind.traits.name for kind in PROVIDERS]
HTTP = [name for name in NAMES if name != "manual"]
SUPPLIER = {"name": "Partner", "address_lines": ["1 street"], "country": "FR"}


def order(number: int = 1) -> Order:
    return Order(
        order_id=UUID(int=number), mode="rehearsal", legal_entity="e", campaign="c", buy_day=date(2026, 11, 27),
        number=1, leg="l", attempt=1, provider="p", state=OrderState.READY, quantity_g=2_000_000,
        price_per_tonne=Decimal(700), currency="EUR", amount=Decimal(1400), request=None,
        first_sent_at=datetime(2026, 11, 28, tzinfo=UTC), reference=None, certified=False, find_only=False, reminders=0,
        tries=0, last_sent_at=None, refusal="", last_deadline=None,
    )  # fmt: skip


def leg(provider: str) -> Leg:
    values = {"provider": provider, "price_per_tonne": 700, "currency": "EUR", "product": "climsku_frontier_2027",
              "supplier": SUPPLIER, "mail_to": "orders@partner.example" if provider == "manual" else ""}  # fmt: skip
    return Leg.model_validate(values)


class Running:
    """An ASGI application on a real port, in a thread."""

    def __init__(self, app: Any) -> None:
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(5)


@dataclass
class Stripe:
    """As much of Stripe's climate API as orders need, with its idempotency; ``next_fault`` makes it flaky."""

    orders: list[dict[str, Any]] = field(default_factory=list)
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    fault: str = ""
    port: int = 0

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/v1/climate/products/{product}")
        async def product(product: str) -> dict[str, Any]:
            prices = {"eur": {"amount_fees": 2000, "amount_subtotal": 58000, "amount_total": 60000}}
            return {"id": product, "object": "climate.product", "current_prices_per_metric_ton": prices,
                    "metric_tons_available": "500", "name": "Frontier", "suppliers": []}  # fmt: skip

        @app.post("/v1/climate/orders")
        async def create(request: Request) -> Response:
            form, key = dict(parse_qsl((await request.body()).decode())), request.headers["idempotency-key"]
            fault, self.fault = self.fault, ""
            if fault.isdigit():
                return JSONResponse({"error": {"message": "on demand", "type": "x"}}, int(fault))
            if key not in self.keys:
                self.keys[key] = self.book(form)
                self.orders.insert(0, self.keys[key])
            if fault == "lose":
                return Response(b"", 200, {"Content-Length": "4096"})
            return JSONResponse(self.keys[key])

        @app.get("/v1/climate/orders")
        async def listing() -> dict[str, Any]:
            return {"object": "list", "data": self.orders, "has_more": False, "url": "/v1/climate/orders"}

        @app.post("/v1/climate/orders/{order_id}/cancel")
        async def cancel(order_id: str) -> dict[str, Any]:
            found = next(found for found in self.orders if found["id"] == order_id)
            found["status"] = "canceled"
            return found

        @app.get("/v1/climate/orders/{order_id}")
        async def one(order_id: str) -> dict[str, Any]:
            return next(found for found in self.orders if found["id"] == order_id)

        return app

    def book(self, form: dict[str, str]) -> dict[str, Any]:
        tonnes = Decimal(form["metric_tons"])
        return {
            "id": f"climorder_{len(self.orders) + 1}", "object": "climate.order", "metric_tons": str(tonnes),
            "amount_fees": int(tonnes * 2000), "amount_subtotal": int(tonnes * 58000), "currency": form["currency"],
            "amount_total": int(tonnes * 60000), "status": "confirmed", "product": form["product"],
            "expected_delivery_year": 2027, "metadata": {"order_id": form["metadata[order_id]"]}, "created": 1,
            "certificate": None, "delayed_at": None, "product_substituted_at": None, "canceled_at": None,
        }  # fmt: skip


@dataclass
class Bench:
    """A provider's client and the server it talks to."""

    name: str
    provider: Provider
    server: Any
    leg: Leg

    def lose_the_next_response(self) -> None:
        match self.name:
            case "sandbox":
                self.server.faults.append({"kind": "lose_response"})
            case "manual":
                self.server.answers.append("drop")
            case _:
                self.server.fault = "lose"

    def effects(self) -> int:
        """How many orders the other side has taken."""
        match self.name:
            case "sandbox":
                return len(self.server.book.listing("", time.time() + 1))
            case "manual":
                return len(self.server.mails)
            case _:
                return len(self.server.orders)


class SandboxServer:
    """The sandbox in this process, on a real port."""

    def __init__(self, folder: Path) -> None:
        self.book = Book(str(folder / "sandbox.sqlite"), Conduct())
        self.running = Running(create_app(self.book))
        self.port = self.running.port

    @property
    def faults(self) -> Any:
        port = self.port

        class Posting:
            def append(self, fault: dict[str, Any]) -> None:
                assert httpx.post(f"http://127.0.0.1:{port}/v1/faults", json=fault).status_code == 202

        return Posting()

    def ahead(self, seconds: float) -> None:
        answer = httpx.post(f"http://127.0.0.1:{self.port}/v1/clock", json={"ahead_s": seconds})
        assert answer.status_code == 202


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(name: str, tmp_path: Path) -> Iterator[Any]:
    match name:
        case "sandbox":
            sandbox = SandboxServer(tmp_path)
            yield sandbox
            sandbox.running.stop()
        case "manual":
            with mail_server() as box:
                yield box
        case "stripe-climate":
            stripe = Stripe()
            running = Running(stripe.app())
            stripe.port = running.port
            yield stripe
            running.stop()
        case _:
            raise AssertionError(f"{name} has no bench here: add one, every provider is under contract")


def settings(port: int, folder: Path) -> PurchaserSettings:
    from pydantic import SecretStr

    url = f"http://127.0.0.1:{port}"
    return PurchaserSettings(
        sandbox_url=url,
        stripe_api_key=SecretStr("sk_test_123"),
        stripe_api_base=url,
        manual_folder=folder / "manual",
        smtp_url=f"smtp://127.0.0.1:{port}",
        smtp_from="orders@retail.example",
        http_timeout_s=1.0,
    )


@pytest_asyncio.fixture
async def bench(name: str, server: Any, tmp_path: Path) -> AsyncIterator[Bench]:
    provider = provider_kind(name).open(settings(server.port, tmp_path))
    yield Bench(name, provider, server, leg(name))
    await provider.close()


@pytest_asyncio.fixture
async def unreachable(name: str, tmp_path: Path) -> AsyncIterator[Provider]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    provider = provider_kind(name).open(settings(port, tmp_path))
    yield provider
    await provider.close()


def test_every_provider_declares_what_buying_from_it_needs(name: str) -> None:
    traits = provider_kind(name).traits
    assert traits.lot_g >= 1
    assert traits.key_lifetime is None or traits.key_lifetime >= timedelta(hours=1)
    assert traits.visibility_delay >= timedelta(0)
    assert traits.find != "none" or traits.visibility_delay == timedelta(0)


async def test_equal_orders_give_equal_bytes(bench: Bench) -> None:
    assert bench.provider.request(order(), bench.leg, "Exemple SAS") == bench.provider.request(
        order(), bench.leg, "Exemple SAS"
    )
    assert bench.provider.request(order(), bench.leg, "a") != bench.provider.request(order(2), bench.leg, "a")


async def test_a_good_server_takes_the_order_once_for_all_its_grams(bench: Bench) -> None:
    answer = await bench.provider.place(order(), bench.provider.request(order(), bench.leg, "Exemple SAS"))
    assert answer.reference
    assert answer.progress in BOUGHT | {Progress.PLACED}
    assert answer.filled_g == (2_000_000 if answer.progress in BOUGHT else 0)
    assert bench.effects() == 1


async def test_a_success_whose_answer_is_lost_is_unknown_and_never_said_to_have_failed(bench: Bench) -> None:
    body = bench.provider.request(order(), bench.leg, "Exemple SAS")
    bench.lose_the_next_response()
    with pytest.raises(OutcomeUnknown):
        await bench.provider.place(order(), body)
    assert bench.effects() == 1


async def test_with_keys_the_same_bytes_sent_again_have_no_second_effect(bench: Bench) -> None:
    if bench.provider.traits.key_lifetime is None:
        return
    body = bench.provider.request(order(), bench.leg, "Exemple SAS")
    bench.lose_the_next_response()
    with pytest.raises(OutcomeUnknown):
        await bench.provider.place(order(), body)
    answer = await bench.provider.place(order(), body)
    again = await bench.provider.place(order(), body)
    assert answer.reference == again.reference
    assert bench.effects() == 1


async def test_what_declares_a_lookup_finds_the_order_and_no_other(bench: Bench) -> None:
    if bench.provider.traits.find == "none":
        assert await bench.provider.find(order()) is None
        return
    body = bench.provider.request(order(), bench.leg, "Exemple SAS")
    placed = await bench.provider.place(order(), body)
    found = await bench.provider.find(order())
    assert found is not None
    assert (found.reference, found.filled_g, found.amount) == (placed.reference, placed.filled_g, placed.amount)
    assert await bench.provider.find(order(2)) is None


async def test_nobody_listening_means_no_byte_left(unreachable: Provider, name: str) -> None:
    with pytest.raises(Transient):
        await unreachable.place(order(), unreachable.request(order(), leg(name), "Exemple SAS"))


STATUS = [(429, Transient), (401, Transient), (400, Rejected), (422, Rejected), (409, OutcomeUnknown),
          (500, OutcomeUnknown), (503, OutcomeUnknown)]  # fmt: skip


@pytest.mark.parametrize(("status", "meaning"), STATUS)
async def test_every_http_status_has_one_meaning(bench: Bench, status: int, meaning: type[Exception]) -> None:
    if bench.name not in HTTP:
        return
    if bench.name == "sandbox":
        bench.server.faults.append({"kind": "status", "status": status})
    else:
        bench.server.fault = str(status)
    with pytest.raises(meaning):
        await bench.provider.place(order(), bench.provider.request(order(), bench.leg, "Exemple SAS"))


async def test_stripe_quotes_fees_included_and_refuses_what_is_sold_out(tmp_path: Path) -> None:
    stripe = Stripe()
    running = Running(stripe.app())
    provider = provider_kind("stripe-climate").open(settings(running.port, tmp_path))
    quote = await provider.quote(order(), leg("stripe-climate"))
    assert quote is not None
    assert (quote.price_per_tonne, quote.currency) == (Decimal("600.00"), "EUR")
    with pytest.raises(Rejected, match="only 500 t available"):
        await provider.quote(replace(order(), quantity_g=501_000_000), leg("stripe-climate"))
    await provider.close()
    running.stop()


async def test_the_manual_order_document_carries_its_stable_message_id_and_stays_in_the_folder(tmp_path: Path) -> None:
    with mail_server() as box:
        provider = provider_kind("manual").open(settings(box.port, tmp_path))
        await provider.place(order(), provider.request(order(), leg("manual"), "Exemple SAS"))
    assert box.mails[0]["Message-ID"] == "<00000000-0000-0000-0000-000000000001@offset-purchaser>"
    assert box.mails[0]["To"] == "orders@partner.example"
    assert "REHEARSAL, please ignore" in (tmp_path / "manual" / f"{UUID(int=1)}.txt").read_text()


async def test_a_manual_order_document_leaves_once_whatever_is_asked(tmp_path: Path) -> None:
    with mail_server() as box:
        provider = provider_kind("manual").open(settings(box.port, tmp_path))
        body = provider.request(order(), leg("manual"), "Exemple SAS")
        await provider.place(order(), body)
        with pytest.raises(OutcomeUnknown, match="is in the folder already"):
            await provider.place(order(), body)
    assert len(box.mails) == 1


@pytest.mark.parametrize(("reply", "meaning"), [("450 grey list", Transient), ("554 no", Rejected)])
async def test_a_mail_server_that_says_later_is_no_refusal(
    tmp_path: Path, reply: str, meaning: type[Exception]
) -> None:
    with mail_server() as box:
        box.answers.append(reply)
        provider = provider_kind("manual").open(settings(box.port, tmp_path))
        with pytest.raises(meaning):
            await provider.place(order(), provider.request(order(), leg("manual"), "Exemple SAS"))
        assert not (tmp_path / "manual").exists()


async def test_a_reminder_is_mailed_under_a_message_id_of_its_own_and_kept_in_the_folder(tmp_path: Path) -> None:
    with mail_server() as box:
        provider = provider_kind("manual").open(settings(box.port, tmp_path))
        body = provider.request(order(), leg("manual"), "Exemple SAS")
        await provider.place(order(), body)
        await provider.remind(replace(order(), request=body), 2)
    assert box.mails[1]["Message-ID"] == f"<{UUID(int=1)}.reminder-2@offset-purchaser>"
    assert (tmp_path / "manual" / f"{UUID(int=1)}.reminder-2.txt").read_text().startswith("Reminder 2: ")


async def test_only_what_declares_a_window_is_cancelled_at_the_provider(bench: Bench) -> None:
    body = bench.provider.request(order(), bench.leg, "Exemple SAS")
    if bench.name == "sandbox":
        bench.server.book.conduct = Conduct(confirm_after_s=3600)
    placed = await bench.provider.place(order(), body)
    answer = await bench.provider.cancel(replace(order(), reference=placed.reference))
    if bench.provider.traits.cancel_window:
        assert answer is not None
        assert (answer.progress, answer.filled_g) == (Progress.CANCELLED, 0)
    else:
        assert answer is None
    assert bench.effects() == 1


STATES = [
    ({}, {}, ["confirmed", "retired"]),
    ({"confirm_after_s": 10}, {}, ["placed", "confirmed", "retired"]),
    ({"confirm_after_s": 10}, {"delay_s": 60}, ["placed", "delayed", "confirmed", "retired"]),
    ({}, {"kind": "partly_filled", "fill": "0.5"}, ["partly_filled", "retired"]),
    ({}, {"kind": "substituted"}, ["substituted", "retired"]),
    ({}, {"kind": "cancelled"}, ["cancelled"]),
]


@pytest.mark.parametrize(("conduct", "outcome", "seen"), STATES)
async def test_the_sandbox_goes_through_every_state_and_certifies_what_it_filled(
    tmp_path: Path, conduct: dict[str, float], outcome: dict[str, Any], seen: list[str]
) -> None:
    server = SandboxServer(tmp_path)
    server.book.conduct = Conduct(retire_after_s=100, **conduct)
    server.faults.append({"kind": "outcome", "outcome": outcome})
    provider = provider_kind("sandbox").open(settings(server.port, tmp_path))
    placed = await provider.place(order(), provider.request(order(), leg("sandbox"), "Exemple SAS"))
    states, answer = [placed.progress.value], placed
    for _ in range(20):
        server.ahead(10)
        found = await provider.status(replace(order(), reference=placed.reference))
        assert found is not None
        answer = found
        if answer.progress.value != states[-1]:
            states.append(answer.progress.value)
    assert states == seen
    certified = sum(c.quantity_g for c in answer.certificates)
    assert certified == answer.filled_g == {"cancelled": 0}.get(seen[-1], 1_000_000 if "fill" in outcome else 2_000_000)
    await provider.close()
    server.running.stop()


@pytest.mark.parametrize("said", ["[]", "{}", "not json", '{"orders": [{"reference": 1}]}', "null"])
async def test_nonsense_with_status_200_is_never_taken_for_an_answer(tmp_path: Path, said: str) -> None:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def anything(path: str) -> Response:
        return Response(said, 200, media_type="application/json")

    running = Running(app)
    provider = provider_kind("sandbox").open(settings(running.port, tmp_path))
    body = provider.request(order(), leg("sandbox"), "Exemple SAS")
    with pytest.raises(OutcomeUnknown):
        await provider.place(order(), body)
    with pytest.raises(OutcomeUnknown):
        await provider.find(order())
    with pytest.raises(Transient):
        await provider.quote(order(), leg("sandbox"))
    await provider.close()
    running.stop()


async def test_two_orders_under_one_key_are_for_people(tmp_path: Path) -> None:
    server = SandboxServer(tmp_path)
    provider = provider_kind("sandbox").open(settings(server.port, tmp_path))
    body = provider.request(order(), leg("sandbox"), "Exemple SAS")
    await provider.place(order(), body)
    server.book.forget()
    await provider.place(order(), body)
    with pytest.raises(OutcomeUnknown, match="lists 2 orders under one key"):
        await provider.find(order())
    await provider.close()
    server.running.stop()


def test_a_rehearsal_refuses_a_live_key() -> None:
    from pydantic import SecretStr

    kind = provider_kind("stripe-climate")
    assert "test key" in kind.lacks(PurchaserSettings(stripe_api_key=SecretStr("sk_live_1"), mode="rehearsal"))
    sandbox = provider_kind("sandbox")
    assert sandbox.lacks(PurchaserSettings(mode="live")) == "PURCHASER_MODE=rehearsal, for it sells nothing real"
    assert sandbox.lacks(PurchaserSettings(mode="rehearsal")) == ""
    assert "live key" in kind.lacks(PurchaserSettings(stripe_api_key=SecretStr("sk_test_1"), mode="live"))
    assert kind.lacks(PurchaserSettings(stripe_api_key=SecretStr("sk_test_1"), mode="rehearsal")) == ""
