"""The compose file for real: a Black Friday through the outside ports while services restart; every total compared.

Then every query of every panel and rule, executed by the Prometheus and PostgreSQL that watched it, and ``make smoke``.
The generator of the demonstration makes the records and counts them itself, without any code of the meters. One file,
so that one worker runs it: the project is started once.
"""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from typing import Any

import httpx
import pytest
import yaml

from demo.campaign import CAMPAIGN_ID
from demo.checks import (
    Check,
    balance_checks,
    day_checks,
    document_checks,
    money_checks,
    order_checks,
    settlement_checks,
)
from demo.records import TOPIC_SETTINGS
from demo.shapes import DAYS
from shared.settings import TopicSettings
from shared.units import ceil_g
from tests.container import smoke
from tests.container.compose import HTTP, ROOT, SERVICES, Compose, image_bytes, wait_for
from tests.container.conftest import Ran, manual_orders
from tests.container.runbook import blocks, run_block
from tests.contract.test_alerts import rules, used_metrics

pytestmark = pytest.mark.timeout(1800)  # the first test waits for images to be built and the campaign to end


SCHEMAS = {"traffic_meter": "registers", "delivery_emissions": "shipments", "offset_purchaser": "orders"}
"""The schema of each service, which its role owns, and one of its tables."""


def _assert_all(checks: list[Check]) -> None:
    assert checks
    assert [check for check in checks if not check.ok] == []


def test_every_record_is_counted_once_although_each_service_restarted_under_traffic(ran: Ran) -> None:
    names = {setting: TopicSettings().name(setting) for setting in TOPIC_SETTINGS}
    _assert_all(list(balance_checks(ran.report, ran.generated.tally, names, ran.ends)))


def test_every_day_and_channel_has_the_events_and_grams_that_the_generator_counted(ran: Ran) -> None:
    _assert_all(list(day_checks(ran.report, ran.log, ran.generated.tally)))


def test_three_days_are_bought_once_and_the_provider_lists_the_same_orders(ran: Ran) -> None:
    listing = httpx.get(ran.compose.url("sandbox", "/v1/orders"), timeout=30).raise_for_status().json()["orders"]
    assert len(listing) == 3
    days = [("black-friday-2025", day) for day in DAYS]
    checks = [*settlement_checks(ran.report, days), *money_checks(ran.report), *order_checks(ran.report, listing)]
    _assert_all(checks)


def test_every_purchase_has_its_document_as_a_pdf_in_the_volume(ran: Ran) -> None:
    _assert_all(list(document_checks(ran.report, ran.documents)))


def test_the_runbooks_rolling_upgrade_ran_under_traffic_and_left_every_service_on_the_new_images_and_tables(
    ran: Ran,
) -> None:
    assert 0 < ran.sent_at["began"] < ran.sent_at["ended"] < ran.sent_at["all"]
    for service in SERVICES:
        assert ran.compose.image(service) == f"campaign-offsets/{service}:{ran.compose.project}"
    added = "SELECT table_schema, table_name FROM information_schema.columns WHERE column_name = 'newer' ORDER BY 1"
    printed = ran.compose.run("postgres", "psql", "-U", "postgres", "campaign_offsets", "-At", "-c", added)
    tables = ["delivery_emissions|registers", "offset_purchaser|orders", "traffic_meter|registers"]
    assert printed.split() == tables


def test_services_leave_with_exit_code_0_when_they_are_stopped(ran: Ran) -> None:
    assert ran.exit_codes == {"traffic-meter": 0, "delivery-emissions": 0, "offset-purchaser": 0}


@pytest.mark.parametrize("service", HTTP)
@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_every_health_endpoint_answers_200_through_its_outside_port(ran: Ran, service: str, path: str) -> None:
    assert httpx.get(ran.compose.url(service, path), timeout=10).status_code == 200


@pytest.mark.parametrize("service", [*SERVICES, "set-up"])
def test_an_image_adds_less_than_150_mb_to_its_base(ran: Ran, service: str) -> None:
    assert image_bytes(f"campaign-offsets/{service}:local") - image_bytes("python:3.13-slim") < 150_000_000


def test_prometheus_has_four_targets_and_all_are_up(ran: Ran) -> None:
    wait_for("four targets up", lambda: len(ran.compose.query("up == 1")) == 4)
    jobs = {target["metric"]["job"] for target in ran.compose.query("up")}
    assert jobs == {"traffic-meter", "delivery-emissions", "offset-purchaser", "prometheus"}


def panels(data: str) -> list[Any]:
    """Title, query and legend of every panel of a data source, as test parameters."""
    found = []
    for path in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            if panel["datasource"]["uid"] == data:
                (target,) = panel["targets"]
                query = target.get("expr") or target["rawSql"]
                legend = target.get("legendFormat", "")
                found.append(pytest.param(panel["title"], query, legend, id=f"{path.stem}: {panel['title']}"))
    return found


def variables() -> list[Any]:
    """Name and query of every variable of a dashboard that the database fills."""
    found = json.loads((ROOT / "deploy/grafana/dashboards/campaign-day.json").read_text())["templating"]["list"]
    return [pytest.param(one["name"], one["query"], id=one["name"]) for one in found if one["type"] == "query"]


