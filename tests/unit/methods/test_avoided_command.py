"""``avoided`` on the command line."""

from __future__ import annotations

import pytest
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


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["smartphone=" + "9" * 60], "units"),
        (["smartphone=" + "9" * 5000], "units"),
        (["smartphone=\u0663"], "units"),
        (["smartphone=1", "--years", "1e-5000000"], "years"),
        (["smartphone=1", "--years", "1" * 5000], "years"),
        (["smartphone=1", "--factor-set", "2026.1+read_share=1e-3000000"], "read_share"),
        (["smartphone=1", "--factor-set", "2026.1+read_share=" + "x" * 5000], "read_share"),
    ],
)
def test_numbers_without_measure_are_refused_in_a_short_sentence(arguments: list[str], field: str) -> None:
    app = typer.Typer()
    register(app)
    app.callback()(lambda: None)

    found = CliRunner().invoke(app, ["avoided", *arguments])

    assert isinstance(found.exception, Rejected), found.exception
    assert found.exception.field == field
    assert len(str(found.exception)) < 200
