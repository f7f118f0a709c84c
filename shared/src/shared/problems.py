"""Errors over HTTP as problem details (RFC 9457). Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

TYPE = "application/problem+json"
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
"""What every answer of every API carries: figures are nobody else's, and no browser shows them as a page."""


class Problem(Exception):
    """A refused request: HTTP status, a stable name of the kind, a sentence, the wrong fields, more headers."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.errors = status, kind, detail, tuple(errors)
        self.headers = dict(headers or {})

    def body(self) -> bytes:
        """The document. ASCII only: what clients sent may hold anything."""
        content: dict[str, Any] = {
            "type": f"urn:campaign-offsets:problem:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            content["errors"] = [{"field": name, "reason": reason} for name, reason in self.errors]
        return json.dumps(content).encode()


def unauthorized(detail: str) -> Problem:
    """No key, or none that works; which of the two it is stays unsaid."""
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="campaign-offsets"'})
