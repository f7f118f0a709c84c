"""What `make up` writes before anything starts: passwords once, files that others cannot read, nothing overwritten."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.container.compose import ROOT, load_script


@pytest.fixture(scope="module")
def script() -> Any:
    return load_script("deploy/compose/prepare.py")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (".env.example", "campaigns.yaml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def test_the_first_run_makes_two_passwords_five_secrets_and_a_campaign_file(script: Any, root: Path) -> None:
    script.prepare(root)
    values = script.read_environment(root / ".env")
    assert re.fullmatch(r"[0-9a-f]{48}", values["POSTGRES_PASSWORD"])
    assert re.fullmatch(r"[0-9a-f]{48}", values["GRAFANA_PASSWORD"])
    secrets = root / "var/compose/secrets"
    assert sorted(path.name for path in secrets.iterdir()) == [
        "alertmanager_smtp_password",
        "dashboards_password",
        "delivery_emissions_dsn",
        "offset_purchaser_dsn",
        "traffic_meter_dsn",
    ]
    assert re.fullmatch(
        r"postgresql://traffic_meter:[0-9a-f]{48}@postgres:5432/campaign_offsets",
        (secrets / "traffic_meter_dsn").read_text(),
    )
    assert (root / "var/compose/campaigns/campaigns.yaml").read_bytes() == (root / "campaigns.yaml").read_bytes()


def test_panels_lead_to_the_prometheus_of_this_installation(script: Any, root: Path) -> None:
    script.prepare(root)
    board = root / "var/compose/dashboards/pipeline.json"
    assert "http://127.0.0.1:9090/consoles/runbook.html" in board.read_text()
    environment = root / ".env"
    text = environment.read_text()
    environment.write_text(text.replace("PROMETHEUS_PORT=9090", "PROMETHEUS_PORT=9999"))
    script.prepare(root)
    assert "http://127.0.0.1:9999/consoles/runbook.html" in board.read_text()
    environment.write_text(text.replace("PROMETHEUS_URL=", "PROMETHEUS_URL=https://metrics.example.org/"))
    script.prepare(root)
    assert '"https://metrics.example.org/consoles/runbook.html"' in board.read_text()
    assert "127.0.0.1:9" not in board.read_text()


def test_the_routes_of_alerts_are_copied_once_and_then_belong_to_whoever_edits_them(script: Any, root: Path) -> None:
    script.prepare(root)
    routes = root / "var/compose/alertmanager/alertmanager.yml"
    assert routes.read_bytes() == (ROOT / "deploy/alertmanager/alertmanager.yml").read_bytes()
    routes.write_text("mine")
    script.prepare(root)
    assert routes.read_text() == "mine"


def test_only_the_owner_reaches_passwords(script: Any, root: Path) -> None:
    script.prepare(root)
    assert stat.S_IMODE((root / ".env").stat().st_mode) == 0o600
    assert stat.S_IMODE((root / "var/compose/secrets").stat().st_mode) == 0o700


def test_a_second_run_changes_nothing(script: Any, root: Path) -> None:
    script.prepare(root)
    files = [path for path in root.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    script.prepare(root)
    assert {path: path.read_bytes() for path in files} == before


def test_a_copy_of_the_example_gets_its_empty_passwords_and_keeps_what_was_written(script: Any, root: Path) -> None:
    example = (root / ".env.example").read_text()
    (root / ".env").write_text(example.replace("GRAFANA_PASSWORD=", "GRAFANA_PASSWORD=mine"))
    script.prepare(root)
    values = script.read_environment(root / ".env")
    assert re.fullmatch(r"[0-9a-f]{48}", values["POSTGRES_PASSWORD"])
    assert values["GRAFANA_PASSWORD"] == "mine"
    assert stat.S_IMODE((root / ".env").stat().st_mode) == 0o600


def test_make_clean_spares_the_passwords_and_the_campaign_file_of_make_up(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    for name in ("var/compose/secrets/traffic_meter_dsn", "var/demo/report.html", ".venv/bin/python"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("x")
    for _ in range(2):
        subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True, timeout=30)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["Makefile", "var/compose/secrets/traffic_meter_dsn"]


def test_rotation_changes_one_password_and_no_other(script: Any, root: Path) -> None:
    script.prepare(root)
    secrets = root / "var/compose/secrets"
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    script.prepare(root, "offset_purchaser")
    after = {path.name: path.read_text() for path in secrets.iterdir()}
    assert {name for name in after if after[name] != before[name]} == {"offset_purchaser_dsn"}


def test_the_page_that_alerts_lead_to_has_every_section_of_the_runbook_and_is_written_anew(
    script: Any, root: Path
) -> None:
    page = root / "var/compose/runbook/runbook.html"
    page.parent.mkdir(parents=True)
    page.write_text("old")
    script.prepare(root)
    text = page.read_text()
    for heading in re.findall(r"^#+ (.+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE):
        anchor = re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        assert f'<b id="{anchor}">' in text
    assert script.runbook_page("# A & B\n\nuse {{ x }} < 3").count('{{"{{"}} x }} &lt; 3') == 1


def test_links_between_sections_are_links_of_the_page_and_lead_to_an_anchor(script: Any) -> None:
    text = (ROOT / "docs/runbook.md").read_text()
    page = script.runbook_page(text)
    led = re.findall(r'<a href="#([\w-]+)">', page)
    assert len(led) == len(re.findall(r"\]\(#", text)) >= 10
    assert set(led) <= set(re.findall(r'<b id="([\w-]+)">', page))
    assert "](scale.md)" in page


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"./sec"', "./sec"),
        ("'{\"site\": 9000}'", '{"site": 9000}'),
        ("https://metrics.example.org # ours", "https://metrics.example.org"),
        ("'a # b' # c", "a # b"),
        ("a#b", "a#b"),
    ],
)
def test_a_value_of_env_means_what_docker_compose_reads(script: Any, root: Path, written: str, meant: str) -> None:
    (root / ".env").write_text(f"X={written}\nEMPTY= # nothing\n")
    assert script.read_environment(root / ".env") == {"X": meant}
