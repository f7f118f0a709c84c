"""The alert rules and their own tests, by the promtool of the Prometheus image that runs them."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.container.compose import ROOT, require_engine
from tests.contract.test_alerts import rules

IMAGE = "prom/prometheus:v2.53.3"


@pytest.fixture(scope="module", autouse=True)
def engine() -> None:
    require_engine()


def promtool(*arguments: str) -> str:
    folder = ["-v", f"{ROOT}/deploy/prometheus:/etc/prometheus:ro"]
    entry = ["--workdir", "/etc/prometheus", "--entrypoint", "promtool"]
    argv = ["docker", "run", "--rm", *folder, *entry, IMAGE, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_promtool_finds_every_rule_and_no_error_in_the_configuration() -> None:
    said = promtool("check", "config", "/etc/prometheus/prometheus.yml")
    found = [int(number) for number in re.findall(r"(\d+) rules found", said)]
    assert sum(found) == len(rules(ROOT)) >= 26
    assert len(found) == 3


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "deploy/prometheus/tests").glob("*.yml")))
def test_every_alert_stays_quiet_before_its_time_and_fires_after_it(name: str) -> None:
    assert "SUCCESS" in promtool("test", "rules", f"tests/{name}")
