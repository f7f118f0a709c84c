"""What a meter's commands have in common: options, settings and database, and how results are shown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer

from shared.console import out, table
from shared.meter.definition import MeterDefinition, MeterEnvironment
from shared.postgres import Pool, open_pool

T = TypeVar("T")
Reason = Annotated[str, typer.Option(help="Why; kept for ever.")]
By = Annotated[str, typer.Option(help="Who does it.")]
Topic = Annotated[str, typer.Option(help="Full name of the source topic.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Definition = Callable[[], MeterDefinition]


def run(work: Callable[[MeterEnvironment, Pool], Awaitable[T]]) -> T:
    """Do work that needs the settings and the database."""

    async def connected() -> T:
        environment = MeterEnvironment.load()
        pool = await open_pool(environment.postgres, application="command")
        try:
            return await work(environment, pool)
        finally:
            await pool.close()

    return asyncio.run(connected())


def tell(sentence: str) -> None:
    """Say something beside the result."""
    typer.echo(sentence, err=True)


def show_rows(title: str, rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Print rows as a table, or as JSON."""
    if as_json:
        out.print_json(json.dumps(list(rows), default=str))
    else:
        out.print(table(title, list(rows[0]) if rows else ("nothing",), (list(row.values()) for row in rows)))
