"""The process that holds the stack of ``local-stack up``: in the terminal, or in the background as a script."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from local_stack.errors import LocalStackError, disk_errors_explained
from local_stack.paths import cache_directory
from local_stack.places import persistent_folder
from local_stack.stack import LocalStack
from local_stack.state import read_state, remove_state, state_of, write_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from rich.console import Console

    from local_stack.state import State


def hold(
    on_ready: Callable[[State, float], None],
    console: Console | None = None,
    *,
    kafka_port: int | None = None,
    postgres_port: int | None = None,
) -> None:
    """Run the stack until SIGINT, SIGTERM or SIGHUP; for the main thread of a process that does nothing else.

    ``on_ready`` is called once with the state and the seconds it took. Raises LocalStackError when the stack cannot
    start, and when a server ends by itself: half a stack helps nobody, and the data are safe.
    """
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        if ended.is_set():
            return  # the servers are being ended already; a second signal must not interrupt that
        ended.set()
        raise SystemExit(0)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    with suppress(SystemExit), LocalStack.persistent(console, kafka_port=kafka_port, postgres_port=postgres_port) as it:
        state = state_of(it)
        write_state(it.folder, state)
        try:
            on_ready(state, it.started_in_seconds)
            while True:
                ended.wait(1.0)
                _require_running(it)
        finally:
            remove_state(it.folder)


def start_in_background(kafka_port: int | None, postgres_port: int | None) -> State:
    """Start a holder that outlives this process and wait until its stack is ready.

    Raises LocalStackError with the holder's own reason when it cannot start.
    """
    folder = persistent_folder(cache_directory())
    folder.mkdir(exist_ok=True)
    log_path = folder / "holder.log"
    with open(os.open(log_path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as log:
        options = [str(port or 0) for port in (kafka_port, postgres_port)]
        holder = subprocess.Popen(
            [sys.executable, "-m", "local_stack.holder", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            cwd=folder,
        )
    assert holder.stdout is not None
    with holder.stdout:
        try:
            line = holder.stdout.readline()
        except BaseException:
            holder.terminate()
            holder.wait()
            raise
    answer: dict[str, Any] = json.loads(line) if line else {}
    state = read_state(folder)
    if "error" in answer or state is None:
        raise LocalStackError(answer.get("error") or f"The stack ended while it was starting. See {log_path}.")
    return state


def _require_running(stack: LocalStack) -> None:
    for server in (stack.kafka, stack.postgres):
        if not server.running():
            raise LocalStackError(f"{server.name} ended by itself, so the stack was ended. Its log is {server.log}.")


def _say(message: dict[str, str]) -> None:
    with suppress(BrokenPipeError):  # whoever asked for the stack is gone; it stays until it is taken down
        os.write(1, json.dumps(message).encode() + b"\n")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def main(arguments: list[str]) -> int:
    """Entry point in the background: two port numbers, 0 for any; one line of JSON on standard output when ready."""
    kafka_port, postgres_port = (int(argument) or None for argument in arguments)
    try:
        with disk_errors_explained(persistent_folder(cache_directory())):
            hold(lambda _state, _seconds: _say({"ready": "yes"}), kafka_port=kafka_port, postgres_port=postgres_port)
    except LocalStackError as error:
        _say({"error": str(error)})
        with suppress(OSError):  # its log may be on the disk that is full
            sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
