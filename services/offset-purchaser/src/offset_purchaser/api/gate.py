"""What every request passes before a route sees it: key, limits, idempotency; and the headers of every answer.

Plain ASGI, so that nothing of a body is read before the key is known, and the whole effect of a POST (the route, the
kept answer) is one transaction. Not promised: an answer of 5xx or a lost connection says nothing about the effect;
the same request under the same ``Idempotency-Key`` does.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from typing import Any

from offset_purchaser.api.problems import forbidden
from offset_purchaser.keys import KeyRecord, Principal, Role, admit, key_id_of
from offset_purchaser.store import keys, requests
from offset_purchaser.store.requests import Decided
from shared.clock import Clock
from shared.errors import Transient
from shared.postgres import RETRYABLE, Pool, as_pool, transaction
from shared.problems import HEADERS, TYPE, Problem, unauthorized
from shared.telemetry import AsgiApp, Receive, Scope, Send, log

BODY_BYTES_MAX = 64 * 1024
"""Decisions are a few hundred bytes."""
UPLOAD_BYTES_MAX = 28 * 1024 * 1024
"""Files of 20 MB at most (``handlers.lines``), in base64 with their fields."""
UPLOADS = re.compile(r"/v1/(lines|orders/[^/]+/(certificate|invoice))")
"""Routes that take files."""
UPLOADS_AT_ONCE = 4
"""Files are held in memory: at most some 120 MB of them."""
BODY_S_MAX = 30.0
"""A client that takes longer to send its body is cut off; 28 MB in 30 s is 8 Mbit/s."""
KEY_CACHE_S = 2.0
"""How long a key is believed without asking the database: a revoked one ends this long after its revocation."""
KEYS_CACHED = 1024
PUBLIC = frozenset({"/v1/openapi.json"})
"""The description of the API holds nothing secret."""
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class _RolledBack(Exception):
    """Leaves the savepoint of a route that had no effect."""


class Gate:
    """The API's outermost ASGI application."""

    def __init__(self, routes: AsgiApp, pool: Pool, clock: Clock, needed: Callable[[str, str], Role | None]) -> None:
        self._routes, self._pool, self._clock, self._needed = routes, pool, clock, needed
        self._keys: OrderedDict[str, tuple[float, KeyRecord | None]] = OrderedDict()
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever goes wrong is a problem document."""
        answer = _Sender(send)
        try:
            await self._answer(scope, receive, answer)
        except Problem as problem:
            await answer.problem(problem)
        except (Transient, *RETRYABLE) as error:
            log(__name__).warning("the API cannot work", reason=str(error))
            await answer.problem(Problem(503, "unavailable", "the database is away; try again", headers=RETRY))
        except Exception as error:
            log(__name__).exception("a request failed", path=scope["path"], error=type(error).__name__)
            if not answer.started:
                await answer.problem(Problem(500, "failed", "this should not happen; the service's log says more"))

    async def _answer(self, scope: Scope, receive: Receive, answer: _Sender) -> None:
        if scope["path"] in PUBLIC:
            await self._routes(scope, receive, answer)
            return
        headers = _headers(scope)
        principal = await self._principal(headers.get("authorization", []))
        state = {**scope.get("state", {}), "principal": principal, "pool": self._pool, "afterwards": []}
        inner = {**scope, "state": state}
        if scope["method"] == "POST":
            role = self._needed("POST", scope["path"])
            if role is not None and not principal.role.covers(role):  # before a body is read
                raise forbidden(principal, role)
            await self._effect(inner, headers, receive, answer)
        else:
            await self._routes(inner, receive, answer)

    async def _principal(self, given: list[str]) -> Principal:
        scheme, _, secret = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        key_id = key_id_of(secret.strip())
        if scheme.lower() != "bearer" or not key_id:
            raise unauthorized("send your key as: Authorization: Bearer copk_...")
        principal = admit(secret.strip(), await self._key(key_id), self._clock())
        if principal is None:
            raise unauthorized("this key is unknown, revoked or expired")
        return principal

    async def _key(self, key_id: str) -> KeyRecord | None:
        now = asyncio.get_running_loop().time()
        at, record = self._keys.get(key_id, (float("-inf"), None))
        if now - at >= KEY_CACHE_S:
            async with transaction(self._pool) as connection:
                record = await keys.find(connection, key_id)
                if record is not None:
                    await keys.used(as_pool(connection), key_id, self._clock())
            self._keys[key_id] = (now, record)
            self._keys.move_to_end(key_id)
            while len(self._keys) > KEYS_CACHED:
                self._keys.popitem(last=False)
        return record

    async def _effect(self, scope: Scope, headers: dict[str, list[str]], receive: Receive, answer: _Sender) -> None:
        principal: Principal = scope["state"]["principal"]
        given = headers.get("idempotency-key", [])
        if len(given) != 1 or not _IDEMPOTENCY_KEY.fullmatch(given[0]):
            why = "one header Idempotency-Key of 1 to 255 printable ASCII characters is required on every POST"
            raise Problem(400, "idempotency-key-missing", why, [("Idempotency-Key", why)])
        body = await self._body(scope, headers, receive)
        print_ = _fingerprint(scope, body)
        async with transaction(self._pool) as connection:
            if not await requests.claim(connection, principal.key_id, given[0]):
                raise Problem(409, "twin-in-flight", "the same request is being worked on; ask again", headers=RETRY)
            known = await requests.decided(connection, principal.key_id, given[0])
            if known is not None and known.fingerprint != print_:
                why = "this key was used for another request; a new request needs a new key"
                raise Problem(422, "idempotency-key-reused", why, [("Idempotency-Key", why)])
            more = [(b"idempotent-replayed", b"true")]
            if known is None:
                said = _Recorder()
                scope["state"]["pool"] = as_pool(connection)
                try:
                    async with connection.transaction():
                        await self._routes(scope, _replay(body), said)
                        if said.status >= 400:
                            raise _RolledBack
                except _RolledBack:
                    for remember in scope["state"].get("afterwards", ()):
                        await remember(connection)
                known, more = Decided(print_, said.status, said.content_type, bytes(said.body)), said.more
                if said.status < 400 or scope["state"].get("decided"):
                    request = (scope["method"], scope["path"])
                    await requests.keep(connection, principal.key_id, given[0], request, known, self._clock())
        await answer.whole(known.status, known.content_type, known.body, more)

    async def _body(self, scope: Scope, headers: dict[str, list[str]], receive: Receive) -> bytes:
        if not UPLOADS.fullmatch(scope["path"]):
            return await _read(headers, receive, BODY_BYTES_MAX)
        if self._uploads >= UPLOADS_AT_ONCE:
            raise Problem(503, "too-many-uploads", "other files are being received; try again", headers=RETRY)
        self._uploads += 1
        try:
            return await _read(headers, receive, UPLOAD_BYTES_MAX)
        finally:
            self._uploads -= 1


RETRY = {"Retry-After": "1"}


async def _read(headers: dict[str, list[str]], receive: Receive, bytes_max: int) -> bytes:
    too_large = Problem(413, "too-large", f"a body of at most {bytes_max} bytes is accepted here")
    for declared in headers.get("content-length", []):
        if not declared.isdigit() or len(declared) > 15 or int(declared) > bytes_max:
            raise too_large
    found = bytearray()
    try:
        async with asyncio.timeout(BODY_S_MAX):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem(400, "disconnected", "the body ended early")
                found += message.get("body", b"")
                if len(found) > bytes_max:
                    raise too_large
                if not message.get("more_body", False):
                    return bytes(found)
    except TimeoutError:
        raise Problem(408, "too-slow", f"the body did not arrive within {BODY_S_MAX:.0f} s") from None


def _fingerprint(scope: Scope, body: bytes) -> bytes:
    parts = (scope["method"].encode(), scope["path"].encode(), scope.get("query_string", b""), body)
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _replay(body: bytes) -> Receive:
    messages: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> MutableMapping[str, Any]:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


class _Recorder:
    """Takes a route's answer, to be sent after the commit."""

    def __init__(self) -> None:
        self.status, self.content_type, self.body = 500, TYPE, bytearray()
        self.more: list[tuple[bytes, bytes]] = []

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = dict(message.get("headers", []))
            self.content_type = headers.get(b"content-type", b"").decode("latin-1")
            self.more = [(name, headers[name]) for name in (b"allow", b"retry-after") if name in headers]
        else:
            self.body += message.get("body", b"")


class _Sender:
    """Adds the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            message = {**message, "headers": [*message.get("headers", []), *HEADERS]}
        await self._send(message)

    async def whole(self, status: int, content_type: str, body: bytes, more: list[tuple[bytes, bytes]]) -> None:
        """An answer at once."""
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode()), *more]
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self({"type": "http.response.body", "body": body})

    async def problem(self, problem: Problem) -> None:
        """An error."""
        more = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
        await self.whole(problem.status, TYPE, problem.body(), more)
