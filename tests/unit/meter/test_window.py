"""The duplicate window against its definition, written down naively."""

from __future__ import annotations

import re
import tracemalloc
from array import array
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.meter.identity import Identities, identity, window_identities
from shared.meter.window import Window, held_at_most

MINUTE_MS = 60_000
sightings = st.lists(
    st.tuples(st.sampled_from("abcde"), st.integers(1, 4), st.integers(-40, 60)), min_size=1, max_size=60
)


def naive(log: list[tuple[str, int, int]], horizon_ms: int, offsets_max: int) -> list[bool]:
    answers = []
    for at, (event_id, offset, _) in enumerate(log):
        w_ms = max(time for _, _, time in log[: at + 1])
        answers.append(
            any(
                other == event_id and w_ms - other_ms <= horizon_ms and offset - other_offset <= offsets_max
                for other, other_offset, other_ms in log[:at]
            )
        )
    return answers


KEYS = {"a": 1, "b": 1, "c": 2, "d": 2, "e": 3}
"""Some ids share a key, as random ones do about once a year at 5,000 a second."""


@given(
    steps=sightings,
    horizon_ms=st.integers(0, 100),
    offsets_max=st.integers(1, 30),
    cuts=st.lists(st.integers(0, 60), max_size=20),
    ids_max=st.integers(1, 20),
)
@example(
    steps=[("a", 1, 10), ("a", 1, -5), ("b", 4, 20), ("a", 4, 9)], horizon_ms=20, offsets_max=8, cuts=[2], ids_max=9
)
def test_an_id_is_a_duplicate_exactly_when_its_definition_says_so(
    steps: list[tuple[str, int, int]], horizon_ms: int, offsets_max: int, cuts: list[int], ids_max: int
) -> None:
    log, offset, time_ms = [], 0, 1_000
    for event_id, offset_step, time_step in steps:
        offset, time_ms = offset + offset_step, time_ms + time_step
        log.append((event_id, offset, time_ms))
    window, w_ms = Window(horizon_ms, offsets_max), 0
    duplicates: list[int] = []
    ends = sorted({min(cut, len(log)) for cut in cuts} | {len(log)})
    with patch("shared.meter.window.GENERATION_IDS_MAX", ids_max), patch("shared.meter.window._FULL", (3, 6, 12)):
        for start, end in zip([0, *ends], ends, strict=False):
            if start < end:
                ids = [event_id for event_id, _, _ in log[start:end]]
                identities = Identities([KEYS[i] for i in ids], array("Q", map(ord, ids)))
                offsets, stamps = [at for _, at, _ in log[start:end]], [stamp for _, _, stamp in log[start:end]]
                duplicates += [start + n for n in window.sight_all(identities, offsets, stamps, w_ms)]
                w_ms = max(w_ms, *stamps)
    assert [n in duplicates for n in range(len(log))] == naive(log, horizon_ms, offsets_max)
    assert duplicates == sorted(set(duplicates))


def sight(window: Window, event_id: str, offset: int, time_ms: int, w_ms: int) -> bool:
    return window.sight_all(window_identities([event_id]), [offset], [time_ms], w_ms) == [0]


def test_the_horizon_itself_is_inside_and_one_millisecond_more_is_outside() -> None:
    inside, outside = Window(15 * MINUTE_MS, 1_000), Window(15 * MINUTE_MS, 1_000)
    sight(inside, "a", 0, 0, 0)
    sight(outside, "a", 0, 0, 0)
    assert sight(inside, "a", 1, 900_000, 900_000) is True
    assert sight(outside, "a", 1, 900_001, 900_001) is False


def test_a_duplicate_prolongs_its_own_window() -> None:
    window = Window(1_000, 1_000)
    seen = [sight(window, "a", offset, offset * 900, offset * 900) for offset in range(5)]
    assert seen == [False, True, True, True, True]


def test_the_window_says_when_the_number_of_offsets_ended_it() -> None:
    window = Window(1_000_000, 10)
    sight(window, "a", 0, 0, 0)
    assert sight(window, "a", 11, 1, 1) is False
    assert window.offsets_bound is True


def test_old_generations_are_forgotten() -> None:
    window = Window(1_000, 1_000_000)
    for offset in range(10_000):
        sight(window, str(offset), offset, offset, offset)
    assert len(window) <= 1_500


def test_log_times_half_a_year_apart_in_one_batch_are_kept_exactly() -> None:
    window = Window(horizon_ms=1 << 40, offsets_max=1_000)
    ids = window_identities(["a", "b", "c"])
    assert window.sight_all(ids, [0, 1, 2], [0, 15_552_000_000, 1], 0) == []
    assert window.sight_all(window_identities(["b"]), [3], [15_552_000_000 + (1 << 40)], 0) == [0]
    assert window.sight_all(window_identities(["c"]), [4], [15_552_000_000 + (1 << 40)], 0) == []


