"""``offset-purchaser checklist``: before a campaign, what a command can look at by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from offset_purchaser.commands.common import AsJson, show, store

if TYPE_CHECKING:
    from offset_purchaser.handlers.checklist import Checked
    from shared.postgres import Pool


def checklist(
    prometheus: Annotated[str, typer.Option(help="Ask Prometheus too: http://prometheus:9090 inside compose.")] = "",
    as_json: AsJson = False,
) -> None:
    """Campaign file, topics, meters, orders, books, monitoring: exit code 1 when something is bad.

    What only people can check stands in docs/runbook.md, Before a campaign.
    """
    from offset_purchaser.handlers.checklist import Mark, worst

    found = store(lambda pool: _look(pool, prometheus))
    rows = [{"what": line.what, "mark": line.mark.value, "says": line.says} for line in found]
    show("Checklist", rows, ["what", "mark", "says"], as_json=as_json)
    if worst([line.mark for line in found]) is Mark.BAD:
        raise typer.Exit(1)


async def _look(pool: Pool, prometheus: str) -> list[Checked]:
    from offset_purchaser.handlers.checklist import Surroundings, run_checklist
    from offset_purchaser.handlers.context import Context
    from offset_purchaser.settings import PurchaserSettings
    from shared.clock import system_clock
    from shared.settings import KafkaSettings, TopicSettings

    context = Context(pool, PurchaserSettings.load(), TopicSettings.load(), system_clock, {})
    around = Surroundings(context, KafkaSettings.load(), prometheus.rstrip("/"))
    return [line async for line in run_checklist(around)]
