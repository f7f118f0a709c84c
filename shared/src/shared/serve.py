"""Serving an ASGI application until SIGTERM or Ctrl-C, and leaving with exit code 0."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Any

import uvicorn

from shared.settings import HttpSettings
from shared.telemetry import log

_log = log(__name__)


class Server(uvicorn.Server):
    """uvicorn without its own signal handling, which ends a process by the signal even after a clean leave."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave on SIGTERM and SIGINT; a second one is not needed, the leave is bounded."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._leave)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _leave(self) -> None:
        self.should_exit = True

    async def startup(self, sockets: Any = None) -> None:
        """Start listening and say where."""
        await super().startup(sockets=sockets)
        for server in getattr(self, "servers", []):
            for socket in server.sockets:
                host, port = socket.getsockname()[:2]
                _log.info("listening", host=host, port=port)


def make_server(app: Any, http: HttpSettings) -> Server:
    """A server for an ASGI application with a life span; logs go through ``shared.telemetry``."""
    return Server(uvicorn.Config(app, host=http.host, port=http.port, log_config=None, access_log=False, lifespan="on"))
