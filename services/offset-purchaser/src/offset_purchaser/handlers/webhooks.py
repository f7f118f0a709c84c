"""Outgoing webhooks: what happened is told to every endpoint, one campaign day in order, until it is heard.

At least once: a receiver tells repeats by ``webhook-id``. Not promised: an order between different campaign days, nor
between two orders of one day that changed at the same instant (messages about one order keep theirs).
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
import time
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import httpx

from offset_purchaser import metrics, webhooks
from offset_purchaser.handlers.context import Context
from offset_purchaser.keys import person
from offset_purchaser.order import back_off
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.store import webhooks as table
from offset_purchaser.store.leadership import Term
from offset_purchaser.store.webhooks import Attempt
from offset_purchaser.webhooks import Message, refused_address
from shared.clock import Clock
from shared.errors import Rejected, Transient
from shared.postgres import Pool, transaction
from shared.retry import retried
from shared.telemetry import log

AT_ONCE = 20
"""Messages on their way at the same moment."""
ROUNDS = 50
"""Messages of one day that leave in one look; then other work has its turn."""
CONNECT_AGAIN_S = 2.0
"""A connection that does not come about is tried again within an attempt for this long: a restart takes seconds."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A new endpoint, or an old one with a new secret; the secret is shown once."""

    endpoint_id: UUID
    url: str
    secret: str


async def register(pool: Pool, url: str, *, by: str, settings: PurchaserSettings, clock: Clock) -> Registered:
    """Register an endpoint; it hears what happens from now on. Raises ``Rejected``."""
    checked = webhooks.checked_url(url, private=settings.webhooks_private)
    found = Registered(uuid4(), checked, webhooks.make_secret(secrets.token_bytes(webhooks.SECRET_BYTES)))
    await table.add(pool, found.endpoint_id, found.url, found.secret, person(by), clock())
    return found


async def rotate(pool: Pool, endpoint_id: UUID, clock: Clock) -> Registered:
    """Give an endpoint a new secret; messages are signed with both for a day."""
    known = await table.endpoints(pool, endpoint_id)
    secret = webhooks.make_secret(secrets.token_bytes(webhooks.SECRET_BYTES))
    if not known or not await table.rotate(pool, endpoint_id, secret, clock()):
        raise Rejected(f"there is no endpoint {endpoint_id}", field="endpoint_id")
    return Registered(endpoint_id, known[0]["url"], secret)


class WebhookSender:
    """Tells endpoints while this instance has the right to act."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._client = httpx.AsyncClient(
            timeout=context.settings.http_timeout_s,
            follow_redirects=False,  # a redirect could lead where the address check did not look
            trust_env=False,
            limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0),
        )

    async def run(self, _term: Term) -> int:
        """Send what is due; returns how many messages were heard."""
        heard = 0
        for _ in range(ROUNDS):
            messages = await table.due(self._context.pool, self._context.clock(), AT_ONCE)
            results = await asyncio.gather(*(self._send(message) for message in messages))
            heard += sum(results)
            if not any(results):
                break
        return heard

    async def close(self) -> None:
        """Give connections back."""
        await self._client.aclose()

    async def _send(self, message: Message) -> bool:
        context, began = self._context, time.monotonic()
        at = context.clock()
        status, outcome = await self._attempt(message)
        attempt = Attempt(at, round(1000 * (time.monotonic() - began)), status, outcome)
        wait = back_off(message.tries, webhooks.FIRST_S, webhooks.MOST_S) if not attempt.delivered else timedelta(0)
        async with transaction(context.pool) as connection:
            await table.record(connection, message, attempt, at + wait)
        metrics.WEBHOOKS.labels("delivered" if attempt.delivered else "failed").inc()
        if status == webhooks.GONE or (not attempt.delivered and webhooks.hopeless(message, at)):
            why = "the receiver says it is gone" if status == webhooks.GONE else f"away for three days: {outcome}"
            await table.disable(context.pool, message.endpoint_id, why, at)
            log(__name__).error("webhook endpoint switched off", endpoint=str(message.endpoint_id), reason=why)
        return attempt.delivered

    async def _attempt(self, message: Message) -> tuple[int | None, str]:
        """(status, what happened in words). Never raises for what a receiver or its address does."""

        async def call() -> int:
            message_id, body = webhooks.message_body(message)
            headers = webhooks.headers(message, message_id, body, self._context.clock())
            url, host = await self._pinned(message.url)
            request = self._client.build_request("POST", url, content=body, headers={**headers, "Host": host})
            request.extensions["sni_hostname"] = urlsplit(message.url).hostname or ""
            try:
                response = await self._client.send(request, stream=True)
                await response.aclose()  # what a receiver says does not matter, and could be endless
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                raise Transient(f"no connection: {type(error).__name__}") from error
            return response.status_code

        try:
            async with asyncio.timeout(self._context.settings.http_timeout_s + CONNECT_AGAIN_S):
                status = await retried(call, seconds_max=CONNECT_AGAIN_S)
        except (Transient, Rejected) as error:
            return None, str(error)[:300]
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return None, f"no answer: {type(error).__name__}"
        except Exception as error:  # one endpoint must not end the process that buys
            log(__name__).exception("webhook attempt failed", endpoint=str(message.endpoint_id))
            return None, f"failed: {type(error).__name__}"
        return status, "delivered" if status < 300 else f"answered {status}"

    async def _pinned(self, url: str) -> tuple[str, str]:
        """The same address by number, and its host header: what was looked at is what is called."""
        parts = urlsplit(webhooks.checked_url(url, private=self._context.settings.webhooks_private))
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Transient(f"{parts.hostname} is not known: {error.strerror}") from error
        addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
        for address in addresses:
            if why := refused_address(address, private=self._context.settings.webhooks_private):
                raise Rejected(why, field="url")
        first = addresses[0]
        number = f"[{first}]" if isinstance(first, ipaddress.IPv6Address) else str(first)
        return urlunsplit((parts.scheme, f"{number}:{port}", parts.path or "/", parts.query, "")), parts.netloc
