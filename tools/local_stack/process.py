"""A server process behind its guard, and the questions one may ask about it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from local_stack.errors import LocalStackError, explain_log

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True)
class Account:
    """The system user a server runs as when this process is root."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Launch:
    """How to start one server and how to end it. Secrets have no place here: other users can read an argv."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str]
    folder: Path
    """Working directory; must exist."""
    log: Path
    stop_signal: int
    """Ends the server in an orderly way; everything acknowledged is kept."""
    discard_signal: int
    """Ends it at once, when its data are thrown away."""
    keep_data: bool
    """Whether the server is ended in order when the program is gone, or at once."""
    remove: tuple[Path, ...] = ()
    """Folders to remove when the program is gone and on :meth:`Guarded.discard`: all, or those of no further use."""
    common: Path | None = None
    """Removed when it is empty after that."""
    account: Account | None = None
    stop_seconds: float = 30.0
    discard_seconds: float = 5.0


class Guarded:
    """One run of a server. Not for use by several threads at once, except :meth:`discard`."""

    def __init__(self, launch: Launch) -> None:
        """Start the guard and, through it, the server. Returns when the process exists, not when it is ready.

        Raises LocalStackError when the program cannot be started at all.
        """
        self.launch = launch
        _keep_log_small(launch.log)
        self._log_start = launch.log.stat().st_size if launch.log.exists() else 0
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal reaches the program, which then ends the servers in order
            cwd="/",
        )
        try:
            answer = self._hand_over()
        except BaseException:
            self._command("discard" if not launch.keep_data else "stop")
            raise
        if "pid" not in answer:
            self._guard.wait()
            raise LocalStackError(f"{launch.name} cannot be started: {answer.get('error', 'its guard ended')}.")
        self._pid: int = answer["pid"]
        self.started_at = time.time()
        self._process = _process(self._pid)

    @property
    def pid(self) -> int:
        """The server's process id; of interest only while :meth:`running`."""
        return self._pid

    def running(self) -> bool:
        """Whether the server process exists. It may still be starting."""
        return self._guard.poll() is None and self._process is not None and self._process.is_running()

    def log_text(self) -> str:
        """What this run wrote to its log so far."""
        with open(self.launch.log, "rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def wait_ready(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait until ``ready()``; LocalStackError when the server ends before, or the time is over."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running():
                self._guard.wait()
                raise LocalStackError(explain_log(self.launch.name, self.log_text()[-20_000:]))
            if time.monotonic() > deadline:
                raise LocalStackError(
                    f"{self.launch.name} was not ready after {seconds:.0f} s. Its log is {self.launch.log}."
                )
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server in an orderly way and wait for it. Data stay. Nothing happens when it has ended."""
        self._command("stop")

    def discard(self) -> None:
        """End the server at once, remove its folders and wait for that."""
        self._command("discard")

    def kill(self) -> None:
        """SIGKILL to the server and every process it made, as a power cut would; wait until all are gone. Data stay."""
        if self._process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                family = [self._process, *self._process.children(recursive=True)]
                for process in family:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()  # psutil compares the start time first: never a stranger with a reused pid
                _wait_gone(family)
        self._command("stop")

    def _hand_over(self) -> dict[str, Any]:
        launch = self.launch
        spec = {
            "argv": launch.argv,
            "env": launch.env,
            "cwd": str(launch.folder),
            "log": str(launch.log),
            "account": [launch.account.uid, launch.account.gid] if launch.account else None,
            "parent": os.getpid(),
            "stop_signal": int(launch.stop_signal),
            "stop_seconds": launch.stop_seconds,
            "discard_signal": int(launch.discard_signal),
            "discard_seconds": launch.discard_seconds,
            "keep_data": launch.keep_data,
            "remove": [str(folder) for folder in launch.remove],
            "common": str(launch.common or ""),
        }
        assert self._guard.stdin is not None
        assert self._guard.stdout is not None
        self._guard.stdin.write(json.dumps(spec).encode() + b"\n")
        self._guard.stdin.flush()
        line = self._guard.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {}
        return answer

    def _command(self, command: str) -> None:
        assert self._guard.stdin is not None
        assert self._guard.stdout is not None
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._guard.stdin.write(command.encode() + b"\n")
            self._guard.stdin.close()
        self._guard.wait()
        self._guard.stdout.close()


def log_tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, empty when there is none."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _wait_gone(processes: list[psutil.Process]) -> None:
    """Wait until none runs any more. Dead but not yet waited for counts: orphans can stay so for a second."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(_alive(process) for process in processes):
        time.sleep(0.005)


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _keep_log_small(log: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
