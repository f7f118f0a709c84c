"""The integration tests of meters and purchaser once more, on the official images of PostgreSQL and Kafka."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.container.compose import ROOT, require_engine

SUITES = ("tests/integration/meter/test_meters.py", "tests/integration/purchaser/test_process.py")


@pytest.mark.timeout(900)
def test_meters_and_purchaser_pass_on_postgres_18_and_apache_kafka_4_3_1() -> None:
    require_engine()
    argv = [sys.executable, "-m", "pytest", "-p", "tests.container.official_images", "-p", "no:cacheprovider", *SUITES]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=850, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert not re.search(r"\d+ skipped", done.stdout)
