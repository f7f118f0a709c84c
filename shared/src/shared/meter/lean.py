"""A consumer that hands records over as they were parsed, without a copy of eleven fields for each.

aiokafka copies every parsed record into a ``ConsumerRecord``: half of what reading costs after the network. A meter
needs offset, time stamp, key, value and headers alone, which the parsed record has. The one method that copies is
replaced; fetching, positions, aborted transactions and control records stay aiokafka's own. A test compares the two.
"""

from __future__ import annotations

from typing import Any

from aiokafka.consumer import fetcher


class _LeanRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    def _consumer_record(self, _tp: Any, record: Any) -> Any:
        return record


def read_leanly() -> None:
    """For this process. Not promised: anything a ``ConsumerRecord`` has beyond ``shared.meter.stretch.Record``."""
    fetcher.PartitionRecords = _LeanRecords
