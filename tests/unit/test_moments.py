"""Times by halves equal times as a whole, whatever a producer writes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.fields import Moment
from shared.moments import Moments, epoch_ms

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Holder(BaseModel):
    at: Moment


def by_the_model(text: str) -> int | None:
    try:
        moment = Holder.model_validate_json(json.dumps({"at": text})).at
    except ValidationError:
        return None
    return (moment - EPOCH) // timedelta(milliseconds=1)


@given(
    moment=st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)),  # noqa: DTZ001
    offset_minutes=st.integers(-14 * 60, 14 * 60),
    digits=st.integers(0, 6),
    zulu=st.booleans(),
)
def test_a_usual_text_comes_to_the_time_it_names(
    moment: datetime, offset_minutes: int, digits: int, zulu: bool
) -> None:
    zone = UTC if zulu else timezone(timedelta(minutes=offset_minutes))
    aware = moment.replace(tzinfo=zone, microsecond=moment.microsecond // 10 ** (6 - digits) * 10 ** (6 - digits))
    text = aware.strftime("%Y-%m-%dT%H:%M:%S") + (f".{aware.microsecond:06d}"[: digits + 1] if digits else "")
    sign, minutes = ("-", -offset_minutes) if offset_minutes < 0 else ("+", offset_minutes)
    text += "Z" if zulu else f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"
    moments = Moments()
    expected = (aware - EPOCH) // timedelta(milliseconds=1)
    assert [*moments.ms([text, text]), *moments.ms([text]), epoch_ms(aware)] == [expected] * 4


HEADS = (
    *("2025-11-28T20:59:12", "2025-11-28 20:59:12", "2025-11-28t20:59:60", "2025-02-30T20:59:12"),
    *("0001-01-01T00:00:00", "9999-12-31T23:59:59", "2025-11-28T24:00:00", "1764363552", "", "2025-11-28T20:59"),
    "\uff12025-11-28T20:59:12",
)
FRACTIONS = (*("", ".", ".1", ".125", ",5", ".1256", ".999999", ".1234567", ".1234567890"), ".12x", ".\uff1125", "5")
ZONES = (*("Z", "z", "", "+01:00", "-01:00", "+0100", "+01", "+23:59", "+24:00", "-14:00", "+01:00:00"), "\u221201:00")


@given(
    parts=st.lists(
        st.tuples(st.sampled_from(HEADS), st.sampled_from(FRACTIONS), st.sampled_from(ZONES)).map("".join), max_size=9
    )
)
def test_texts_are_judged_as_the_contract_judges_them(parts: list[str]) -> None:
    moments = Moments(entries_max=3)
    assert list(moments.ms(parts)) == [by_the_model(text) for text in parts]
    assert list(moments.ms(parts)) == [by_the_model(text) for text in parts]


@given(text=st.text(alphabet="0123456789-:.TZz+ ", max_size=32))
def test_any_text_is_judged_as_the_contract_judges_it(text: str) -> None:
    assert list(Moments().ms([text])) == [by_the_model(text)]


@pytest.mark.parametrize(
    "text", ["2025-11-28 20:59:12+0100", "2025-11-28T20:59+01:00", "1500-02-28t23:59:59Z", "9999-12-31T23:59:59Z"]
)
def test_an_unusual_spelling_takes_the_long_way_to_the_same_number(text: str) -> None:
    assert list(Moments().ms([text])) == [by_the_model(text)]
    assert by_the_model(text) is not None
