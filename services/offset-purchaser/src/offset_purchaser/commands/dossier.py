"""``offset-purchaser dossier``: the audit file of one settlement, exported here and verified anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offset_purchaser.commands.common import AsJson, example, parse_day, show, store
from offset_purchaser.commands.settlements import Campaign, Day, Number
from shared.errors import Rejected

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


CONSISTENT = 3
"""Exit code of a file that agrees with itself and was compared with nothing else."""


@app.command(
    epilog=example("offset-purchaser dossier verify dossier-black-friday-2026-fr-2026-11-27-1.zip --expect 9f86d0…")
)
def verify(
    file: Annotated[Path, typer.Argument(help="The zip that export wrote.")],
    expect: Annotated[
        list[str] | None, typer.Option(help="A SHA-256 printed on a document that you have from elsewhere; repeatable.")
    ] = None,
    document: Annotated[
        list[Path] | None, typer.Option(help="Such a document itself, as PDF: its content is compared; repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check an audit file without a database or a network.

    Recomputes every hash, the total and the tables from the registers, and compares papers with them. A file that was
    made up as a whole, or whose papers were removed together with its tables, agrees with itself: only a document that
    came another way can tell. Exit code 0: proven by --expect or --document. 3: the file agrees with itself, and
    nothing from outside was given. 1: something is wrong.
    """
    from offset_purchaser.documents.dossier_check import verify_dossier
    from offset_purchaser.documents.dossier_proof import Outside

    papers = tuple((path.name, _read(path)) for path in document or [])
    found = verify_dossier(file, Outside(tuple(expect or []), papers))
    rows = [{"checked": f.what, "result": "ok" if f.ok else "WRONG", "detail": f.detail} for f in found]
    show(file.name, rows, ["checked", "result", "detail"], as_json=as_json)
    wrong = sum(not f.ok for f in found)
    proven = any(finding.proof for finding in found)
    if wrong:
        verdict = f"WRONG: {wrong} of {len(found)} checks failed"
    elif proven:
        verdict = f"PROVEN: all {len(found)} checks passed, and the file is the one of the document that you have"
    else:
        verdict = (
            f"CONSISTENT, NOT PROVEN: all {len(found)} checks passed, so the file agrees with itself. Give --expect or "
            "--document with a document that you received elsewhere"
        )
    if not as_json:
        typer.echo(verdict)
    if wrong or not proven:
        raise typer.Exit(1 if wrong else CONSISTENT)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Rejected(f"{path}: {error.strerror}") from None
