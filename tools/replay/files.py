"""Files as streams of lines: plain or gzip, hashed before the first line is used, memory flat.

A file is read twice: once to hash it, count its lines and find out whether it can be read to its end, once to use it.
A file that cannot be read therefore stops the run before anything was sent.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import Rejected

CHUNK = 1 << 20
"""Bytes read at a time: large enough that the loop costs nothing, small enough to keep memory flat."""
MAX_LINE = 1 << 16
"""A longer line is rejected: web servers refuse request lines above 8 KiB, so this one is not a request."""
SHORTEST = 1 << 12
"""Bytes in which two logs must be the same to be parts of one: more than the head that all logs of a server share."""
GZIP_MAGIC = b"\x1f\x8b"
NOT_TEXT = (
    (b"PK\x03\x04", "is a zip or an Excel file"),
    (
        b"\xd0\xcf\x11\xe0",
        "is an old or encrypted Excel file: save it as .xlsx without a password, or as CSV",
    ),
    (b"\xff\xfe", "is UTF-16: convert it to UTF-8 (a sheet: save it as CSV UTF-8)"),
    (b"\xfe\xff", "is UTF-16: convert it to UTF-8 (a sheet: save it as CSV UTF-8)"),
    (b"BZh", "is bzip2: unpack it, or use gzip"),
    (b"\x28\xb5\x2f\xfd", "is Zstandard: unpack it, or use gzip"),
)


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds: the hash identifies its rows for ever, whatever the file is called or however it is packed."""

    path: Path
    sha256: str
    """Of the unpacked content."""
    size: int
    """Bytes of the unpacked content."""
    lines: int
    begins_with: Mapping[int, str] = field(default_factory=dict)
    """Hash of the first so many bytes, for each of the sizes asked for that is smaller than this content."""
    beginnings: Mapping[int, str] = field(default_factory=dict)
    """Of a log: the same for the powers of two from ``SHORTEST``, to know a part of it again."""

    @property
    def name(self) -> str:
        """The file's own name, without its folder, as it can be shown."""
        return printable(self.path.name)


def printable(text: str) -> str:
    """A text for people and for lists: what is no character, or would move a terminal's cursor, becomes ``�``."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)


def chunks(path: Path) -> Iterator[bytes]:
    """The unpacked content piece by piece. Raises ``Rejected`` with a sentence when it cannot be read to its end."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == GZIP_MAGIC
            raw.seek(0)
            read: Callable[[int], bytes] = gzip.GzipFile(fileobj=raw).read if packed else raw.read
            while chunk := read(CHUNK):
                yield chunk
    except EOFError:
        raise Rejected(f"{path} ends in the middle of its gzip data: it was cut off; copy it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Rejected(f"{path} is damaged gzip data ({error}); copy it again") from None
    except OSError as error:
        raise Rejected(f"{path} cannot be read: {error.strerror or error}") from None


def examine(path: Path, *, sizes: Iterable[int] = (), text: bool = True, beginnings: bool = False) -> Content:
    """Read a file once to its end: hash, size, lines. Raises ``Rejected`` when it is empty, unreadable or not text.

    ``sizes`` asks for the hash of the first so many bytes as well, ``beginnings`` for those of the powers of two.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise Rejected(f"{path} is a pipe or a device, and a file is read more than once: save it as a file first")
    digest, size, newlines, last = hashlib.sha256(), 0, 0, b"\n"
    cuts = {SHORTEST << power for power in range(40)} if beginnings else set()
    wanted, found = sorted({*sizes, *cuts}), {}
    for chunk in chunks(path):
        if size == 0 and text:
            _insist_on_text(path, chunk)
        while wanted and wanted[0] <= size + len(chunk):
            cut = wanted.pop(0)
            part = digest.copy()
            part.update(chunk[: cut - size])
            found[cut] = part.hexdigest()
        digest.update(chunk)
        size += len(chunk)
        newlines += chunk.count(b"\n")
        last = chunk[-1:]
    if size == 0:
        raise Rejected(f"{path} is empty: there is nothing to replay")
    asked, shared = (
        {cut: value for cut, value in found.items() if cut < size and cut in these} for these in (set(sizes), cuts)
    )
    return Content(path, digest.hexdigest(), size, newlines + (last != b"\n"), asked, shared)


def _insist_on_text(path: Path, head: bytes) -> None:
    for magic, what in NOT_TEXT:
        if head.startswith(magic):
            raise Rejected(f"{path} {what}")
    if head.count(0) > len(head) // 100:
        raise Rejected(f"{path} is not a text file")


def line_batches(pieces: Iterable[bytes], max_line: int = MAX_LINE) -> Iterator[list[bytes | None]]:
    """Lines without their ends (LF or CRLF), in batches; ``None`` stands for a line longer than ``max_line``.

    Memory holds one piece and one line, whatever the file contains.
    """
    tail, overflowing = b"", False
    for piece in pieces:
        *whole, rest = piece.split(b"\n")
        if whole:
            whole[0] = tail + whole[0]
            tail = rest
            batch = _trimmed(whole, max_line)
            if overflowing:
                batch[0], overflowing = None, False
            yield batch
        else:
            tail += rest
        if len(tail) > max_line:
            tail, overflowing = b"", True
    if overflowing:
        yield [None]
    elif tail:
        yield _trimmed([tail], max_line)


def whole_lines(pieces: Iterable[bytes], max_line: int = MAX_LINE) -> Iterator[bytes]:
    """Pieces cut at the ends of lines. A line longer than ``max_line`` is given whole or left out, never in part."""
    tail, overflowing = b"", False
    for piece in pieces:
        if overflowing:
            _, newline, piece = piece.partition(b"\n")  # noqa: PLW2901 - what is left of it
            if not newline:
                continue
            overflowing = False
        whole, newline, rest = piece.rpartition(b"\n")
        if newline:
            yield tail + whole
            tail = rest
        else:
            tail += rest
        if len(tail) > max_line:
            tail, overflowing = b"", True
    if tail:
        yield tail


def _trimmed(lines: list[bytes], max_line: int) -> list[bytes | None]:
    return [None if len(line) > max_line else line.removesuffix(b"\r") for line in lines]
