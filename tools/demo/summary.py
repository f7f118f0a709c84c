"""``summary.json``: what was counted and bought, in the one shape that the demonstration and the replay share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from demo.checks import CHANNELS, all_events
from demo.meter_log import Measured, MeterLog

BALANCE_KEYS = ("consumed", "counted", "duplicates", "rejected")
SETTLEMENT_KEYS = (
    "number",
    "quantity_g",
    "price_per_tonne",
    "currency",
    "amount",
    "provider",
    "order_id",
    "document",
)
NOTHING = {"low": "0", "central": "0", "high": "0"}


def summary(report: Mapping[str, Any], log: MeterLog) -> dict[str, Any]:
    """The summary of a run. Numbers of events are integers, masses and money decimal strings.

    ``events`` are all accepted ones; ``emissions_g`` is what counts, without visits of robots and without what arrived
    later than duplicates can be recognised (unless the campaign buys those too).
    """
    return {
        "balance": {topic: {key: row[key] for key in BALANCE_KEYS} for topic, row in sorted(report["balance"].items())},
        "days": [_day(entry, log) for entry in report["days"]],
    }


def _day(entry: Mapping[str, Any], log: MeterLog) -> dict[str, Any]:
    day = date.fromisoformat(entry["day"])
    return {
        "campaign": entry["campaign"],
        "day": entry["day"],
        "channels": {name: _channel(entry["channels"].get(name, {}), log, day, name) for name in CHANNELS},
        "settlements": [{key: settlement[key] for key in SETTLEMENT_KEYS} for settlement in entry["settlements"]],
    }


def _channel(found: Mapping[str, Any], log: MeterLog, day: date, name: str) -> dict[str, Any]:
    measured = log.days.get((day, name), Measured())
    return {
        "events": all_events(found),
        "duplicates": measured.duplicates,
        "rejected": measured.rejected,
        "late": measured.late,
        "emissions_g": dict(found.get("emissions_g", NOTHING)),
    }


def write_summary(path: Path, content: Mapping[str, Any]) -> None:
    """Write it for programs and people: indented, keys in a fixed order."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
