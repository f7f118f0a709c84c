"""One run of the compose file for the whole container suite: up, a campaign while every service restarts, down."""

from __future__ import annotations

import asyncio
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
from tests.container.open_items import leave_open

RECORDS_A_SECOND = 150
"""Traffic lasts about 70 seconds: long enough for every service to restart in the middle of it."""
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
    backup: Path
    """A dump of the database from before the last orders."""


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    require_engine()
    folder = tmp_path_factory.mktemp("compose")
    with Compose.of_its_own(folder, METER_LOG_TIME="recorded", METER_FLUSH_INTERVAL_MS="200") as compose:
        yield _campaign(compose, folder)


def _campaign(compose: Compose, folder: Path) -> Ran:
    topics = TopicSettings()
    campaign_file = CampaignFile(compose.campaigns, [BLACK_FRIDAY], topics)
    campaign_file.write(opens_after=None)
    generated = Generated(WEEKEND)
    sending = threading.Thread(
        target=lambda: asyncio.run(send_records(compose.kafka, topics, _paced(generated.records())))
    )
    sending.start()
    exit_codes = {service: _restart(compose, service) for service in SERVICES}
    sending.join()
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
    backup = folder / "campaign_offsets.dump"
    compose.piped("exec", "-T", "postgres", "pg_dump", "-U", "postgres", "-Fc", "campaign_offsets", write=backup)
    leave_open(compose)
    key = compose.run("offset-purchaser", "offset-purchaser", "keys", "create", "--role", "read", "--name", "auditor")
    return Ran(compose, generated, report, log, ends, exit_codes, documents, key.strip(), backup)


def _paced(records: Iterator[Record]) -> Iterator[Record]:
    """The same records, no faster than a steady stream of visitors."""
    began = time.monotonic()
    for number, record in enumerate(records):
        if number % 50 == 0:
            time.sleep(max(0.0, began + number / RECORDS_A_SECOND - time.monotonic()))
        yield record


def _restart(compose: Compose, service: str) -> int:
    """Stop a service in the middle of the traffic, start it again; returns the exit code of its leaving."""
    time.sleep(4)
    code = compose.stop(service)
    compose.start(service)
    wait_for(f"{service} ready again", lambda: httpx.get(compose.url(service, "/health/ready")).status_code == 200)
    return code


def _copied(compose: Compose, documents: Path, report: dict[str, Any]) -> bool:
    compose.command("cp", "offset-purchaser:/var/lib/campaign-offsets/documents", str(documents.parent))
    numbers = {s["document"] for entry in report["days"] for s in entry["settlements"] if s["document"]}
    return all((documents / f"{number}.pdf").exists() for number in numbers)
