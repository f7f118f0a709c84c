"""The compose file for real: a Black Friday through the outside ports while services restart; every total compared.

The generator of the demonstration makes the records and counts them itself, without any code of the meters.
"""

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
from demo.checks import (
    Check,
    balance_checks,
    day_checks,
    document_checks,
    money_checks,
    order_checks,
    settlement_checks,
)
from demo.generator import Generated, Weekend
from demo.meter_log import Scope, read_meter_log
from demo.purchaser import waiting_for
from demo.records import TOPIC_SETTINGS, Record
from demo.send import end_offsets, send_records
from demo.shapes import CAMPAIGN_SHOPS, DAYS, ZONE
from shared.settings import TopicSettings
from tests.container.compose import HTTP, SERVICES, Compose, require_engine, wait_for

pytestmark = pytest.mark.timeout(1800)  # the first test waits for images to be built and the campaign to end

RECORDS_A_SECOND = 150
"""Traffic lasts about 70 seconds: long enough for every service to restart in the middle of it."""
WEEKEND = Weekend(site=7_000, emails=2_000, ads=1_000, shipments=300)


@dataclass
class Ran:
    """The project after the campaign: what was sent, what came out, how the restarts went."""

    compose: Compose
    generated: Generated
    report: dict[str, Any]
    ends: dict[str, dict[int, int]]
    exit_codes: dict[str, int]
    documents: Path


@pytest.fixture(scope="module")
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
    return Ran(compose, generated, report, ends, exit_codes, documents)


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
    compose.command("stop", service)
    code = compose.exit_code(service)
    compose.command("start", service)
    wait_for(f"{service} ready again", lambda: httpx.get(compose.url(service, "/health/ready")).status_code == 200)
    return code


def _copied(compose: Compose, documents: Path, report: dict[str, Any]) -> bool:
    compose.command("cp", "offset-purchaser:/var/lib/campaign-offsets/documents", str(documents.parent))
    numbers = {s["document"] for entry in report["days"] for s in entry["settlements"] if s["document"]}
    return all((documents / f"{number}.pdf").exists() for number in numbers)


def _assert_all(checks: list[Check]) -> None:
    assert checks
    assert [check for check in checks if not check.ok] == []


def test_every_record_is_counted_once_although_each_service_restarted_under_traffic(ran: Ran) -> None:
    names = {setting: TopicSettings().name(setting) for setting in TOPIC_SETTINGS}
    _assert_all(list(balance_checks(ran.report, ran.generated.tally, names, ran.ends)))


def test_every_day_and_channel_has_the_events_and_grams_that_the_generator_counted(ran: Ran) -> None:
    log = asyncio.run(read_meter_log(ran.compose.kafka, TopicSettings(), Scope(DAYS, CAMPAIGN_SHOPS, ZONE)))
    _assert_all(list(day_checks(ran.report, log, ran.generated.tally)))


def test_three_days_are_bought_once_and_the_provider_lists_the_same_orders(ran: Ran) -> None:
    listing = httpx.get(ran.compose.url("sandbox", "/v1/orders"), timeout=30).raise_for_status().json()["orders"]
    assert len(listing) == 3
    days = [("black-friday-2025", day) for day in DAYS]
    checks = [*settlement_checks(ran.report, days), *money_checks(ran.report), *order_checks(ran.report, listing)]
    _assert_all(checks)


def test_every_purchase_has_its_document_as_a_pdf_in_the_volume(ran: Ran) -> None:
    _assert_all(list(document_checks(ran.report, ran.documents)))


def test_services_leave_with_exit_code_0_when_they_are_stopped(ran: Ran) -> None:
    assert ran.exit_codes == {"traffic-meter": 0, "delivery-emissions": 0, "offset-purchaser": 0}


@pytest.mark.parametrize("service", HTTP)
@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_every_health_endpoint_answers_200_through_its_outside_port(ran: Ran, service: str, path: str) -> None:
    assert httpx.get(ran.compose.url(service, path), timeout=10).status_code == 200


def test_prometheus_has_four_targets_and_all_are_up(ran: Ran) -> None:
    wait_for("four targets up", lambda: len(ran.compose.query("up == 1")) == 4)
    jobs = {target["metric"]["job"] for target in ran.compose.query("up")}
    assert jobs == {"traffic-meter", "delivery-emissions", "offset-purchaser", "prometheus"}
