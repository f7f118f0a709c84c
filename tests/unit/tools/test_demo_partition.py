"""A record of the demonstration goes where every other producer would send it."""

from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from demo.partition import partition_of, partitions_of


@given(st.binary(max_size=80), st.integers(1, 64))
def test_the_partition_is_the_one_of_the_default_partitioner(key: bytes, partitions: int) -> None:
    choices = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key, choices, choices)


@given(st.lists(st.binary(max_size=70) | st.binary(min_size=64, max_size=64), max_size=40), st.integers(1, 64))
def test_many_keys_at_once_go_where_each_of_them_goes(keys: list[bytes], partitions: int) -> None:
    assert partitions_of(keys, partitions) == [partition_of(key, partitions) for key in keys]
