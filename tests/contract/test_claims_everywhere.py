"""Nothing that leaves the house makes a claim: every text a program holds, and every text it renders.

Documents, their mails, the report and the audit file are rendered and judged where they are tested
(``test_documents_words``, ``tests/unit/campaign_report``, ``tests/unit/documents/test_dossier``).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer
from pydantic import SecretStr
from ruamel.yaml import YAML

from delivery_emissions.cli import app as delivery_cli
from offset_purchaser.api.app import create_routes
from offset_purchaser.app import asyncapi
from offset_purchaser.claims import find_claims
from offset_purchaser.cli import app as purchaser_cli
from offset_purchaser.providers import PROVIDERS, provider_kind
from offset_purchaser.settings import PurchaserSettings
from tests.contract.test_providers import leg, order
from traffic_meter.cli import app as traffic_cli

ROOT = Path(__file__).parents[2]
LANGUAGES = ("fr", "en", "de")
SOURCES = sorted(
    path
    for folder in ("services", "shared", "tools")
    for path in (ROOT / folder).rglob("*.py")
    if path != ROOT / "services/offset-purchaser/src/offset_purchaser/claims.py"
)


def judged(text: str) -> list[str]:
    return [f"{claim.rule}: {claim.phrase}" for language in LANGUAGES for claim in find_claims(text, language)]


def literals(source: str) -> Iterator[tuple[int, str]]:
    """Every text in a program, pieces of templates put together, with its line."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.JoinedStr(values=parts):
                yield node.lineno, "".join(p.value if isinstance(p, ast.Constant) else "x" for p in parts)
            case ast.Constant(value=str(text)):
                yield node.lineno, text
            case _:
                pass


def test_no_text_in_any_program_is_a_claim() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {claim}"
        for path in SOURCES
        for line, text in literals(path.read_text(encoding="utf-8"))
        for claim in judged(text)
    ]
    assert len(SOURCES) > 150
    assert found == []


def test_a_claim_in_a_program_would_be_found() -> None:
    source = 'x = 1\ny = f"Your order {x} is carbon " "neutral"\n'
    assert {line for line, text in literals(source) if judged(text)} == {2}


@pytest.mark.parametrize("name", ["toml", "j2", "typ", "sql"])
def test_no_file_that_programs_carry_is_a_claim(name: str) -> None:
    carried = [
        p for p in (ROOT / "services").rglob(f"*.{name}") if p.name != "claims.toml" and p.name != "pyproject.toml"
    ]
    assert carried
    for path in carried:
        assert judged(path.read_text(encoding="utf-8")) == [], path


def texts_in(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for key, inner in value.items():
                yield str(key)
                yield from texts_in(inner)
        case list():
            for inner in value:
                yield from texts_in(inner)
        case _:
            pass


DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.y*ml"))
CONTRACTS = sorted((ROOT / "docs/contract").glob("*.json"))


@pytest.mark.parametrize("path", [*DASHBOARDS, *RULES, *CONTRACTS], ids=lambda path: path.name)
def test_no_panel_alert_or_schema_is_a_claim(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    content = json.loads(text) if path.suffix == ".json" else YAML(typ="safe").load(text)
    found = list(texts_in(content))
    assert found
    for text in found:
        assert judged(text) == []


def test_all_of_them_are_judged() -> None:
    assert len(DASHBOARDS) >= 3
    assert RULES
    assert len(CONTRACTS) >= 6


def test_the_apis_own_description_is_no_claim() -> None:
    described = create_routes().openapi()
    assert len(described["paths"]) > 5
    for text in texts_in(described):
        assert judged(text) == []


@pytest.mark.parametrize("provider", [kind.traits.name for kind in PROVIDERS])
def test_no_order_that_goes_to_a_provider_is_a_claim(provider: str, tmp_path: Path) -> None:
    settings = PurchaserSettings(manual_folder=tmp_path, stripe_api_key=SecretStr("sk_test_1"))
    body = provider_kind(provider).open(settings).request(order(), leg(provider), "Exemple SAS")
    text = body.decode()
    assert order().currency in text.upper() or "2000000" in text
    assert judged(text.replace("\\n", "\n")) == []


def test_what_the_topics_say_of_themselves_is_no_claim() -> None:
    found = asyncapi()
    assert judged(f"{found.title} {found.description}") == []


def helps(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    yield name, command.get_help(click.Context(command, info_name=name))
    for sub, inner in getattr(command, "commands", {}).items():
        yield from helps(inner, f"{name} {sub}")


@pytest.mark.parametrize("app", [purchaser_cli, traffic_cli, delivery_cli], ids=["purchaser", "traffic", "delivery"])
def test_no_help_of_a_command_is_a_claim(app: typer.Typer) -> None:
    found = list(helps(typer.main.get_command(app), "x"))
    assert len(found) > 5
    for name, text in found:
        assert judged(text) == [], name
