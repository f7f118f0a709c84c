"""``offset-purchaser totals``: a campaign day as of now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from offset_purchaser.commands.common import AsJson, parse_day, store, table
from shared.errors import Rejected

if TYPE_CHECKING:
    from offset_purchaser.live import DayTotals
    from shared.postgres import Pool


def totals(
    campaign: Annotated[str, typer.Argument(help="Campaign id.")],
    day: Annotated[str | None, typer.Argument(help="Campaign day; today in the campaign's zone when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """A day's emissions as of now with their range and freshness, and the credits bought for it: two figures."""
    found = store(lambda pool: _read(pool, campaign, day))
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    emitted = found.emissions
    head = ["", "events", "late", "low g", "central g", "high g", "as of"]
    rows: list[list[Any]] = [
        [name, part.events, part.late, *_range(part.emissions_g), part.as_of] for name, part in emitted.channels.items()
    ]
    rows.append(["total", "", "", *_range(emitted.total_g), found.as_of])
    table(
        f"Emissions of {found.campaign} on {found.day}, computed {found.computed_at:%Y-%m-%d %H:%M:%S %Z}", head, rows
    )
    for title, parts in (("By shop", emitted.shops), ("By country", emitted.countries)):
        table(title, head[:-1], [[n, p.events, p.late, *_range(p.emissions_g)] for n, p in parts.items()])
    credits = found.credits
    table("Credits, apart", ["ordered g", "confirmed g", "certified g"],
          [[credits.ordered_g, credits.confirmed_g, credits.certified_g]])  # fmt: skip
    typer.echo("Complete" if found.complete else "Not complete")
    for missing in found.waits_for:
        typer.echo(f"  waits for {missing.who}: {missing.why}")


def _range(value: Any) -> tuple[str, str, str]:
    return value.low, value.central, value.high


async def _read(pool: Pool, campaign: str, day: str | None) -> DayTotals:
    from offset_purchaser.handlers.context import source_topics
    from offset_purchaser.handlers.live import find_due, read_day
    from offset_purchaser.store import campaigns
    from shared.clock import local_day, system_clock
    from shared.settings import TopicSettings

    found = await campaigns.in_force(pool, campaign)
    if not found:
        raise Rejected(f"there is no campaign {campaign}", field="campaign")
    now = system_clock()
    wanted = parse_day(day) if day else local_day(now, found[0].campaign.tz)
    due = find_due(found[0], wanted)
    if due is None:
        raise Rejected(f"campaign {campaign} has no day {wanted.isoformat()}", field="day")
    return await read_day(pool, found[0], due, source_topics(TopicSettings.load()), now)
