"""``avoided`` on the command line."""

from __future__ import annotations

import typer
from typer.testing import CliRunner

from shared.errors import Rejected
from traffic_meter.estimate_command import register


def test_a_device_given_twice_is_refused_and_not_counted_once() -> None:
    app = typer.Typer()
    register(app)

    found = CliRunner().invoke(app, ["avoided", "smartphone=1", "smartphone=2"])

    assert isinstance(found.exception, Rejected)
    assert (found.exception.field, found.exception.reason) == ("units", "smartphone is given twice")
