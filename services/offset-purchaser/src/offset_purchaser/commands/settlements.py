"""``offset-purchaser settlements``: list, show, verify, release, approve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from offset_purchaser.commands.common import AsJson, example, known, parse_day, show, show_json, store
from shared.errors import Rejected

if TYPE_CHECKING:
    from shared.postgres import Pool

app = typer.Typer(no_args_is_help=True, help="Settlements: what each campaign day owes, and how far it is.")

Campaign = Annotated[str, typer.Argument(help="Campaign id.")]
Day = Annotated[str, typer.Argument(help="Campaign day, 2026-11-27.")]
NUMBER_MAX = 2**31 - 1
"""As the tables hold it."""
Number = Annotated[int, typer.Argument(help="Settlement number: 1, then 2 for the true-up.", min=1, max=NUMBER_MAX)]
State = Literal["waiting", "held", "frozen", "ordered", "settled", "documented", "complete"]


@app.command("list", epilog=example("offset-purchaser settlements list --state held"))
def list_settlements(
    campaign: Annotated[str | None, typer.Option(help="Only this campaign.")] = None,
    state: Annotated[State | None, typer.Option(help="Only this state.")] = None,
    as_json: AsJson = False,
) -> None:
    """One line per settlement leg, with whom it waits for."""
    from offset_purchaser.report import settlement_entries

    async def read(pool: Pool) -> list[dict[str, Any]]:
        await known(pool, campaign)
        return await settlement_entries(pool, campaign)

    found = store(read)
    rows = [entry for entry in found if state in (None, entry["state"])]
    columns = ["campaign", "day", "number", "state", "quantity_g", "amount", "currency", "document", "waiting_for"]
    show("Settlements", rows, columns, as_json=as_json)


@app.command("show", epilog=example("offset-purchaser settlements show black-friday-2026-fr 2026-11-27 1"))
def show_settlement(campaign: Campaign, day: Day, number: Number = 1) -> None:
    """Everything about one settlement, as JSON: what was frozen, its legs, orders and ledger entries."""
    from offset_purchaser.store.inspect import settlement

    found = store(lambda pool: settlement(pool, campaign, parse_day(day), number))
    if found is None:
        raise Rejected(f"there is no settlement {number} of {day} in campaign {campaign}")
    show_json(found)


@app.command(epilog=example("offset-purchaser settlements verify black-friday-2026-fr 2026-11-27 1"))
def verify(campaign: Campaign, day: Day, number: Number = 1, as_json: AsJson = False) -> None:
    """Recompute a frozen settlement from its stored lines; exit code 1 when one integer differs."""
    from offset_purchaser.verify import verify_settlement

    found = store(lambda pool: verify_settlement(pool, campaign, parse_day(day), number))
    rows = [
        {"what": c.what, "stored": c.stored, "recomputed": c.recomputed, "same": "yes" if c.same else "NO"}
        for c in found
    ]
    show(f"{campaign} {day} settlement {number}", rows, ["what", "stored", "recomputed", "same"], as_json=as_json)
    if not all(check.same for check in found):
        raise typer.Exit(1)


@app.command(
    epilog=example(
        "offset-purchaser settlements release bf-fr 2026-11-27 1 --without shipments --reason 'outage' --by anna"
    )
)
def release(
    campaign: Campaign,
    day: Day,
    number: Number = 1,
    *,
    without: Annotated[list[str], typer.Option(help="Whom to go on without, as the settlement names it; repeatable.")],
    reason: Annotated[str, typer.Option(help="Why; printed on every document.")],
    by: Annotated[str, typer.Option(help="Who decides; printed on every document.")],
) -> None:
    """Let a waiting or held settlement freeze without somebody. The gap is named on every document."""
    from offset_purchaser.handlers.release import release_settlement
    from offset_purchaser.settlement import Release
    from shared.clock import system_clock

    decision = Release(tuple(without), reason.strip(), by.strip())
    store(lambda pool: release_settlement(pool, campaign, parse_day(day), number, decision, system_clock()))
    typer.echo(f"released without {', '.join(without)}")
