"""The sandbox's HTTP API: orders under idempotency keys, a listing, a quote, and faults on demand."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from offset_purchaser.sandbox_service.book import Book


class NewOrder(BaseModel):
    """The body of ``POST /v1/orders``."""

    model_config = ConfigDict(extra="forbid")

    order_id: str = Field(min_length=1, max_length=100)
    quantity_g: int = Field(ge=1, le=10**13)
    price_per_tonne: Decimal = Field(gt=0)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    beneficiary: str = Field(min_length=1)
    mode: str = Field(pattern=r"^(live|rehearsal)$")


class Fault(BaseModel):
    """What goes wrong with the next orders.

    ``lose_response``: booked, and no answer comes. ``delay``: looked at ``seconds`` later, whoever still listens.
    ``duplicate``: the request arrives twice. ``status``: answered with it. ``outcome``: booked with that outcome.
    """

    kind: str = Field(pattern=r"^(lose_response|delay|duplicate|status|outcome)$")
    times: int = Field(default=1, ge=1, le=10_000)
    status: int = Field(default=500, ge=400, le=599)
    store: bool = False
    """Keep the faulty answer under the key and replay it, as some providers do with a 500."""
    after: bool = False
    """Book the order first, then answer with the status."""
    seconds: float = Field(default=0, ge=0, le=600)
    outcome: dict[str, Any] = {}
    """``{"kind": "partly_filled", "fill": "0.5"}``, ``substituted``, ``cancelled``, or ``{"delay_s": 5}``."""


class Passing(BaseModel):
    """Time that passes at once, or the moment that it is from now on."""

    ahead_s: float = Field(default=0, ge=0, le=10**9)
    at: AwareDatetime | None = None


class Sandbox:
    """The service's state: its book, the faults waiting for their turn, the keys being worked on."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.faults: list[Fault] = []
        self.busy: set[str] = set()
        self._ahead_s = 0.0
        self._started_over = 0
        self._moved = asyncio.Event()

    def now(self) -> float:
        """The time of this sandbox: the machine's, and what it was told to be ahead."""
        return time.time() + self._ahead_s

    def move(self, seconds: float, at: datetime | None = None) -> None:
        """Let time pass at once, from a moment when one is given: what waits for it goes on."""
        if at is not None:
            self._ahead_s = at.timestamp() - time.time()
        self._ahead_s += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    def start_over(self) -> None:
        """No faults, no orders, and nothing that is still on its way."""
        self.faults.clear()
        self.book.reset()
        self._started_over += 1

    async def wait(self, seconds: float) -> bool:
        """Until so much of this sandbox's time has passed; false when it was reset meanwhile."""
        until, before = self.now() + seconds, self._started_over
        while (left := until - self.now()) > 0:
            try:
                await asyncio.wait_for(self._moved.wait(), left)
            except TimeoutError:
                break
        return before == self._started_over

    def next_fault(self) -> Fault | None:
        """Take the next fault, if one waits."""
        if not self.faults:
            return None
        fault = self.faults[0]
        fault.times -= 1
        if fault.times <= 0:
            self.faults.pop(0)
        return fault

    async def order(self, key: str, body: bytes) -> Response:
        """One POST, with whatever goes wrong with it."""
        if key in self.busy:
            return problem(409, "an order with this key is being worked on")
        self.busy.add(key)
        try:
            return await self._order(key, body)
        finally:
            self.busy.discard(key)

    async def _order(self, key: str, body: bytes) -> Response:  # noqa: PLR0911  (one return per thing that can happen)
        fault = self.next_fault()
        if stored := self.book.remembered(key, body, self.now()):
            if not stored.same_body:
                return problem(422, "this key was used for another body")
            return JSONResponse(stored.body, stored.status, {"Idempotent-Replayed": "true"})
        if fault and fault.kind == "delay" and not await self.wait(fault.seconds):
            return problem(503, "the sandbox was reset meanwhile")
        if fault and fault.kind == "status" and not fault.after:
            return self._faulty(key, body, fault)
        try:
            order = NewOrder.model_validate_json(body)
        except ValidationError as error:
            return problem(422, str(error.errors(include_url=False, include_input=False)))
        price = self.book.conduct.prices.get(order.currency)
        if price is not None and price > order.price_per_tonne:
            return problem(422, f"the price is {price} {order.currency} a tonne, above {order.price_per_tonne}")
        outcome = fault.outcome if fault and fault.kind == "outcome" else {}
        answer = self.book.create(key, body, json.loads(body), outcome, self.now())
        if fault and fault.kind == "duplicate":
            return await self._order(key, body)
        if fault and fault.kind == "lose_response":
            return Response(status_code=201, headers={"Content-Length": "4096"}, content=b"")
        if fault and fault.kind == "status":
            return self._faulty(key, body, fault)
        return JSONResponse(answer, 201)

    def _faulty(self, key: str, body: bytes, fault: Fault) -> Response:
        content = {"detail": "a fault on demand"}
        if fault.store:
            self.book.remember(key, body, fault.status, content, self.now())
        return JSONResponse(content, fault.status)


