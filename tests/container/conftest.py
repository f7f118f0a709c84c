"""One run of the compose file for the whole container suite: up, a campaign while every service restarts, down."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.campaign import BLACK_FRIDAY
from demo.campaign_file import CampaignFile
from demo.generator import Generated, Weekend
from demo.meter_log import MeterLog, Scope, read_meter_log
from demo.purchaser import waiting_for
from demo.records import TOPIC_SETTINGS, Record
from demo.send import end_offsets, send_records
from demo.shapes import CAMPAIGN_SHOPS, DAYS, ZONE
from shared.settings import TopicSettings
from tests.container.compose import SERVICES, Compose, require_engine, wait_for
from tests.container.open_items import leave_open, order_later
from tests.container.runbook import NEWER, blocks, newer_images, run_block

RECORDS_A_SECOND = 150
"""About 70 seconds of traffic."""
KEPT_FOR_THE_END = 300
"""Records that come slowly until the upgrade is done: every restart has traffic before, during and after it."""
WEEKEND = Weekend(site=7_000, emails=2_000, ads=1_000, shipments=300)


@dataclass
class Ran:
    """The project after the campaign: what was sent, what came out, how the restarts went."""

    compose: Compose
    generated: Generated
    report: dict[str, Any]
    log: MeterLog
    ends: dict[str, dict[int, int]]
    exit_codes: dict[str, int]
    documents: Path
    api_key: str
    kept_files: list[str]
    """The orders by hand that the backup holds, which is older than the last orders."""
    sent_at: dict[str, int]
    """How many records were sent when the upgrade began, when it ended, and in all."""


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    require_engine()
    folder = tmp_path_factory.mktemp("compose")
    with Compose.of_its_own(folder, METER_LOG_TIME="recorded", METER_FLUSH_INTERVAL_MS="200") as compose:
        try:
            yield _campaign(compose, folder)
        finally:
            images = [f"campaign-offsets/{name}:{compose.project}" for name in NEWER]
            subprocess.run(["docker", "rmi", "--force", *images], capture_output=True, timeout=60, check=False)


class Traffic:
    """Records, no faster than a steady stream of visitors, the last of them only when ``end`` was called."""

    def __init__(self, generated: Generated) -> None:
        self._records = list(generated.records())
        self._ending = threading.Event()
        self.sent = 0

    def records(self) -> Iterator[Record]:
        """The generator's records in its order."""
        began, last = time.monotonic(), len(self._records) - KEPT_FOR_THE_END
        for record in self._records:
            if self.sent >= last:
                self._ending.wait(1.0)
            elif self.sent % 50 == 0:
                time.sleep(max(0.0, began + self.sent / RECORDS_A_SECOND - time.monotonic()))
            yield record
            self.sent += 1

    def flows(self, seconds: int = 2) -> None:
        """Return when some seconds' worth of records more were sent."""
        goal = self.sent + seconds * RECORDS_A_SECOND
        wait_for("traffic", lambda: self.sent >= min(goal, len(self._records) - KEPT_FOR_THE_END))

    def end(self) -> None:
        """Send what is left."""
        self._ending.set()


def _campaign(compose: Compose, folder: Path) -> Ran:
    topics = TopicSettings()
    campaign_file = CampaignFile(compose.campaigns, [BLACK_FRIDAY], topics)
    campaign_file.write(opens_after=None)
    generated = Generated(WEEKEND)
    traffic = Traffic(generated)
    sending = threading.Thread(target=lambda: asyncio.run(send_records(compose.kafka, topics, traffic.records())))
    sending.start()
    exit_codes = {service: _restart(compose, service, traffic) for service in SERVICES}
    sent_at = {"began": traffic.sent}
    _upgrade(compose, folder)
    sent_at["ended"] = traffic.sent
    traffic.end()
    sending.join()
    sent_at["all"] = traffic.sent
    ends = asyncio.run(end_offsets(compose.kafka, [topics.name(setting) for setting in TOPIC_SETTINGS]))
    campaign_file.write(opens_after=ends)
    report: dict[str, Any] = {}

    def complete() -> bool:
        report.update(compose.report())
        return not waiting_for(report, campaign_file.days())

    wait_for("every settlement complete", complete, 240)
    documents = folder / "documents"
    wait_for("documents as files", lambda: _copied(compose, documents, report), 60)
    log = asyncio.run(read_meter_log(compose.kafka, topics, Scope(DAYS, CAMPAIGN_SHOPS, ZONE)))
    leave_open(compose)
    kept_files = manual_orders(compose)
    for block in blocks("Backup and restore")[:2]:
        run_block(compose, block)
    order_later(compose)
    key = compose.run("offset-purchaser", "offset-purchaser", "keys", "create", "--role", "read", "--name", "auditor")
    return Ran(compose, generated, report, log, ends, exit_codes, documents, key.strip(), kept_files, sent_at)


def _upgrade(compose: Compose, folder: Path) -> None:
    """The runbook's rolling upgrade, to images with one more migration."""
    block = blocks("Rolling upgrade")[0]
    images = newer_images(folder, compose.project)
    run_block(compose, block.replace("TAG=2026-11", f"TAG={compose.project}"), build=images)


def manual_orders(compose: Compose) -> list[str]:
    """The orders to partners without an API as they were sent: the folder's files."""
    return sorted(compose.run("offset-purchaser", "ls", "/var/lib/campaign-offsets/manual-orders").split())


def _restart(compose: Compose, service: str, traffic: Traffic) -> int:
    """Stop a service in the middle of the traffic, start it again; returns the exit code of its leaving."""
    traffic.flows()
    code = compose.stop(service)
    compose.start(service)
    wait_for(f"{service} ready again", lambda: httpx.get(compose.url(service, "/health/ready")).status_code == 200)
    return code


def _copied(compose: Compose, documents: Path, report: dict[str, Any]) -> bool:
    compose.command("cp", "offset-purchaser:/var/lib/campaign-offsets/documents", str(documents.parent))
    numbers = {s["document"] for entry in report["days"] for s in entry["settlements"] if s["document"]}
    return all((documents / f"{number}.pdf").exists() for number in numbers)
