"""Figures on paper: a table for people, JSON beside it, in ``var/bench``."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.watch import load_average

FOLDER = Path("var/bench")


def machine() -> dict[str, Any]:
    """On what the figures were measured, and how busy it was."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": load_average(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median (least-greatest)."""
    middle = statistics.median(values)
    return f"{middle:,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1))]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def write(name: str, text: str, figures: dict[str, Any]) -> None:
    """Print the text and keep both beside each other."""
    state = machine()
    text = f"{text}\n\n{state['cores']} cores, Python {state['python']}, load {state['load']}, {state['at']}\n"
    print(text)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    path.with_suffix(".md").write_text(text)
    path.with_suffix(".json").write_text(json.dumps({"machine": state, **figures}, indent=1))
