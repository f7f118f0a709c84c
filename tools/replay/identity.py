"""Who a row is: its event id, for ever the same for the same content and row."""

from __future__ import annotations

import hashlib


class RowIds:
    """Event ids of one file's rows: ``SHA-256("<content hash in hex>:<row number>")``, in hex.

    A row that becomes several events appends ``:1``, ``:2`` … for the second and later ones. Names, folders and
    compression play no part, so a renamed or repacked file gives the same ids.
    """

    def __init__(self, content_sha256: str) -> None:
        self._start = hashlib.sha256(content_sha256.encode("ascii") + b":")

    def __call__(self, row: int, part: int = 0) -> str:
        """The id of a row, or of a later part of it."""
        digest = self._start.copy()
        digest.update(b"%d" % row if part == 0 else b"%d:%d" % (row, part))
        return digest.hexdigest()
