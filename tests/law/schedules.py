"""Generated logs and schedules: what is on the log, what happens to the processes, and at which await."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from tests.law.fakes import Rec
from tests.law.faults import ERROR, KILL, OUTAGE, STALL
from tests.law.reference import Fact

START_MS = 1_764_284_400_000
DAY_MS = 86_400_000

moments = st.tuples(
    st.integers(-30_000, 400_000),  # since the record before, in log time: clocks go back, too
    st.sampled_from([0, 0, 0, 1_000, 310_000, 950_000, 36 * DAY_MS, -400_000]),  # late
)
records = st.one_of(
    st.tuples(st.sampled_from(["id", "id", "id", "replay"]), st.sampled_from("abcd"), moments, st.booleans()),
    st.tuples(st.sampled_from(["bad", "control"]), st.just("x"), moments, st.just(True)),
)
partition_logs = st.lists(st.lists(records, min_size=3, max_size=10), min_size=2, max_size=3)

small = st.integers(0, 5)
overlaps = st.tuples(
    st.just("overlap"),
    small,
    st.integers(1, 3),
    st.sampled_from([0, 0, 2]),
    st.integers(0, 25),
    st.sampled_from(["", ERROR, ERROR, KILL, "ask", "revoke", "stop", "resend"]),
)
"""A flush with reading in the middle of it: records, how many of them once more, at which await, and what then."""
steps = st.lists(
    st.one_of(
        st.tuples(st.just("produce"), small, st.integers(1, 4)),
        st.tuples(st.just("turn"), small, st.integers(1, 3), st.sampled_from([0, 0, 2]), st.booleans()),
        st.tuples(st.just("turn"), small, st.integers(1, 3), st.just(0), st.just(True)),
        st.tuples(st.just("flush"), small, st.booleans()),
        st.tuples(st.just("rebalance"), small),
        st.tuples(st.just("start"), small),
        st.tuples(st.sampled_from(["kill", "deaf", "outage"]), small),
        st.tuples(st.just("broken"), small, st.integers(1, 3), st.booleans()),
        st.tuples(st.just("stop"), small, st.integers(1, 3), st.integers(0, 15)),
        st.tuples(st.just("revoke"), small, st.integers(1, 3), st.integers(0, 15)),
        st.tuples(st.just("resend"), small, st.integers(1, 3), st.integers(0, 15)),
        st.tuples(st.just("ask"), small, st.sampled_from([1, 20]), st.integers(0, 4), st.integers(-5, 25)),
        overlaps,
        overlaps,
    ),
    min_size=3,
    max_size=14,
)
moments_of_a_process = st.one_of(st.integers(1, 90), st.integers(1, 90), st.integers(-4, -1))
plans = st.lists(
    st.dictionaries(moments_of_a_process, st.sampled_from([ERROR, OUTAGE, KILL, STALL, STALL]), max_size=3), max_size=4
)


def facts_of(topic: str, partition: int, log: list[Any], *, later_ms: int = 0) -> list[Fact]:
    """The generated partition as facts; its times begin ``later_ms`` after those of others."""
    facts, time_ms = [], START_MS + later_ms
    for offset, (kind, name, (step_ms, late_ms), keyed) in enumerate(log):
        time_ms += step_ms
        facts.append(
            Fact(
                offset,
                time_ms,
                event_id=name,
                occurred_ms=time_ms - late_ms,
                size=1 << min(offset, 40),  # sums tell which records are in them
                country="FR" if name in "ab" else "",
                bad=kind == "bad",
                control=kind == "control",
                replays=f"{topic}/0/{partition}/{offset % 2}" if kind == "replay" else "",
                keyed=keyed,
            )
        )
    return facts


def log_of(facts: list[Fact]) -> list[Rec | None]:
    """The same partition as records."""
    return [None if fact.control else _record(fact) for fact in facts]


def _record(fact: Fact) -> Rec:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=fact.occurred_ms)
    event = {
        "event_id": fact.event_id,
        "occurred_at": moment.isoformat(),
        "kind": "view",
        "device": "laptop",
        "bytes_transferred": fact.size,
        **({"country": fact.country} if fact.country else {}),
    }
    value = b'{"event_id": 7}' if fact.bad else json.dumps(event).encode()
    headers = ((("replays", fact.replays.encode()),)) if fact.replays else ()
    return Rec(fact.offset, fact.time_ms, fact.event_id.encode() if fact.keyed else None, value, headers)
