"""Orders at providers, and what people decide about them. Who decides is the key's name, never the body's word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field, model_validator

from offset_purchaser.api.problems import DECIDING, READING, described, not_found
from offset_purchaser.api.shapes import (
    Afterwards,
    Body,
    Caller,
    IdempotencyKey,
    InCampaign,
    Line,
    Page,
    Rows,
    Tables,
    Upload,
    file_answer,
    is_file,
    needs,
)
from offset_purchaser.certificate import Certificate
from offset_purchaser.handlers import people
from offset_purchaser.handlers.cancel import cancel_order
from offset_purchaser.keys import Role
from offset_purchaser.order import OrderState
from offset_purchaser.providers.base import Answer
from offset_purchaser.store import cancellations, certificates, orders
from shared.postgres import Pool
from shared.units import decimal_text

router = APIRouter(prefix="/v1/orders", tags=["orders"])
OrderId = Annotated[UUID, Path(description="Order id.")]


class Approval(BaseModel):
    """A person's yes."""

    by: str
    at: datetime


class CancellationOut(BaseModel):
    """One time of asking a provider to cancel, and what it said."""

    asked_at: datetime
    asked_by: str
    reason: str
    said: str


class OrderOut(BaseModel):
    """One purchase at one provider leg."""

    order_id: UUID
    mode: str
    legal_entity: str
    campaign: str
    buy_day: date
    number: int
    leg: str
    attempt: int
    provider: str
    state: OrderState
    reason: str
    quantity_g: int
    confirmed_g: int | None
    price_per_tonne: str
    currency: str
    amount: str
    reference: str | None
    certified: bool
    document: str | None
    approvals: list[Approval]
    credited_g: int = Field(description="Grams that credit notes took back of what was confirmed.")
    credited_amount: str
    cancellations: list[CancellationOut] | None = Field(
        None, description="Every time its provider was asked to cancel it; only where one order is asked for."
    )
    created_at: datetime
    updated_at: datetime


class CertificateOut(BaseModel):
    """An archived retirement certificate."""

    sha256: str
    registry: str
    serial_first: str
    serial_last: str
    reference: str
    quantity_g: int
    received_at: datetime
    content: dict[str, Any]


class Resolution(Body):
    """How an order ended that the provider cannot be asked about."""

    outcome: Literal["bought", "rejected"]
    answer: Answer | None = Field(None, description="What the provider said; required for bought.")
    reason: Line

    @model_validator(mode="after")
    def _answer_when_bought(self) -> Resolution:
        if (self.answer is not None) != (self.outcome == "bought"):
            raise ValueError("answer: bought needs one, rejected has none")
        return self


class ConfirmationIn(Body):
    """What a partner's confirmation says; what it leaves out is as ordered."""

    reference: Line
    filled_g: Annotated[int | None, Field(ge=1, le=10**15)] = None
    price_per_tonne: Annotated[Decimal | None, Field(ge=0, max_digits=18, allow_inf_nan=False)] = None
    project: Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class RetryIn(Body):
    """Where to try again."""

    provider: Annotated[str | None, Field(pattern=r"^[a-z0-9-]{1,63}$", description="The same when left out.")] = None


class Cancellation(Body):
    """Why."""

    reason: Line


class CertificateIn(Body):
    """A certificate's fields, and the file as received."""

    certificate: Certificate
    file: Upload | None = None


class InvoiceIn(Body):
    """A provider's own invoice."""

    number: Line
    issued_on: date
    file: Upload


class Nothing(Body):
    """An empty object."""


class Retried(BaseModel):
    """The new order."""

    order_id: UUID


@router.get("", responses=READING, dependencies=[needs(Role.READ)])
async def list_orders(
    pool: Tables,
    rows: Rows,
    campaign: InCampaign = None,
    state: Annotated[list[OrderState] | None, Query(description="Only these states.", max_length=9)] = None,
) -> Page[OrderOut]:
    """Orders, newest first."""
    found = await orders.listing(pool, campaign, [one.value for one in state or []])
    return rows.of(found, _order)


@router.get("/{order_id}", responses=READING, dependencies=[needs(Role.READ)])
async def one_order(order_id: OrderId, pool: Tables) -> OrderOut:
    """One order, with who approved it."""
    return await _now(pool, order_id)


@router.post("/{order_id}/approve", responses=DECIDING, dependencies=[needs(Role.APPROVE)])
async def approve(order_id: OrderId, body: Nothing, key: IdempotencyKey, pool: Tables, who: Caller) -> OrderOut:
    """Say yes to a held order. Where two people are needed, they are two keys' names."""
    await _now(pool, order_id)
    await people.approve_order(pool, str(order_id), by=who.name)
    return await _now(pool, order_id)


@router.post("/{order_id}/resolve", responses=DECIDING, dependencies=[needs(Role.APPROVE)])
async def resolve(order_id: OrderId, body: Resolution, key: IdempotencyKey, pool: Tables, who: Caller) -> OrderOut:
    """Say how an order ended, when the provider cannot be asked or its answer was set aside."""
    await _now(pool, order_id)
    answer = None if body.answer is None else body.answer.model_dump_json().encode()
    await people.resolve_order(pool, str(order_id), answer, reason=body.reason, by=who.name)
    return await _now(pool, order_id)


