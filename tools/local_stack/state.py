"""What is known about the stack that keeps its data: whether it runs, since when, and how to reach it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import psutil

from local_stack.bootstrap import SERVICES
from local_stack.places import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from local_stack.stack import LocalStack

ADMIN = "admin"
"""Key of the superuser's variables in :attr:`State.environments`."""


@dataclass(frozen=True)
class ServerState:
    """One row of ``local-stack status``."""

    name: str
    address: str
    pid: int
    folder: str


@dataclass(frozen=True)
class State:
    """What the process that holds the stack wrote when it was ready. It holds passwords: mode 0600."""

    holder_pid: int
    holder_created: float
    """Start of that process, seconds since 1970: with the pid it tells the process from a later one."""
    servers: list[ServerState]
    environments: dict[str, dict[str, str]] = field(repr=False)


def state_of(stack: LocalStack) -> State:
    """The state of a running stack held by this process."""
    environments = {service: stack.environment(service) for service in SERVICES}
    environments[ADMIN] = {**stack.environment(), "POSTGRES_DSN": stack.admin_dsn}
    servers = [
        ServerState(server.name, server.address, server.pid, str(server.folder))
        for server in (stack.kafka, stack.postgres)
    ]
    return State(os.getpid(), psutil.Process().create_time(), servers, environments)


def write_state(folder: Path, state: State) -> None:
    """Store it in the folder of the stack, readable for this user only."""
    write_private(folder / "state.json", asdict(state))


def remove_state(folder: Path) -> None:
    """Forget it; nothing happens when there is none."""
    (folder / "state.json").unlink(missing_ok=True)


def read_state(folder: Path) -> State | None:
    """The state of the stack that runs now; None when none runs, or one is just starting or ending.

    A file left by a process that was killed counts as none: the claim on the folder ended with the process.
    """
    if not claimed(folder):
        return None
    try:
        raw: dict[str, Any] = json.loads((folder / "state.json").read_text())
        raw["servers"] = [ServerState(**server) for server in raw["servers"]]
        state = State(**raw)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return state if holder_of(state) else None


def holder_of(state: State) -> psutil.Process | None:
    """The process that wrote the state, never another one that got its number later."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(state.holder_pid)
        # Two seconds, because the system's notion of when it booted moves a little with its clock.
        if abs(process.create_time() - state.holder_created) < 2.0:
            return process
    return None


def claimed(folder: Path) -> bool:
    """Whether some process holds the folder of the stack now."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
