"""Records handed over without a copy say what aiokafka's own say."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from shared.meter.lean import _LeanRecords, read_leanly
from shared.meter.stretch import anchor_of

SENT = [
    (b"k", b"value", []),
    (None, b"value", [("replays", b"site-traffic/1/0/7"), ("other", b"")]),
    (b"k", None, []),
]


def fetched(kind: Any) -> list[Any]:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=10_000,
    )  # fmt: skip
    for offset, (key, value, headers) in enumerate(SENT):
        builder.append(offset, timestamp=1_764_284_400_000 + offset, key=key, value=value, headers=headers)
    memory = MemoryRecords(bytes(builder.build()))
    return list(
        kind(TopicPartition("t", 0), memory, [], 0, None, None, check_crcs=True, isolation_level=fetcher.READ_COMMITTED)
    )


def test_a_record_says_the_same_without_its_copy() -> None:
    copied, lean = fetched(fetcher.PartitionRecords), fetched(_LeanRecords)
    for one, other in zip(copied, lean, strict=True):
        assert (other.offset, other.timestamp, other.key, other.value) == (
            one.offset,
            one.timestamp,
            one.key,
            one.value,
        )
        assert list(other.headers) == list(one.headers)
        assert anchor_of(other) == anchor_of(one)
    assert [record.offset for record in lean] == [0, 1, 2]


def test_a_meter_process_reads_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "PartitionRecords", fetcher.PartitionRecords)
    read_leanly()
    assert fetcher.PartitionRecords is _LeanRecords
