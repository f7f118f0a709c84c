"""The folder of one stack: claimed by one process at a time, with its ports and passwords."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local_stack.bootstrap import SERVICES
from local_stack.errors import LocalStackError, disk_errors_explained
from local_stack.ports import free_port, is_free, require_free
from local_stack.postgres import SUPERUSER

# Others may walk through, as the system user of PostgreSQL must when we are root, but not look around.
_PASSABLE = 0o711


@dataclass(frozen=True)
class Settings:
    """What stays the same between two runs on the same data."""

    kafka_port: int
    controller_port: int
    postgres_port: int
    passwords: dict[str, str]


@dataclass
class Place:
    """A claimed folder. ``release`` it after the servers have ended; a process that dies releases it too."""

    folder: Path
    settings: Settings
    keep_data: bool
    _claim: int

    def release(self) -> None:
        """Let others claim the folder."""
        os.close(self._claim)


def ephemeral_place(cache: Path, kafka_port: int | None, postgres_port: int | None) -> Place:
    """A new folder below ``cache``. Folders whose process died together with its guards are removed on the way."""
    settings = _settings(None, kafka_port, postgres_port)
    parent = cache / "ephemeral"
    with disk_errors_explained(parent):
        _make_passable(parent)
        with _locked(parent):  # so that nobody removes the new folder before it is claimed
            for leftover in parent.iterdir():
                with contextlib.suppress(LocalStackError):
                    claim = _claim(leftover)
                    shutil.rmtree(leftover, ignore_errors=True)
                    os.close(claim)
            folder = Path(tempfile.mkdtemp(dir=parent))
            folder.chmod(_PASSABLE)
            return Place(folder, settings, False, _claim(folder))


def persistent_folder(cache: Path) -> Path:
    """Where the stack that keeps its data lives."""
    return cache / "persistent"


def persistent_place(cache: Path, kafka_port: int | None, postgres_port: int | None) -> Place:
    """The folder with the kept data. LocalStackError when another process uses it."""
    folder = persistent_folder(cache)
    with disk_errors_explained(folder):
        _make_passable(folder)
        claim = _claim(folder)
        try:
            remembered = _read_settings(folder / "settings.json")
            settings = _settings(remembered, kafka_port, postgres_port)
            write_private(folder / "settings.json", asdict(settings))
        except BaseException:
            os.close(claim)
            raise
        return Place(folder, settings, True, claim)


def write_private(path: Path, content: dict[str, Any]) -> None:
    """Write JSON that only this user may read; readers see the old content or the new, never half of it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file, indent=2)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _settings(remembered: Settings | None, kafka_port: int | None, postgres_port: int | None) -> Settings:
    kafka = _port(kafka_port, "--kafka-port", remembered.kafka_port if remembered else None, frozenset())
    postgres = _port(
        postgres_port, "--postgres-port", remembered.postgres_port if remembered else None, frozenset({kafka})
    )
    if kafka == postgres:
        raise LocalStackError(f"--kafka-port and --postgres-port are both {kafka}. Choose two different ports.")
    return Settings(
        kafka_port=kafka,
        controller_port=free_port(excluding=frozenset({kafka, postgres})),
        postgres_port=postgres,
        passwords=remembered.passwords
        if remembered
        else {role: secrets.token_urlsafe(24) for role in (SUPERUSER, *SERVICES)},
    )


def _port(wanted: int | None, option: str, remembered: int | None, taken: frozenset[int]) -> int:
    if wanted is not None:
        return require_free(wanted, option)
    if remembered is not None and remembered not in taken and is_free(remembered):
        return remembered
    return free_port(excluding=taken)


def _read_settings(path: Path) -> Settings | None:
    try:
        return Settings(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise LocalStackError(
            f"{path} is damaged, and the passwords of the data beside it were in it. "
            f"Remove {path.parent} to start with fresh data."
        ) from error


def _make_passable(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(_PASSABLE)


def _claim(folder: Path) -> int:
    """A descriptor with an exclusive lock on the folder; the system drops it with the process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise LocalStackError(
            "The local stack is running already. See: local-stack status. To end it: local-stack down"
        ) from error
    return descriptor


@contextlib.contextmanager
def _locked(folder: Path) -> Any:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