def select(compose: Compose, sql: str, day: object = DAYS[0]) -> list[dict[str, str]]:
    """Run a panel's SQL with the role that Grafana uses; rows by column."""
    password = (compose.folder / "secrets" / "dashboards_password").read_text()
    dsn = f"postgresql://dashboards:{password}@127.0.0.1:5432/campaign_offsets"
    sql = sql.replace("$campaign", CAMPAIGN_ID).replace("$day", str(day))
    printed = compose.run("postgres", "psql", dsn, "-X", "--csv", "-v", "ON_ERROR_STOP=1", "-c", sql)
    return list(csv.DictReader(io.StringIO(printed)))


@pytest.mark.parametrize(("title", "query", "legend"), panels("prometheus"))
def test_the_panels_query_returns_data_with_the_labels_of_its_legend_from_prometheus(
    ran: Ran, title: str, query: str, legend: str
) -> None:
    wait_for(f"data for {title}", lambda: ran.compose.query(query), 45)
    named = set(re.findall(r"\{\{(\w+)\}\}", legend))
    assert all(named <= set(series["metric"]) for series in ran.compose.query(query)), title


@pytest.mark.parametrize(("title", "query", "legend"), panels("purchaser"))
def test_the_panels_query_returns_rows_from_the_purchasers_tables(
    ran: Ran, title: str, query: str, legend: str
) -> None:
    assert legend == ""
    assert select(ran.compose, query), title


@pytest.mark.parametrize(("name", "query"), variables())
def test_the_variables_query_offers_the_campaigns_and_their_days(ran: Ran, name: str, query: str) -> None:
    offered = {value for row in select(ran.compose, query) for value in row.values()}
    assert offered >= ({CAMPAIGN_ID, "running", "held"} if name == "campaign" else {str(day) for day in DAYS})


def test_prometheus_evaluates_every_rule_without_an_error(ran: Ran) -> None:
    written = len(rules(ROOT))

    def healthy() -> bool:
        answer = httpx.get(ran.compose.url("prometheus", "/api/v1/rules"), timeout=10).raise_for_status().json()
        found = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
        return len(found) == written and all(rule["health"] == "ok" for rule in found)

    wait_for(f"{written} healthy rules", healthy)


def test_alerts_lead_to_the_runbook_that_prometheus_serves(ran: Ran) -> None:
    base = ran.compose.url("prometheus")
    loaded = httpx.get(f"{base}/api/v1/rules", timeout=10).raise_for_status().json()["data"]["groups"]
    (url,) = {
        alert["annotations"]["runbook_url"].partition("#")[0]
        for group in loaded
        for rule in group["rules"]
        for alert in rule["alerts"]
    }
    assert url == f"{base}/consoles/runbook.html"
    page = httpx.get(url, timeout=10).raise_for_status().text
    for rule in rules(ROOT):
        assert f'<b id="{rule["alert"].lower()}">' in page


def test_every_metric_of_every_rule_has_samples(ran: Ran) -> None:
    names: set[str] = set()
    for name in ("meters", "purchaser"):
        for group in yaml.safe_load((ROOT / f"deploy/prometheus/rules/{name}.yml").read_text())["groups"]:
            names |= {metric for rule in group["rules"] for metric in used_metrics(rule["expr"])}
    for name in sorted(names):
        wait_for(f"samples of {name}", lambda: ran.compose.query(name))  # noqa: B023


@pytest.mark.parametrize("day", DAYS)
def test_panel_api_report_settlement_and_document_show_the_same_number(ran: Ran, day: object) -> None:
    (total,) = [query.values[1] for query in panels("purchaser") if query.values[0] == "Emitted on this day"]
    (row,) = select(ran.compose, str(total), day)
    shown_g = Decimal(row["tonnes"]) * 1_000_000
    (entry,) = [found for found in ran.report["days"] if found["day"] == str(day)]
    assert shown_g == Decimal(entry["total_g"]["central"])
    path = f"/v1/campaigns/{CAMPAIGN_ID}/days/{day}"
    headers = {"Authorization": f"Bearer {ran.api_key}"}
    answer = httpx.get(ran.compose.url("offset-purchaser", path), headers=headers, timeout=30).raise_for_status().json()
    assert Decimal(answer["emissions"]["total_g"]["central"]) == shown_g
    frozen = (
        "SELECT owed_g, result->'total_g'->>'central' AS g FROM frozen_settlements WHERE day = '$day' AND number = 1"
    )
    (settlement,) = select(ran.compose, frozen, day)
    assert int(settlement["owed_g"]) == ceil_g(shown_g)
    assert Decimal(settlement["g"]) == shown_g
    documents = "SELECT content FROM documents WHERE buy_day = '$day' AND settlement = 1"
    (document,) = select(ran.compose, documents, day)
    assert Decimal(json.loads(document["content"])["emissions"]["total"]["central"]) == shown_g


