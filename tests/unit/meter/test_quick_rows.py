"""The quick reader takes nothing otherwise than the contract does, and leaves to it what it cannot tell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, Field, field_validator
from tests.unit.meter.quick_search import GOOD, search

from shared.decode import RAW_TIME, BatchDecoder
from shared.events import AdImpressions, Event, Shipment, SiteTraffic
from shared.fields import Label
from traffic_meter.quick_rows import PAUSE_BATCHES, QuickRows


def view(**changed: Any) -> bytes:
    return json.dumps({**GOOD, **changed}).encode()


@given(seed=st.integers(0, 2**32))
def test_a_damaged_or_unusual_record_is_what_the_contract_says(seed: int) -> None:
    assert search(100, seed).differences == []


def test_the_search_reads_many_records_quickly_and_many_not_at_all() -> None:
    seen = search(10_000, 1).seen
    assert seen["read quickly"] > 2_000
    assert seen["records"] - seen["accepted"] > 2_000
    assert seen["accepted"] - seen["read quickly"] > 200


def test_records_around_one_that_is_left_to_the_contract_keep_their_places() -> None:
    rows, left = QuickRows(SiteTraffic).read([view(dwell_ms=1), b"{", None, view(dwell_ms=2), view(new=1)])
    assert [row and row.dwell_ms for row in rows] == [1, None, None, 2, None]
    assert left == [1, 2, 4]


def test_a_record_with_an_unknown_field_is_left_to_the_contract_and_counted_all_the_same() -> None:
    decoder = BatchDecoder(SiteTraffic, quick=QuickRows(SiteTraffic))
    (row,) = decoder.rows([view(new={"a": 1})])
    assert row is not None
    assert (row.event_id, row.shop, getattr(row, RAW_TIME)) == (GOOD["event_id"], "default", GOOD["occurred_at"])


@pytest.mark.parametrize("shop", ["a shop", "-", "default\n", "x" * 33, ""])
def test_a_shop_whose_spelling_the_contract_refuses_is_left_to_it_each_time(shop: str) -> None:
    reader = QuickRows(SiteTraffic)
    for _ in range(2):
        rows, left = reader.read([view(shop="fr-1"), view(shop=shop)])
        assert left == [1]
        assert rows[0].shop == "fr-1"


def test_records_of_unknown_fields_are_left_to_the_contract_at_once_for_a_while() -> None:
    reader = QuickRows(SiteTraffic)
    decoder = BatchDecoder(SiteTraffic, quick=reader)
    decoder.rows([view(new=1)] * 501 + [view()] * 499)
    for _ in range(PAUSE_BATCHES):
        assert reader.read([view()]) == ([None], [0])
    assert reader.read([view()])[1] == []


@pytest.mark.parametrize("value", [None, b"{", view(device="toaster")])
def test_records_that_the_contract_refuses_too_pause_nothing(value: bytes | None) -> None:
    reader = QuickRows(SiteTraffic)
    BatchDecoder(SiteTraffic, quick=reader).rows([value] * 1_000)
    assert reader.read([view()])[1] == []


class Even(Event):
    number: Annotated[int, Field(strict=True, ge=0, le=10, multiple_of=2)]


class Checked(Event):
    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        raise ValueError("shop: closed")


class Made(Event):
    word: Label = Field(default_factory=str)


class Longer(Event):
    word: Label | None = Field(None, min_length=5)


class Judged(Event):
    word: Label | None = None

    @field_validator("word")
    @classmethod
    def never(cls, value: str) -> str:
        raise ValueError(value)


class Strict(Event):
    model_config = ConfigDict(extra="forbid")


class Renamed(Event):
    word: Label = Field(alias="Word")


@pytest.mark.parametrize(
    "model", [AdImpressions, Shipment, Even, Checked, Made, Longer, Judged, Strict, Renamed], ids=lambda m: m.__name__
)
def test_a_model_with_types_limits_or_checks_that_are_not_known_to_be_alike_has_no_quick_reader(
    model: type[Event],
) -> None:
    with pytest.raises(TypeError, match="no quick reading"):
        QuickRows(model)
