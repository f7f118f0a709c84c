"""``offset-purchaser export ghg-protocol | bilan-carbone | esrs-e1-7``: lines for other people's books."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offset_purchaser.commands.books import export_app
from offset_purchaser.commands.common import AsJson, example, parse_day, store
from shared.clock import FIRST_YEAR, LAST_YEAR
from shared.errors import Rejected
from shared.units import decimal_text

if TYPE_CHECKING:
    from offset_purchaser.documents.accounting import Table
    from offset_purchaser.store.campaigns import InForce
    from shared.postgres import Pool

Of = Annotated[
    str, typer.Argument(metavar="CAMPAIGN|ENTITY", help="A campaign, or a legal entity with all of its campaigns.")
]
Since = Annotated[str, typer.Option(help="First campaign day.", show_default="all")]
Until = Annotated[str, typer.Option(help="Last campaign day.", show_default="all")]
PeriodSince = Annotated[str, typer.Option(help="First day of the period, by day of retirement.", show_default="all")]
PeriodUntil = Annotated[str, typer.Option(help="Last day of the period.", show_default="all")]
To = Annotated[Path | None, typer.Option(help="File to write; standard output when left out.")]
FIRST, LAST = f"{FIRST_YEAR}-01-01", f"{LAST_YEAR}-12-31"
__all__ = ["export_app"]

Read = Callable[["Pool", "Sequence[InForce]", date, date], Awaitable["Table"]]


@export_app.command("ghg-protocol", epilog=example("offset-purchaser export ghg-protocol black-friday-2026-fr"))
def ghg_protocol(of: Of, *, since: Since = FIRST, until: Until = LAST, to: To = None, as_json: AsJson = False) -> None:
    """Emissions of settled days in kg CO2e by GHG Protocol scope and category, with the 95 % interval."""
    from offset_purchaser.documents import accounting

    _export(of, since, until, to, _emitted(accounting.ghg_protocol), as_json=as_json)


@export_app.command("bilan-carbone", epilog=example("offset-purchaser export bilan-carbone retail-fr"))
def bilan_carbone(of: Of, *, since: Since = FIRST, until: Until = LAST, to: To = None, as_json: AsJson = False) -> None:
    """Emissions of settled days in kg CO2e by Bilan Carbone post, with the GHG Protocol category it comes from."""
    from offset_purchaser.documents import accounting

    _export(of, since, until, to, _emitted(accounting.bilan_carbone), as_json=as_json)


@export_app.command("esrs-e1-7", epilog=example("offset-purchaser export esrs-e1-7 retail-fr --json"))
def esrs_e1_7(
    of: Of, *, since: PeriodSince = FIRST, until: PeriodUntil = LAST, to: To = None, as_json: AsJson = False
) -> None:
    """Carbon credits outside the value chain: tonnes, standard, removal or reduction, share in the EU.

    Cancelled in the period are the credits whose certified retirement is in it, whenever they were bought; what was
    bought by its end and not retired by then is planned. Apart from the emissions; what a provider has not stated is a
    line of its own.
    """
    from offset_purchaser.documents import accounting
    from offset_purchaser.handlers.content import order_lines
    from offset_purchaser.store.accounting import confirmed_orders

    async def read(pool: Pool, found: Sequence[InForce], first: date, last: date) -> Table:
        lines = []
        for one in found:
            rows = await confirmed_orders(pool, one.campaign.id, last)
            lines += await order_lines(pool, one.campaign, rows)
        return accounting.esrs_e1_7(lines, first, last)

    _export(of, since, until, to, read, as_json=as_json)


def _emitted(table: Callable[..., Table]) -> Read:
    async def read(pool: Pool, found: Sequence[InForce], first: date, last: date) -> Table:
        from offset_purchaser.store.accounting import emitted

        return table(await emitted(pool, [one.campaign.id for one in found], first, last))

    return read


def _export(of: str, since: str, until: str, to: Path | None, read: Read, *, as_json: bool) -> None:
    from offset_purchaser.documents.container import as_json as as_json_bytes
    from offset_purchaser.documents.tables import csv_bytes
    from offset_purchaser.store import campaigns

    first, last = parse_day(since), parse_day(until)

    async def inside(pool: Pool) -> Table:
        found = [c for c in await campaigns.in_force(pool) if of in (c.campaign.id, c.campaign.entity_id)]
        if not found:
            raise Rejected(f"there is no campaign and no legal entity {of}")
        return await read(pool, found, first, last)

    columns, rows = store(inside)
    records = [dict(zip(columns, map(_plain, row), strict=True)) for row in rows]
    content = as_json_bytes(records) if as_json else csv_bytes(columns, rows)
    if to is None:
        typer.echo(content.decode(), nl=False)
        return
    try:
        to.write_bytes(content)
    except OSError as error:
        raise Rejected(f"{to}: {error.strerror}") from None
    typer.echo(f"{len(rows)} lines written to {to}")


def _plain(value: object) -> object:
    return decimal_text(value) if isinstance(value, Decimal) else value