def test_the_checklist_finds_topics_meters_books_and_the_campaign_file_in_order(ran: Ran) -> None:
    command = ("offset-purchaser", "checklist", "--prometheus", "http://prometheus:9090", "--json")
    shown = ran.compose.command("exec", "-T", "offset-purchaser", *command, check=False)
    marks = {line["what"]: line["mark"] for line in json.loads(shown)}
    assert {marks[what] for what in ("campaign file", "in force", "an instance acts", "topics", "books")} == {"ok"}
    assert (marks["mode"], marks["orders"], marks["documents folder"]) == ("look", "look", "ok")


@pytest.mark.parametrize("role", SCHEMAS)
def test_the_role_of_a_service_reads_its_own_tables_and_no_others(ran: Ran, role: str) -> None:
    dsn = (ran.compose.folder / "secrets" / f"{role}_dsn").read_text().replace("@postgres:", "@127.0.0.1:")
    for schema, table in SCHEMAS.items():
        command = ("psql", dsn, "-X", "-At", "-c", f"SELECT count(*) >= 0 FROM {schema}.{table}")
        if schema == role:
            assert ran.compose.run("postgres", *command).strip() == "t"
        else:
            with pytest.raises(AssertionError, match=f"permission denied for schema {schema}"):
                ran.compose.run("postgres", *command)


@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_the_role_of_a_service_cannot_enter_the_databases_that_every_server_has(ran: Ran, database: str) -> None:
    dsn = (ran.compose.folder / "secrets" / "traffic_meter_dsn").read_text().replace("@postgres:", "@127.0.0.1:")
    command = ("psql", dsn.replace("/campaign_offsets", f"/{database}"), "-X", "-At", "-c", "SELECT 1")
    with pytest.raises(AssertionError, match=f'permission denied for database "{database}"'):
        ran.compose.run("postgres", *command)


def test_the_dashboards_role_reads_no_shipment_and_writes_nothing(ran: Ran) -> None:
    for sql in (
        "SELECT * FROM delivery_emissions.shipments",
        "SELECT * FROM traffic_meter.registers",
        "SELECT secret FROM webhook_endpoints",
        "SELECT * FROM api_keys",
    ):
        with pytest.raises(AssertionError, match="permission denied"):
            select(ran.compose, sql)
    with pytest.raises(AssertionError, match=r"read-only transaction|permission denied"):
        select(ran.compose, "DELETE FROM offset_purchaser.readings")


def test_a_smoke_test_beside_another_campaign_counts_320_events_and_ends_with_a_document(ran: Ran) -> None:
    before = ran.compose.campaigns.read_bytes()
    found = smoke.run(ran.compose)
    (settlement,) = found["settlements"]
    assert settlement["document"]
    assert settlement["quantity_g"] > 0
    assert ran.compose.campaigns.read_bytes() == before


def test_an_old_backup_restored_by_the_runbook_buys_nothing_twice(ran: Ran) -> None:
    """Last: it ends the database that the tests before look at.

    The backup is older than an order by hand and a smoke test's purchase. The volume is wiped, too: what was
    sent to a partner without an API is known by the backup's files and by what was announced since.
    """
    compose = ran.compose
    bought = _listing(compose)
    by_hand = _by_hand(compose)
    assert sorted(by_hand.values()) == ["confirmed", "placed"]
    announced = {order["order_id"] for order in _orders(compose)}
    assert len(manual_orders(compose)) == 2 * len(ran.kept_files) == 4
    compose.run("offset-purchaser", "find", "/var/lib/campaign-offsets", "-mindepth", "1", "-delete")
    run_block(compose, blocks("Backup and restore")[2])

    ready = compose.url("offset-purchaser", "/health/ready")
    wait_for("the purchaser to find itself behind", lambda: "import-announcements" in httpx.get(ready).text, 90)
    assert httpx.get(ready).status_code == 503
    assert announced - {order["order_id"] for order in _orders(compose)} != set()
    compose.run("offset-purchaser", "offset-purchaser", "import-announcements", "--by", "anna")
    wait_for("the purchaser ready", lambda: httpx.get(ready).status_code == 200, 90)
    # Nobody can be asked about an order by hand: a person says again what was said since the backup.
    lost = {"confirmed": "placed", "placed": "unknown"}
    assert _by_hand(compose) == {order: lost[state] for order, state in by_hand.items()}
    smoke.run(compose)  # it goes on buying, with new numbers
    assert manual_orders(compose) == ran.kept_files, "no order goes out by hand a second time"
    after = _listing(compose)
    assert [order for order in after if order["order_id"] in {b["order_id"] for b in bought}] == bought
    assert len(after) == len(bought) + 1


def _listing(compose: Compose) -> list[dict[str, Any]]:
    """What the provider sold."""
    answer = httpx.get(compose.url("sandbox", "/v1/orders"), timeout=30).raise_for_status().json()
    return sorted(answer["orders"], key=lambda order: str(order["order_id"]))


def _by_hand(compose: Compose) -> dict[str, str]:
    """The orders to partners without an API and their states."""
    return {order["order_id"]: order["state"] for order in _orders(compose) if order["campaign"].startswith("by-")}


def _orders(compose: Compose) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        compose.run("offset-purchaser", "offset-purchaser", "orders", "list", "--json")
    )
    return found
