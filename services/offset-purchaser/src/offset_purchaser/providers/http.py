"""What an HTTP call's end means for an order: nothing happened, refused for good, or unknown."""

from __future__ import annotations

from typing import Any

import httpx

from shared.errors import OutcomeUnknown, Rejected, Transient

NO_BYTE_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
NOTHING_HAPPENED = frozenset({401, 403, 407, 429})
"""The provider did not look at the order: credentials or too many requests. Mend or wait, then send the same bytes."""
REFUSED = frozenset({400, 402, 404, 405, 410, 413, 415, 422})


async def call(client: httpx.AsyncClient, method: str, path: str, *, effect: bool, **options: Any) -> httpx.Response:
    """One request, one attempt. ``effect``: whether the provider may have acted when no answer arrived."""
    try:
        response = await client.request(method, path, **options)
    except NO_BYTE_LEFT as error:
        raise Transient(f"{client.base_url.host} cannot be reached: {type(error).__name__}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        kind = OutcomeUnknown if effect else Transient
        raise kind(f"{client.base_url.host}: no answer: {type(error).__name__}") from error
    code = response.status_code
    if code < 300:
        return response
    said = f"{client.base_url.host} answered {code}: {_reason(response)}"
    if code in NOTHING_HAPPENED:
        raise Transient(said)
    if code in REFUSED:
        raise Rejected(said)
    raise OutcomeUnknown(said) if effect else Transient(said)


def _reason(response: httpx.Response) -> str:
    try:
        data = response.json()
    except ValueError:
        return response.text[:200]
    if isinstance(data, dict):
        return str(data.get("detail") or data.get("error") or data)[:300]
    return str(data)[:300]
