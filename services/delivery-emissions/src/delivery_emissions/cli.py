"""The command line of delivery-emissions."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from delivery_emissions.app import MIGRATIONS, NAME, definition
from delivery_emissions.channel import DELIVERY
from delivery_emissions.estimate_command import register
from delivery_emissions.explain import explain
from delivery_emissions.methods import METHODS
from delivery_emissions.purge import purge, purged_among
from delivery_emissions.settings import DeliverySettings
from delivery_emissions.store import read_shipment
from shared.clock import system_clock
from shared.console import out, run_app
from shared.errors import Rejected
from shared.meter.cli import meter_app
from shared.meter.interventions import Why
from shared.meter.settings import MeterSettings
from shared.postgres import open_pool
from shared.schedule import default_schedule
from shared.settings import PostgresSettings

app = meter_app(
    NAME,
    (DELIVERY,),
    MIGRATIONS,
    lambda: definition(MeterSettings.load().grace_s, DeliverySettings.load().tables),
    "Keeps the newest state of every shipment and estimates its CO2e, each event exactly once.",
)
register(app)


@app.command("explain")
def explain_command(shipment_id: Annotated[str, typer.Argument(help="The shipment's id.")]) -> None:
    """Why this number: what a shipment is booked as, what was assumed, and every step to its grams.

    Example: POSTGRES_DSN=postgresql://… delivery-emissions explain S-1001
    """
    row, purged = asyncio.run(_read(shipment_id))
    if purged:
        raise Rejected(f"shipment {shipment_id} was anonymised; its grams stay in the totals", field="shipment_id")
    if row is None:
        raise Rejected(f"no shipment {shipment_id!r} was counted", field="shipment_id")
    out.print_json(json.dumps(explain(row, METHODS, default_schedule())))


@app.command("purge")
def purge_command(
    before: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Shipments of days before this one (UTC).")],
    reason: Annotated[str, typer.Option(help="Why; kept for ever.")],
    by: Annotated[str, typer.Option(help="Who does it.")],
) -> None:
    """Anonymise old shipments: totals and the memory for repeated events stay, "why this number?" goes for ever.

    Example: delivery-emissions purge --before 2026-06-01 --by anna --reason 'retention of six months'
    """
    why, moment = Why(by, reason), before.replace(tzinfo=UTC)
    out.print(f"{asyncio.run(_purge(moment, why))} shipments anonymised")


async def _purge(before: datetime, why: Why) -> int:
    pool = await open_pool(PostgresSettings.load(), application="purge")
    try:
        age = MeterSettings.load().age_days_max
        return await purge(pool, before, why, now=system_clock(), age_days_max=age)
    finally:
        await pool.close()


async def _read(shipment_id: str) -> tuple[dict[str, Any] | None, bool]:
    pool = await open_pool(PostgresSettings.load(), application="explain")
    try:
        return await read_shipment(pool, shipment_id), bool(await purged_among(pool, {shipment_id}))
    finally:
        await pool.close()


def main() -> None:
    """Entry point of the ``delivery-emissions`` command."""
    run_app(app)
