"""The batch decoder accepts exactly what the event models accept, record by record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.decode import RAW_TIME, BatchDecoder
from shared.events import SOURCE_EVENTS, AdImpressions, EmailSent, Shipment, SiteTraffic

GOOD: dict[type, dict[str, Any]] = {
    SiteTraffic: {"event_id": "a", "occurred_at": "2025-11-28T20:59:12.125+01:00", "kind": "view", "device": "laptop"},
    EmailSent: {
        "event_id": "a",
        "occurred_at": "2025-11-28T20:59:12Z",
        "kind": "marketing",
        "recipients": 9,
        "bytes": 9,
    },
    AdImpressions: {"event_id": "a", "occurred_at": "2025-11-28T20:59:12Z", "format": "display", "impressions": 7},
    Shipment: {"event_id": "a", "occurred_at": "2025-11-28T20:59:12Z", "shipment_id": "s", "status": "created"},
}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 10**13),
    st.floats(),
    st.sampled_from(
        [
            "",
            "x",
            "FR",
            "fr",
            "CS",
            "UK",
            "XK",
            "FR\n",
            "view",
            "display",
            "ooh_poster",
            "created",
            "home",
            "2025-11-28",
            "2025-11-28T00:00:00",
            "2025-11-28T00:00:00Z",
            "1764363552",
            "9999-12-31T23:59:59-14:00",
            "x\0",
            "\\u0000",
        ]
    ),
    st.dictionaries(st.sampled_from(["country", "city"]), st.sampled_from(["FR", 1, None, "\0"]), max_size=2),
    st.lists(st.integers(), max_size=1),
)


def accepts(model: type[BaseModel], value: bytes) -> bool:
    try:
        model.model_validate_json(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("model", SOURCE_EVENTS)
@given(data=st.data())
def test_a_row_is_accepted_exactly_when_the_model_accepts_it(model: Any, data: st.DataObject) -> None:
    names = [*model.model_fields, "unknown"]
    changes = data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=4))
    removed = data.draw(st.lists(st.sampled_from(names), max_size=2))
    event = {name: value for name, value in {**GOOD[model], **changes}.items() if name not in removed}
    value = json.dumps(event).encode()
    decoder = BatchDecoder(model)
    before, row, after = decoder.rows([json.dumps(GOOD[model]).encode(), value, json.dumps(GOOD[model]).encode()])
    assert before is not None
    assert after is not None
    assert (row is not None) == accepts(model, value)


@given(values=st.lists(st.binary(max_size=20), max_size=5))
def test_bytes_that_are_no_json_never_disturb_their_neighbours(values: list[bytes]) -> None:
    good = json.dumps(GOOD[SiteTraffic]).encode()
    rows = BatchDecoder(SiteTraffic).rows([good, *values, good])
    assert len(rows) == len(values) + 2
    assert rows[0] is not None
    assert rows[-1] is not None


def test_a_record_that_would_swallow_its_neighbour_is_one_bad_record() -> None:
    good = json.dumps(GOOD[SiteTraffic]).encode()
    rows = BatchDecoder(SiteTraffic).rows([good + b"," + good, good, None, b""])
    assert [row is not None for row in rows] == [False, True, False, False]


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"bytes_transferred": -1}, "bytes_transferred", "greater than or equal to 0"),
        ({"bytes_transferred": "12"}, "bytes_transferred", "valid integer"),
        ({"occurred_at": "2025-11-28T20:59:12"}, "occurred_at", "timezone"),
        ({"occurred_at": "1764363552"}, "occurred_at", "begins with the year"),
        ({"occurred_at": "1764363552.125"}, "occurred_at", "begins with the year"),
        ({"occurred_at": 1764363552}, "occurred_at", "begins with the year"),
        ({"occurred_at": "9999-12-31T23:59:59-14:00"}, "occurred_at", "9999-12-31"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at", "0001-01-01"),
        ({"device": "toaster"}, "device", "smartphone"),
        ({"dwell_ms": 86_400_001}, "dwell_ms", "less than or equal to 86400000"),
        ({"shop": "a shop"}, "shop", "pattern"),
    ],
)
def test_a_bad_record_is_named_by_its_field_and_reason(change: dict[str, Any], field: str, reason: str) -> None:
    why = BatchDecoder(SiteTraffic).why(json.dumps({**GOOD[SiteTraffic], **change}).encode())
    assert why.field == field
    assert reason in why.reason


def test_a_product_beyond_the_limit_names_its_field() -> None:
    event = {**GOOD[EmailSent], "recipients": 10_000_000, "bytes": 100_000}
    assert BatchDecoder(EmailSent).rows([json.dumps(event).encode()]) == [None]
    why = BatchDecoder(EmailSent).why(json.dumps(event).encode())
    assert why.field == "recipients"
    assert "split it" in why.reason


def test_the_text_of_the_time_stays_beside_the_time() -> None:
    decoded = BatchDecoder(AdImpressions).decode([b"{", json.dumps(GOOD[AdImpressions]).encode()])
    row = decoded.rows[1]
    assert row is not None
    assert row[RAW_TIME] == "2025-11-28T20:59:12Z"
    assert row["occurred_at"].isoformat() == "2025-11-28T20:59:12+00:00"
    assert decoded.times_ms == [None, 1_764_363_552_000]
    assert decoded.bad


def test_a_record_with_a_time_that_is_none_is_bad_and_its_neighbours_are_not() -> None:
    good = GOOD[SiteTraffic]
    values = [json.dumps({**good, "occurred_at": text}).encode() for text in ("2025-11-31T00:00:00Z", "soon")]
    decoded = BatchDecoder(SiteTraffic).decode([json.dumps(good).encode(), *values])
    assert [row is not None for row in decoded.rows] == [True, False, False]
    assert decoded.times_ms == [1_764_359_952_125, None, None]


def test_filled_fields_are_in_every_row_and_others_only_when_they_were_sent() -> None:
    row = BatchDecoder(SiteTraffic, ("dwell_ms",)).rows([json.dumps(GOOD[SiteTraffic]).encode()])[0]
    assert row is not None
    assert (row["shop"], row["country"], row["dwell_ms"]) == ("default", None, None)
    assert "hosting_country" not in row


@pytest.mark.parametrize(
    ("model", "changed", "field"),
    [
        (Shipment, {"shipment_id": "s\0x"}, "shipment_id"),
        (Shipment, {"carrier": "\0"}, "carrier"),
        (Shipment, {"destination": {"country": "FR", "postal_code": "6\0"}}, "destination.postal_code"),
        (SiteTraffic, {"event_id": "\0"}, "event_id"),
        (SiteTraffic, {"page": "/a\0b"}, "page"),
    ],
)
def test_a_character_that_no_database_text_can_hold_is_refused_with_its_field(
    model: Any, changed: dict[str, Any], field: str
) -> None:
    decoder, neighbour = BatchDecoder(model), json.dumps(GOOD[model]).encode()
    poison = json.dumps({**GOOD[model], **changed}).encode()
    assert [row is not None for row in decoder.rows([neighbour, poison, None, neighbour])] == [True, False, False, True]
    assert decoder.why(poison).field == field


def test_a_text_that_only_spells_the_character_is_accepted() -> None:
    event = json.dumps({**GOOD[SiteTraffic], "page": "/\\u0000"}).encode()
    (row,) = BatchDecoder(SiteTraffic).rows([event])
    assert row is not None
    assert row["page"] == "/\\u0000"
