"""A full disk and a closed input end a command in one sentence."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = "from traffic_meter.cli import main; main()"
LINE = b'{"bytes_transferred": 1}'


@pytest.mark.parametrize("arguments", [["estimate"], ["estimate", "--compare"]])
def test_an_output_without_room_is_one_sentence(arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        found = subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments], input=LINE, stdout=full, stderr=subprocess.PIPE, check=False
        )

    assert (found.returncode, found.stderr.decode()) == (
        1,
        "error: the output cannot be written: No space left on device\n",
    )


def test_a_closed_input_is_one_sentence() -> None:
    command = ["sh", "-c", 'exec "$0" -c "$1" estimate <&-', sys.executable, PROGRAM]
    found = subprocess.run(command, capture_output=True, check=False)

    assert (found.returncode, found.stdout) == (1, b"")
    assert found.stderr.decode() == "error: Rejected: stdin: is closed: the lines to read come from standard input\n"
