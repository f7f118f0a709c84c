"""Migrations where the database is away: a sentence, at each of the three services."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo.session import free_port


@pytest.mark.parametrize("service", ["traffic-meter", "delivery-emissions", "offset-purchaser"])
def test_migrate_without_a_database_ends_with_one_line_that_says_so(service: str) -> None:
    port = free_port()
    dsn = f"postgresql://meter:hunter2@127.0.0.1:{port}/none"
    command = [Path(sys.executable).with_name(service), "migrate"]
    ended = subprocess.run(
        command, env=os.environ | {"POSTGRES_DSN": dsn}, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 1
    assert "PostgreSQL cannot be reached: " in ended.stderr
    assert str(port) in ended.stderr
    assert "hunter2" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
