"""`make smoke` where it must not or cannot run: a sentence, and nothing sent."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NoReturn

import pytest
from tests.container import compose, smoke
from tests.container.compose import Compose, wait_for


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


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A checkout where ``docker compose`` says that the purchaser runs; what it was asked."""
    (tmp_path / ".env").write_text("KAFKA_PORT=9094\nPURCHASER_MODE=rehearsal\n")
    asked: list[list[str]] = []

    def answer(argv: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(argv)
        return subprocess.CompletedProcess(argv, 0, "offset-purchaser\n" if "ps" in argv else "live\n", "")

    monkeypatch.setattr(smoke, "ROOT", tmp_path)
    monkeypatch.setattr(compose, "ROOT", tmp_path)
    monkeypatch.setattr(compose, "_run", answer)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/docker")
    return asked


def test_on_a_live_purchaser_the_command_ends_with_a_sentence_and_the_project_is_composes_to_choose(
    running: list[list[str]],
) -> None:
    with pytest.raises(SystemExit, match=r"^The smoke test failed: the purchaser is live: a smoke test would buy\."):
        smoke.main()
    assert len(running) == 2
    assert not any("--project-name" in argv for argv in running)


def test_what_did_not_happen_in_time_is_a_sentence(running: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: Compose) -> NoReturn:
        wait_for("sandbox ready", lambda: False, 0)
        raise RuntimeError("the probe never said yes")

    monkeypatch.setattr(smoke, "run", never)
    with pytest.raises(SystemExit, match=r"^The smoke test failed: sandbox ready: not within 0 s; the answer was no$"):
        smoke.main()
    assert len(running) == 1


def test_a_port_of_the_shell_stands_above_the_file_and_a_project_of_its_own_is_named(
    running: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KAFKA_PORT", "19094")
    assert Compose.of_make_up().settings == {"KAFKA_PORT": "19094", "PURCHASER_MODE": "rehearsal"}
    Compose(tmp_path, "offsets-test-1", {}).command("ps")
    assert running[0][:4] == ["docker", "compose", "--project-name", "offsets-test-1"]
