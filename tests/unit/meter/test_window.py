"""The duplicate window against its definition, written down naively."""

from __future__ import annotations

from unittest.mock import patch
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from shared.meter.identity import identity, window_identities
from shared.meter.window import Window

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
                identities = window_identities([event_id for event_id, _, _ in log[start:end]])
                offsets, stamps = [at for _, at, _ in log[start:end]], [stamp for _, _, stamp in log[start:end]]
                duplicates += [start + n for n in window.sight_all(identities, offsets, stamps, w_ms)]
                w_ms = max(w_ms, *stamps)
    assert [n in duplicates for n in range(len(log))] == naive(log, horizon_ms, offsets_max)
    assert duplicates == sorted(set(duplicates))


def test_the_horizon_itself_is_inside_and_one_millisecond_more_is_outside() -> None:
    inside, outside = Window(15 * MINUTE_MS, 1_000), Window(15 * MINUTE_MS, 1_000)
    inside.sight(identity("a"), 0, 0, 0)
    outside.sight(identity("a"), 0, 0, 0)
    assert inside.sight(identity("a"), 1, 900_000, 900_000) is True
    assert outside.sight(identity("a"), 1, 900_001, 900_001) is False


def test_a_duplicate_prolongs_its_own_window() -> None:
    window = Window(1_000, 1_000)
    seen = [window.sight(identity("a"), offset, offset * 900, offset * 900) for offset in range(5)]
    assert seen == [False, True, True, True, True]


def test_the_window_says_when_the_number_of_offsets_ended_it() -> None:
    window = Window(1_000_000, 10)
    window.sight(identity("a"), 0, 0, 0)
    assert window.sight(identity("a"), 11, 1, 1) is False
    assert window.offsets_bound is True


def test_old_generations_are_forgotten() -> None:
    window = Window(1_000, 1_000_000)
    for offset in range(10_000):
        window.sight(identity(str(offset)), offset, offset, offset)
    assert len(window) <= 1_500


def test_two_ids_that_share_a_prefix_are_two_identities() -> None:
    assert identity("order-1") != identity("order-10")
    assert identity("a").bit_length() <= 128


@given(
    ids=st.lists(st.uuids().map(str) | st.uuids().map(lambda u: str(u).upper()) | st.text(max_size=40), max_size=6),
)
def test_a_canonical_uuid_is_its_own_number_and_any_other_id_a_hash_behind_a_one(ids: list[str]) -> None:
    canonical = [str(UUID(i)) == i if _is_uuid(i) else False for i in ids]
    expected = [UUID(i).int if plain else 1 << 128 | identity(i) for i, plain in zip(ids, canonical, strict=True)]
    assert window_identities(ids) == expected


def test_ids_whose_lengths_make_up_for_one_another_are_not_taken_for_uuids() -> None:
    one, other = str(UUID(int=1)), str(UUID(int=2))
    shifted = [one + other[0], other[1:]]
    assert window_identities(shifted) == [1 << 128 | identity(i) for i in shifted]
    spaced = ["0000000 -0000-0000-0000-000000000001", one]
    assert window_identities(spaced) == [1 << 128 | identity(spaced[0]), 1]


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
