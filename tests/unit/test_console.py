"""What people typed or files hold is shown as it stands, brackets and all."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from pydantic import BaseModel
from rich.console import Console

from shared.console import run_app, table
from shared.errors import Rejected


def test_an_error_that_quotes_brackets_is_shown_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise Rejected("there is no leg [/x] in [red]")

    with pytest.raises(SystemExit) as ended:
        run_app(refuse)
    assert ended.value.code == 1
    assert "Rejected: there is no leg [/x] in [red]" in capsys.readouterr().err


def test_a_cell_that_looks_like_markup_is_shown_as_it_stands() -> None:
    console = Console(width=60, record=True)
    console.print(table("Orders", ["reference"], [["[/b] 4711 [link]"]]))
    assert "[/b] 4711 [link]" in console.export_text()


class _Strict(BaseModel):
    reference: int


def _overflow() -> None:
    date.max + timedelta(days=1)


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (lambda: _Strict.model_validate({"reference": "x"}), "error: reference: Input should be a valid integer"),
        (_overflow, "error: a number or a day is too large: date value out of range"),
        (b"\xff".decode, "error: holds text that cannot be read or written: 'utf-8' codec"),
        ("\udcff".encode, "error: argument 2 ('\\\\udcff') is not UTF-8 text"),
    ],
)
def test_input_that_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], work: Callable[[], object], said: str
) -> None:
    arguments = ["name", "\udcff"] if "argument" in said else ["name"]
    monkeypatch.setattr("sys.argv", ["offset-purchaser", *arguments])
    with pytest.raises(SystemExit) as ended:
        run_app(work)
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(said.replace("\\\\", "\\"))


def test_a_fault_of_our_own_is_no_wrong_input() -> None:
    def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        run_app(broken)
