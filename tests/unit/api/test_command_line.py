"""Wrong usage of the command line is a sentence and exit code 2, never a traceback."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from offset_purchaser import cli
from offset_purchaser.commands.keys import after
from shared.errors import Rejected


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int | str | None:
    monkeypatch.setattr("sys.argv", ["offset-purchaser", *words])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return left.value.code


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nosuch"], "No such command"),
        (["orders", "list", "--nope"], "No such option"),
        (["keys", "create", "--role", "king", "--name", "Anna"], "is not one of"),
        (["keys", "revoke"], "Missing argument"),
        ([], "Usage"),
        (["keys"], "Usage"),
    ],
)
def test_wrong_usage_says_what_is_wrong_and_ends_with_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert run(monkeypatch, *words) == 2
    said = capsys.readouterr()
    assert sentence in said.out + said.err
    assert "Traceback" not in said.err


def test_help_is_no_error_and_an_error_on_purpose_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--help") == 0
    capsys.readouterr()
    assert run(monkeypatch, "keys", "create", "--role", "read", "--name", "Anna", "--expires", "9999-12-31") == 1
    assert capsys.readouterr().err == "expires: 9999-12-31 is too far away; leave it out for a key without an end\n"


def test_a_key_works_until_the_end_of_its_last_day() -> None:
    assert after(date(2027, 1, 31)) == datetime(2027, 2, 1, tzinfo=UTC)
    with pytest.raises(Rejected, match="too far away"):
        after(date.max)
