"""Prometheus with its own configuration beside a real node-exporter and a real Alertmanager.

Their images are not everywhere; the same programs come from Debian's packages, into an image of this test. What
docker-compose.yml says about them (commands, files, names) is what runs here.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from demo.session import free_port
from tests.container.compose import ROOT, require_engine, wait_for
from tests.contract.test_alerts import rules

PROMETHEUS = "prom/prometheus:v2.53.3"
STAND_IN = """\
FROM python:3.13-slim
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends prometheus-node-exporter prometheus-alertmanager
"""
PROGRAMS = {"node-exporter": "prometheus-node-exporter", "alertmanager": "prometheus-alertmanager"}
pytestmark = pytest.mark.timeout(300)


def docker(*arguments: str, check: bool = True, given: str = "") -> str:
    done = subprocess.run(["docker", *arguments], input=given, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with both programs."""
    require_engine()
    folder = tmp_path_factory.mktemp("debian")
    (folder / "Dockerfile").write_text(STAND_IN)
    docker("build", "--quiet", "--tag", "campaign-offsets-test/monitoring", str(folder))
    return "campaign-offsets-test/monitoring"


@pytest.fixture(scope="module")
def prometheus(stand_in: str) -> Iterator[str]:
    """The address of a Prometheus that finds the two by their names in docker-compose.yml."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    name, port = f"alerting-{os.getpid()}", free_port()
    mounts = {
        "node-exporter": services["node-exporter"]["volumes"],
        "alertmanager": [f"{ROOT}/deploy/alertmanager:/etc/alertmanager:ro"],
    }
    started = []
    docker("network", "create", name)
    try:
        for service, program in PROGRAMS.items():
            volumes = [part for mount in mounts[service] for part in ("-v", mount)]
            confined = ["--cap-drop", "ALL", "--user", "65534", "--read-only", "--tmpfs", "/alertmanager:mode=1777"]
            place = ["--name", f"{name}-{service}", "--network", name, "--network-alias", service]
            command = [stand_in, program, *services[service]["command"]]
            docker("run", "--detach", *place, *confined, *volumes, *command)
            started.append(f"{name}-{service}")
        place = ["--name", f"{name}-prometheus", "--network", name, "-p", f"127.0.0.1:{port}:9090"]
        files = ["-v", f"{ROOT}/deploy/prometheus:/etc/prometheus:ro"]
        docker("run", "--detach", *place, *files, PROMETHEUS, "--config.file=/etc/prometheus/prometheus.yml")
        started.append(f"{name}-prometheus")
        yield f"http://127.0.0.1:{port}"
    finally:
        if started:
            docker("rm", "--force", "--volumes", *started, check=False)
        docker("network", "rm", name, check=False)


def query(prometheus: str, expression: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": expression}, timeout=10).raise_for_status()
    found: list[dict[str, Any]] = answer.json()["data"]["result"]
    return found


def test_the_disk_alert_reads_the_share_that_is_free_from_a_real_node_exporter(prometheus: str) -> None:
    (rule,) = [found for found in rules(ROOT) if found["alert"] == "DiskFilling"]
    assert rule["expr"].rstrip().endswith("< 0.15")
    anything = rule["expr"].rstrip().removesuffix("0.15") + "1.01"
    wait_for("node-exporter's disks", lambda: query(prometheus, anything), 60)
    shares = {found["metric"]["mountpoint"]: float(found["value"][1]) for found in query(prometheus, anything)}
    known = {place: share for place, share in shares.items() if Path(place).is_mount()}
    assert known, shares
    for place, share in known.items():
        disk = os.statvfs(place)
        assert share == pytest.approx(disk.f_bavail / disk.f_blocks, abs=0.02), place


def test_prometheus_finds_alertmanager_by_its_name(prometheus: str) -> None:
    def found() -> bool:
        answer = httpx.get(f"{prometheus}/api/v1/alertmanagers", timeout=10).raise_for_status().json()["data"]
        return [manager["url"] for manager in answer["activeAlertmanagers"]] != []

    wait_for("an active Alertmanager", found)


def test_amtool_accepts_the_routes_and_every_severity_has_its_receiver(stand_in: str) -> None:
    file = "/etc/alertmanager/alertmanager.yml"
    routed = f"amtool config routes test --config.file={file} severity="
    script = f"set -e; amtool check-config {file}; {routed}critical; {routed}warning"
    mount = ["-v", f"{ROOT}/deploy/alertmanager:/etc/alertmanager:ro"]
    said = docker("run", "--rm", *mount, stand_in, "sh", "-c", script)
    assert "SUCCESS" in said
    assert said.split()[-2:] == ["on-call", "operations"]
    assert {rule["labels"]["severity"] for rule in rules(ROOT)} == {"critical", "warning"}