def problem(status: int, detail: str) -> JSONResponse:
    """An error as RFC 9457 wants it."""
    content = {"type": "about:blank", "status": status, "detail": detail}
    return JSONResponse(content, status, media_type="application/problem+json")


def create_app(book: Book) -> FastAPI:
    """The service around one book."""
    app = FastAPI(title="Sandbox provider", version="1", docs_url="/docs")
    sandbox = Sandbox(book)

    @app.post("/v1/orders", status_code=201)
    async def place(request: Request, idempotency_key: Annotated[str | None, Header()] = None) -> Response:
        if not idempotency_key or len(idempotency_key) > 255:
            return problem(400, "the header Idempotency-Key is required (255 characters at most)")
        return await sandbox.order(idempotency_key, await request.body())

    @app.get("/v1/orders")
    async def listing(key: str = "") -> dict[str, Any]:
        return {"orders": book.listing(key, sandbox.now())}

    @app.get("/v1/orders/{row_id}")
    async def one(row_id: str) -> Response:
        answer = book.get(row_id, sandbox.now())
        return JSONResponse(answer) if answer else problem(404, f"there is no order {row_id}")

    @app.post("/v1/orders/{row_id}/cancel")
    async def cancel(row_id: str) -> Response:
        answer = book.cancel(row_id, sandbox.now())
        return JSONResponse(answer) if answer else problem(404, f"there is no order {row_id}")

    @app.get("/v1/quote")
    async def quote(quantity_g: int, currency: str) -> dict[str, Any]:
        price = book.conduct.prices.get(currency)
        return {
            "quantity_g": quantity_g,
            "currency": currency,
            "price_per_tonne": None if price is None else str(price),
        }

    add_controls(app, sandbox)

    @app.get("/health/live")
    @app.get("/health/ready")
    async def live() -> str:
        return "alive"

    return app


def add_controls(app: FastAPI, sandbox: Sandbox) -> None:
    """What tests and rehearsals turn: faults to come, time that passes, forgotten keys, an empty book."""

    @app.post("/v1/faults", status_code=202)
    async def fault(fault: Fault) -> dict[str, int]:
        sandbox.faults.append(fault)
        return {"waiting": sum(f.times for f in sandbox.faults)}

    @app.post("/v1/clock", status_code=202)
    async def clock(passing: Passing) -> dict[str, float]:
        sandbox.move(passing.ahead_s, passing.at)
        return {"now": sandbox.now()}

    @app.post("/v1/mend", status_code=202)
    async def mend() -> dict[str, int]:
        sandbox.faults.clear()
        return {"waiting": 0}

    @app.post("/v1/forget", status_code=202)
    async def forget() -> dict[str, bool]:
        sandbox.book.forget()
        return {"forgotten": True}

    @app.post("/v1/reset", status_code=202)
    async def reset() -> dict[str, bool]:
        sandbox.start_over()
        return {"reset": True}
