"""What every command of this project does the same way: errors as one sentence, tables, exit codes.

Exit codes: 0 done, 1 failed or something is off, 2 wrong usage, 3 not running or not found.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, BinaryIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shared.errors import OffsetsError, Rejected

FAILED = 1

WIDTH_WITHOUT_TERMINAL = 240
"""Tables in a pipe are wide enough for their cells: nobody can widen a pipe."""

out = Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)
err = Console(stderr=True)


def run_app(app: Callable[[], Any]) -> None:
    """Run a command line; an expected failure is one sentence on standard error, never a traceback."""
    try:
        app()
    except OffsetsError as error:
        err.print(f"[red]error:[/red] {type(error).__name__}: {escape(str(error))}", highlight=False, soft_wrap=True)
        raise SystemExit(FAILED) from None
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        _drop_output()
        err.print(f"[red]error:[/red] the output cannot be written: {error.strerror}", highlight=False, soft_wrap=True)
        raise SystemExit(FAILED) from None
    except Exception as error:
        if not (why := refused_input(error)):
            raise
        err.print(f"[red]error:[/red] {escape(why)}", highlight=False, soft_wrap=True)
        raise SystemExit(FAILED) from None


def refused_input(error: Exception) -> str:
    """What of a command's input could not be used, as a sentence; ``""`` for failures of another kind."""
    from pydantic import ValidationError

    from shared.postgres import unfit_value

    cause = error.__cause__ if isinstance(error, OffsetsError) else error
    if not isinstance(cause, Exception):
        return ""
    broken = [n for n, word in enumerate(sys.argv[1:], 1) if any("\ud800" <= c <= "\udfff" for c in word)]
    stored = unfit_value(cause)
    if broken and (stored or isinstance(cause, UnicodeError)):
        return f"argument {broken[0]} ({sys.argv[broken[0]]!a}) is not UTF-8 text"
    if cause is not error:
        return ""  # it says itself what is wrong
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {str(first['msg']).removeprefix('Value error, ')}"
    if isinstance(error, UnicodeError):
        return f"holds text that cannot be read or written: {error}"
    return f"a number or a day is too large: {error}" if isinstance(error, OverflowError) else stored


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _drop_output() -> None:
    """Send what is still buffered nowhere: the interpreter would try to write it again when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def input_lines() -> BinaryIO:
    """Standard input. Raises ``Rejected`` when it is closed."""
    if sys.stdin is None:
        raise Rejected("is closed: the lines to read come from standard input", field="stdin")
    return sys.stdin.buffer


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table; columns that start with ``#`` are numbers and stand on the right."""
    result = Table(title=title, title_justify="left")
    for column in columns:
        result.add_column(column.removeprefix("#"), justify="right" if column.startswith("#") else "left")
    for row in rows:
        result.add_row(*(escape(str(cell)) for cell in row))
    return result


def new_app(help_text: str, *, examples: str = "") -> typer.Typer:
    """A Typer application as all of ours are: help without arguments, plain errors, no completion install."""
    return typer.Typer(
        help=help_text,
        epilog=f"Examples: {examples}" if examples else None,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
