"""The folder that a run writes into: its own or a new one, never one that holds somebody else's files.

A run clears what an earlier run left, by name; ``logs/`` or ``summary.json`` may be anybody's, so a folder must carry
the mark of an earlier run, or hold nothing, before any name in it is touched.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import Rejected

MARK = ".campaign-offsets-run"
"""The file that says that a run made this folder; a running one holds its lock."""
DRY_RUN = "dry-run"
"""Dry runs of ``replay`` write into a folder of this name, with a mark of its own; it may come before the first run."""
SHOWN = 3
"""Names of foreign files that a refusal shows."""


def insist_on_own(out: Path) -> None:
    """Raise ``Rejected`` when a folder holds something and no run made it; nothing is written."""
    if out.exists() and not out.is_dir():
        raise Rejected(f"{out} is a file; name a folder", field="--out")
    if not out.is_dir() or (out / MARK).is_file():
        return
    names = sorted(path.name for path in out.iterdir() if path.name != DRY_RUN)
    if names:
        more = ", …" if len(names) > SHOWN else ""
        raise Rejected(
            f"{out} holds files and no mark of an earlier run ({', '.join(names[:SHOWN])}{more}); nothing was touched. "
            "Name a new or an empty folder, or, if only a run's old output is in it, move it away or remove it",
            field="--out",
        )


@contextmanager
def own_folder(out: Path, clear: Iterable[str]) -> Iterator[None]:
    """Take a folder for one run at a time, and remove the outputs of these names (or patterns) from it.

    Raises ``Rejected`` as ``insist_on_own`` does, and when another run is writing into the folder.
    """
    insist_on_own(out)
    out.mkdir(parents=True, exist_ok=True)
    with (out / MARK).open("a", encoding="utf-8") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Rejected(
                f"another run is writing into {out}; wait for its end or name another folder", field="--out"
            ) from None
        if mark.tell() == 0:
            mark.write("A run made this folder; the next run into it removes what this one wrote.\n")
            mark.flush()
        for path in [path for name in clear for path in out.glob(name)]:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        yield
