"""The zip around a dossier: the same files give the same bytes, and every byte of it is accounted for when it is read.

A zip has room for bytes that no reader looks at: before, between and behind the files, in comments and extra fields,
behind the end of a compressed stream. So the manifest holds the hash of every stream as it is packed, and reading
compares all other bytes with the only ones that ``pack`` writes.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from shared.errors import Rejected

MANIFEST = "manifest.json"
MOST_BYTES = 512 * 1024**2
"""Unpacked. A day of 10^5 registers has some 70 MB; what claims to be larger than this is not unpacked at all."""
MOST_FILES = 5_000
_EPOCH = (1980, 1, 1, 0, 0, 0)
_TIME, _DATE = 0, 1 << 5 | 1
_MODE = 0o100644 << 16
_VERSION, _UNIX = 20, 3
_LOCAL, _CENTRAL, _END = "<4s5H3L2H", "<4s4B4H3L5H2L", "<4s4H2LH"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a zip holds. ``packed_sha256`` are the hashes of the streams as they lie in the file."""

    entries: Mapping[str, bytes]
    packed_sha256: Mapping[str, str]


def pack(entries: Mapping[str, bytes]) -> bytes:
    """Files by name, with the manifest that lists them. Raises ``Rejected`` for more than ``unpack`` would take."""
    if sum(map(len, entries.values())) > MOST_BYTES or len(entries) >= MOST_FILES:
        raise Rejected(f"a dossier holds at most {MOST_BYTES} bytes in {MOST_FILES} files")
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in sorted(entries.items()):
            archive.writestr(_entry(name, zipfile.ZIP_DEFLATED), content)
        raw = out.getvalue()
        manifest = {
            info.filename: {
                "bytes": info.file_size,
                "sha256": sha256(entries[info.filename]),
                "packed_sha256": sha256(_stream(raw, info)),
            }
            for info in archive.infolist()
        }
        archive.writestr(_entry(MANIFEST, zipfile.ZIP_STORED), as_json(manifest))
    return out.getvalue()


def unpack(path: Path) -> Unpacked:
    """Read everything without writing anything. Raises ``Rejected`` with one sentence for what ``pack`` never wrote."""
    try:
        if not path.is_file():  # a pipe could be waited for without end
            raise Rejected("the file cannot be read: it does not exist, or is not a regular file")
        if path.stat().st_size > MOST_BYTES:
            raise Rejected(f"the file is larger than {MOST_BYTES} bytes")
        raw = path.read_bytes()
        with zipfile.ZipFile(BytesIO(raw)) as archive:
            infos = archive.infolist()
            _refuse(infos)
            entries = {info.filename: archive.read(info) for info in infos}
    except OSError as error:
        raise Rejected(f"the file cannot be read: {error.strerror or error}") from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
    ) as bad:
        raise Rejected(f"the file is no zip, or a damaged one: {bad}") from None
    if _frame(infos, raw) != raw:
        raise Rejected("the zip holds bytes that belong to none of its files")
    return Unpacked(entries, {info.filename: sha256(_stream(raw, info)) for info in infos})


def _refuse(infos: Sequence[zipfile.ZipInfo]) -> None:
    """Judge a zip by what it says of itself, before anything is unpacked."""
    names = [info.filename for info in infos]
    if len(names) > MOST_FILES:
        raise Rejected(f"the zip holds {len(names)} files, at most {MOST_FILES} are read")
    if (size := sum(info.file_size for info in infos)) > MOST_BYTES:
        raise Rejected(f"the zip would unpack to {size} bytes, at most {MOST_BYTES} are read")
    if len(set(names)) != len(names):
        raise Rejected("the zip holds two files of the same name")
    for name in names:
        if not name.isascii() or not name.isprintable() or "\\" in name or {"", ".", ".."} & set(name.split("/")):
            raise Rejected(f"the zip holds a file whose name leads elsewhere: {name!r}")


def _frame(infos: Sequence[zipfile.ZipInfo], raw: bytes) -> bytes:
    """The file as ``pack`` would have written it around the same streams."""
    files, central = bytearray(), bytearray()
    for info in infos:
        name, offset = info.filename.encode(), len(files)
        kind = zipfile.ZIP_STORED if info.filename == MANIFEST else zipfile.ZIP_DEFLATED
        head = (_VERSION, 0, kind, _TIME, _DATE, info.CRC, info.compress_size, info.file_size, len(name))
        files += struct.pack(_LOCAL, b"PK\x03\x04", *head, 0) + name + _stream(raw, info)
        attributes = (0, 0, 0, 0, _MODE, offset)
        central += struct.pack(_CENTRAL, b"PK\x01\x02", _VERSION, _UNIX, _VERSION, 0, *head[1:], *attributes) + name
    count = len(infos)
    end = struct.pack(_END, b"PK\x05\x06", 0, 0, count, count, len(central), len(files), 0)
    return bytes(files + central + end)


def _stream(raw: bytes, info: zipfile.ZipInfo) -> bytes:
    start = info.header_offset + struct.calcsize(_LOCAL) + len(info.filename)
    return raw[start : start + info.compress_size]


def _entry(name: str, kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type, info.external_attr, info.create_system = kind, _MODE, _UNIX
    return info


def as_json(value: Any) -> bytes:
    """JSON for people and programs: sorted keys, indented."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2).encode() + b"\n"


def sha256(content: bytes) -> str:
    """SHA-256 (hex)."""
    return hashlib.sha256(content).hexdigest()
