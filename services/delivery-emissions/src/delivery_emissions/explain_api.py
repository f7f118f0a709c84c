"""``GET /v1/explanation?shipment_id=…``: why a shipment has its number, over HTTP.

Off until a key is set: an explanation names places. Plain ASGI; one address, one answer.
"""

from __future__ import annotations

import hmac
import json
from urllib.parse import parse_qs

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from delivery_emissions.explain import explain
from delivery_emissions.methods import METHODS
from delivery_emissions.store import read_shipment
from shared.errors import Rejected, Transient
from shared.meter.definition import PoolOf
from shared.problems import HEADERS, TYPE, Problem, unauthorized
from shared.schedule import default_schedule
from shared.settings import _FromEnvironment
from shared.telemetry import AsgiApp, Receive, Scope, Send, log

PATH = "/v1/explanation"
ID_LENGTH_MAX = 200
"""The contract's own limit of a shipment id, and some room."""
RETRY = {"Retry-After": "1"}


class ExplainSettings(_FromEnvironment):
    """Who may ask."""

    model_config = SettingsConfigDict(env_prefix="EXPLAIN_", frozen=True, extra="ignore")

    key: SecretStr | None = Field(None, min_length=32)
    """Sent by callers as ``Authorization: Bearer …``; at least 32 random characters (``openssl rand -hex 32``).
    Without it the address answers 404."""


def explanation_routes(pool_of: PoolOf) -> list[tuple[str, AsgiApp]]:
    """The route, for the meter's own server."""
    key = ExplainSettings.load().key
    return [(PATH, explanation_app(pool_of, key.get_secret_value() if key else ""))]


def explanation_app(pool_of: PoolOf, key: str) -> AsgiApp:
    """The application behind ``PATH``."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            _admit(scope, key)
            status, kind, body, more = 200, "application/json", await _explain(scope, pool_of), {}
        except Problem as problem:
            status, kind, body, more = problem.status, TYPE, problem.body(), problem.headers
        except Transient as error:
            log(__name__).warning("no explanation", reason=str(error))
            away = Problem(503, "unavailable", "the database is away; try again", headers=RETRY)
            status, kind, body, more = away.status, TYPE, away.body(), away.headers
        headers = [(name.lower().encode(), value.encode()) for name, value in more.items()]
        start = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode()), *headers, *HEADERS]
        await send({"type": "http.response.start", "status": status, "headers": start})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    return app


def _admit(scope: Scope, key: str) -> None:
    if not key:
        raise Problem(404, "off", "explanations over HTTP are off here: set EXPLAIN_KEY")
    given = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    if len(given) != 1 or not hmac.compare_digest(given[0], f"Bearer {key}".encode()):
        raise unauthorized("send the key as: Authorization: Bearer ...")
    if scope["method"] not in ("GET", "HEAD"):
        raise Problem(405, "method-not-allowed", "only GET is answered", headers={"Allow": "GET, HEAD"})


async def _explain(scope: Scope, pool_of: PoolOf) -> bytes:
    asked = parse_qs(scope.get("query_string", b"").decode("latin-1"), max_num_fields=10).get("shipment_id", [])
    if len(asked) != 1 or not asked[0].isprintable() or len(asked[0]) > ID_LENGTH_MAX:
        why = f"one shipment_id of 1 to {ID_LENGTH_MAX} printable characters is needed"
        raise Problem(422, "invalid", why, [("shipment_id", why)])
    if (pool := pool_of()) is None:
        raise Problem(503, "starting", "the service is starting; try again", headers=RETRY)
    row = await read_shipment(pool, asked[0])
    if row is None:
        raise Problem(404, "not-found", "no shipment of this id was counted")
    try:
        return json.dumps(explain(row, METHODS, default_schedule()), default=str).encode()
    except Rejected as error:
        raise Problem(409, "refused", str(error)) from None
