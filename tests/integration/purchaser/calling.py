"""Calling the API in this process: the real application on a real PostgreSQL, without a socket."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import httpx
from tests.integration.purchaser.world import World

from offset_purchaser import keys
from offset_purchaser.api.app import create_api
from offset_purchaser.handlers.live import LiveTotals
from offset_purchaser.keys import KeyRecord, Role
from offset_purchaser.store import keys as key_store

_numbers = itertools.count(1)


@dataclass
class Caller:
    """One key's holder."""

    client: httpx.AsyncClient
    key_id: str
    secret: str

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.client.get(path, headers={"Authorization": f"Bearer {self.secret}"}, **options)

    async def post(self, path: str, body: Any = None, *, key: str | None = None, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.secret}", "Idempotency-Key": key or f"k{next(_numbers)}"}
        return await self.client.post(path, json=body, headers=headers, **options)


class Api:
    """The API of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.live = LiveTotals(world.pool, world.context.source_topics(), world.clock)
        self.app = create_api(world.context, self.live)
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://purchaser")

    async def caller(self, role: Role = Role.ADMIN, name: str = "Anna", **changes: Any) -> Caller:
        random = next(_numbers).to_bytes(keys.ID_BYTES + keys.SECRET_BYTES, "little")
        key_id, secret, digest = keys.make_secret(random)
        values: dict[str, Any] = {"expires_at": None, "revoked_at": None, **changes}
        await key_store.insert(self.world.pool, KeyRecord(key_id, name, role, digest, **values), self.world.clock())
        return Caller(self.client, key_id, secret)


def reasons(response: httpx.Response) -> dict[str, str]:
    """The wrong fields that a problem names."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    return {error["field"]: error["reason"] for error in response.json().get("errors", [])}
