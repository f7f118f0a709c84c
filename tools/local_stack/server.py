"""What Kafka and PostgreSQL have in common: a folder, a way to start, and several ways to end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from local_stack.errors import LocalStackError, disk_errors_explained
from local_stack.process import Guarded

if TYPE_CHECKING:
    from pathlib import Path

    from local_stack.process import Launch


class Server(ABC):
    """One server over any number of runs. Not for several threads at once, except :meth:`end`."""

    name: str
    ready_seconds: float

    def __init__(self, folder: Path, *, keep_data: bool) -> None:
        """``folder``: where everything of it goes; made at the first start."""
        self.folder = folder
        self.keep_data = keep_data
        self._run: Guarded | None = None
        self._ended = False

    @property
    @abstractmethod
    def log(self) -> Path:
        """What the server writes about its own doings. Appended to, cut at a start when it is larger than 16 MB."""

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it listens, for people."""

    @abstractmethod
    def prepare(self) -> Launch:
        """Create folders and storage where they are missing; how to launch the server."""

    @abstractmethod
    def is_ready(self, run: Guarded) -> bool:
        """Whether clients are served."""

    @abstractmethod
    def after_ready(self) -> None:
        """What is to be done once in a new storage."""

    def start(self) -> None:
        """Start, on the same port and data each time, and wait until clients are served.

        Raises LocalStackError when it runs already, ends while starting, takes too long, or the disk is full.
        """
        if self.running():
            raise LocalStackError(f"{self.name} is running already.")
        with disk_errors_explained(self.folder):
            launch = self.prepare()
            if self._ended:
                raise LocalStackError(f"{self.name} was not started: the start was given up.")
            self._run = run = Guarded(launch)
        run.wait_ready(lambda: self.is_ready(run), seconds=self.ready_seconds)
        self.after_ready()

    def running(self) -> bool:
        """Whether the process exists. It may still be starting."""
        return self._run is not None and self._run.running()

    @property
    def pid(self) -> int:
        """Its process id; LocalStackError when it does not run."""
        if self._run is None or not self._run.running():
            raise LocalStackError(f"{self.name} is not running.")
        return self._run.pid

    def stop(self) -> None:
        """End it in an orderly way and wait. Nothing happens when it does not run."""
        if self._run is not None:
            self._run.stop()

    def kill(self) -> None:
        """SIGKILL it and its children, and wait until they are gone."""
        if self._run is not None:
            self._run.kill()

    def end(self) -> None:
        """End it for good: in order when its data are kept, else at once and with its data. Idempotent."""
        self._ended = True
        if self._run is not None:
            if self.keep_data:
                self._run.stop()
            else:
                self._run.discard()
