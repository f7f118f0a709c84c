"""The days of a log are those of the lines that are sent: no other line moves a campaign."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from replay.access.combined import CombinedParser
from replay.access.jsonlines import JsonLinesParser, find_names
from replay.access.request import LineParser
from replay.access.site import SiteEvents, SiteOptions
from replay.access.span import LogSpan
from replay.identity import RowIds

LATEST = datetime(2026, 11, 27, 12, tzinfo=UTC)
Span = tuple[datetime, datetime] | None


def site() -> SiteEvents:
    return SiteEvents(RowIds("0" * 64), SiteOptions(latest_ms=int(LATEST.timestamp() * 1000)))


def combined(lines: list[str], per_piece: int = 1000) -> Span:
    events, parse = site(), CombinedParser()
    found = LogSpan(lambda line: events.sent_at(line, parse))
    found.combined("\n".join(lines[at : at + per_piece]).encode() for at in range(0, len(lines), per_piece))
    return found.span()


def line(time: str, *, method: str = "GET", size: str = "5", agent: str = "-") -> str:
    return f'::1 - - [{time} +0000] "{method} / HTTP/1.1" 200 {size} "-" "{agent}"'


def of_sent(lines: list[str], parse: LineParser) -> Span:
    """The same by sending every line."""
    batch: list[bytes | None] = [text.encode() for text in lines]
    sent = [record.timestamp_ms // 60_000 * 60 for row in site().rows([batch], parse) for record in row.records]
    return (datetime.fromtimestamp(min(sent), UTC), datetime.fromtimestamp(max(sent), UTC)) if sent else None


GOOD = [line("26/Nov/2026:10:00:30"), line("26/Nov/2026:12:00:30")]
BOTH = (datetime(2026, 11, 26, 10, tzinfo=UTC), datetime(2026, 11, 26, 12, tzinfo=UTC))


def test_a_line_in_the_future_moves_no_end() -> None:
    assert combined([*GOOD, line("01/Jan/2099:00:00:00")]) == BOTH
    assert combined([line("27/Nov/2026:12:00:01"), *GOOD]) == BOTH
    assert combined([line("27/Nov/2026:12:00:00"), *GOOD]) == (BOTH[0], datetime(2026, 11, 27, 12, tzinfo=UTC))


def test_lines_that_are_rejected_or_no_traffic_move_no_end() -> None:
    broken = '::1 - - [01/Jan/2001:00:00:00 +0000] "GET / HTTP/1.1" x'
    head = line("02/Jan/2001:00:00:00", method="HEAD", size="-")
    huge = line("03/Jan/2001:00:00:00", size="9" * 17)
    assert combined([broken, head, *GOOD, huge]) == BOTH
    assert combined([broken, head, huge]) is None


def test_a_time_inside_a_user_agent_is_no_time_of_the_log() -> None:
    assert combined([*GOOD, line("26/Nov/2026:11:00:00", agent="[01/Jan/2001:00:00:00 +0000]")]) == BOTH


def test_many_refused_minutes_hide_no_line_that_is_sent() -> None:
    ahead = [line(f"01/Jan/2099:00:{minute:02d}:00") for minute in range(60)]
    before = [line(f"01/Jan/2001:00:{minute:02d}:00", method="HEAD", size="-") for minute in range(60)]
    assert combined([*before, *GOOD, *ahead]) == BOTH


SECONDS = st.integers(1_795_700_000, 1_795_800_000)  # about a day around the latest moment


@st.composite
def _line(draw: st.DrawFn) -> str:
    time = f"{datetime.fromtimestamp(draw(SECONDS), UTC):%d/%b/%Y:%H:%M:%S}"
    other = f"[{datetime.fromtimestamp(draw(SECONDS), UTC):%d/%b/%Y:%H:%M:%S} +0000]"
    method, size = draw(st.sampled_from([("GET", "5"), ("HEAD", "-"), ("GET", "9" * 15), ("GET", "x")]))
    return line(time, method=method, size=size, agent=draw(st.sampled_from(["-", other])))


@given(st.lists(_line(), max_size=40), st.integers(1, 12))
def test_the_span_is_that_of_the_lines_sent_however_the_log_is_cut(lines: list[str], per_piece: int) -> None:
    assert combined(lines, per_piece) == of_sent(lines, CombinedParser())


@given(st.lists(st.tuples(SECONDS, st.sampled_from([5, 10**15])), min_size=1, max_size=30))
def test_logs_of_other_formats_have_the_same_rule(requests: list[tuple[int, int]]) -> None:
    lines = [json.dumps({"time": time, "method": "GET", "uri": "/", "status": 200, "bytes": n}) for time, n in requests]
    parse = JsonLinesParser(find_names([lines[0].encode()]))
    events = site()
    found = LogSpan(lambda text: events.sent_at(text, parse))
    found.any_format([b"\xef\xbb\xbf" + "\n".join(lines).encode()], parse)
    assert found.span() == of_sent(lines, parse)
