"""The command line of the traffic meter."""

from __future__ import annotations

from shared.console import run_app
from shared.meter import store
from shared.meter.cli import meter_app
from traffic_meter.app import NAME, definition
from traffic_meter.channels import CHANNELS
from traffic_meter.estimate_command import register

app = meter_app(
    NAME,
    CHANNELS,
    store.MIGRATIONS,
    definition,
    "Counts site traffic, e-mails and advertising, each event exactly once, and estimates their CO2e.",
)
register(app)


def main() -> None:
    """Entry point of the ``traffic-meter`` command."""
    run_app(app)
