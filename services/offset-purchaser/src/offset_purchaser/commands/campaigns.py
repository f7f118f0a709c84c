"""``offset-purchaser campaigns``: check a file, show what is in force."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offset_purchaser.commands.common import AsJson, example, show, show_json, store, table

app = typer.Typer(no_args_is_help=True, help="Campaign files and campaigns in force.")


@app.command(epilog=example("offset-purchaser campaigns check campaigns.yaml"))
def check(
    file: Annotated[Path | None, typer.Argument(help="PURCHASER_CAMPAIGNS_FILE when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Explain every error with line and key, or print the timetable that will be followed."""
    from offset_purchaser.campaign import timetable
    from offset_purchaser.campaign_file import load
    from offset_purchaser.handlers.campaigns import check_providers
    from offset_purchaser.settings import PurchaserSettings

    settings = PurchaserSettings.load()
    loaded = load(file or settings.campaigns_file)
    check_providers(loaded, settings)
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


@app.command("show", epilog=example("offset-purchaser campaigns show black-friday-2026-fr --json"))
def show_campaigns(
    campaign: Annotated[str | None, typer.Argument(help="Only this campaign.")] = None, as_json: AsJson = False
) -> None:
    """What is in force: version, hash, state of the settlements, and why a newer file is refused."""
    from offset_purchaser.store import campaigns

    found = store(lambda pool: campaigns.overview(pool, campaign))
    if as_json:
        show_json(found)
        return
    rows = [
        [c["campaign"], c["version"], c["sha256"][:12], c["stopped"], c["settlements"], c["refusal"]] for c in found
    ]
    table("Campaigns in force", ["campaign", "version", "hash", "stopped", "settlements", "refused change"], rows)
