"""What a dashboard of ours is made of: panels with a unit, a description and a runbook link, laid out in rows of 24.

Only what the three dashboards use. The JSON is Grafana's own (schema version 41); nothing here talks to Grafana.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
PURCHASER = {"type": "grafana-postgresql-datasource", "uid": "purchaser"}
RUNBOOK = "http://127.0.0.1:9090/consoles/runbook.html"
"""Where Prometheus serves docs/runbook.md in docker-compose.yml: the value of each dashboard's variable ``runbook``."""
SCHEMA_VERSION = 41

RED_ABOVE_0 = ((None, "green"), (0.5, "red"))
"""Thresholds for what must be zero."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. ``query`` is PromQL for ``data`` = PROMETHEUS, SQL for PURCHASER."""

    title: str
    description: str
    runbook: str
    """The section of docs/runbook.md that says what to do about it."""
    unit: str
    query: str
    kind: str = "timeseries"
    legend: str = ""
    width: int = 8
    height: int = 7
    data: dict[str, str] = field(default_factory=lambda: PROMETHEUS)
    thresholds: Sequence[tuple[float | None, str]] = ((None, "green"),)
    units: Sequence[tuple[str, str]] = ()
    """Units of single columns of a table, by name."""

    def as_json(self, number: int, x: int, y: int) -> dict[str, Any]:
        """Grafana's JSON for the panel at a place."""
        steps = [{"value": value, "color": color} for value, color in self.thresholds]
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": self.data,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "links": [{"title": "Runbook", "url": f"${{runbook}}#{self.runbook}", "targetBlank": True}],
            "targets": [self._target()],
            "fieldConfig": {
                "defaults": {"unit": self.unit, "thresholds": {"mode": "absolute", "steps": steps}},
                "overrides": [_column_unit(name, unit) for name, unit in self.units],
            },
            "options": self._options(),
        }

    def _target(self) -> dict[str, Any]:
        common: dict[str, Any] = {"refId": "A", "datasource": self.data}
        if self.data is PROMETHEUS:
            return common | {"expr": self.query, "legendFormat": self.legend, "instant": self.kind != "timeseries"}
        shape = "time_series" if self.kind == "timeseries" else "table"
        return common | {"rawSql": self.query, "rawQuery": True, "editorMode": "code", "format": shape}

    def _options(self) -> dict[str, Any]:
        if self.kind == "timeseries":
            return {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]}}
        if self.kind == "table":
            return {"showHeader": True, "cellHeight": "sm"}
        return {"reduceOptions": {"calcs": ["lastNotNull"], "values": self.data is PURCHASER}, "textMode": "auto"}


def _column_unit(name: str, unit: str) -> dict[str, Any]:
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": "unit", "value": unit}],
    }


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard: ``variables`` are names with the SQL that lists their values, first one chosen."""

    uid: str
    title: str
    description: str
    panels: Sequence[Panel]
    variables: Sequence[tuple[str, str]] = ()
    refresh: str = "30s"
    since: str = "now-6h"

    def as_json(self) -> dict[str, Any]:
        """Grafana's JSON for the dashboard."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": False,
            "tags": ["campaign-offsets"],
            "timezone": "browser",
            "refresh": self.refresh,
            "time": {"from": self.since, "to": "now"},
            "templating": {"list": [*(_variable(name, sql) for name, sql in self.variables), _runbook()]},
            "annotations": {"list": []},
            "links": [{"title": "Runbook", "type": "link", "url": "${runbook}", "targetBlank": True}],
            "panels": self._placed(),
        }

    def _placed(self) -> list[dict[str, Any]]:
        placed, x, y, height = [], 0, 0, 0
        for number, panel in enumerate(self.panels, start=1):
            if x + panel.width > 24:
                x, y, height = 0, y + height, 0
            placed.append(panel.as_json(number, x, y))
            x, height = x + panel.width, max(height, panel.height)
        return placed

    def write(self, folder: Path) -> Path:
        """Write the JSON file, the same bytes for the same dashboard."""
        path = folder / f"{self.uid}.json"
        path.write_text(json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return path


def _variable(name: str, sql: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": PURCHASER,
        "query": sql,
        "refresh": 2,
        "multi": False,
        "includeAll": False,
        "sort": 0,
    }


def _runbook() -> dict[str, Any]:
    """Where links lead: one value to change for an installation whose Prometheus is elsewhere."""
    chosen = {"text": RUNBOOK, "value": RUNBOOK, "selected": True}
    return {"name": "runbook", "type": "constant", "query": RUNBOOK, "hide": 2, "current": chosen, "options": [chosen]}
