"""What people typed or files hold is shown as it stands, brackets and all."""

import pytest
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
