"""`make upgrade` before it starts anything."""

from __future__ import annotations

import pytest
from tests.chaos import upgrade


@pytest.mark.parametrize("name", ["nonsense", "--all", "HEAD^{tree}"])
def test_an_upgrade_from_no_commit_ends_with_a_sentence(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("sys.argv", ["upgrade", f"--from={name}"])
    with pytest.raises(SystemExit, match="is no commit of this repository: git log"):
        upgrade.main()


def test_the_last_commit_is_known() -> None:
    assert upgrade.known("HEAD")
