"""`make smoke` where it must not or cannot run: a sentence, and nothing sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.container import smoke
from tests.container.compose import Compose


def test_before_make_up_it_ends_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match=r"nothing was started: make up, then make smoke\.$"):
        smoke.main()


def test_a_live_purchaser_is_left_alone_also_when_the_file_says_rehearsal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def run(_: Compose, *arguments: str) -> str:
        asked.append(arguments)
        return "live\n"

    monkeypatch.setattr(Compose, "run", run)
    with pytest.raises(AssertionError, match="the purchaser is live: a smoke test would buy"):
        smoke.run(Compose(tmp_path, "campaign-offsets", {"PURCHASER_MODE": "rehearsal"}))
    assert asked == [("offset-purchaser", "printenv", "PURCHASER_MODE")]
