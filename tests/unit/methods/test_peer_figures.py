"""Figures that programs of others give for the same inputs (``peer_figures.json``), each with its source."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.methods.support import accepted, answer, central, close, replayed, segment

PEERS = json.loads((Path(__file__).parent / "peer_figures.json").read_text(encoding="utf-8"))
SITE = "impact-co2-site"
STAGES = {
    "transport_kg": ("truck_1", "truck_2", "van", "round"),
    "preparation_kg": ("order", "packaging"),
    "storage_kg": ("warehouse", "platforms", "point", "shop"),
}


def rows(*names: str) -> list[tuple[str, dict[str, Any]]]:
    return [(name, row) for name in names for row in PEERS[name]["rows"]]


@pytest.mark.parametrize(("peer", "row"), rows("co2js", "acv-numerique", "impact-livraison"))
def test_the_same_inputs_give_the_peer_s_figure(peer: str, row: dict[str, Any]) -> None:
    found = accepted(answer(PEERS[peer]["command"], row["line"]))

    assert close(central(found), row["central_g"], PEERS[peer]["relative"]), (row, central(found))
    for name, grams in row.get("segments_g", {}).items():
        assert close(segment(found, name), grams, PEERS[peer]["relative"]), (row, name)
    assert replayed(found)["central"] == central(found)


@pytest.mark.parametrize(("peer", "row"), rows(SITE))
def test_the_stages_of_a_parcel_are_those_that_ademe_publishes(peer: str, row: dict[str, Any]) -> None:
    found = accepted(answer(PEERS[peer]["command"], row["line"]))

    for stage, parts in STAGES.items():
        grams = sum((segment(found, name) for name in parts if name in found["segments_g"]), Decimal(0))
        assert close(grams, Decimal(row[stage]) * 1000, PEERS[peer]["relative"]), (stage, grams)


def test_ademe_s_smartphone_brought_home_is_254_g() -> None:
    found = accepted(
        answer("delivery-emissions", {"method": "ademe-parcel", "category": "smartphone", "scenario": "home"})
    )

    assert round(central(found), 3) == Decimal("254.244")
