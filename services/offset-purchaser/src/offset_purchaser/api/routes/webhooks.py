"""Outgoing webhooks: endpoints, the log of attempts, sending again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from offset_purchaser.api.problems import DECIDING, READING, not_found
from offset_purchaser.api.shapes import PAGE_MAX, Body, Caller, Here, IdempotencyKey, Line, Page, Rows, Tables, needs
from offset_purchaser.handlers import webhooks as handlers
from offset_purchaser.keys import Role
from offset_purchaser.store import webhooks
from shared.errors import Rejected
from shared.postgres import Pool

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
EndpointId = Annotated[UUID, Path(description="Endpoint id.")]


class EndpointIn(Body):
    """Where to send."""

    url: Annotated[str, Field(min_length=1, max_length=2000, description="https address that takes POSTs.")]


class EndpointSecret(BaseModel):
    """An endpoint with its signing secret, which is shown this once."""

    endpoint_id: UUID
    url: str
    secret: str


class EndpointOut(BaseModel):
    """An endpoint, without its secret."""

    endpoint_id: UUID
    url: str
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    disabled_reason: str
    old_secret_until: datetime | None = Field(description="Until when the secret before the last rotation signs too.")
    delivered: int
    waiting: int


class AttemptOut(BaseModel):
    """One attempt at sending one message; ``status`` is null when there was no answer."""

    sequence: int
    lane: str
    type: str
    at: datetime
    took_ms: int
    status: int | None
    outcome: str


class Disable(Body):
    """Why."""

    reason: Line


class Resend(Body):
    """Which message."""

    sequence: Annotated[int, Field(ge=1, le=2**62)]


class Nothing(Body):
    """An empty object."""


@router.get("", responses=READING, dependencies=[needs(Role.READ)])
async def list_endpoints(pool: Tables, rows: Rows) -> Page[EndpointOut]:
    """Endpoints, with how much each has heard and what still waits."""
    return rows.of(await webhooks.endpoints(pool), _endpoint)


@router.get("/{endpoint_id}", responses=READING, dependencies=[needs(Role.READ)])
async def one_endpoint(endpoint_id: EndpointId, pool: Tables) -> EndpointOut:
    """One endpoint."""
    return await _now(pool, endpoint_id)


@router.get("/{endpoint_id}/attempts", responses=READING, dependencies=[needs(Role.READ)])
async def list_attempts(
    endpoint_id: EndpointId, pool: Tables, limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100
) -> list[AttemptOut]:
    """The newest attempts at an endpoint."""
    await _now(pool, endpoint_id)
    return [AttemptOut.model_validate(row) for row in await webhooks.attempts(pool, endpoint_id, limit)]


@router.post("", responses=DECIDING, dependencies=[needs(Role.ADMIN)])
async def add(body: EndpointIn, key: IdempotencyKey, pool: Tables, who: Caller, here: Here) -> EndpointSecret:
    """Register an address; it hears what happens to orders and documents from now on.

    Messages carry `webhook-id`, `webhook-timestamp` and `webhook-signature` (HMAC-SHA256, Standard Webhooks). Those of
    one campaign day arrive one after the other.
    """
    found = await handlers.register(pool, body.url, by=who.name, settings=here.settings, clock=here.clock)
    return EndpointSecret(endpoint_id=found.endpoint_id, url=found.url, secret=found.secret)


@router.post("/{endpoint_id}/rotate", responses=DECIDING, dependencies=[needs(Role.ADMIN)])
async def rotate(
    endpoint_id: EndpointId, body: Nothing, key: IdempotencyKey, pool: Tables, here: Here
) -> EndpointSecret:
    """Give an endpoint a new secret; messages carry signatures with both for 24 hours."""
    await _now(pool, endpoint_id)
    found = await handlers.rotate(pool, endpoint_id, here.clock)
    return EndpointSecret(endpoint_id=found.endpoint_id, url=found.url, secret=found.secret)


@router.post("/{endpoint_id}/disable", responses=DECIDING, dependencies=[needs(Role.ADMIN)])
async def disable(endpoint_id: EndpointId, body: Disable, key: IdempotencyKey, pool: Tables, here: Here) -> EndpointOut:
    """Stop calling an endpoint; what it has not heard is kept."""
    await _now(pool, endpoint_id)
    if not await webhooks.disable(pool, endpoint_id, body.reason, here.clock()):
        raise Rejected(f"endpoint {endpoint_id} is off already")
    return await _now(pool, endpoint_id)


@router.post("/{endpoint_id}/enable", responses=DECIDING, dependencies=[needs(Role.ADMIN)])
async def enable(endpoint_id: EndpointId, body: Nothing, key: IdempotencyKey, pool: Tables, here: Here) -> EndpointOut:
    """Call an endpoint again, from where it stopped."""
    await _now(pool, endpoint_id)
    if not await webhooks.enable(pool, endpoint_id, here.clock()):
        raise Rejected(f"endpoint {endpoint_id} is on already")
    return await _now(pool, endpoint_id)


@router.post("/{endpoint_id}/resend", responses=DECIDING, dependencies=[needs(Role.ADMIN)])
async def resend(endpoint_id: EndpointId, body: Resend, key: IdempotencyKey, pool: Tables, here: Here) -> EndpointOut:
    """Send a message once more, under the same webhook-id."""
    await _now(pool, endpoint_id)
    if not await webhooks.resend(pool, endpoint_id, body.sequence, here.clock()):
        raise not_found(f"endpoint {endpoint_id} never had a message {body.sequence}")
    return await _now(pool, endpoint_id)


async def _now(pool: Pool, endpoint_id: UUID) -> EndpointOut:
    found = await webhooks.endpoints(pool, endpoint_id)
    if not found:
        raise not_found(f"there is no endpoint {endpoint_id}")
    return _endpoint(found[0])


def _endpoint(row: dict[str, Any]) -> EndpointOut:
    return EndpointOut.model_validate({**row, "endpoint_id": str(row["endpoint_id"])})
