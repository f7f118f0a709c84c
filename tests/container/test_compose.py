"""The compose file for real: a Black Friday through the outside ports while services restart; every total compared.

The generator of the demonstration makes the records and counts them itself, without any code of the meters.
"""

from __future__ import annotations

import asyncio

import httpx
import pytest

from demo.checks import (
    Check,
    balance_checks,
    day_checks,
    document_checks,
    money_checks,
    order_checks,
    settlement_checks,
)
from demo.meter_log import Scope, read_meter_log
from demo.records import TOPIC_SETTINGS
from demo.shapes import CAMPAIGN_SHOPS, DAYS, ZONE
from shared.settings import TopicSettings
from tests.container.compose import HTTP, wait_for
from tests.container.conftest import Ran

pytestmark = pytest.mark.timeout(1800)  # the first test waits for images to be built and the campaign to end


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
