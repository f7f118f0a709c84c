"""What processes cost: CPU seconds and memory, from /proc through psutil."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import psutil


def cpu_s(pids: Iterable[int], *, with_children: bool = False) -> float:
    """User and system time so far; with children, those that ended count too. What is gone counts as nothing."""
    total = 0.0
    for pid in pids:
        try:
            process = psutil.Process(pid)
            family = [process, *process.children(recursive=True)] if with_children else [process]
            times = process.cpu_times()
            total += times.children_user + times.children_system if with_children else 0.0
        except psutil.NoSuchProcess:
            continue
        for one in family:
            try:
                own = one.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += own.user + own.system
    return total


def peak_mb(pid: int) -> float:
    """Greatest resident memory of a living process so far, in megabytes (10^6 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def load_average() -> list[float]:
    """How busy the machine was over 1, 5 and 15 minutes: a figure without it says little."""
    return [round(value, 1) for value in psutil.getloadavg()]
