"""``offset-purchaser campaigns``: check a file, show what is in force."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offset_purchaser.commands.common import AsJson, example, known, parse_day, show, show_json, store, table

if TYPE_CHECKING:
    from offset_purchaser.campaign_file import Loaded
    from shared.postgres import Pool

app = typer.Typer(no_args_is_help=True, help="Campaign files and campaigns in force.")


@app.command(epilog=example("offset-purchaser campaigns check campaigns.yaml"))
def check(
    file: Annotated[Path | None, typer.Argument(help="PURCHASER_CAMPAIGNS_FILE when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Explain every error with line and key, or print the timetable that will be followed.

    A name that makes a climate claim is a warning: it would stand on every document.
    """
    from offset_purchaser.campaign import timetable
    from offset_purchaser.campaign_claims import claim_warnings
    from offset_purchaser.campaign_file import load
    from offset_purchaser.handlers.campaigns import check_providers, check_references
    from offset_purchaser.settings import PurchaserSettings
    from shared.settings import TopicSettings

    settings = PurchaserSettings.load()
    loaded = load(file or settings.campaigns_file)
    check_providers(loaded, settings)
    check_references(loaded, TopicSettings.load(), _stored(loaded))
    for warning in claim_warnings(loaded):
        typer.secho(f"warning: {warning}", err=True, fg="yellow")
    rows = []
    for campaign in loaded.file.campaigns:
        for due in timetable(campaign):
            hours = int((due.end - due.start).total_seconds() // 3600)
            rows.append(
                {
                    "campaign": campaign.id,
                    "day": due.day.isoformat(),
                    "number": due.number,
                    "starts (UTC)": f"{due.start:%Y-%m-%d %H:%M}",
                    "ends (UTC)": f"{due.end:%Y-%m-%d %H:%M}",
                    "hours": f"{hours}" + ("" if hours == 24 else "  clocks change"),
                    "due (local)": f"{due.due_at.astimezone(campaign.tz):%Y-%m-%d %H:%M %Z}",
                }
            )
    columns = ["campaign", "day", "number", "starts (UTC)", "ends (UTC)", "hours", "due (local)"]
    show(f"{len(loaded.file.campaigns)} campaigns, {len(rows)} settlements", rows, columns, as_json=as_json)


def _stored(loaded: Loaded) -> list[str]:
    """Campaigns in force; asked of the database only when the file names one that it does not hold."""
    from offset_purchaser.store.campaigns import in_force
    from shared.errors import OffsetsError

    ids = {campaign.id for campaign in loaded.file.campaigns}
    if all(campaign.forecast_from in ("", *ids) for campaign in loaded.file.campaigns):
        return []
    try:
        return [found.campaign.id for found in store(in_force)]
    except OffsetsError as error:
        typer.secho(f"warning: the campaigns in force are not known here ({error})", err=True, fg="yellow")
        return []


@app.command(epilog=example("offset-purchaser campaigns arrived black-friday-2026-fr carrier-2026-11.csv --by anna"))
def arrived(
    campaign: Annotated[str, typer.Argument(help="Campaign id.")],
    name: Annotated[str, typer.Argument(help="File name as in expected_files.")],
    *,
    by: Annotated[str, typer.Option(help="Who says so.")],
) -> None:
    """Say that an expected file has been loaded, so that days no longer wait for it."""
    from offset_purchaser.handlers.release import file_arrived
    from shared.clock import system_clock

    first = store(lambda pool: file_arrived(pool, campaign, name, by=by, now=system_clock()))
    typer.echo(f"{name} has arrived" if first else f"{name} had arrived before")


@app.command(
    "expect-deliveries",
    epilog=example("offset-purchaser campaigns expect-deliveries black-friday-2026-fr 2026-11-27 1200 --by shop"),
)
def expect_deliveries(
    campaign: Annotated[str, typer.Argument(help="Campaign id.")],
    day: Annotated[str, typer.Argument(help="Campaign day, 2026-11-27.")],
    orders: Annotated[int, typer.Argument(help="Orders of that day that have not shipped.", min=0, max=10**9)],
    *,
    by: Annotated[str, typer.Option(help="Who says so.")],
) -> None:
    """Say how many orders have not shipped: shown as expected deliveries beside what was counted, and never bought."""
    from offset_purchaser.store import campaigns, forecast
    from shared.clock import system_clock
    from shared.errors import Rejected

    when = parse_day(day)

    async def note(pool: Pool) -> None:
        found = await campaigns.in_force(pool, campaign)
        if not found or when not in set(found[0].campaign.days()):
            raise Rejected(f"campaign {campaign} has no day {day}")
        if not by.strip():
            raise Rejected("a name is required", field="by")
        await forecast.expect_deliveries(pool, campaign, when, orders, by.strip(), system_clock())

    store(note)
    typer.echo(f"{orders} deliveries expected for {day}")


@app.command("show", epilog=example("offset-purchaser campaigns show black-friday-2026-fr --json"))
def show_campaigns(
    campaign: Annotated[str | None, typer.Argument(help="Only this campaign.")] = None, as_json: AsJson = False
) -> None:
    """What is in force and how each day stands: counted beside forecast, ordered, waiting for whom, still to ship."""
    from offset_purchaser.standing import show as live
    from shared.clock import system_clock

    async def read(pool: Pool) -> list[dict[str, Any]]:
        await known(pool, campaign)
        return await live(pool, campaign, system_clock())

    found = store(read)
    if as_json:
        show_json(found)
        return
    rows = [
        [c["campaign"], c["version"], c["sha256"][:12], c["stopped"], c["settlements"], c["carried_g"], c["surplus_g"],
         c["refusal"]]
        for c in found
    ]  # fmt: skip
    columns = ["campaign", "version", "hash", "stopped", "settlements", "carried g", "surplus g", "refused change"]
    table("Campaigns in force", columns, rows)
    for c in found:
        for claim in c["claims"]:
            typer.secho(f"warning: campaign {c['campaign']}: {claim}", err=True, fg="yellow")
    days = [
        [c["campaign"], d["day"], ", ".join(d["states"]), d["counted_g"], d["forecast_by_now_g"], d["forecast_day_g"],
         d["ordered_g"], d["expected_deliveries"]["orders"], d["expected_deliveries"]["grams"], d["waiting_for"]]
        for c in found for d in c["days"]
    ]  # fmt: skip
    columns = ["campaign", "day", "settlements", "counted g", "forecast by now", "forecast day", "ordered g",
               "to ship", "their g", "waiting for"]  # fmt: skip
    table("Days", columns, days)
