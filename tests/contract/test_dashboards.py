"""Dashboards against the code, and against what a person needs: unit, description and runbook on every panel."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.container.compose import load_script
from tests.contract.test_alerts import anchors, known_metrics, used_metrics

NAMES = ("campaign-day", "pipeline", "purchasing")
KINDS = {"timeseries", "stat", "table"}


def dashboard(repository: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((repository / f"deploy/grafana/dashboards/{name}.json").read_text())
    return found


def test_the_committed_json_is_what_the_code_writes(repository: Path, tmp_path: Path) -> None:
    load_script("deploy/grafana/build.py").main(tmp_path)
    committed = {path.name: path.read_text() for path in (repository / "deploy/grafana/dashboards").glob("*.json")}
    assert {path.name: path.read_text() for path in tmp_path.glob("*.json")} == committed
    assert sorted(committed) == ["campaign-day.json", "pipeline.json", "purchasing.json"]


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_has_a_unit_a_description_and_a_section_of_the_runbook(repository: Path, name: str) -> None:
    sections = anchors(repository)
    for panel in dashboard(repository, name)["panels"]:
        assert panel["type"] in KINDS
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        (link,) = panel["links"]
        path, _, section = link["url"].partition("#")
        assert path == "${runbook}"
        assert section in sections, panel["title"]


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_of_every_panel_exists_in_the_code(repository: Path, name: str) -> None:
    known = known_metrics()
    for panel in dashboard(repository, name)["panels"]:
        for target in panel["targets"]:
            assert used_metrics(target.get("expr", "")) <= known, panel["title"]


@pytest.mark.parametrize("name", NAMES)
def test_panels_lie_side_by_side_within_24_columns(repository: Path, name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard(repository, name)["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_both_data_sources_of_the_panels_are_provisioned(repository: Path) -> None:
    text = (repository / "deploy/grafana/provisioning/datasources/all.yml").read_text()
    used = {
        panel["datasource"]["uid"] for name in NAMES for panel in dashboard(repository, name)["panels"]
    }  # fmt: skip
    assert used == {"prometheus", "purchaser"}
    assert all(f"uid: {uid}\n" in text for uid in used)


def lost(written: Any, read: Any, path: str = "") -> list[str]:
    """What of a JSON value is missing or different in another."""
    if isinstance(written, dict) and isinstance(read, dict):
        found = [f"{path}/{key}" for key in written if key not in read]
        return found + [p for key in written if key in read for p in lost(written[key], read[key], f"{path}/{key}")]
    if isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        return [p for n, (a, b) in enumerate(zip(written, read, strict=True)) for p in lost(a, b, f"{path}[{n}]")]
    return [] if written == read else [path]


@pytest.mark.parametrize("name", NAMES)
def test_grafanas_own_models_know_every_field_of_a_dashboard(repository: Path, name: str) -> None:
    register_default_plugins()
    written = dashboard(repository, name)
    read = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))
    assert lost(written, read) == []
    assert read["schemaVersion"] == 41


def test_a_field_that_grafana_does_not_know_is_found(repository: Path) -> None:
    register_default_plugins()
    written = dashboard(repository, "pipeline")
    written["panels"][0]["targets"][0]["expression"] = "up"
    read = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))
    assert lost(written, read) == ["/panels[0]/targets[0]/expression"]


@pytest.mark.parametrize("name", NAMES)
def test_a_chart_from_the_database_asks_for_series_with_a_time(repository: Path, name: str) -> None:
    for panel in dashboard(repository, name)["panels"]:
        target = panel["targets"][0]
        if "rawSql" in target:
            assert target["format"] == ("time_series" if panel["type"] == "timeseries" else "table"), panel["title"]
            assert panel["type"] != "timeseries" or " AS time," in target["rawSql"]


@pytest.mark.parametrize("name", NAMES)
def test_every_unit_is_one_of_grafanas_and_every_threshold_rises_from_a_base(repository: Path, name: str) -> None:
    known = {value for key, value in vars(units).items() if not key.startswith("_")}
    assert {"s", "masst", "percentunit"} < known
    assert "seconds" not in known
    for panel in dashboard(repository, name)["panels"]:
        config = panel["fieldConfig"]
        columns = [p["value"] for o in config["overrides"] for p in o["properties"] if p["id"] == "unit"]
        assert {config["defaults"]["unit"], *columns} <= known, panel["title"]
        base, *steps = [step["value"] for step in config["defaults"]["thresholds"]["steps"]]
        assert base is None, panel["title"]
        assert steps == sorted(steps), panel["title"]


@pytest.mark.parametrize("name", NAMES)
def test_no_mass_is_in_the_unit_that_shows_24_tonnes_as_24_megagrams_and_no_money_is_without_a_currency(
    repository: Path, name: str
) -> None:
    for panel in dashboard(repository, name)["panels"]:
        assert not {"massg", "masskg"} & set(re.findall(r'"unit", "value": "(\w+)"', json.dumps(panel))), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] not in {"massg", "masskg"}, panel["title"]
        query = panel["targets"][0].get("rawSql", "")
        if "max(price)" in query:
            assert "AS currency" in query.rpartition("SELECT")[2], panel["title"]
            assert panel["type"] == "table", panel["title"]


def test_dashboards_and_panels_have_ids_of_their_own(repository: Path) -> None:
    found = [dashboard(repository, name) for name in NAMES]
    assert sorted(one["uid"] for one in found) == list(NAMES)
    for one in found:
        numbers = [panel["id"] for panel in one["panels"]]
        assert len(set(numbers)) == len(numbers)
        assert len({panel["title"] for panel in one["panels"]}) == len(numbers)


OF_GRAFANA = {"__timeFrom", "__timeTo", "__interval", "__rate_interval"}


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_that_a_query_or_link_uses_is_defined_before_it_and_none_is_idle(
    repository: Path, name: str
) -> None:
    found = dashboard(repository, name)
    used = re.compile(r"\$\{?([a-zA-Z_]\w*)")
    defined: set[str] = set()
    for variable in found["templating"]["list"]:
        assert set(used.findall(variable["query"])) <= defined, variable["name"]
        defined.add(variable["name"])
    asked = {word for panel in found["panels"] for word in used.findall(json.dumps(panel))} - OF_GRAFANA
    asked |= {word for link in found["links"] for word in used.findall(link["url"])}
    assert asked == defined


def test_the_provisioned_sources_are_of_the_kind_that_panels_name_and_hold_no_password(repository: Path) -> None:
    folder = repository / "deploy/grafana/provisioning"
    sources = yaml.safe_load((folder / "datasources/all.yml").read_text())
    assert sources["apiVersion"] == 1
    kinds = {source["uid"]: source["type"] for source in sources["datasources"]}
    panels = [panel for name in NAMES for panel in dashboard(repository, name)["panels"]]
    assert {panel["datasource"]["uid"]: panel["datasource"]["type"] for panel in panels} == kinds
    passwords = [
        source["secureJsonData"]["password"] for source in sources["datasources"] if "secureJsonData" in source
    ]
    compose = yaml.safe_load((repository / "docker-compose.yml").read_text())["services"]["grafana"]
    assert passwords == [f"$__file{{/run/secrets/{compose['secrets'][0]}}}"]
    (provider,) = yaml.safe_load((folder / "dashboards/all.yml").read_text())["providers"]
    mounts = [mount["target"] for mount in compose["volumes"] if isinstance(mount, dict)]
    assert mounts == [provider["options"]["path"]]
    assert compose["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{mounts[0]}/campaign-day.json"


def tables(sql: str) -> set[str]:
    """The tables that a query reads: after FROM and JOIN, and after a comma, without what WITH names."""
    named = set(re.findall(r"(\w+) AS \(", sql))
    sql = re.sub(r"extract\(epoch FROM", "", sql)
    found = re.findall(r"(?:\bFROM|\bJOIN|\) AS l,) ([a-z_]+)\b(?!\()", sql)
    return set(found) - named


def test_the_reader_of_the_dashboards_may_read_the_tables_of_the_panels_and_no_others(repository: Path) -> None:
    asked: set[str] = set()
    for name in NAMES:
        found = dashboard(repository, name)
        queries = [target["rawSql"] for p in found["panels"] for target in p["targets"] if "rawSql" in target]
        queries += [v["query"] for v in found["templating"]["list"] if v["type"] == "query"]
        for query in queries:
            asked |= tables(query)
    migrations = sorted((repository / "services/offset-purchaser/src/offset_purchaser/migrations").glob("*.sql"))
    given: set[str] = set()
    for path in migrations:
        for names in re.findall(r"GRANT SELECT ON ([\w,\s]+?) TO dashboards", path.read_text()):
            given |= {name.strip() for name in names.split(",")}
    assert given == asked
    assert not given & {"webhook_endpoints", "api_keys", "manual_lines", "document_files"}
    roles = (repository / "deploy/postgres/roles.sh").read_text()
    assert "GRANT SELECT" not in roles, "the purchaser's migration names the tables"
