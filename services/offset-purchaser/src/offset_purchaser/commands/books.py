"""``offset-purchaser reconcile``, ``payments import``, ``export journal``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offset_purchaser.commands.common import AsJson, example, known, parse_day, show_json, store, table
from shared.errors import Rejected

if TYPE_CHECKING:
    from offset_purchaser.reconcile import DayLine, Findings
    from shared.postgres import Pool

payments_app = typer.Typer(no_args_is_help=True, help="Payments of documents.")
export_app = typer.Typer(no_args_is_help=True, help="Exports for accounting.")


GRAM_COLUMNS = ("emitted", "bought", "carried", "waived", "paid by others", "open", "surplus", "off")


def reconcile(
    campaign: Annotated[str | None, typer.Option(help="Only this campaign.")] = None,
    entity: Annotated[str | None, typer.Option(help="Only this legal entity.")] = None,
    day: Annotated[str | None, typer.Option(help="Only this campaign day.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 for open items too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Prove that every gram and every cent is accounted for: per day, campaign and legal entity.

    Exit code 1 when something disagrees. Everything is judged, whatever entity and day are shown.
    """
    from offset_purchaser.reconcile import summed
    from offset_purchaser.store import books

    only = None if day is None else parse_day(day)

    async def read(pool: Pool) -> Findings:
        await known(pool, campaign, entity)
        return await books.reconciled(pool, campaign)

    found = store(read)
    shown = [d for d in found.days if entity in (None, d.legal_entity) and only in (None, d.day)]
    head = ["entity", "campaign", "day", *GRAM_COLUMNS]
    rows = [[d.legal_entity, d.campaign, d.day.isoformat(), *_grams(d)] for d in shown]
    sums = [[what, name, *_grams(d)] for what, name, d in summed(shown)]
    if as_json:
        days = [dict(zip(head, row, strict=True)) for row in rows]
        totals = [dict(zip(["of", "name", *GRAM_COLUMNS], row, strict=True)) for row in sums]
        show_json({"days": days, "sums": totals, "broken": found.broken, "open": found.open, "carried": found.carried})
    else:
        table("Grams", head, rows)
        table("Sums", ["of", "name", *GRAM_COLUMNS], sums)
        for title, sentences in (("Broken", found.broken), ("Open", found.open), ("Carried", found.carried)):
            typer.echo(f"{title}: {len(sentences)}")
            for sentence in sentences:
                typer.echo(f"  {sentence}")
    if found.broken or (strict and found.open):
        raise typer.Exit(1)


def _grams(line: DayLine) -> list[int]:
    accounts = [line.grams.get(name, 0) for name in ("bought", "carried", "waived", "paid_by_others")]
    return [line.emitted, *accounts, line.open_g, line.surplus, line.difference]


@payments_app.command("import", epilog=example("offset-purchaser payments import payments.csv"))
def import_payments(
    file: Annotated[Path, typer.Argument(help="CSV: reference,document,paid_on,amount,currency")],
) -> None:
    """Book payments; a reference that was imported before changes nothing."""
    from offset_purchaser.handlers.payments import import_payments as book
    from offset_purchaser.handlers.payments import parse

    try:
        data = file.read_bytes()
    except OSError as error:
        raise Rejected(f"{file}: {error.strerror}") from None
    payments = parse(data, str(file))
    new = store(lambda pool: book(pool, payments))
    typer.echo(f"{new} new of {len(payments)} payments")


@export_app.command("journal", epilog=example("offset-purchaser export journal retail-fr --until 2026-12-31 --fec"))
def journal(
    legal_entity: Annotated[str, typer.Argument(help="Legal entity id.")],
    until: Annotated[str, typer.Option(help="Last day of the export.")],
    *,
    since: Annotated[
        str | None, typer.Option("--from", help="First day; for the FEC the first of the year when left out.")
    ] = None,
    fec: Annotated[bool, typer.Option("--fec", help="The 18 columns of the French FEC instead of CSV.")] = False,
    accrual: Annotated[
        bool, typer.Option("--accrual", help="Add the year-end accrual for owed and not bought.")
    ] = False,
    to: Annotated[Path | None, typer.Option(help="File to write; standard output when left out.")] = None,
) -> None:
    """The money entries of the ledger as a journal, with the entity's account map."""
    from offset_purchaser import journal as pure
    from offset_purchaser.store import books, campaigns

    day = parse_day(until)
    first = parse_day(since) if since else day.replace(month=1, day=1) if fec else None

    async def read(pool: Pool) -> Any:
        found = [c for c in await campaigns.in_force(pool) if c.campaign.entity_id == legal_entity]
        if not found:
            raise Rejected(f"there is no legal entity {legal_entity} in any campaign")
        entries = await books.money_entries(pool, legal_entity)
        ours = [one.campaign for one in found]
        before = [] if first is None else [first - timedelta(days=1)]  # its accrual is reversed in this export
        for end in [*before, day] if accrual else []:
            entries += await books.accrued(pool, legal_entity, ours, end)
        return entries, found[0].entity.accounts

    entries, accounts = store(read)
    lines = pure.between(pure.numbered(entries), first, day)
    text = pure.fec(lines, accounts, accounts.currency) if fec else pure.journal_csv(lines, accounts)
    if to is None:
        typer.echo(text, nl=False)
    else:
        to.write_text(text, encoding="utf-8", newline="")
        typer.echo(f"{len(lines)} lines written to {to}")
