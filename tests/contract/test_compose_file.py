"""The compose file by what it promises: pinned, confined, limited, on loopback, without secrets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.meter.settings import MeterSettings

OURS = {"traffic-meter", "delivery-emissions", "offset-purchaser", "sandbox"}
JOBS = {"roles", "migrations", "topics"}
WRITABLE = {"kafka"}
"""Its image writes its own configuration when it starts."""


@pytest.fixture(scope="module")
def compose(repository: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((repository / "docker-compose.yml").read_text())
    return found


def test_ten_services_start_by_default_and_three_with_a_profile(compose: dict[str, Any]) -> None:
    services = compose["services"]
    profiles = {name: service["profiles"] for name, service in services.items() if "profiles" in service}
    assert profiles == {"grafana": ["dashboards"], "node-exporter": ["dashboards"], "alertmanager": ["alerts"]}
    assert set(services) - set(profiles) == OURS | JOBS | {"kafka", "postgres", "prometheus"}


def test_every_image_has_a_tag_and_none_is_latest(compose: dict[str, Any]) -> None:
    images = {service["image"] for service in compose["services"].values()}
    assert {"apache/kafka:4.3.1", "postgres:18", "prom/prometheus:v2.53.3"} <= images
    for image in images:
        name, _, tag = image.partition(":")
        assert tag not in ("", "latest"), name


def test_every_service_is_limited_and_has_no_capability_and_no_way_to_get_one(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["mem_limit"], name
        assert 0 < service["cpus"] <= 2, f"{name}: the smallest machine has two cores"
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_every_root_file_system_is_read_only_but_kafkas(compose: dict[str, Any]) -> None:
    assert {name for name, service in compose["services"].items() if not service.get("read_only")} == WRITABLE


def test_ports_are_published_on_loopback_only_and_never_the_databases(compose: dict[str, Any]) -> None:
    ports = {name: service.get("ports", []) for name, service in compose["services"].items()}
    assert ports["postgres"] == []
    assert all(port.startswith("127.0.0.1:${") for published in ports.values() for port in published)


def test_everything_that_stays_up_has_a_health_check_without_spaces_in_an_argument(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name in JOBS | {"node-exporter"}:
            continue
        kind, *arguments = service["healthcheck"]["test"]
        assert kind in ("CMD", "CMD-SHELL"), name
        assert kind == "CMD-SHELL" or not any(" " in argument for argument in arguments), name


def test_a_service_starts_when_the_jobs_for_migrations_and_topics_have_ended_well(compose: dict[str, Any]) -> None:
    ended, healthy = {"condition": "service_completed_successfully"}, {"condition": "service_healthy"}
    needs = {name: service.get("depends_on") for name, service in compose["services"].items()}
    for name in ("traffic-meter", "delivery-emissions", "offset-purchaser"):
        assert needs[name].items() >= {"migrations": ended, "topics": ended}.items()
    assert needs["roles"] == {"postgres": healthy}
    assert needs["migrations"] == {"roles": ended}
    assert needs["topics"] == {"kafka": healthy}


def test_no_password_stands_in_the_file_or_in_the_example(repository: Path) -> None:
    text = (repository / "docker-compose.yml").read_text()
    values = re.findall(r"PASSWORD\w*: *(.+)", text)
    assert values
    assert all(value.startswith("${") and ":?" in value for value in values)
    assert re.findall(r"^(\w*PASSWORD)=(.+)$", (repository / ".env.example").read_text(), re.MULTILINE) == []


def test_each_service_gets_its_own_database_password_and_the_sandbox_none(compose: dict[str, Any]) -> None:
    for name in ("traffic-meter", "delivery-emissions", "offset-purchaser"):
        source = f"{name.replace('-', '_')}_dsn"
        assert compose["services"][name]["secrets"] == [{"source": source, "target": "postgres_dsn"}]
    assert compose["services"]["sandbox"]["secrets"] == []
    assert compose["services"]["migrations"]["secrets"] == [
        "traffic_meter_dsn",
        "delivery_emissions_dsn",
        "offset_purchaser_dsn",
    ]
    assert "secrets" not in compose["services"]["topics"]


def test_every_variable_of_the_file_has_a_default_or_is_explained_in_the_example(
    compose: dict[str, Any], repository: Path
) -> None:
    text = (repository / "docker-compose.yml").read_text()
    example = (repository / ".env.example").read_text()
    required = set(re.findall(r"\$\{(\w+):\?", text))
    assert required == {"POSTGRES_PASSWORD", "GRAFANA_PASSWORD"}
    assert all(f"\n{name}=" in example for name in required)
    assert re.findall(r"\$\{(\w+)\}", text) == []


@pytest.mark.parametrize("name", ["traffic-meter", "delivery-emissions"])
def test_a_meter_gets_the_rates_and_the_memory_that_the_runbook_says_to_set_and_is_limited_to_it(
    compose: dict[str, Any], repository: Path, name: str
) -> None:
    service, defaults = compose["services"][name], MeterSettings.model_fields
    given = service["environment"]
    assert given["METER_EXPECTED_RATES"] == "${METER_EXPECTED_RATES:-{}}"
    for variable in ("memory_limit_mb", "window_offsets_max"):
        default = defaults[variable].default
        assert given[f"METER_{variable.upper()}"] == f"${{METER_{variable.upper()}:-{default}}}"
    assert service["mem_limit"] == "${METER_MEMORY_LIMIT_MB:-768}m"
    example = (repository / ".env.example").read_text()
    assert all(variable in example for variable in ("METER_EXPECTED_RATES", "METER_WINDOW_OFFSETS_MAX"))
    assert f"\nMETER_MEMORY_LIMIT_MB={defaults['memory_limit_mb'].default}\n" in example


def test_a_service_sends_traces_where_env_says(compose: dict[str, Any]) -> None:
    for name in ("traffic-meter", "delivery-emissions", "offset-purchaser"):
        assert compose["services"][name]["environment"]["TRACES_ENDPOINT"] == "${TRACES_ENDPOINT:-}"


def test_every_named_volume_is_declared_and_each_service_has_one_of_its_own(compose: dict[str, Any]) -> None:
    folder = "/var/lib/campaign-offsets"
    used = [v.partition(":") for s in compose["services"].values() for v in s.get("volumes", []) if isinstance(v, str)]
    named = {source for source, _, _ in used if not source.startswith((".", "/"))}
    assert named == set(compose["volumes"])
    own = {source for source, _, target in used if target == folder}
    assert own == {"traffic-archive", "delivery-archive", "purchaser", "sandbox"}
