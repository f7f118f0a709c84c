"""What the commands share: the store, tables, JSON, and errors as sentences."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from shared.clock import FIRST_YEAR, LAST_YEAR
from shared.console import FAILED, refused_input, run_app
from shared.errors import OffsetsError, Rejected

if TYPE_CHECKING:
    from shared.postgres import Pool

T = TypeVar("T")
WIDE = 220
"""Columns of a table that goes into a file or another program: wide enough that nothing folds."""
AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs instead of a table.")]


def example(*lines: str) -> str:
    """Examples under a command's help."""
    return "Example: " + "   ".join(lines)


def store(work: Callable[[Pool], Awaitable[T]]) -> T:
    """Run something against the service's own tables."""

    async def inside() -> T:
        from shared.postgres import open_pool
        from shared.settings import PostgresSettings

        settings = PostgresSettings.load().model_copy(update={"pool_max": 2})
        pool = await open_pool(settings, application="offset-purchaser-cli")
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(inside())


def any_day(text: str) -> date:
    """A day as people write it. Raises ``Rejected``."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Rejected(f"{text} is not a day; write 2026-11-27") from None


def parse_day(text: str) -> date:
    """A campaign day, or another day of the books, as people write it. Raises ``Rejected``."""
    day = any_day(text)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise Rejected(f"{text} is not between {FIRST_YEAR} and {LAST_YEAR}; write 2026-11-27")
    return day


async def known(pool: Pool, campaign: str | None = None, entity: str | None = None) -> None:
    """Raises ``Rejected`` for a campaign or a legal entity that is not there: an empty table looks like an answer."""
    from offset_purchaser.store.campaigns import in_force

    if campaign is entity is None:
        return
    found = await in_force(pool)
    for what, name, names in (
        ("campaign", campaign, {one.campaign.id for one in found}),
        ("legal entity", entity, {one.campaign.entity_id for one in found}),
    ):
        if name is not None and name not in names:
            raise Rejected(f"there is no {what} {name}; there is {', '.join(sorted(names)) or 'none'}")


def show_json(value: Any) -> None:
    """Print JSON."""
    typer.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table."""
    found = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        found.add_column(column, overflow="fold")
    for row in rows:
        found.add_row(*("" if cell is None else str(cell) for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    console.print(found)


def show(title: str, rows: Sequence[dict[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """The same rows as JSON or as a table of some columns."""
    if as_json:
        show_json(list(rows))
    else:
        table(title, columns, [[row.get(column) for column in columns] for row in rows])


def reporting_errors(app: Callable[[], Any]) -> None:
    """Run the command line: an error on purpose, and input that cannot be used, is one sentence and exit code 1; wrong
    usage is 2."""

    def plainly() -> None:
        try:
            app()
        except Exception as error:
            why = refused_input(error) or (str(error) if isinstance(error, OffsetsError) else "")
            if not why:
                raise
            typer.secho(why.encode(errors="backslashreplace").decode(), err=True, fg="red")
            raise SystemExit(FAILED) from None

    run_app(plainly)
