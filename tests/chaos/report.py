"""What a chaos run did and how long it took to recover, as lines and as JSON."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Done:
    """One fault."""

    number: int
    fault: str
    service: str
    lasted_s: float
    recovery_s: float
    """From the end of the fault to the purchaser's knowing everything that was sent before."""


@dataclass
class Report:
    """A run."""

    seed: int
    rate: int
    done: list[Done] = field(default_factory=list)
    records: int = 0
    restarts: int = 0
    seconds: float = 0.0
    leaves_s: list[float] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """By kind of fault, then all of them, then what differs."""
        by_kind: dict[str, list[float]] = defaultdict(list)
        for one in self.done:
            by_kind[one.fault].append(one.recovery_s)
        lines = ["", f"{'fault':36s} {'times':>5s} {'p50 s':>7s} {'worst s':>8s}"]
        for kind, times in sorted(by_kind.items()):
            lines.append(f"{kind:36s} {len(times):5d} {statistics.median(times):7.1f} {max(times):8.1f}")
        every = [one.recovery_s for one in self.done] or [0.0]
        lines.append(f"{'all':36s} {len(self.done):5d} {statistics.median(every):7.1f} {max(every):8.1f}")
        if self.leaves_s:
            lines.append(f"longest leave after SIGTERM {max(self.leaves_s):.1f} s")
        lines.append(
            f"seed {self.seed}: {self.records} records at {self.rate} a second, {self.restarts} processes replaced, "
            f"{self.seconds:.0f} s, {len(self.differences)} differences"
        )
        return lines + self.differences

    def write(self, path: Path) -> None:
        """As JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")
