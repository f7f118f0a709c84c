"""The service processes of a session: how each is started, watched and started again."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local_stack.errors import LocalStackError
from local_stack.process import Guarded, Launch, log_tail
from shared.errors import OffsetsError

BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Waits before a start after a death; the last one repeats."""
MAX_RESTARTS = 12
"""About half a minute of dying at once is not a kill in the middle any more: say so instead of trying for ever."""
STOP_SECONDS = 15.0
"""A service's last flush takes milliseconds; whoever needs longer is killed."""
HEALTHY_SECONDS = 10.0
"""Having lived that long, a service's next death counts as the first again."""


LINE_HEAD, LINE_TAIL = 160, 480
"""Characters of a long log line that are quoted: where it is from, and the end, where a traceback names its error."""


class ServiceFailed(OffsetsError):
    """A service does not stay up, or a command of it failed. The text quotes the end of its log."""


@dataclass(frozen=True, slots=True)
class Service:
    """One command of a service in its own process, with its own environment and log."""

    name: str
    """Names the log and the environment file; the command's name for the main process of a service."""
    command: str
    """The console script."""
    arguments: tuple[str, ...]
    environment: Mapping[str, str]

    @property
    def argv(self) -> tuple[str, ...]:
        """The full command line."""
        return (script(self.command), *self.arguments)


def script(command: str) -> str:
    """A console script of the environment this program runs in."""
    return str(Path(sys.executable).parent / command)


def base_environment() -> dict[str, str]:
    """What every process needs from ours, and nothing else: a stray ``TOPIC_PREFIX`` of the shell must not count."""
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SSL_CERT_FILE", "CAMPAIGN_OFFSETS_CACHE")
    return {name: os.environ[name] for name in keep if name in os.environ} | {"PYTHONUNBUFFERED": "1"}


def write_environment(folder: Path, service: Service) -> Path:
    """Write the variables of a service for a person who wants to start it by hand; readable by the owner only."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{service.name}.env"
    path.touch(mode=0o600)
    lines = [f"{key}={shlex.quote(value)}\n" for key, value in sorted(service.environment.items())]
    path.write_text("".join(lines))
    return path


def by_hand(service: Service, environment: Path) -> str:
    """The line that starts a service by hand."""
    argv = (os.path.relpath(service.argv[0]), *service.argv[1:])
    return f"(set -a; . ./{shlex.quote(os.path.relpath(environment))}; {shlex.join(argv)})"


def short_tail(log: Path, lines: int) -> str:
    """The last lines of a log, long ones without their middle; the log itself has all of them."""
    shown = []
    for line in log_tail(log, lines).splitlines():
        long = len(line) > LINE_HEAD + LINE_TAIL
        shown.append(f"{line[:LINE_HEAD]} ... {line[-LINE_TAIL:]}" if long else line)
    return "\n".join(shown)


def run_commands(commands: list[tuple[Service, tuple[str, ...]]], *, seconds: float = 120.0) -> None:
    """Run one-off commands of services side by side. Raises ``ServiceFailed`` with the output of one that fails."""
    started = [(service, arguments, _one_off(service, arguments)) for service, arguments in commands]
    deadline = time.monotonic() + seconds
    try:
        for service, arguments, process in started:
            output, _ = process.communicate(timeout=max(0.1, deadline - time.monotonic()))
            if process.returncode:
                raise ServiceFailed(
                    f"`{service.command} {shlex.join(arguments)}` ended with code {process.returncode}:\n"
                    + "\n".join(output.strip().splitlines()[-15:])
                )
    except subprocess.TimeoutExpired as error:
        raise ServiceFailed(f"`{shlex.join(map(str, error.cmd))}` did not end within {seconds:.0f} s.") from None
    finally:
        for _, _, process in started:
            if process.poll() is None:
                process.kill()
                process.wait()


def _one_off(service: Service, arguments: tuple[str, ...]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        (script(service.command), *arguments),
        env=base_environment() | dict(service.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


class Keeper:
    """Keeps services running: one that dies is started again, after a growing wait, up to a limit.

    The services end with this program however that ends (see ``local_stack.process``). Not promised: that a service is
    ready; ask it.
    """

    def __init__(self, logs: Path, say: Callable[[str], None]) -> None:
        """Nothing is started yet. Logs go to ``<logs>/<service>.log``."""
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs.resolve()  # the guard of a process works elsewhere
        self._say = say
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="keeper", daemon=True)

    @property
    def restarts(self) -> dict[str, int]:
        """How often each service was started again."""
        return {name: kept.restarts for name, kept in self._kept.items()}

    def start(self, service: Service) -> None:
        """Start a service and keep it. Raises ``ServiceFailed`` when its program cannot be started at all."""
        try:
            kept = _Kept(service, Guarded(self._launch(service)))
        except LocalStackError as error:
            raise ServiceFailed(str(error)) from error
        with self._lock:
            self._kept[service.name] = kept
        if not self._thread.is_alive():
            self._thread.start()

    def pid(self, name: str) -> int:
        """The process id of a service as it runs now."""
        with self._lock:
            return self._kept[name].guarded.pid

    def log(self, name: str) -> Path:
        """The log file of a service."""
        return self._logs / f"{name}.log"

    def check(self) -> None:
        """Raise ``ServiceFailed`` when a service does not stay up."""
        for name, kept in self._kept.items():
            if kept.failed:
                raise ServiceFailed(
                    f"{name} was started again {kept.restarts} times and does not stay up. "
                    f"The end of {self.log(name)}:\n{short_tail(self.log(name), 8)}"
                )

    def stop(self) -> None:
        """End every service, the youngest first, and wait for them: SIGTERM, then SIGKILL by process id."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        stops = [threading.Thread(target=kept.guarded.stop) for kept in reversed(list(self._kept.values()))]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join()

    def _launch(self, service: Service) -> Launch:
        return Launch(
            name=service.name,
            argv=service.argv,
            env=base_environment() | dict(service.environment),
            folder=Path.cwd(),
            log=self.log(service.name),
            stop_signal=signal.SIGTERM,
            discard_signal=signal.SIGKILL,
            keep_data=True,
            stop_seconds=STOP_SECONDS,
        )

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            for kept in list(self._kept.values()):
                self._look_after(kept)

    def _look_after(self, kept: _Kept) -> None:
        if kept.failed or kept.guarded.running():
            return
        now = time.monotonic()
        if kept.died_at is None:
            if now - kept.started_at > HEALTHY_SECONDS:
                kept.deaths = 0
            kept.died_at = now
            kept.deaths += 1
            kept.failed = kept.deaths > MAX_RESTARTS
            self._say(f"{kept.service.name} ended; " + ("giving up" if kept.failed else "starting it again"))
        elif now - kept.died_at >= BACK_OFF_S[min(kept.deaths, len(BACK_OFF_S)) - 1]:
            with self._lock:
                kept.guarded.stop()  # reaps the guard; the service itself has ended
                kept.start_again(Guarded(self._launch(kept.service)))


class _Kept:
    """A service with its current process and its history."""

    def __init__(self, service: Service, guarded: Guarded) -> None:
        self.service = service
        self.guarded = guarded
        self.started_at = time.monotonic()
        self.died_at: float | None = None
        self.deaths = 0
        self.restarts = 0
        self.failed = False

    def start_again(self, guarded: Guarded) -> None:
        self.guarded = guarded
        self.started_at = time.monotonic()
        self.died_at = None
        self.restarts += 1
