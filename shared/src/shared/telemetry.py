"""Logs and HTTP surroundings: structured logs without personal data, health and metrics endpoints."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, make_asgi_app

from shared.settings import LogSettings

SECRET_KEYS = ("password", "passwd", "dsn", "secret", "token", "api_key", "authorization")
"""A field whose name ends so holds a secret, whatever stands before it: ``kafka_sasl_password``, ``postgres_dsn``."""
PASSWORD_IN_URL = re.compile(r"(?<=://)([^:@/\s]*):(\S+)@")
"""Up to the last @: a password may hold / # ? and @, whether or not they should have been written as %2F."""
NAMED_SECRET = re.compile(
    r"((?:password|passwd|secret|token|api_?key)(?:\s*=\s*|[\"']\s*:\s*))(\"[^\"]*\"|'[^']*'|[^\s&,;]+)", re.IGNORECASE
)
"""``password=hunter2`` of connection strings, ``?api_key=...`` of addresses, ``'token': '...'`` of printed mappings."""
PROVIDER_KEY = re.compile(r"\b((?:sk|rk|whsec)_(?:test_|live_)?)[A-Za-z0-9]{8,}")
"""Keys of the kind that Stripe gives out, wherever they stand."""
MAIL_ADDRESS = re.compile(r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+")
"""Mail servers quote addresses in what they refuse, people write them into fields that are for something else."""
ROW_OF_DATABASE = re.compile(r"(DETAIL:\s+)(?:Failing row contains|Key) \(.*")
"""PostgreSQL quotes the row or key that breaks a constraint."""
DEPTH_MAX = 4
"""Levels of lists and mappings in a log event that are looked into; what lies deeper is left out."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Probe = Callable[[], Awaitable[tuple[bool, str]]]


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take secrets and what is personal out of a log event.

    Secrets by the field's name or by the name before them in a text, passwords inside any URL and providers' keys;
    mail addresses, and the rows that PostgreSQL quotes. Not promised: that other personal words are found. Code logs
    positions and ids, never contents.
    """
    for key, value in event.items():
        event[key] = _redacted(key, value, DEPTH_MAX)
    return event


def _redacted(key: str, value: Any, depth: int) -> Any:
    if key.lower().endswith(SECRET_KEYS):
        return "***"
    if isinstance(value, str):
        shown = PROVIDER_KEY.sub(r"\1***", NAMED_SECRET.sub(r"\1***", PASSWORD_IN_URL.sub(r"\1:***@", value)))
        return ROW_OF_DATABASE.sub(r"\1***", MAIL_ADDRESS.sub("***@***", shown))
    if depth and isinstance(value, Mapping):
        return {name: _redacted(str(name), inner, depth - 1) for name, inner in value.items()}
    if depth and isinstance(value, list | tuple):
        return [_redacted("", inner, depth - 1) for inner in value]
    return "…" if isinstance(value, Mapping | list | tuple) else value


def configure_logs(settings: LogSettings, *, service: str) -> None:
    """Send every log line of the process, libraries included, to standard error in one format."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    chain: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.level.upper()]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer], foreign_pre_chain=chain
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for chatty in ("aiokafka", "uvicorn.access", "uvicorn.error", "yoyo", "asyncio", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)


def log(name: str) -> structlog.stdlib.BoundLogger:
    """A structured logger: ``log(__name__).info("flushed", topic=..., partition=...)``."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def health_routes(registry: CollectorRegistry, *, ready: Probe) -> list[tuple[str, AsgiApp]]:
    """``/health/live`` (the process answers), ``/health/ready`` (it can work; 503 with the reason) and ``/metrics``."""

    async def always() -> tuple[bool, str]:
        return True, "alive"

    return [
        ("/health/live", _probe_app(always)),
        ("/health/ready", _probe_app(ready)),
        ("/metrics", make_asgi_app(registry)),
    ]


def _probe_app(probe: Probe) -> AsgiApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        healthy, text = await probe()
        await send(
            {
                "type": "http.response.start",
                "status": 200 if healthy else 503,
                "headers": [(b"content-type", b"text/plain; charset=utf-8")],
            }
        )
        await send({"type": "http.response.body", "body": text.encode()})

    return app