@pytest.mark.parametrize("gap", [174_762, 10_000_000, 1 << 32, 1 << 50])
def test_a_gap_of_offsets_within_a_batch_costs_nothing(gap: int) -> None:
    window = Window(horizon_ms=1_000, offsets_max=1 << 60)
    ids = window_identities(["a", "b", "a", "b"])
    tracemalloc.start()
    assert window.sight_all(ids, [0, 1, gap, gap + 1], [0, 0, 1, 2], 0) == [2, 3]
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


def test_an_id_repeated_behind_a_clock_that_went_back_is_remembered_once() -> None:
    window = Window(horizon_ms=1 << 30, offsets_max=1 << 30)
    once = window_identities(["a"])
    window.sight_all(once, [0], [10_000], 0)
    for offset in range(1, 2_000):
        assert window.sight_all(once, [offset], [offset], 10_000) == [0]
    assert sum(map(len, window._generations[0].apart.values())) == 1


def test_ids_whose_keys_collide_are_told_apart_and_counted() -> None:
    window = Window(horizon_ms=1_000, offsets_max=1_000)
    alike = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(50)]
    assert window.sight_all(window_identities(alike), range(50), [0] * 50, 0) == []
    assert window.sight_all(window_identities(alike), range(50, 100), [0] * 50, 0) == list(range(50))
    assert len(window) == 50


def test_two_ids_that_share_a_prefix_are_two_identities() -> None:
    assert identity("order-1") != identity("order-10")
    assert identity("a").bit_length() <= 128


@given(
    ids=st.lists(
        st.uuids(version=4).map(str) | st.uuids().map(str) | st.uuids(version=4).map(lambda u: str(u).upper())
        | st.text(max_size=40),
        max_size=6,
    ),
)  # fmt: skip
def test_a_uuid_of_version_4_is_its_own_bits_and_any_other_id_a_hash(ids: list[str]) -> None:
    keys, rests = window_identities(ids)
    assert list(zip(keys, rests, strict=True)) == [expected(event_id) for event_id in ids]


def test_ids_whose_lengths_make_up_for_one_another_are_not_taken_for_uuids() -> None:
    one, other = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
    spaced = "0000000 -0000-4000-8000-000000000001"
    for ids in ([one + other[0], other[1:]], [spaced, one], [one, other]):
        keys, rests = window_identities(ids)
        assert list(zip(keys, rests, strict=True)) == [expected(event_id) for event_id in ids]


def test_a_dash_too_many_in_two_ids_does_not_make_them_uuids() -> None:
    ids = ["01234567-89ab-4cde-8f01-2345-6789012", "01234567-89ab-c4de-8f01-2345-6789012"]
    keys, rests = window_identities(ids)
    assert list(zip(keys, rests, strict=True)) == [expected(event_id) for event_id in ids]


def test_uuids_that_differ_in_one_digit_differ() -> None:
    base = "0a1b2c3d-0000-4000-8000-000000000001"
    places = [n for n, char in enumerate(base) if char != "-" and n != 14]
    ids = [base, *(base[:n] + ("f" if base[n] != "f" else "e") + base[n + 1 :] for n in places)]
    assert len(set(zip(*window_identities(ids), strict=True))) == len(ids)


def expected(event_id: str) -> tuple[int, int]:
    """Written down from the definition, digit by digit."""
    if re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", event_id):
        digits = event_id.replace("-", "")
        return int(digits[17:], 16), int(digits[:12] + digits[16] + digits[13:16], 16)
    hashed = f"{identity(event_id):032x}"
    return int(hashed[17:], 16), int(hashed[:16], 16)


@pytest.mark.parametrize(
    ("a_horizon", "most"), [(10_000, 12_285), (45_000, 54_610), (64_000, 70_993), (100_000, 120_142)]
)
def test_what_the_start_check_counts_is_the_most_that_a_window_holds(a_horizon: int, most: int) -> None:
    assert held_at_most(a_horizon) == most
    window, held, batch = Window(a_horizon, 5_000_000), 0, 50
    for start in range(0, 4 * a_horizon, batch):
        own = Identities(list(range(start, start + batch)), array("Q", range(start, start + batch)))
        window.sight_all(own, range(start, start + batch), list(range(start, start + batch)), start)
        held = max(held, len(window))
    assert most - 5 * batch <= held <= most
