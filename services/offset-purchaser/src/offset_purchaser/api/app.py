"""The API as one ASGI application."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from offset_purchaser.api.gate import Gate
from offset_purchaser.api.problems import ProblemDetails
from offset_purchaser.api.routes import ROUTERS
from offset_purchaser.handlers.context import Context
from offset_purchaser.handlers.live import LiveTotals
from offset_purchaser.keys import Role
from shared.errors import Conflict, OutcomeUnknown, Rejected, Transient
from shared.postgres import RETRYABLE
from shared.problems import TYPE, Problem

DESCRIPTION = """
Campaign days, what they owe, what was bought for them, and the papers.

Send your key as `Authorization: Bearer copk_...`; `offset-purchaser keys create` makes one. Each operation names the
role it needs; `admin` may do what `approve` may, `approve` what `read` may. Every POST needs an `Idempotency-Key`:
a repeat of the request under the same key gets the stored answer with `Idempotent-Replayed: true` and has no second
effect. Errors are problem details (RFC 9457).

Emissions are grams of CO2e (100 years) with their range; credits are grams bought. They are two figures and are never
netted. Grams, amounts and prices are decimal strings where they are not whole numbers.
"""


def create_api(context: Context, live: LiveTotals) -> Gate:
    """The API around a context whose pool it uses; nothing runs until it is served."""
    return Gate(create_routes(context, live), context.pool, context.clock, _needed)


def create_routes(context: Context | None = None, live: LiveTotals | None = None) -> FastAPI:
    """The routes behind the gate. Without a context: for their description only."""
    app = FastAPI(
        title="offset-purchaser",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        redirect_slashes=False,
        dependencies=[Depends(_known_query)],
        exception_handlers={
            Problem: _problem,
            Rejected: _rejected,
            Conflict: _conflict,
            Transient: _transient,
            OutcomeUnknown: _unknown,
            RequestValidationError: _invalid,
            HTTPException: _http,
            Exception: _failed,
            **dict.fromkeys(RETRYABLE, _transient),
        },
    )
    app.state.context, app.state.live = context, live
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _needed(method: str, path: str) -> Role | None:
    """The role that a request needs, before anything of it is read; ``None`` for an address that does not exist."""
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute) and method in (route.methods or ()) and route.path_regex.match(path):
                return roles()[method, route.path]
    return None


@cache
def roles() -> dict[tuple[str, str], Role]:
    """The role that each (method, path) needs. Raises ``KeyError`` for a route that names none."""
    return {
        (method, route.path): dict(enumerate(_named(route)))[0]
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def _named(route: APIRoute) -> list[Role]:
    return [role for depends in route.dependencies if (role := getattr(depends.dependency, "role", None))]


def _described(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema:
        return app.openapi_schema
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    parts = schema["components"]
    parts["schemas"]["ProblemDetails"] = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    parts["schemas"].update(parts["schemas"]["ProblemDetails"].pop("$defs", {}))
    parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "A key of the API."}}
    schema["security"] = [{"key": []}]
    for (method, path), role in roles().items():
        operation = schema["paths"][path][method.lower()]
        operation["x-role"] = role.value
        operation["description"] = f"{operation.get('description', '')}\n\nRole: `{role}`.".strip()
    app.openapi_schema = schema
    return schema


async def _known_query(request: Request) -> None:
    """A misspelt filter must not be answered with everything. Raises ``Problem``."""
    if not request.query_params:
        return
    operation = request.app.openapi()["paths"][request.scope["route"].path][request.method.lower()]
    known = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
    if unknown := sorted(set(request.query_params) - known):
        errors = [(name, "there is no such parameter") for name in unknown]
        raise Problem(422, "invalid", "the request does not fit its description", errors[:20])


def _answer(problem: Problem) -> Response:
    return Response(problem.body(), problem.status, problem.headers, TYPE)


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _answer(error)


async def _rejected(request: Request, error: Exception) -> Response:
    """The request was understood and refused: a wrong field, or not in this state. A repeat hears the same."""
    assert isinstance(error, Rejected)
    request.state.decided = True
    if error.field:
        return _answer(Problem(422, "refused", error.reason, [(error.field, error.reason)]))
    return _answer(Problem(409, "refused", error.reason))


async def _conflict(_request: Request, error: Exception) -> Response:
    return _answer(Problem(409, "moved", f"{error}: read it again", headers={"Retry-After": "1"}))


async def _transient(_request: Request, error: Exception) -> Response:
    return _answer(Problem(503, "unavailable", "nothing was done; try again", headers={"Retry-After": "1"}))


async def _failed(_request: Request, _error: Exception) -> Response:
    """A fault of ours; the gate logs it."""
    return _answer(Problem(500, "failed", "this should not happen; the service's log says more"))


async def _unknown(_request: Request, error: Exception) -> Response:
    return _answer(Problem(502, "outcome-unknown", f"{error}: look it up before you try again"))


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [(".".join(str(part) for part in e["loc"][1:]) or str(e["loc"][0]), str(e["msg"])) for e in error.errors()]
    return _answer(Problem(422, "invalid", "the request does not fit its description", errors[:20]))


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "refused")
    detail = "there is no such address" if error.status_code == 404 else str(error.detail)
    return _answer(Problem(error.status_code, kind, detail, headers=error.headers))
