"""Remembers what was replayed into which target, by content, so that nothing is replayed twice by mistake."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from replay.files import Content
from shared.errors import Rejected

EMBEDDED = "the embedded stack"
"""The target of a run that starts its own Kafka and throws it away."""
Files = dict[str, dict[str, Any]]
"""By the hash of the content."""


def target(bootstrap: str | None, prefix: str) -> str:
    """What events are sent into: two targets have seen nothing of each other's files.

    Not promised: that two addresses of one Kafka are known to be the same.
    """
    if bootstrap is None:
        return EMBEDDED
    servers = sorted(server.strip().lower() for server in bootstrap.split(","))
    return " ".join(filter(None, (",".join(servers), prefix)))


class History:
    """The state file, as far as one target goes. Not promised: that two runs of one file at the same time notice."""

    def __init__(self, path: Path, into: str = EMBEDDED) -> None:
        """Reads the file if it is there. Raises ``Rejected`` when it is damaged."""
        self._path = path
        self._into = into
        self._files = self._read().get(into, {})

    def _read(self) -> dict[str, Files]:
        try:
            return {into: dict(files) for into, files in json.loads(self._path.read_text("utf-8"))["into"].items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Rejected(
                f"{self._path}, which remembers the files replayed before, is damaged ({error}); "
                "restore it, or move it away if you know that nothing was replayed"
            ) from None

    def sizes(self) -> list[int]:
        """Sizes of the contents replayed before: a new file that begins with one of them has grown."""
        return [int(entry["size"]) for entry in self._files.values()]

    def check(self, content: Content) -> None:
        """Raise ``Rejected`` when this content, its beginning, or one that begins like it was replayed before."""
        entry = self._files.get(content.sha256)
        if entry is not None:
            done = "was replayed" if entry["finished"] else "was begun and not finished"
            raise Rejected(
                f"{content.path} {done} on {entry['when'][:10]} (as {entry['name']}); "
                "--again sends the same events with the same ids once more"
            )
        for size, sha256 in content.begins_with.items():
            entry = self._files.get(sha256)
            if entry is not None and entry["size"] == size:
                raise Rejected(
                    f"{content.path} begins with all of {entry['name']}, which was replayed on {entry['when'][:10]}; "
                    "replay only what is new, or --again to count those rows a second time"
                )

        self._check_shorter(content)

    def _check_shorter(self, content: Content) -> None:
        if not content.beginnings:
            return
        size, sha256 = max(content.beginnings.items())
        for entry in self._files.values():
            if entry["size"] > content.size and entry["beginnings"].get(str(size)) == sha256:
                raise Rejected(
                    f"{content.path} begins as {entry['name']} does, which is longer and was replayed on "
                    f"{entry['when'][:10]}: its rows were sent then. --again counts them a second time"
                )

    def begin(self, contents: Sequence[Content]) -> None:
        """Remember contents as begun, before their first event is sent."""
        when = datetime.now(UTC).isoformat(timespec="seconds")
        for content in contents:
            self._files[content.sha256] = {
                "name": content.name,
                "size": content.size,
                "when": when,
                "beginnings": {str(size): sha256 for size, sha256 in content.beginnings.items()},
                "finished": False,
            }
        self._write(contents)

    def finish(self, contents: Sequence[Content]) -> None:
        """Remember contents as sent to the end."""
        for content in contents:
            self._files[content.sha256]["finished"] = True
        self._write(contents)

    def _write(self, contents: Iterable[Content]) -> None:
        """Add these contents to what the file says now: other runs write into it too."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = self._read()
            known.setdefault(self._into, {}).update({c.sha256: self._files[c.sha256] for c in contents})
            beside = self._path.with_suffix(".tmp")
            with beside.open("w", encoding="utf-8") as file:
                json.dump({"version": 2, "into": known}, file, indent=1, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self._path)


def insist_on_different(contents: Sequence[Content]) -> None:
    """Raise ``Rejected`` when two of the files of one run have the same content."""
    seen: dict[str, Content] = {}
    for content in contents:
        if content.sha256 in seen:
            raise Rejected(
                f"{content.path} and {seen[content.sha256].path} have the same content; name only one of them"
            )
        seen[content.sha256] = content
