"""The wiring of delivery-emissions: the only file that sees everything."""

from __future__ import annotations

from pathlib import Path

from delivery_emissions.channel import DELIVERY
from delivery_emissions.counting import ShipmentTally, recount_with, settle_with
from delivery_emissions.explain_api import explanation_routes
from delivery_emissions.methods import METHODS
from delivery_emissions.tables import Tables
from shared.meter import store
from shared.meter.definition import MeterDefinition

NAME = "delivery-emissions"
MIGRATIONS = (*store.MIGRATIONS, "delivery_emissions")


def definition(grace_s: int, own_tables: Path | None = None) -> MeterDefinition:
    """This meter, with its place and vehicle tables loaded, the business's own rows first."""
    tables = Tables.load(extra=own_tables)
    return MeterDefinition(
        name=NAME,
        channels=(DELIVERY,),
        methods=METHODS,
        migrations=MIGRATIONS,
        tally=ShipmentTally,
        settle=settle_with(tables, grace_s * 1000),
        recount=recount_with(tables, grace_s * 1000),
        routes=explanation_routes,
    )
