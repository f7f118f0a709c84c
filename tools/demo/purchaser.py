"""Asks the purchaser what it counted and bought, by the command that people use."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from demo.services import Service, ServiceFailed, base_environment, script

PAUSE_S = 1.0
"""Between two questions at least; and twice as long as the last answer took, because each costs a process."""
DONE, HELD = "complete", "held"
LINES_SHOWN = 3
"""A campaign of years has thousands of days that wait for the same."""


class PurchaserClient:
    """The purchaser's report, through ``offset-purchaser report --json`` in the service's own environment."""

    def __init__(self, service: Service) -> None:
        """``service`` is the running purchaser."""
        self._service = service
        self._pause_s = PAUSE_S

    def report(self) -> dict[str, Any]:
        """The report as it is now. Raises ``ServiceFailed`` when the command fails."""
        began = time.monotonic()
        report: dict[str, Any] = json.loads(self._run("report", "--json"))
        self._pause_s = max(PAUSE_S, 2 * (time.monotonic() - began))
        return report

    def write_report(self, campaign: str, out: Path, languages: Sequence[str], proof: Path) -> None:
        """Write the campaign's page and pictures below ``out``. Raises ``ServiceFailed`` when the command fails."""
        spoken = [word for language in languages for word in ("--language", language)]
        self._run("report", campaign, "--out", str(out.resolve()), "--proof", str(proof.resolve()), *spoken)

    def pause(self) -> None:
        """Wait before asking again."""
        time.sleep(self._pause_s)

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [script(self._service.command), *words],
            env=base_environment() | dict(self._service.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise ServiceFailed(f"`offset-purchaser {' '.join(words)}` failed:\n{done.stderr[-2000:]}")
        return done.stdout


def waiting_for(report: dict[str, Any], days: Sequence[tuple[str, date]]) -> str:
    """Whom the settlements of these days wait for, in one line; empty when all are complete."""
    found = {(entry["campaign"], entry["day"]): entry["settlements"] for entry in report["days"]}
    lines = []
    for campaign, day in days:
        settlements = found.get((campaign, day.isoformat()), [])
        if not settlements:
            lines.append(f"{day}: no settlement yet")
        for settlement in settlements:
            if settlement["state"] != DONE:
                reason = settlement.get("waiting_for") or ""
                lines.append(f"{day} settlement {settlement['number']}: {settlement['state']} {reason}".rstrip())
    more = [f"and {len(lines) - LINES_SHOWN} more"] if len(lines) > LINES_SHOWN else []
    return "; ".join(lines[:LINES_SHOWN] + more)


def held(report: dict[str, Any], days: Sequence[tuple[str, date]]) -> str:
    """The settlements of these days that wait for a person's decision, in one line; empty when there is none."""
    wanted = {(campaign, day.isoformat()) for campaign, day in days}
    lines = [
        f"{entry['day']} settlement {settlement['number']}: {settlement.get('waiting_for') or 'no reason given'}"
        for entry in report["days"]
        for settlement in entry["settlements"]
        if settlement["state"] == HELD and (entry["campaign"], entry["day"]) in wanted
    ]
    return "; ".join(lines[:LINES_SHOWN])
