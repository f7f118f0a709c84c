"""Errors as problem details (RFC 9457). Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One field that is wrong."""

    field: str
    reason: str


class ProblemDetails(BaseModel):
    """Why a request was not done, for people and programs."""

    type: str = Field(description="A stable name of the kind of problem, for programs.")
    title: str
    status: int
    detail: str = Field(description="What to do about it, for people.")
    errors: list[FieldError] = Field(default=[], description="The fields that are wrong, when fields are.")


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
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="offset-purchaser"'})


def not_found(detail: str) -> Problem:
    """There is no such thing."""
    return Problem(404, "not-found", detail)


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of these problems."""
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {TYPE: {"schema": schema}}} for status in statuses
    }


READING = described(400, 401, 403, 404, 422, 503)
DECIDING = described(400, 401, 403, 404, 408, 409, 413, 422, 503)
