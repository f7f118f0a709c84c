"""The share of bad records among the last 1,000 of a topic: above the limit the topic stops, the others go on.

Each process looks at the partitions that it counts, whatever rebalances hand to it, and looks anew when it starts.
Where the share of a whole topic stays above the limit, that of at least one process does. Not promised: that two
processes agree, or that a stop comes at the same record again; it decides when records are counted, never which.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

LAST = 1_000
"""Records looked back upon. Fewer than that were never enough to tell a broken producer from a bad minute."""


class BadShare:
    """One per topic and process, shared by the tallies of its partitions. Decided per record, acted on per flush."""

    def __init__(self, share_max: float, last: int = LAST) -> None:
        self._bad_max = share_max * last
        self._last = last
        self._bad: deque[int] = deque()
        self._seen = 0
        self.exceeded = False

    def add(self, records: int, bad: Iterable[int]) -> None:
        """Take over the next ``records``, of which those with the indexes ``bad`` (ascending) were rejected."""
        for index in bad:
            number = self._seen + index
            self._bad.append(number)
            self._drop(number)
            if number + 1 >= self._last and len(self._bad) > self._bad_max:
                self.exceeded = True
        self._seen += records

    @property
    def share(self) -> float:
        """Bad ones among the last 1,000, 0 to 1."""
        self._drop(self._seen - 1)
        return len(self._bad) / self._last

    def reset(self) -> None:
        """Start to look anew: the topic was stopped, and whoever lifts the stop has looked at it."""
        self._bad.clear()
        self._seen = 0
        self.exceeded = False

    def _drop(self, newest: int) -> None:
        while self._bad and self._bad[0] <= newest - self._last:
            self._bad.popleft()