@router.post("/{order_id}/confirm", responses=DECIDING, dependencies=[needs(Role.APPROVE)])
async def confirm(order_id: OrderId, body: ConfirmationIn, key: IdempotencyKey, pool: Tables, who: Caller) -> OrderOut:
    """Record a partner's confirmation of an order that left by folder or mail."""
    await _now(pool, order_id)
    facts = people.Confirmation(body.reference, body.filled_g, body.price_per_tonne, body.project.strip())
    await people.confirm_order(pool, str(order_id), facts, by=who.name)
    return await _now(pool, order_id)


@router.post("/{order_id}/retry", responses=DECIDING, dependencies=[needs(Role.APPROVE)])
async def retry(order_id: OrderId, body: RetryIn, key: IdempotencyKey, pool: Tables, who: Caller) -> Retried:
    """Try a refused or cancelled order again: a new order with a key of its own."""
    await _now(pool, order_id)
    return Retried(order_id=UUID(await people.retry_order(pool, str(order_id), body.provider, by=who.name)))


@router.post("/{order_id}/cancel", responses=DECIDING | described(502), dependencies=[needs(Role.APPROVE)])
async def cancel(
    order_id: OrderId, body: Cancellation, key: IdempotencyKey, pool: Tables, who: Caller, afterwards: Afterwards
) -> OrderOut:
    """Cancel an order: at once while nothing has left, else at the provider within its window.

    502 says that the provider gave no answer that can be trusted: look the order up before you try again. What was
    asked and what came of it stands in ``cancellations`` of the order, a no as well.
    """
    await _now(pool, order_id)

    async def keep(what: cancellations.Cancellation) -> None:
        afterwards.append(lambda connection: cancellations.insert(connection, what))

    await cancel_order(pool, str(order_id), reason=body.reason, by=who.name, keep=keep)
    return await _now(pool, order_id)


@router.post("/{order_id}/certificate", responses=DECIDING, dependencies=[needs(Role.APPROVE)])
async def add_certificate(
    order_id: OrderId, body: CertificateIn, key: IdempotencyKey, pool: Tables, who: Caller
) -> list[CertificateOut]:
    """Archive a retirement certificate, after checking that it fits the order and its serials are new."""
    await _now(pool, order_id)
    data = body.certificate.model_dump_json().encode()
    await people.add_certificate(pool, str(order_id), data, body.file.content if body.file else None)
    return [_certificate(row) for row in await certificates.of_orders(pool, [order_id])]


@router.get("/{order_id}/certificates", responses=READING, dependencies=[needs(Role.READ)])
async def list_certificates(order_id: OrderId, pool: Tables) -> list[CertificateOut]:
    """The certificates of an order."""
    await _now(pool, order_id)
    return [_certificate(row) for row in await certificates.of_orders(pool, [order_id])]


@router.get(
    "/{order_id}/certificates/{sha256}",
    response_class=Response,
    responses={**READING, **is_file("application/octet-stream", "The certificate as received.")},
    dependencies=[needs(Role.READ)],
)
async def one_certificate(
    order_id: OrderId, sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")], pool: Tables
) -> Response:
    """A certificate's bytes as received, by their SHA-256."""
    for row in await certificates.of_orders(pool, [order_id]):
        if row["sha256"] == sha256:
            kind = "pdf" if row["file"].startswith(b"%PDF") else "json" if row["file"].startswith(b"{") else "bin"
            return file_answer(row["file"], "application/octet-stream", f"certificate-{sha256[:12]}.{kind}")
    raise not_found(f"order {order_id} has no such certificate")


@router.post("/{order_id}/invoice", responses=DECIDING, dependencies=[needs(Role.APPROVE)])
async def add_invoice(order_id: OrderId, body: InvoiceIn, key: IdempotencyKey, pool: Tables, who: Caller) -> OrderOut:
    """Keep a provider's own invoice; the document that carries it is issued next."""
    await _now(pool, order_id)
    file = (body.file.filename, body.file.content)
    await people.add_invoice(pool, str(order_id), body.number, body.issued_on, file)
    return await _now(pool, order_id)


async def _now(pool: Pool, order_id: UUID) -> OrderOut:
    row = await orders.row(pool, order_id)
    if row is None:
        raise not_found(f"there is no order {order_id}")
    asked = await cancellations.of_orders(pool, [order_id])
    return _order({**row, "cancellations": [CancellationOut.model_validate(one) for one in asked]})


def _order(row: Mapping[str, Any]) -> OrderOut:
    values = {name: row.get(name) for name in OrderOut.model_fields}
    values["credited_amount"] = format(row["credited_amount"], "f")
    values["price_per_tonne"], values["amount"] = decimal_text(row["price_per_tonne"]), format(row["amount"], "f")
    values["approvals"] = json.loads(row["approvals"])
    return OrderOut.model_validate({**values, "order_id": str(row["order_id"])})


def _certificate(row: Mapping[str, Any]) -> CertificateOut:
    values = {name: row[name] for name in CertificateOut.model_fields}
    return CertificateOut.model_validate({**values, "content": json.loads(row["content"])})
