"""``offset-purchaser dossier``: the audit file of one settlement, exported here and verified anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offset_purchaser.commands.common import AsJson, example, parse_day, show, store
from offset_purchaser.commands.settlements import Campaign, Day, Number

app = typer.Typer(no_args_is_help=True, help="The audit file of one settlement: one zip that can be checked offline.")


@app.command(epilog=example("offset-purchaser dossier export black-friday-2026-fr 2026-11-27 1 --to audit/"))
def export(
    campaign: Campaign,
    day: Day,
    number: Number = 1,
    *,
    to: Annotated[Path, typer.Option(help="Folder to write into.")] = Path(),
) -> None:
    """Write the audit file of a frozen settlement: registers, factors, calculation, orders, papers, hashes."""
    from offset_purchaser.handlers.dossier import settlement_dossier
    from offset_purchaser.handlers.files import write_once

    name, content = store(lambda pool: settlement_dossier(pool, campaign, parse_day(day), number))
    typer.echo(write_once(to / name, content))


@app.command(epilog=example("offset-purchaser dossier verify dossier-black-friday-2026-fr-2026-11-27-1.zip"))
def verify(file: Annotated[Path, typer.Argument(help="The zip that export wrote.")], as_json: AsJson = False) -> None:
    """Check an audit file without a database or a network; exit code 1 when anything in it is wrong.

    Recomputes every hash, the total and the tables from the registers, and compares papers with them. Whether it is the
    record of that day only its SHA-256 on a document that came another way can tell; the last line prints it.
    """
    from offset_purchaser.documents.dossier_check import verify_dossier

    found = verify_dossier(file)
    rows = [{"checked": f.what, "result": "ok" if f.ok else "WRONG", "detail": f.detail} for f in found]
    show(file.name, rows, ["checked", "result", "detail"], as_json=as_json)
    wrong = sum(not f.ok for f in found)
    if not as_json:
        typer.echo(f"{wrong} of {len(found)} checks failed" if wrong else f"all {len(found)} checks passed")
    if wrong:
        raise typer.Exit(1)
