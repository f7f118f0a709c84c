"""The command line of the traffic meter."""

from __future__ import annotations

from shared.console import run_app
from shared.meter.cli import meter_app
from traffic_meter.app import TRAFFIC_METER

app = meter_app(
    TRAFFIC_METER, "Counts site traffic, e-mails and advertising, each event exactly once, and estimates their CO2e."
)

def main() -> None:
    """Entry point of the ``traffic-meter`` command."""
    run_app(app)
