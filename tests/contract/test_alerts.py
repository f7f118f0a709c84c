"""Alert rules against the code: no metric that no service has, no alert without severity, sentence and runbook."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from prometheus_client import CollectorRegistry
from typer.exceptions import TyperException

from delivery_emissions import cli as delivery
from offset_purchaser import cli as purchasing
from offset_purchaser import metrics as purchaser
from shared.metrics import MeterMetrics
from traffic_meter import cli as traffic

FOREIGN = {"up", "node_filesystem_avail_bytes", "node_filesystem_size_bytes"}
"""Of Prometheus itself and of node-exporter."""
NAME = re.compile(r"\b(?:meter|purchaser|node|up)(?:_[a-z0-9_]+)?\b")
STRINGS = re.compile(r'"[^"]*"')
SEVERITIES = {"critical", "warning"}


def known_metrics() -> set[str]:
    """Every sample name that the services can expose."""
    registry = CollectorRegistry()
    MeterMetrics(registry)
    names: set[str] = set()
    for metric in (*registry.collect(), *purchaser.REGISTRY.collect()):
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(metric.type, ("",))
        names |= {metric.name + suffix for suffix in suffixes}
    return names


def used_metrics(expression: str) -> set[str]:
    """Names of ours in a PromQL expression."""
    return set(NAME.findall(STRINGS.sub("", expression)))


def rules(repository: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted((repository / "deploy/prometheus/rules").glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            found += group["rules"]
    return found


def anchors(repository: Path) -> set[str]:
    """The sections of the runbook as links name them."""
    headings = re.findall(r"^#+ (.+)$", (repository / "docs/runbook.md").read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_metric_of_every_rule_exists_in_the_code(repository: Path) -> None:
    known = known_metrics() | FOREIGN
    unknown = {name: rule["alert"] for rule in rules(repository) for name in used_metrics(rule["expr"]) - known}
    assert unknown == {}


def test_a_name_that_no_service_has_would_be_found() -> None:
    assert used_metrics('sum(rate(meter_events_totals{topic="meter_x"}[5m])) > 0') == {"meter_events_totals"}
    assert "meter_events_totals" not in known_metrics()
    assert {"meter_events_total", "meter_flush_seconds_bucket", "purchaser_leader"} <= known_metrics()


def test_every_alert_has_a_severity_a_sentence_and_a_section_of_its_name_in_the_runbook(repository: Path) -> None:
    sections = anchors(repository)
    for rule in rules(repository):
        assert rule["labels"]["severity"] in SEVERITIES
        assert rule["annotations"]["summary"].endswith("."), rule["alert"]
        page = "{{ $externalURL }}/consoles/runbook.html"
        assert rule["annotations"]["runbook_url"] == f"{page}#{rule['alert'].lower()}"
        assert rule["alert"].lower() in sections


def test_every_section_of_an_alert_says_means_see_do_and_over(repository: Path) -> None:
    text = (repository / "docs/runbook.md").read_text()
    for rule in rules(repository):
        section = text.split(f"### {rule['alert']}\n")[1].split("\n##")[0]
        missing = [word for word in ("**Means**", "**See**", "**Do**", "**Over**") if word not in section]
        assert missing == [], rule["alert"]


def test_a_count_that_prometheus_extrapolates_is_shown_as_a_whole_number(repository: Path) -> None:
    counts = [rule for rule in rules(repository) if rule["expr"].strip().startswith(("increase(", "sum by (where)"))]
    shown = {rule["alert"]: re.findall(r"{{ \$value.*?}}", rule["annotations"]["summary"]) for rule in counts}
    whole = ['{{ $value | printf "%.0f" }}']
    assert shown == {"ReadingsUnreadable": whole, "ProviderUnanswered": whole, "PurchaserFailing": []}


def test_every_alert_has_a_test_in_which_it_fires(repository: Path) -> None:
    firing: set[str] = set()
    for path in (repository / "deploy/prometheus/tests").glob("*.yml"):
        for case in yaml.safe_load(path.read_text())["tests"]:
            firing |= {check["alertname"] for check in case["alert_rule_test"] if check.get("exp_alerts")}
    assert {rule["alert"] for rule in rules(repository)} == firing


def test_every_kind_of_failure_of_the_purchaser_has_its_zero_before_the_first_one(repository: Path) -> None:
    code = [path.read_text() for path in (repository / "services/offset-purchaser/src").rglob("*.py")]
    counted = {name for text in code for name in re.findall(r"""(?:isolated|FAILURES\.labels)\("([^"]+)\"""", text)}
    shown = {sample.labels["where"] for metric in purchaser.FAILURES.collect() for sample in metric.samples}
    assert {"settle", "delivery", "live", "overcharged"} <= counted
    assert shown == counted
    tested = (repository / "deploy/prometheus/tests/purchaser.yml").read_text()
    assert set(re.findall(r'purchaser_failures_total\{where="(\w+)"', tested)) <= counted


@pytest.mark.parametrize("name", ["runbook.md", "scale.md", "retention.md"])
def test_every_link_of_the_operators_documents_leads_to_a_file(repository: Path, name: str) -> None:
    text = (repository / "docs" / name).read_text()
    targets = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text)}
    missing = [t for t in targets if t and "://" not in t and not (repository / "docs" / t).exists()]
    assert missing == []


PROGRAMS = {"traffic-meter": traffic.app, "delivery-emissions": delivery.app, "offset-purchaser": purchasing.app}


def commands(text: str) -> list[list[str]]:
    """Our commands that a text quotes, in spans and in blocks of shell, as a shell would split them."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    spans = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    lines = [line for block in blocks for line in block.splitlines()] + [span.replace("\n", " ") for span in spans]
    pattern = re.compile(rf"(?:^|(?<= ))({'|'.join(PROGRAMS)}) (?!-)")
    found = []
    for line in lines:
        if not line.startswith((*PROGRAMS, "docker compose exec", "kubectl")):
            continue
        *_, last = [None, *pattern.finditer(line)]  # after `exec SERVICE` the program stands once more
        words = shlex.split(line[last.start() :], comments=True) if last else []
        if words and words[1] in sub_commands(words[0]):
            found.append(words)
    return found


def sub_commands(program: str) -> set[str]:
    root: Any = typer.main.get_command(PROGRAMS[program])
    return set(root.commands)


def fault(words: list[str]) -> str:
    """What the program would say about the command before it does anything; empty when it takes it."""
    node: Any = typer.main.get_command(PROGRAMS[words[0]])
    rest = words[1:]
    while children := getattr(node, "commands", None):
        if not rest or rest[0] not in children:
            return f"no command {' '.join(words)}"
        node, rest = children[rest[0]], rest[1:]
    try:
        node.make_context(" ".join(words), list(rest))
    except TyperException as error:
        said = str(error)
        return "" if said.endswith("does not exist.") else f"{' '.join(words)}: {said}"  # the file is the reader's
    return ""


def test_every_command_that_the_runbook_quotes_is_taken_with_all_it_needs(repository: Path) -> None:
    quoted = commands((repository / "docs/runbook.md").read_text())
    assert [said for words in quoted if (said := fault(words))] == []
    assert len({tuple(words) for words in quoted}) >= 30


def test_a_command_without_what_it_needs_is_found_also_in_a_block() -> None:
    text = (
        "`traffic-meter check-keys`\n```sh\ndocker compose exec traffic-meter traffic-meter topics grow --by a\n```\n"
    )
    assert ["check-keys" in said or "topics grow" in said for said in map(fault, commands(text))] == [True, True]
    assert fault(["offset-purchaser", "orders", "aprove"]) == "no command offset-purchaser orders aprove"
