"""Writes the three dashboards: `python3 deploy/grafana/build.py`, then commit what changed. A test compares."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from board import Dashboard
from campaign_day import CAMPAIGN_DAY
from pipeline import PIPELINE
from purchasing import PURCHASING

DASHBOARDS: tuple[Dashboard, ...] = (CAMPAIGN_DAY, PIPELINE, PURCHASING)


def main(folder: Path) -> None:
    """Write every dashboard's JSON into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for dashboard in DASHBOARDS:
        dashboard.write(folder)


if __name__ == "__main__":
    main(Path(__file__).parent / "dashboards")
