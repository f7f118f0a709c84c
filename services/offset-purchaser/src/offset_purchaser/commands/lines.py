"""``offset-purchaser lines``: figures that people answer for."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offset_purchaser.commands.common import AsJson, example, known, parse_day, show, store
from shared.errors import Rejected

if TYPE_CHECKING:
    from shared.postgres import Pool

app = typer.Typer(no_args_is_help=True, help="Manual lines: kilograms with evidence and an author.")


@app.command(
    epilog=example("offset-purchaser lines add bf-fr 2026-11-27 ads 1250.5 report.pdf --author anna --what 'posters'")
)
def add(
    campaign: Annotated[str, typer.Argument(help="Campaign id.")],
    day: Annotated[str, typer.Argument(help="Campaign day.")],
    channel: Annotated[str, typer.Argument(help="site, email, ads or delivery.")],
    kg: Annotated[str, typer.Argument(help="Kilograms of CO2e, central estimate.")],
    evidence: Annotated[Path, typer.Argument(help="The agency's report, the printer's figure ...")],
    *,
    what: Annotated[str, typer.Option(help="What it is.")],
    author: Annotated[str, typer.Option(help="Who answers for it.")],
    low: Annotated[str | None, typer.Option(help="Low end in kg; the figure itself when left out.")] = None,
    high: Annotated[str | None, typer.Option(help="High end in kg; the figure itself when left out.")] = None,
    kind: Annotated[str, typer.Option("--format", help="Advertising format it stands for (ooh_poster ...).")] = "",
) -> None:
    """Add a figure to a campaign day. Refused when events of the same advertising format were counted that day."""
    from offset_purchaser.handlers.lines import Figure, add_line

    try:
        data = evidence.read_bytes()
    except OSError as error:
        raise Rejected(f"{evidence}: {error.strerror}") from None
    numbers = [None if text is None else _number(text) for text in (low, high)]
    figure = Figure(campaign, parse_day(day), channel, kind, _number(kg), numbers[0], numbers[1], what, author)
    typer.echo(f"line {store(lambda pool: add_line(pool, figure, evidence.name, data))}")


@app.command(epilog=example("offset-purchaser lines withdraw ID --by anna --reason 'the screens sent events'"))
def withdraw(
    line: Annotated[str, typer.Argument(help="Id of the line.")],
    *,
    by: Annotated[str, typer.Option(help="Who decides; kept with the line.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the line.")],
) -> None:
    """Take a line back before its day is settled for the last time; row and evidence are kept."""
    from offset_purchaser.handlers.lines import withdraw_line

    store(lambda pool: withdraw_line(pool, line, by=by, reason=reason))
    typer.echo(f"line {line} counts no more")


@app.command("list", epilog=example("offset-purchaser lines list --json"))
def list_lines(
    campaign: Annotated[str | None, typer.Option(help="Only this campaign.")] = None, as_json: AsJson = False
) -> None:
    """Manual lines with author and evidence."""
    from offset_purchaser.store import manual

    async def read(pool: Pool) -> list[dict[str, Any]]:
        await known(pool, campaign)
        return await manual.lines(pool, campaign)

    rows = store(read)
    columns = ["campaign", "day", "channel", "central_kg", "description", "author", "filename", "withdrawn_by"]
    show("Manual lines", rows, columns, as_json=as_json)


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Rejected(f"{text} is not a number of kilograms; write 1250.5") from None
