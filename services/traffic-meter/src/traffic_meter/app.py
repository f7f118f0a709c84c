"""The wiring of the traffic meter: the only file that sees everything."""

from __future__ import annotations

from shared.meter import store
from shared.meter.definition import MeterDefinition
from traffic_meter.channels import CHANNELS
from traffic_meter.methods import METHODS

NAME = "traffic-meter"


def definition() -> MeterDefinition:
    """This meter: its channels and methods."""
    return MeterDefinition(name=NAME, channels=CHANNELS, methods=METHODS, migrations=store.MIGRATIONS)
