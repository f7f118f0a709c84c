"""Raw records as files, so that an audit works after Kafka's retention has taken them away.

A folder holds files of one stretch of one partition each, named ``<topic>.<partition>.<first>-<end>.jsonl.gz``; from
the second log epoch on, whose offsets are others, ``<topic>.<partition>.e<epoch>.<first>-<end>.jsonl.gz``. A file has
one JSON object a record with offset, log time in milliseconds, key, value and headers in Base64. ``SHA256SUMS`` names
the hash of every file, as ``sha256sum --check`` reads it. Files are written once. They hold what producers sent: treat
them so.

Not promised: anything about a folder that two processes write to at once.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from shared.errors import Rejected
from shared.meter.audit import Log
from shared.meter.stretch import Record

SUMS = "SHA256SUMS"
BATCH = 2_000
NAME = re.compile(r"(?P<topic>[\w.-]+)\.(?P<partition>\d+)(\.e(?P<epoch>\d+))?\.(?P<first>\d+)-(?P<end>\d+)\.jsonl\.gz")


class Archived(NamedTuple):
    """One record as it was in Kafka."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """One file: offsets ``[first, end)`` of a partition; offsets without a record (control records) are not in it."""

    topic: str
    partition: int
    log_epoch: int
    first: int
    end: int
    path: Path


class Archive:
    """The files of a folder, checked against their hashes when it is opened."""

    def __init__(self, folder: Path, stretches: Sequence[Stretch]) -> None:
        self.folder = folder
        self._stretches = sorted(stretches, key=lambda s: (s.topic, s.partition, s.log_epoch, s.first))

    @classmethod
    def open(cls, folder: Path) -> Archive:
        """Read the list of files and check every hash. Raises ``Rejected`` naming the file that is wrong."""
        sums = folder / SUMS
        listed = dict(_listed(sums)) if sums.exists() else {}
        stretches = []
        for name, sha256 in listed.items():
            path, found = folder / name, NAME.fullmatch(name)
            if found is None or not path.is_file():
                raise Rejected(f"{sums}: {name} is missing or has another name", field="archive")
            if _sha256(path) != sha256:
                raise Rejected(f"{path} is not the file that was written: its SHA-256 is another", field="archive")
            numbers = (int(found["partition"]), int(found["epoch"] or 1), int(found["first"]), int(found["end"]))
            stretches.append(Stretch(found["topic"], *numbers, path))
        return cls(folder, stretches)

    def end(self, topic: str, partition: int, log_epoch: int = 1) -> int | None:
        """The offset after the last archived one; ``None`` when there is nothing of the partition."""
        return max((s.end for s in self._of(topic, partition, log_epoch)), default=None)

    def over(self, live: Log, topic: str, partition: int, log_epoch: int = 1) -> Log:
        """The archived records, then those that only the live log has."""
        return _Joined(live, self._of(topic, partition, log_epoch))

    async def add(self, live: Log, topic: str, partition: int, upto: int, log_epoch: int = 1) -> Stretch | None:
        """Write what is not archived yet and lies before ``upto``; ``None`` when there is nothing new.

        Raises ``Rejected`` when Kafka no longer has the first record that is missing here, and as the log does.
        """
        begin, _ = await live.bounds()
        known = self.end(topic, partition, log_epoch)
        first = begin if known is None else known
        if first >= upto:
            return None
        if begin > first:
            text = (
                f"{topic}[{partition}]: Kafka begins at {begin}, the archive ends at {first}: records between are gone"
            )
            raise Rejected(text, field="archive")
        epoch = f".e{log_epoch}" if log_epoch > 1 else ""
        path = self.folder / f"{topic}.{partition}{epoch}.{first}-{upto}.jsonl.gz"
        beside = path.with_suffix(".new")
        try:
            with beside.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
                async for records in live.read(first, upto):
                    file.write(b"".join(map(_line, records)))
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        os.replace(beside, path)
        with (self.folder / SUMS).open("a", encoding="ascii") as sums:
            sums.write(f"{_sha256(path)}  {path.name}\n")
        stretch = Stretch(topic, partition, log_epoch, first, upto, path)
        self._stretches.append(stretch)
        return stretch

    def _of(self, topic: str, partition: int, log_epoch: int) -> list[Stretch]:
        return [s for s in self._stretches if (s.topic, s.partition, s.log_epoch) == (topic, partition, log_epoch)]


class _Joined:
    """An archive in front of a live log."""

    def __init__(self, live: Log, stretches: Sequence[Stretch]) -> None:
        self._live, self._stretches = live, stretches

    async def bounds(self) -> tuple[int, int]:
        """From the first offset without a gap up to the live end."""
        begin, end = await self._live.bounds()
        for stretch in reversed(self._stretches):
            if stretch.first < begin <= stretch.end:
                begin = stretch.first
        return begin, end

    async def read(self, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """Archived records first; from where the archive ends the live log goes on."""
        for stretch in self._stretches:
            if stretch.first <= start < stretch.end:
                upto = min(end, stretch.end)
                for records in _batches(stretch.path):
                    if kept := [record for record in records if start <= record.offset < upto]:
                        yield kept
                start = upto
        if start < end:
            async for live in self._live.read(start, end):
                yield live


def _listed(sums: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(sums.read_text(encoding="ascii", errors="replace").splitlines(), start=1):
        sha256, separator, name = line.partition("  ")
        if not separator or not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise Rejected(f"{sums}, line {number}: not a line of sha256sum", field="archive")
        yield name, sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _line(record: Record) -> bytes:
    row = {
        "offset": record.offset,
        "log_time_ms": record.timestamp,
        "key": _text(record.key),
        "value": _text(record.value),
        "headers": [[name, _text(value)] for name, value in record.headers],
    }
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def _text(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)


def _batches(path: Path) -> Iterator[list[Archived]]:
    batch: list[Archived] = []
    with gzip.open(path, "rt", encoding="ascii") as file:
        for line in file:
            row = json.loads(line)
            headers = [(name, _bytes(value) or b"") for name, value in row["headers"]]
            at = (row["offset"], row["log_time_ms"])
            batch.append(Archived(*at, _bytes(row["key"]), _bytes(row["value"]), headers))
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch
