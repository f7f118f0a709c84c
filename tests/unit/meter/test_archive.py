"""Archived records: the same records again, in front of a log that has forgotten them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from shared.errors import Rejected
from shared.meter.archive import Archive, Archived

TOPIC = "site-traffic"


class Kept:
    """A log that holds some records, as Kafka would."""

    def __init__(self, records: Sequence[Archived], begin: int, end: int) -> None:
        self._records, self._begin, self._end = records, begin, end

    async def bounds(self) -> tuple[int, int]:
        return self._begin, self._end

    async def read(self, start: int, end: int) -> AsyncIterator[Sequence[Archived]]:
        found = [r for r in self._records if max(start, self._begin) <= r.offset < end]
        for at in range(0, len(found), 2):
            yield found[at : at + 2]


RECORDS = [
    Archived(0, 1_000, b"a", b'{"event_id":"a"}', []),
    Archived(1, 1_001, None, None, [("replays", b"site-traffic/1/0/7"), ("empty", b"")]),
    Archived(3, 1_002, b"\xff\x00", b"\x80not text", []),  # offset 2 was a control record
    Archived(4, 1_003, b"d", b"{}", []),
    Archived(5, 1_004, b"e", b"{}", []),
]


def read(log: object, start: int, end: int) -> list[Archived]:
    async def collect() -> list[Archived]:
        return [record async for batch in log.read(start, end) for record in batch]  # type: ignore[attr-defined]

    return asyncio.run(collect())


def archived(folder: Path, *ends: int) -> Archive:
    archive = Archive.open(folder)
    for end in ends:
        asyncio.run(archive.add(Kept(RECORDS, 0, 6), TOPIC, 0, end))
    return Archive.open(folder)


def test_records_come_back_as_they_were_also_where_kafka_has_forgotten_them(tmp_path: Path) -> None:
    archive = archived(tmp_path, 2, 5)
    log = archive.over(Kept(RECORDS, 5, 6), TOPIC, 0)  # Kafka has offset 5 alone
    assert asyncio.run(log.bounds()) == (0, 6)
    assert read(log, 0, 6) == RECORDS
    assert read(log, 1, 4) == RECORDS[1:3]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "SHA256SUMS", "site-traffic.0.0-2.jsonl.gz", "site-traffic.0.2-5.jsonl.gz",
    ]  # fmt: skip


def test_what_is_archived_is_not_written_again(tmp_path: Path) -> None:
    archive = archived(tmp_path, 5, 5)
    assert asyncio.run(archive.add(Kept(RECORDS, 0, 6), TOPIC, 0, 5)) is None
    assert len(list(tmp_path.glob("*.gz"))) == 1


def test_a_gap_between_archive_and_log_is_named_and_not_bridged(tmp_path: Path) -> None:
    archive = archived(tmp_path, 2)
    late = Kept(RECORDS, 4, 6)
    with pytest.raises(Rejected, match=r"site-traffic\[0\]: Kafka begins at 4, the archive ends at 2"):
        asyncio.run(archive.add(late, TOPIC, 0, 6))
    assert asyncio.run(archive.over(late, TOPIC, 0).bounds()) == (4, 6)


def test_sha256sum_itself_accepts_the_folder_and_a_changed_file_is_refused(tmp_path: Path) -> None:
    archived(tmp_path, 2, 5)
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)
    path = tmp_path / "site-traffic.0.0-2.jsonl.gz"
    path.write_bytes(b"?" + path.read_bytes()[1:])
    with pytest.raises(Rejected, match=r"0-2.jsonl.gz is not the file that was written"):
        Archive.open(tmp_path)
    path.unlink()
    with pytest.raises(Rejected, match=r"0-2.jsonl.gz is missing"):
        Archive.open(tmp_path)


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        archived(folder, 5)
    assert (one / "SHA256SUMS").read_bytes() == (two / "SHA256SUMS").read_bytes()


def test_log_epochs_lie_beside_each_other_because_their_offsets_are_others(tmp_path: Path) -> None:
    archive = archived(tmp_path, 5)
    anew = [Archived(n, 9_000 + n, b"x", b"{}", []) for n in range(3)]
    log = Kept(anew, 0, 3)
    assert asyncio.run(archive.add(log, TOPIC, 0, 2, log_epoch=2)) is not None
    assert asyncio.run(archive.add(log, TOPIC, 0, 3, log_epoch=2)) is not None
    again = Archive.open(tmp_path)
    assert (again.end(TOPIC, 0), again.end(TOPIC, 0, 2), again.end(TOPIC, 0, 3)) == (5, 3, None)
    assert read(again.over(Kept([], 3, 3), TOPIC, 0, 2), 0, 3) == anew
    assert read(again.over(Kept([], 6, 6), TOPIC, 0), 0, 5) == RECORDS[:4]
    assert [path.name for path in sorted(tmp_path.glob("*.gz"))] == [
        "site-traffic.0.0-5.jsonl.gz", "site-traffic.0.e2.0-2.jsonl.gz", "site-traffic.0.e2.2-3.jsonl.gz",
    ]  # fmt: skip
