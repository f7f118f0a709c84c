"""The tally, fed in batches, against the law's reference, which counts record by record without any of its code."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.law.reference import AHEAD_MS, GRACE_MS, HORIZON_MS, OLD_MS, one_pass
from tests.law.schedules import facts_of, log_of, records

from shared.meter.lateness import LatenessRules
from shared.meter.position import Position
from shared.meter.tally import Tally
from shared.meter.window import Window
from shared.readings import Balance
from traffic_meter.channels.site import SITE

RULES = LatenessRules(grace_ms=GRACE_MS, horizon_ms=HORIZON_MS, age_ms_max=OLD_MS, ahead_ms_max=AHEAD_MS)
DECODER = SITE.decoder()


@settings(max_examples=300)
@given(
    log=st.lists(records, min_size=1, max_size=30),  # sizes double with the offset and have a limit
    batches=st.lists(st.integers(1, 15), min_size=1),
    offsets_max=st.integers(3, 50),
)
def test_batches_of_any_size_come_to_what_one_pass_counts(log: list[Any], batches: list[int], offsets_max: int) -> None:
    facts = facts_of("site", 0, log)
    expected = one_pass(facts, offsets_max)
    left = [record for record in log_of(facts) if record is not None]
    tally = Tally(SITE, DECODER, RULES, Window(HORIZON_MS, offsets_max))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    tally.begin(Position("site", 0, 1, Balance(first_offset=0, next_offset=0), 0, None, epoch, 1, ""))
    while left:
        size = batches[len(left) % len(batches)]
        tally.take(left[:size])
        left = left[size:]
    tally.passed(len(facts))
    sealed = tally.seal()
    fresh = {source: index for index, source in reversed([(i, r.source) for i, r in enumerate(sealed.replays)])}
    sealed = tally.with_replays(sealed, set(fresh.values()))
    assert [letter.record.offset for letter in sealed.dead_letters] == expected.dead
    registers = {
        (datetime.fromtimestamp(key.quarter_s, UTC), key.country, key.detail): [
            *(delta.events, delta.late, delta.duplicates, delta.rejected),
            delta.activity[0] if delta.activity else 0,
        ]
        for key, delta in sealed.deltas.items()
    }
    assert registers == expected.registers
    assert {name: n for name, n in vars_of(sealed.counts).items() if n} == {
        k: n for k, n in expected.counts.items() if n
    }


def vars_of(counts: Any) -> dict[str, int]:
    return {name: getattr(counts, name) for name in counts.__slots__}
