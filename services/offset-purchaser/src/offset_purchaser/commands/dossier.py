"""``offset-purchaser dossier``: the audit file of one settlement, exported here and verified anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offset_purchaser.commands.common import AsJson, example, parse_day, show, store
from offset_purchaser.commands.settlements import Campaign, Day, Number
from shared.errors import Rejected

if TYPE_CHECKING:
    from offset_purchaser.documents.dossier_check import Checked

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
"""Exit code of a file that agrees with itself, and of which not everything is proven."""
DOCUMENT_BYTES_MAX = 64 * 1024**2
"""A document has some 200 kB, with a provider's invoice attached at most 20 MB more."""


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
    came another way can tell. What such documents prove is named line by line, and so is what only agrees with itself.
    Exit code 0: registers, grams, orders and papers are proven. 3: the file agrees with itself, and nothing or only a
    part is proven. 1: something is wrong.
    """
    from offset_purchaser.documents.dossier_check import check_dossier
    from offset_purchaser.documents.dossier_proof import Outside

    papers = tuple((path.name, _read(path)) for path in document or [])
    found = check_dossier(file, Outside(tuple(expect or []), papers))
    rows = [{"checked": f.what, "result": "ok" if f.ok else "WRONG", "detail": f.detail} for f in found.findings]
    proven, unproven = found.standing.proven, found.standing.unproven
    rows += [{"checked": what, "result": "proven", "detail": ""} for what in proven]
    rows += [
        {"checked": what, "result": "not proven", "detail": "only agrees with the file itself"} for what in unproven
    ]
    show(file.name, rows, ["checked", "result", "detail"], as_json=as_json)
    if not as_json:
        typer.echo(_verdict(found))
    if found.wrong or not found.standing.whole:
        raise typer.Exit(1 if found.wrong else CONSISTENT)


def _verdict(found: Checked) -> str:
    of, total = found.standing, len(found.findings)
    if found.wrong:
        return f"WRONG: {found.wrong} of {total} checks failed"
    if not of.proven:
        return (
            f"CONSISTENT, NOT PROVEN: all {total} checks passed, so the file agrees with itself. Give --document or "
            "--expect with every document that you received elsewhere"
        )
    lines = [f"{'PROVEN' if of.whole else 'PROVEN IN PART ONLY'}, by what you gave:"]
    lines += [f"- {what}" for what in of.proven]
    return "\n".join([*lines, "NOT PROVEN, only in agreement with the file itself:", *(f"- {w}" for w in of.unproven)])


def _read(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # a pipe could be waited for without end
            raise Rejected(f"{path}: it is not a regular file", field="document")
        with path.open("rb") as file:
            content = file.read(DOCUMENT_BYTES_MAX + 1)
    except OSError as error:
        raise Rejected(f"{path}: {error.strerror}", field="document") from None
    if len(content) > DOCUMENT_BYTES_MAX:
        raise Rejected(f"{path}: it is larger than {DOCUMENT_BYTES_MAX} bytes, no document is", field="document")
    return content
