"""The real files that lie beside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def real_file(name: str) -> Path:
    """A real file; without it the test is skipped, and fails in continuous integration (``CI`` is set)."""
    path = DATA / name
    if not path.exists():
        reason = f"the real file {name} is not there; it is expected in {DATA}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path
