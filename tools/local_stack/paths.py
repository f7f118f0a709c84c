"""Where jars, data and state live, and who may read them."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from platformdirs import user_cache_dir

from local_stack.errors import LocalStackError

CACHE_VARIABLE = "CAMPAIGN_OFFSETS_CACHE"
_APPLICATION = "campaign-offsets"


def running_as_root() -> bool:
    """Whether this process is root, in which case PostgreSQL has to run as somebody else."""
    return os.geteuid() == 0


def cache_directory() -> Path:
    """The folder of this user for jars and data; made when missing, with mode 0755.

    ``CAMPAIGN_OFFSETS_CACHE`` wins. Root's home is usually closed to the system user PostgreSQL runs as; then a folder
    below the system's place for lasting temporary files is taken instead of opening the home.

    Raises LocalStackError when the folder cannot be written, is not ours, or cannot be reached by that system user.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    folder = Path(chosen).expanduser() if chosen else Path(user_cache_dir(_APPLICATION))
    if not chosen and running_as_root() and not others_may_enter(_nearest_existing(folder)):
        folder = Path("/var/tmp") / f"{_APPLICATION}-{os.geteuid()}"  # noqa: S108  owner and kind are checked below
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise LocalStackError(
            f"{folder} cannot be made: {error.strerror}. Name another folder in {CACHE_VARIABLE}."
        ) from error
    _require_ours(folder)
    folder = folder.resolve()
    if running_as_root() and not others_may_enter(folder):
        raise LocalStackError(
            f"{folder} lies below a folder that only root may enter, and PostgreSQL never runs as root. "
            f"Set {CACHE_VARIABLE} to a folder that others may enter, or leave it unset."
        )
    return folder


def others_may_enter(folder: Path) -> bool:
    """Whether a user who owns nothing here could walk down to ``folder``."""
    resolved = folder.resolve()
    return all(part.stat().st_mode & stat.S_IXOTH for part in (resolved, *resolved.parents))


def socket_directory() -> Path:
    """A new, private folder with a short name: a unix socket's full path may have about 100 bytes, no more."""
    base = Path(tempfile.gettempdir())
    if len(str(base)) > 60 or (running_as_root() and not others_may_enter(base)):
        base = Path("/tmp")  # noqa: S108  mkdtemp makes the name unpredictable and the folder private
    return Path(tempfile.mkdtemp(prefix="offsets-pg-", dir=base))


def disk_usage(folder: Path) -> int:
    """Bytes on disk below ``folder``. Files that vanish meanwhile count as nothing; sparse ones as what they hold."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def _nearest_existing(folder: Path) -> Path:
    return next(part for part in (folder, *folder.parents) if part.exists())


def _require_ours(folder: Path) -> None:
    """Refuse a folder somebody else prepared: with a predictable name below /var/tmp that would be an attack."""
    if folder.stat().st_uid != os.geteuid():
        raise LocalStackError(f"{folder} belongs to another user. Name a folder of your own in {CACHE_VARIABLE}.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise LocalStackError(f"{folder} cannot be written. Name another folder in {CACHE_VARIABLE}.")
