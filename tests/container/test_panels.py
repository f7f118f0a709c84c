"""Every query of every panel and rule, executed by a real Prometheus and PostgreSQL that watch the running services."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import httpx
import pytest
import yaml

from demo.campaign import CAMPAIGN_ID
from demo.shapes import DAYS
from shared.units import ceil_g
from tests.container.compose import ROOT, Compose, wait_for
from tests.container.conftest import Ran
from tests.contract.test_alerts import rules, used_metrics

pytestmark = pytest.mark.timeout(1800)  # the first test waits for the campaign to end


def panels(data: str) -> list[Any]:
    """Title and query of every panel of a data source, as test parameters."""
    found = []
    for path in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            if panel["datasource"]["uid"] == data:
                (target,) = panel["targets"]
                query = target.get("expr") or target["rawSql"]
                found.append(pytest.param(panel["title"], query, id=f"{path.stem}: {panel['title']}"))
    return found


def select(compose: Compose, sql: str, day: object = DAYS[0]) -> list[dict[str, str]]:
    """Run a panel's SQL with the role that Grafana uses; rows by column."""
    password = (compose.folder / "secrets" / "dashboards_password").read_text()
    dsn = f"postgresql://dashboards:{password}@127.0.0.1:5432/campaign_offsets"
    sql = sql.replace("$campaign", CAMPAIGN_ID).replace("$day", str(day))
    printed = compose.run("postgres", "psql", dsn, "-X", "--csv", "-v", "ON_ERROR_STOP=1", "-c", sql)
    return list(csv.DictReader(io.StringIO(printed)))


@pytest.mark.parametrize(("title", "query"), panels("prometheus"))
def test_the_panels_query_returns_data_from_prometheus(ran: Ran, title: str, query: str) -> None:
    wait_for(f"data for {title}", lambda: ran.compose.query(query), 45)


@pytest.mark.parametrize(("title", "query"), panels("purchaser"))
def test_the_panels_query_returns_rows_from_the_purchasers_tables(ran: Ran, title: str, query: str) -> None:
    rows = select(ran.compose, query)
    assert rows, title


def test_prometheus_evaluates_every_rule_without_an_error(ran: Ran) -> None:
    written = len(rules(ROOT))

    def healthy() -> bool:
        answer = httpx.get(ran.compose.url("prometheus", "/api/v1/rules"), timeout=10).raise_for_status().json()
        found = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
        return len(found) == written and all(rule["health"] == "ok" for rule in found)

    wait_for(f"{written} healthy rules", healthy)


def test_every_metric_of_every_rule_has_samples(ran: Ran) -> None:
    names: set[str] = set()
    for name in ("meters", "purchaser"):
        for group in yaml.safe_load((ROOT / f"deploy/prometheus/rules/{name}.yml").read_text())["groups"]:
            names |= {metric for rule in group["rules"] for metric in used_metrics(rule["expr"])}
    for name in sorted(names):
        wait_for(f"samples of {name}", lambda: ran.compose.query(name))  # noqa: B023


@pytest.mark.parametrize("day", DAYS)
def test_panel_report_settlement_and_document_show_the_same_number(ran: Ran, day: object) -> None:
    (total,) = [query.values[1] for query in panels("purchaser") if query.values[0] == "Emitted on this day"]
    (row,) = select(ran.compose, str(total), day)
    (entry,) = [found for found in ran.report["days"] if found["day"] == str(day)]
    assert Decimal(row["total"]) == Decimal(entry["total_g"]["central"])
    frozen = (
        "SELECT owed_g, result->'total_g'->>'central' AS g FROM frozen_settlements WHERE day = '$day' AND number = 1"
    )
    (settlement,) = select(ran.compose, frozen, day)
    assert int(settlement["owed_g"]) == ceil_g(Decimal(row["total"]))
    assert Decimal(settlement["g"]) == Decimal(row["total"])
    documents = "SELECT content FROM documents WHERE buy_day = '$day' AND settlement = 1"
    (document,) = select(ran.compose, documents, day)
    assert Decimal(json.loads(document["content"])["emissions"]["total"]["central"]) == Decimal(row["total"])


def test_the_dashboards_role_reads_no_shipment_and_writes_nothing(ran: Ran) -> None:
    for sql in ("SELECT * FROM delivery_emissions.shipments", "SELECT * FROM traffic_meter.registers"):
        with pytest.raises(AssertionError, match="permission denied"):
            select(ran.compose, sql)
    with pytest.raises(AssertionError, match=r"read-only transaction|permission denied"):
        select(ran.compose, "DELETE FROM offset_purchaser.readings")
