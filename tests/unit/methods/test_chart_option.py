"""``--chart`` is refused in one sentence when it has nothing to show or no place to go."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from delivery_emissions import estimate_command as delivery_command
from shared.errors import Rejected
from shared.estimate_fields import Fields
from traffic_meter import estimate_command as traffic_command

LINES = {traffic_command: '{"bytes_transferred": 1000000}', delivery_command: '{"category": "smartphone"}'}


def refusal(command: object, *arguments: str) -> Rejected:
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app)  # type: ignore[attr-defined]
    found = CliRunner().invoke(app, ["estimate", *arguments], input=LINES[command])  # type: ignore[index]
    assert isinstance(found.exception, Rejected), found.exception
    assert found.output == ""
    return found.exception


@pytest.mark.parametrize("command", LINES)
def test_a_chart_without_compare_is_refused(command: object, tmp_path: Path) -> None:
    error = refusal(command, "--chart", str(tmp_path / "x.svg"))

    assert (error.field, error.reason) == ("chart", "draws what --compare compares: give both")


@pytest.mark.parametrize("command", LINES)
@pytest.mark.parametrize("path", ["/nowhere/at/all/x.svg", "/"])
def test_a_chart_that_cannot_be_written_is_refused_before_any_line_is_read(command: object, path: str) -> None:
    error = refusal(command, "--compare", "--chart", path)

    assert (error.field, error.reason) == ("chart", f"{path} cannot be written")


def test_time_on_the_device_without_a_dwell_time_says_what_it_needs() -> None:
    bare = traffic_command.all_cases(Fields({"bytes_transferred": 1_000_000}))
    timed = traffic_command.all_cases(Fields({"bytes_transferred": 1_000_000, "dwell_ms": 1000}))

    assert [case.label for case in bare] == ["", "", "", "device-time (needs dwell_ms)"]
    assert [case.label for case in timed] == ["", "", "", ""]


def test_a_chart_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("", encoding="utf-8")
    below = tmp_path / "a.svg" / "x.svg"

    assert refusal(traffic_command, "--compare", "--chart", str(below)).reason == f"{below} cannot be written"
