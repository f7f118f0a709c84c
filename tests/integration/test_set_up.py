"""The two jobs before the services, and what a service says whose tables are older than it is."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from tests.support import BIN, Sandbox

SERVICES = ("traffic-meter", "delivery-emissions", "offset-purchaser")
TOPICS = (
    *("ad-impressions", "emails-sent", "meter-readings", "meter-requests"),
    *("offset-documents", "offset-orders", "shipments", "site-traffic"),
)


def job(repository: Path, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a job of the image ``set-up`` with these settings alone."""
    clean = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **environment}
    argv = [repository / "deploy/image" / name]
    return subprocess.run(argv, env=clean, capture_output=True, text=True, timeout=120, check=False)


def secrets(sandbox: Sandbox) -> str:
    """The folder of the three DSNs, as the job ``migrations`` is given it."""
    for service in SERVICES:
        role = service.replace("-", "_")
        (sandbox.folder / f"{role}_dsn").write_text(sandbox.dsn(role))
    return str(sandbox.folder)


async def test_one_job_makes_every_services_tables_by_its_own_role_without_kafka(
    sandbox: Sandbox, repository: Path
) -> None:
    done = await asyncio.to_thread(job, repository, "migrations", SECRETS_DIR=secrets(sandbox))
    assert done.returncode == 0, done.stderr
    assert [line.partition(": ")[0] for line in done.stdout.splitlines()] == list(SERVICES)
    for service, table in zip(SERVICES, ("progress", "shipments", "orders"), strict=True):
        role = service.replace("-", "_")
        found = "SELECT schemaname, tableowner FROM pg_tables WHERE schemaname = $1 AND tablename = $2"
        assert await sandbox.rows(role, found, role, table) == [{"schemaname": role, "tableowner": role}]
    again = await asyncio.to_thread(job, repository, "migrations", SECRETS_DIR=secrets(sandbox))
    assert again.stdout.splitlines() == [f"{service}: 0 migrations applied" for service in SERVICES]


def test_a_missing_password_ends_the_job_before_anything_is_made_and_names_the_file(
    sandbox: Sandbox, repository: Path
) -> None:
    folder = secrets(sandbox)
    (sandbox.folder / "traffic_meter_dsn").unlink()
    done = job(repository, "migrations", SECRETS_DIR=folder)
    assert done.returncode == 1
    assert "traffic_meter_dsn" in done.stderr
    assert done.stdout == ""


def test_one_job_makes_every_services_topics_without_a_password_of_the_database(
    sandbox: Sandbox, repository: Path
) -> None:
    environment = sandbox.environment("traffic-meter")
    kafka = {name: value for name, value in environment.items() if name.startswith(("KAFKA_", "TOPIC_"))}
    done = job(repository, "topics", **kafka)
    assert done.returncode == 0, done.stderr
    made = {word.strip(",") for line in done.stdout.splitlines() for word in line.split()}
    assert made >= {sandbox.prefix + name for name in TOPICS}


@pytest.mark.parametrize(
    ("service", "missing"),
    [
        ("delivery-emissions", "0101_shipments"),
        ("offset-purchaser", "0033.dashboards"),
    ],
)
async def test_a_service_whose_tables_are_older_names_what_is_missing_and_ends(
    sandbox: Sandbox, service: str, missing: str
) -> None:
    sandbox.prepare(service)
    role = service.replace("-", "_")
    gone = await sandbox.rows(role, f"DELETE FROM _yoyo_migration WHERE migration_id = '{missing}' RETURNING 1")
    assert len(gone) == 1
    ended = await asyncio.to_thread(sandbox.ended, service, "run", PURCHASER_MODE="rehearsal")
    assert ended.returncode == 1
    assert f"the tables are older than this version: {missing} is missing; run the command: migrate" in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_tables_of_a_newer_version_do_no_harm_so_that_an_upgrade_can_be_taken_back(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    newer = "INSERT INTO _yoyo_migration VALUES ('hash', '9999_newer', now()) RETURNING migration_id"
    assert await sandbox.rows("traffic_meter", newer) == [{"migration_id": "9999_newer"}]
    process = sandbox.start("traffic-meter")
    deadline = asyncio.get_running_loop().time() + 30
    while not sandbox.port(0, "traffic-meter"):
        assert process.poll() is None
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.1)
    assert sandbox.stop(process) == 0
