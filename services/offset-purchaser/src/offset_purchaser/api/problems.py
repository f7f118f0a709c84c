"""Errors as problem details (RFC 9457). Pure."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

from offset_purchaser.keys import Principal, Role
from shared.problems import TYPE, Problem


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


def forbidden(who: Principal, needed: Role) -> Problem:
    """The key is known and its role too small."""
    return Problem(403, "forbidden", f"this needs a key of role {needed}; yours is {who.role}")


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
