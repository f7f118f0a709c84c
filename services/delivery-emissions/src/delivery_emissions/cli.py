"""The command line of delivery-emissions."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import typer

from delivery_emissions.app import MIGRATIONS, NAME, definition
from delivery_emissions.channel import DELIVERY
from delivery_emissions.estimate_command import register
from delivery_emissions.explain import explain
from delivery_emissions.methods import METHODS
from delivery_emissions.settings import DeliverySettings
from delivery_emissions.store import read_shipment
from shared.console import out, run_app
from shared.errors import Rejected
from shared.meter.cli import meter_app
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
    row = asyncio.run(_read(shipment_id))
    if row is None:
        raise Rejected(f"no shipment {shipment_id!r} was counted", field="shipment_id")
    out.print_json(json.dumps(explain(row, METHODS, default_schedule())))


async def _read(shipment_id: str) -> dict[str, Any] | None:
    pool = await open_pool(PostgresSettings.load(), application="explain")
    try:
        return await read_shipment(pool, shipment_id)
    finally:
        await pool.close()


def main() -> None:
    """Entry point of the ``delivery-emissions`` command."""
    run_app(app)
