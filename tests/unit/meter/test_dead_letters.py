"""What a dead letter holds, and when it holds only the beginning of its record."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from tests.law.fakes import Rec
from tests.unit.meter.test_tally import START_MS, event, new_tally, origin

from shared.errors import Rejected
from shared.kafka import SOURCE_MESSAGE_BYTES
from shared.meter.dead_letters import letter_content, letter_key, portions
from shared.meter.letters import Letter, chosen, letter_of, states_of, unsendable
from shared.meter.position import Position
from shared.meter.stretch import DeadLetter, kept_bytes_of
from shared.readings import Balance

BALANCE = Balance(
    first_offset=0, next_offset=7, counted=7, duplicate=0, rejected=0, skipped=0, lost=0, late=0, late_unprovable=0,
    duplicate_unprovable=0,
)  # fmt: skip
POSITION = Position("site", 0, 1, BALANCE, 0, None, datetime(2026, 11, 27, tzinfo=UTC), 1, "")


def sent(record: Rec) -> Letter:
    value, headers = letter_content(POSITION, DeadLetter(record, "device", "no such device"))
    assert batch_bytes(letter_key(POSITION, record.offset), value, headers) <= 3 * SOURCE_MESSAGE_BYTES
    return letter_of(Rec(0, 0, b"site/1/0/7", value, tuple(headers)))


def test_a_field_whose_name_is_as_long_as_a_record_is_named_by_its_beginning() -> None:
    record = Rec(7, 1_000, b"key", b"{" * 3_500_000, ())
    value, headers = letter_content(POSITION, DeadLetter(record, "x" * 3_000_000, "not known"))
    assert batch_bytes(b"site/1/0/7", value, headers) <= 3 * SOURCE_MESSAGE_BYTES
    assert dict(headers)["field"] == b"x" * 2_000


def batch_bytes(key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> int:
    """What Kafka compares with a topic's limit: the batch of one record, as aiokafka builds it."""
    batch = BatchBuilder(10**9, 0)
    batch.append(timestamp=1_000, key=key, value=value, headers=list(headers))
    return len(batch._build())


def letter(at: int, *, cut: bool = False, replays: str = "", topic: str = "site", partition: int = 0) -> Letter:
    headers = (("replays", replays.encode()),) if replays else ()
    return Letter(f"{topic}/1/{partition}/{at}", "device", "no such device", 1, b"k", b"v", headers, cut)


def by_source(*letters: Letter) -> dict[str, Letter]:
    return {one.source: one for one in letters}


def test_a_record_of_the_usual_size_is_quoted_whole() -> None:
    found = sent(Rec(7, 1_000, b"key", b"{" * 1_000_000, (("h", b"x" * 1_000),)))
    assert (found.value, found.key, found.headers) == (b"{" * 1_000_000, b"key", (("h", b"x" * 1_000),))
    assert (found.cut, found.field, found.reason, found.time_ms) == (False, "device", "no such device", 1_000)


def test_a_record_that_no_letter_can_hold_is_cut_and_says_so() -> None:
    found = sent(Rec(7, 1_000, b"key", b"{" * 3_500_000, ()))
    assert (found.cut, found.value, found.key) == (True, b"{" * 1_048_588, None)
    assert (found.field, found.reason) == ("device", "no such device")
    assert sent(Rec(7, 1_000, b"k" * 3_500_000, None, ())).cut


@pytest.mark.parametrize("name", ["", "x", "\U0001f4a5" * 7])
def test_the_headers_that_no_letter_can_hold_are_left_out_and_counted(name: str) -> None:
    header = (name, b"")
    number = (SOURCE_MESSAGE_BYTES - 100) // (2 + len(name.encode()))
    record = Rec(7, 1_000, b"key", b"{", ((header,) * number))
    assert SOURCE_MESSAGE_BYTES - 200 < batch_bytes(record.key, record.value, record.headers) <= SOURCE_MESSAGE_BYTES
    found = sent(record)
    assert (found.cut, found.value, found.key) == (False, b"{", b"key")
    assert found.headers == (header,) * (number - found.headers_left_out)
    assert len(found.headers) > 30_000
    assert bool(found.headers_left_out) is (len(name) < 7)


