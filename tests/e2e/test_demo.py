"""The demonstration on real parts: a small Black Friday from events to documents, and again with services killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from demo.campaign import BLACK_FRIDAY
from demo.generator import Weekend
from demo.records import Record
from demo.run import run_weekend
from demo.session import Session

pytestmark = pytest.mark.timeout(600)

SIZE = {"site": 6_000, "emails": 2_000, "ads": 800, "shipments": 150}
SERVICES = ("traffic-meter", "delivery-emissions", "offset-purchaser")


@dataclass(frozen=True)
class Run:
    """A finished run of the command: what it wrote and said, and how it ended."""

    out: Path
    output: str
    code: int
    left_over: list[int]

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.out / "summary.json").read_text())
        return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """``demo run --keep-running``, ended by SIGTERM once it says that it is done."""
    out = tmp_path_factory.mktemp("demo")
    sizes = [part for name, count in SIZE.items() for part in (f"--{name}", str(count))]
    command = [str(Path(sys.executable).parent / "demo"), "run", *sizes, "--out", str(out), "--keep-running"]
    lines: list[str] = []
    children: list[psutil.Process] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "Everything keeps running" in line:
                children = psutil.Process(process.pid).children(recursive=True)
                process.send_signal(signal.SIGTERM)
    left_over = [child.pid for child in children if child.is_running()]
    assert len(children) >= 2 * (len(SERVICES) + 1), "".join(lines)
    return Run(out, "".join(lines), process.returncode, left_over)


def grams(summary: dict[str, Any]) -> list[Any]:
    """Every mass of a summary, and every quantity bought."""
    channels = [
        (day["day"], name, channel["emissions_g"])
        for day in summary["days"]
        for name, channel in day["channels"].items()
    ]
    return [
        *channels,
        *[(day["day"], s["number"], s["quantity_g"]) for day in summary["days"] for s in day["settlements"]],
    ]


def test_everything_agrees_with_the_tally_and_the_exit_code_says_so(finished: Run) -> None:
    assert "comparisons, all ok" in finished.output
    assert "DIFFERENT" not in finished.output
    assert finished.code == 0


def test_sigterm_leaves_no_process_behind(finished: Run) -> None:
    assert finished.left_over == []


def test_every_channel_has_emissions_on_every_day(finished: Run) -> None:
    days = finished.summary["days"]
    assert [day["day"] for day in days] == ["2025-11-28", "2025-11-29", "2025-11-30"]
    for day in days:
        assert list(day["channels"]) == ["site", "email", "ads", "delivery"]
        for channel in day["channels"].values():
            low, central, high = (Decimal(channel["emissions_g"][name]) for name in ("low", "central", "high"))
            assert 0 < low <= central <= high
            assert channel["events"] > 0


def test_every_record_sent_is_in_the_balance(finished: Run) -> None:
    for topic, row in finished.summary["balance"].items():
        assert row["consumed"] == row["counted"] + row["duplicates"] + row["rejected"], topic
    assert finished.summary["balance"]["site-traffic"]["duplicates"] > 20


def test_every_day_is_bought_once_with_a_document_at_the_configured_price(finished: Run) -> None:
    for day in finished.summary["days"]:
        bought = [s for s in day["settlements"] if s["quantity_g"]]
        assert len(bought) == 1
        (settlement,) = bought
        assert settlement["provider"] == "sandbox"
        assert Decimal(settlement["price_per_tonne"]) == 22
        assert settlement["currency"] == "EUR"
        exact = Decimal(settlement["quantity_g"]) * 22 / 1_000_000
        assert abs(Decimal(settlement["amount"]) - exact) <= Decimal("0.005")
        document = finished.out / "documents" / f"{settlement['document']}.pdf"
        assert document.read_bytes().startswith(b"%PDF-")


def test_the_report_and_its_images_are_there(finished: Run) -> None:
    html = (finished.out / "report.html").read_text()
    assert "<h1>Black Friday 2025</h1>" in html
    assert "all agree" in html
    assert "Ce que l’opération a émis" in (finished.out / "report.fr.html").read_text()
    assert "Was die Aktion verursacht hat" in (finished.out / "report.de.html").read_text()
    charts = {path.name for path in (finished.out / "charts").iterdir()}
    names = {
        f"{name}{language}" for name in ("shares", "hours", "periods", "countries") for language in ("", ".fr", ".de")
    }
    assert charts == {f"{name}.{kind}" for name in names for kind in ("png", "svg")}


def killing(records: Iterator[Record], session: Session) -> Iterator[Record]:
    """Kill each meter once while the records are on their way."""
    victims = {3_000: "traffic-meter", 6_000: "delivery-emissions", 8_000: "offset-purchaser"}
    for number, record in enumerate(records):
        if number in victims:
            os.kill(session.keeper.pid(victims[number]), signal.SIGKILL)
        yield record


def test_a_second_run_with_services_killed_in_the_middle_gives_the_same_grams(finished: Run, tmp_path: Path) -> None:
    console = Console(quiet=True)
    with Session(tmp_path, campaigns=[BLACK_FRIDAY], console=console) as session:
        outcome = run_weekend(
            session, Weekend(**SIZE), console, wait=300, on_the_way=lambda records: killing(records, session)
        )
        restarts = {name: count for name, count in session.keeper.restarts.items() if count}
    assert restarts == dict.fromkeys(SERVICES, 1)
    assert [f"{c.group}: {c.what} {c.found}, not {c.expected}" for c in outcome.checks if not c.ok] == []
    assert grams(dict(outcome.summary)) == grams(finished.summary)
