"""What a dead letter holds, and when it holds only the beginning of its record."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.law.fakes import Rec
from tests.unit.meter.test_tally import START_MS, event, new_tally, origin

from shared.errors import Rejected
from shared.meter.dead_letters import LETTER_BYTES_MAX, letter_content, portions
from shared.meter.letters import Letter, chosen, letter_of
from shared.meter.position import Position
from shared.meter.stretch import DeadLetter
from shared.readings import Balance

BALANCE = Balance(
    first_offset=0, next_offset=7, counted=7, duplicate=0, rejected=0, skipped=0, lost=0, late=0, late_unprovable=0,
    duplicate_unprovable=0,
)  # fmt: skip
POSITION = Position("site", 0, 1, BALANCE, 0, None, datetime(2026, 11, 27, tzinfo=UTC), 1, "")


def sent(record: Rec) -> Letter:
    value, headers = letter_content(POSITION, DeadLetter(record, "device", "no such device"))
    assert len(value or b"") + sum(len(name) + len(data or b"") for name, data in headers) <= LETTER_BYTES_MAX
    return letter_of(Rec(0, 0, b"site/1/0/7", value, tuple(headers)))


def letter(source: str, *, cut: bool = False, replays: str = "") -> Letter:
    headers = (("replays", replays.encode()),) if replays else ()
    return Letter(source, "device", "no such device", 1, b"k", b"v", headers, cut)


def test_a_record_of_the_usual_size_is_quoted_whole() -> None:
    found = sent(Rec(7, 1_000, b"key", b"{" * 1_000_000, (("h", b"x" * 1_000),)))
    assert (found.value, found.key, found.headers) == (b"{" * 1_000_000, b"key", (("h", b"x" * 1_000),))
    assert (found.cut, found.field, found.reason, found.time_ms) == (False, "device", "no such device", 1_000)


def test_a_record_that_no_letter_can_hold_is_cut_and_says_so() -> None:
    found = sent(Rec(7, 1_000, b"key", b"{" * 3_500_000, ()))
    assert (found.cut, found.value, found.key) == (True, b"{" * 1_048_588, None)
    assert (found.field, found.reason) == ("device", "no such device")
    assert sent(Rec(7, 1_000, b"k" * 3_500_000, None, ())).cut


def test_a_cut_letter_is_replayed_only_with_its_bytes_from_elsewhere() -> None:
    letters = {"a": letter("a", cut=True), "b": letter("b")}
    with pytest.raises(Rejected, match="only the beginning"):
        chosen(letters, {}, ["a"], every=False)
    assert chosen(letters, {}, ["a"], every=False, mended=True) == [letters["a"]]
    assert chosen(letters, {}, [], every=True) == [letters["b"]]


def test_a_letter_is_taken_once_and_only_while_it_is_open() -> None:
    letters = {"a": letter("a"), "b": letter("b", replays="a"), "c": letter("c")}
    assert chosen(letters, {}, ["c", "c"], every=False) == [letters["c"]]
    assert chosen(letters, {"a": "replayed"}, [], every=True) == [letters["c"]]
    with pytest.raises(Rejected, match="dead letter b is replayed"):
        chosen(letters, {"a": "replayed"}, ["b"], every=False)
    with pytest.raises(Rejected, match="no dead letter d"):
        chosen(letters, {}, ["d"], every=False)
    with pytest.raises(Rejected, match="or --all"):
        chosen(letters, {}, [], every=False)
    with pytest.raises(Rejected, match="not both"):
        chosen(letters, {}, ["c"], every=True)


def test_letters_are_acknowledged_in_portions_by_number_and_by_bytes() -> None:
    small = [DeadLetter(Rec(n, 0, None, b"x"), "", "bad") for n in range(1_201)]
    assert [len(portion) for portion in portions(small)] == [500, 500, 201]
    large = [DeadLetter(Rec(n, 0, None, b"x" * 1_000_000), "", "bad") for n in range(20)]
    assert [len(portion) for portion in portions(large)] == [9, 9, 2]
    assert list(portions([])) == []


def test_a_stretch_knows_what_it_keeps_until_it_is_cut_off() -> None:
    tally = new_tally()
    tally.begin(origin())
    tally.take([Rec(0, START_MS, b"k", b"{" * 1_000_000), Rec(1, START_MS, b"k", event("a", START_MS))])
    assert 1_000_000 < tally.kept_bytes < 1_010_000
    tally.cut()
    assert tally.kept_bytes == 0
