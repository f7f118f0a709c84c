"""The small parent of one server process: it ends the server when the program that wanted it is gone.

Run as a script by :mod:`local_stack.process`, with nothing but the standard library so that it starts at once.

Standard input: one line of JSON (see ``local_stack.process.Launch``), then commands, one per line: ``stop`` ends the
server in an orderly way, ``discard`` ends it at once and removes its folders. The end of the input means that the
program is gone, however it went; the same is assumed when this process gets another parent or a signal to end.
Standard output: one line of JSON, ``{"pid": …}`` or ``{"error": …}``.

The server gets its end signal from the kernel when this process itself is killed (Linux). Elsewhere a kill -9 of this
process, not of the program, leaves the server running.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_ORPHANS_SECONDS = 3.0


def main() -> int:
    """Start the server, wait for a reason to end it, end it. The exit code is the server's, 0 after a command."""
    spec: dict[str, Any] = json.loads(_read_line())
    wake, on_signal = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(on_signal, False)
    signal.set_wakeup_fd(on_signal, warn_on_full_buffer=False)
    ended: list[int] = []
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: ended.append(received))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        server = _start(spec)
    except OSError as error:
        _say({"error": str(error)})
        return 1
    _say({"pid": server.pid})
    command = _wait(server, wake, spec["parent"], ended)
    if command is None:
        _end_orphans(_ORPHANS_SECONDS)
        return server.returncode or 0
    in_order = command == "stop" or (command == "gone" and spec["keep_data"])
    how = "stop" if in_order else "discard"
    _end(server, spec[f"{how}_signal"], spec[f"{how}_seconds"])
    _end_orphans(_ORPHANS_SECONDS if in_order else 0.0)
    if command != "stop":
        _remove(spec["remove"], spec["common"])
    return 0


def _start(spec: dict[str, Any]) -> subprocess.Popen[bytes]:
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    own_pid = os.getpid()
    if libc is not None:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)  # children of a server that was killed become ours; see _end_orphans

    def die_with_guard() -> None:  # between fork and exec: nothing that allocates much or takes a lock
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, spec["stop_signal"])
            if os.getppid() != own_pid:
                os._exit(1)

    account: dict[str, Any] = {}
    if spec["account"]:
        account = {"user": spec["account"][0], "group": spec["account"][1], "extra_groups": []}
    with open(spec["log"], "ab") as log:
        return subprocess.Popen(
            spec["argv"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=spec["cwd"],
            env=spec["env"],
            umask=0o077,
            preexec_fn=die_with_guard,  # noqa: PLW1509  this process has one thread only
            **account,
        )


def _wait(server: subprocess.Popen[bytes], wake: int, parent: int, ended: list[int]) -> str | None:
    """The command to obey, ``gone`` when the program is, None when the server ended by itself."""
    while True:
        if server.poll() is not None:
            return None
        if ended or os.getppid() != parent:
            return "gone"
        # A second, because a forked child of the program may hold the pipe open after the program's end.
        readable, _, _ = select.select([0, wake], [], [], 1.0)
        if wake in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 512)
        if 0 in readable:
            return _read_line().strip() or "gone"


def _end(server: subprocess.Popen[bytes], number: int, seconds: float) -> None:
    server.send_signal(number)  # the server is our child and not yet waited for: its pid cannot be another's
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _end_orphans(seconds: float) -> None:
    """Give the children of the dead server time to end by themselves, then kill them (Linux; elsewhere none are ours).

    They became our children, so their numbers cannot belong to anybody else while we have not waited for them.
    """
    deadline = time.monotonic() + seconds
    with contextlib.suppress(ChildProcessError):  # none left
        while True:
            if os.waitpid(-1, os.WNOHANG)[0]:
                continue
            if time.monotonic() > deadline:
                with open(f"/proc/self/task/{os.getpid()}/children") as children:
                    for pid in children.read().split():
                        os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.005)


def _remove(folders: list[str], common: str) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # not empty: the guard of the other server comes after us
        os.rmdir(common)


def _read_line() -> str:
    line = bytearray()
    while not line.endswith(b"\n"):  # byte by byte: what follows must stay in the pipe for select to see
        part = os.read(0, 1)
        if not part:
            return ""
        line += part
    return line.decode()


def _say(message: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
