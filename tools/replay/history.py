"""Remembers what was replayed, by content, so that nothing is replayed twice by mistake."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from replay.files import Content
from shared.errors import Rejected


class History:
    """The state file. Not promised: anything about two replays that run at the same time."""

    def __init__(self, path: Path) -> None:
        """Reads the file if it is there. Raises ``Rejected`` when it is damaged."""
        self._path = path
        self._files: dict[str, dict[str, Any]] = {}
        if path.exists():
            try:
                self._files = dict(json.loads(path.read_text("utf-8"))["files"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise Rejected(
                    f"{path}, which remembers the files replayed before, is damaged ({error}); "
                    "restore it, or move it away if you know that nothing was replayed"
                ) from None

    def sizes(self) -> list[int]:
        """Sizes of the contents replayed before: a new file that begins with one of them has grown."""
        return [int(entry["size"]) for entry in self._files.values()]

    def check(self, content: Content) -> None:
        """Raise ``Rejected`` when this content, or its beginning, was replayed before."""
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

    def begin(self, contents: Sequence[Content], into: str) -> None:
        """Remember contents as begun, before their first event is sent."""
        when = datetime.now(UTC).isoformat(timespec="seconds")
        for content in contents:
            self._files[content.sha256] = {
                "name": content.name,
                "size": content.size,
                "when": when,
                "into": into,
                "finished": False,
            }
        self._write()

    def finish(self, contents: Iterable[Content]) -> None:
        """Remember contents as sent to the end."""
        for content in contents:
            self._files[content.sha256]["finished"] = True
        self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".tmp")
        with beside.open("w", encoding="utf-8") as file:
            json.dump({"version": 1, "files": self._files}, file, indent=1, sort_keys=True)
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
