"""What goes wrong on the machine of a person, said so that the person can act on it."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.errors import OffsetsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class LocalStackError(OffsetsError):
    """Kafka or PostgreSQL could not be brought up, reached or taken down.

    The text is one or two plain sentences: what happened, and what to do about it. It never holds a password.
    """


@contextmanager
def disk_errors_explained(path: Path) -> Iterator[None]:
    """Turn a full or write-protected disk into a :class:`LocalStackError`; other errors pass.

    ``path`` is named in it when the system's error names no file.
    """
    try:
        yield
    except OSError as error:
        reason = _DISK.get(error.errno or 0)
        if reason is None:
            raise
        raise LocalStackError(
            f"{error.filename or path} cannot be written: {reason}. "
            "Free some space (about 1 GB is needed), or name another folder in CAMPAIGN_OFFSETS_CACHE."
        ) from error


def explain_log(name: str, tail: str) -> str:
    """The sentence for a server that ended while it started, from the last lines of its log."""
    for text, sentence in _IN_LOGS:
        if text in tail:
            return f"{name} did not start: {sentence}"
    last = "\n".join(tail.splitlines()[-15:])
    return f"{name} ended while it was starting. The end of its log:\n{last}"


_DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "this user may not write there",
    errno.EPERM: "this user may not write there",
    errno.EROFS: "the disk is read-only",
    errno.ENOTDIR: "there is a file where a folder is needed",
    errno.EEXIST: "there is a file where a folder is needed",
}

PORT_TAKEN = "another program took its port at that moment. Start again, or choose with --kafka-port / --postgres-port."

_DISK_FULL = "the disk is full. Free about 1 GB, or set CAMPAIGN_OFFSETS_CACHE to another folder."

_IN_LOGS = (
    ("No space left on device", _DISK_FULL),
    ("Check free disk space", _DISK_FULL),
    ("Address already in use", PORT_TAKEN),
    ("could not bind", PORT_TAKEN),
    ("Could not reserve enough space", "there is not enough free memory; it needs about 1 GB."),
    ("Cannot allocate memory", "there is not enough free memory; both servers together need about 1 GB."),
)