def test_a_cut_letter_still_tells_which_position_its_record_replays() -> None:
    replays = ("replays", b"site/1/0/3")
    many = sent(Rec(7, 1_000, b"key", b"{", (*(("", b""),) * 300_000, replays)))
    assert (many.replays, many.cut, many.headers[0]) == ("site/1/0/3", False, replays)
    large = sent(Rec(7, 1_000, b"key", b"{" * 3_500_000, (("h", b""), replays)))
    assert (large.replays, large.cut, large.headers) == ("site/1/0/3", True, (replays,))


def test_a_letter_of_a_record_without_a_value_is_no_tombstone() -> None:
    record = Rec(7, 1_000, b"key", None, ())
    value, _ = letter_content(POSITION, DeadLetter(record, "", "no value"))
    assert value == b""
    assert sent(record).value is None
    assert sent(record._replace(value=b"")).value == b""


def test_a_kept_record_costs_at_least_what_its_headers_take() -> None:
    headers = [(chr(n) + "x", bytes([n, 1])) for n in range(1, 128)] * 1_000
    pairs = [("".join(name), bytes(value)) for name, value in headers]
    taken = sys.getsizeof(pairs) + sum(sys.getsizeof(pair) + sum(map(sys.getsizeof, pair)) for pair in pairs)
    assert taken <= kept_bytes_of(Rec(7, 1_000, b"key", b"{", tuple(pairs))) <= 2 * taken
    assert kept_bytes_of(Rec(7, 1_000, b"key", b"{", (("", b""),) * 300_000)) > 20_000_000


def test_a_cut_letter_is_replayed_only_with_its_bytes_from_elsewhere() -> None:
    a, b = letter(1, cut=True), letter(2)
    letters = by_source(a, b)
    with pytest.raises(Rejected, match="only the beginning"):
        chosen(letters, {}, [a.source], every=False)
    assert chosen(letters, {}, [a.source], every=False, mended=True) == [a]
    assert chosen(letters, {}, [], every=True) == [b]


def test_a_letter_is_taken_once_and_only_while_it_is_open() -> None:
    a, b, c = letter(1), letter(2, replays="site/1/0/1"), letter(3)
    letters, done = by_source(a, b, c), {a.source: "replayed"}
    assert chosen(letters, {}, [c.source, c.source], every=False) == [c]
    assert chosen(letters, done, [], every=True) == [c]
    with pytest.raises(Rejected, match="dead letter site/1/0/2 is replayed"):
        chosen(letters, done, [b.source], every=False)
    with pytest.raises(Rejected, match="no dead letter d"):
        chosen(letters, {}, ["d"], every=False)
    with pytest.raises(Rejected, match="or --all"):
        chosen(letters, {}, [], every=False)
    with pytest.raises(Rejected, match="not both"):
        chosen(letters, {}, [c.source], every=True)


def test_a_position_that_was_refused_again_has_one_open_letter_the_newest() -> None:
    again = [letter(at, replays="site/1/0/9") for at in (10, 100, 11)]
    letters = by_source(letter(9), *again, letter(12), letter(13, replays="site/1/0/nonsense"))
    assert [one.source for one in chosen(letters, {}, [], every=True)] == ["site/1/0/100", "site/1/0/12", "site/1/0/13"]
    assert states_of(letters, {}) == {
        "site/1/0/9": "sent again", "site/1/0/10": "sent again", "site/1/0/11": "sent again", "site/1/0/100": "open",
        "site/1/0/12": "open", "site/1/0/13": "open",
    }  # fmt: skip
    assert chosen(letters, {}, ["site/1/0/9"], every=False, mended=True) == [letters["site/1/0/9"]]
    for decided in ("site/1/0/9", "site/1/0/11"):
        states = states_of(letters, {decided: "accepted"})
        assert [source for source, state in states.items() if state == "accepted"] == [
            "site/1/0/9", "site/1/0/10", "site/1/0/100", "site/1/0/11",
        ]  # fmt: skip


def test_what_cannot_be_sent_is_named_with_its_reason() -> None:
    assert unsendable(letter(1, partition=1), {"site": 2}, None) == ""
    assert unsendable(letter(1, partition=2), {"site": 2}, None) == "site has 2 partitions"
    assert unsendable(letter(1, topic="mail"), {"site": 2}, None) == "mail has 0 partitions"
    empty = Letter("site/1/0/1", "", "the record has no value", 1, None, None, ())
    assert "neither key nor value" in unsendable(empty, {"site": 2}, None)
    assert unsendable(empty, {"site": 2}, b"{}") == ""


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
