"""One contract for all providers: what each declares is true against good, flaky and success-then-timeout servers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

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

NAMES = [kind.traits.name for kind in PROVIDERS]
HTTP = [name for name in NAMES if name != "manual"]
SUPPLIER = {"name": "Partner", "address_lines": ["1 street"], "country": "FR"}


def order(number: int = 1) -> Order:
    return Order(
        order_id=UUID(int=number), mode="rehearsal", legal_entity="e", campaign="c", buy_day=date(2026, 11, 27),
        number=1, leg="l", attempt=1, provider="p", state=OrderState.READY, quantity_g=2_000_000,
        price_per_tonne=Decimal(700), currency="EUR", amount=Decimal(1400), request=None,
        first_sent_at=datetime(2026, 11, 28, tzinfo=UTC), reference=None, certified=False, find_only=False, reminders=0,
        tries=0, last_deadline=None,
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
class Mail:
    """A mail server that can lose its answer after it has taken a mail."""

    taken: list[str] = field(default_factory=list)
    fault: str = ""

    def start(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client:
                self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        client.sendall(b"220 ready\r\n")
        for raw in (lines := client.makefile("rb")):
            word = raw[:4].upper()
            if word == b"DATA":
                if self.fault == "refuse":
                    client.sendall(b"554 no\r\n")
                    continue
                client.sendall(b"354 go\r\n")
                text = b""
                while not text.endswith(b"\r\n.\r\n"):
                    text += lines.readline()
                self.taken.append(text.decode())
                if self.fault == "lose":
                    return
            client.sendall(b"250 ok\r\n")

    def stop(self) -> None:
        self._socket.close()


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
            case _:
                self.server.fault = "lose"

    def effects(self) -> int:
        """How many orders the other side has taken."""
        match self.name:
            case "sandbox":
                return len(self.server.book.listing("", time.time() + 1))
            case "manual":
                return len(self.server.taken)
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
        import httpx

        port = self.port

        class Posting:
            def append(self, fault: dict[str, Any]) -> None:
                assert httpx.post(f"http://127.0.0.1:{port}/v1/faults", json=fault).status_code == 202

        return Posting()


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
            mail = Mail()
            mail.start()
            yield mail
            mail.stop()
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
    from dataclasses import replace

    with pytest.raises(Rejected, match="only 500 t available"):
        await provider.quote(replace(order(), quantity_g=501_000_000), leg("stripe-climate"))
    await provider.close()
    running.stop()


async def test_the_manual_order_document_carries_its_stable_message_id_and_stays_in_the_folder(tmp_path: Path) -> None:
    mail = Mail()
    mail.start()
    provider = provider_kind("manual").open(settings(mail.port, tmp_path))
    await provider.place(order(), provider.request(order(), leg("manual"), "Exemple SAS"))
    mail.stop()
    assert "Message-ID: <00000000-0000-0000-0000-000000000001@offset-purchaser>" in mail.taken[0]
    assert "REHEARSAL, please ignore" in (tmp_path / "manual" / f"{UUID(int=1)}.txt").read_text()


def test_a_rehearsal_refuses_a_live_key() -> None:
    from pydantic import SecretStr

    kind = provider_kind("stripe-climate")
    assert "test key" in kind.lacks(PurchaserSettings(stripe_api_key=SecretStr("sk_live_1"), mode="rehearsal"))
    assert "live key" in kind.lacks(PurchaserSettings(stripe_api_key=SecretStr("sk_test_1"), mode="live"))
    assert kind.lacks(PurchaserSettings(stripe_api_key=SecretStr("sk_test_1"), mode="rehearsal")) == ""
