"""TCP ports on the loopback interface."""

from __future__ import annotations

import random
import socket

from local_stack.errors import LocalStackError

LOOPBACK = "127.0.0.1"

# Below every system's range for outgoing connections. In that range a client that keeps reconnecting to a stopped
# server can end up connected to itself, and any outgoing connection can take the port before the server is back.
_FIRST, _LAST = 20_000, 29_999


def free_port(*, excluding: frozenset[int] = frozenset()) -> int:
    """A port nobody listens on now. Nothing holds it for the caller: another process may take it first."""
    for _ in range(200):
        port = random.randint(_FIRST, _LAST)
        if port not in excluding and is_free(port):
            return port
    raise LocalStackError(f"No free port was found between {_FIRST} and {_LAST}. Close programs that listen there.")


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As Kafka and PostgreSQL do: connections of an earlier run that are still closing are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def require_free(port: int, option: str) -> int:
    """``port`` when it is free; LocalStackError that names ``option`` when it is not."""
    if not 1 <= port <= 65_535:
        raise LocalStackError(f"{option} {port}: a port is a number from 1 to 65535.")
    if not is_free(port):
        raise LocalStackError(
            f"Port {port} is taken (or not allowed for this user). Choose another one with {option}, "
            "or leave the option out to get a free one."
        )
    return port
