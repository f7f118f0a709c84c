"""The runbook's instructions against the code and the files they speak of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from offset_purchaser.settlement import Release, total_reasons, unnameable
from offset_purchaser.store.observe import foreign_mode_refusal
from offset_purchaser.totals import day_total
from tests.unit.purchaser.builders import campaign, sums


@pytest.fixture(scope="module")
def runbook(repository: Path) -> str:
    return (repository / "docs/runbook.md").read_text(encoding="utf-8")


def section(runbook: str, heading: str) -> str:
    (found,) = re.findall(rf"^###? {re.escape(heading)}\n(.*?)(?=^##|\Z)", runbook, re.MULTILINE | re.DOTALL)
    return str(found)


def test_a_silent_source_is_released_by_the_name_its_settlement_waits_for(runbook: str) -> None:
    wants = campaign(channels=["site", "ads"], expected={"ads": {"events_per_day": 100}})
    (reason,) = total_reasons(wants, day_total(wants, [sums(events=5)]))
    names = re.findall(r"--without (\S+)", section(runbook, "ExpectedSourceSilent"))
    release = Release(tuple(names), "ended at noon", "anna")
    assert release.covers(reason)
    assert unnameable(wants, ["site-traffic", "ad-impressions"], release) == ""


def test_a_rehearsal_is_removed_before_the_purchaser_becomes_live(runbook: str) -> None:
    before = section(runbook, "Before a campaign")
    steps = ["`make smoke`", "`make down DOWN=--volumes`", "`PURCHASER_MODE=live`", "`make up`"]
    places = [before.index(step) for step in steps]
    assert places == sorted(places)


def test_a_purchaser_that_finds_the_other_modes_purchases_names_the_way_out(runbook: str) -> None:
    said = foreign_mode_refusal("rehearsal", "live")
    assert said.startswith("these tables hold rehearsal purchases, PURCHASER_MODE is live: set the mode back, ")
    assert section(runbook, re.findall(r"runbook\.md, (.*)\)", said)[0])


def test_an_upgrade_on_kubernetes_applies_the_overlay_and_never_the_bare_base(runbook: str) -> None:
    applied = re.findall(r"kubectl apply -k (\S+)", section(runbook, "Rolling upgrade"))
    assert applied == ['"$OVERLAY"'] * 3


def test_a_folder_copied_out_twice_is_not_nested_in_itself(runbook: str) -> None:
    copied = re.findall(r"docker compose cp \S+:(\S+) \./\S+", runbook)
    assert len(copied) == 3
    assert all(source.endswith("/.") for source in copied)
