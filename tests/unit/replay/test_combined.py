"""Combined Log Format: the variants that servers write, and what is wrong with a line that is none."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.access.combined import CombinedParser
from replay.access.countries import address_of
from replay.access.request import CommonLogTimes, NotARequest, Unreadable, path_of

USUAL = (
    b'83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a/b.png?q=1 HTTP/1.1" 200 203023 '
    b'"http://example.org/" "Mozilla/5.0 (X11; Linux x86_64)"'
)


def test_the_usual_line() -> None:
    request = CombinedParser()(USUAL)
    assert request.moment == ("2015-05-17T10:05:03+00:00", 1_431_857_103_000)
    assert (request.method, request.path, request.status, request.size) == (b"GET", b"/a/b.png", 200, 203_023)
    assert request.agent == b"Mozilla/5.0 (X11; Linux x86_64)"
    assert request.flags == ()
    assert address_of(request.address) == "83.149.9.216"


@pytest.mark.parametrize(
    ("line", "address", "path", "status", "size", "agent", "flags"),
    [
        (  # Common Log Format: neither referrer nor user agent
            b'10.0.0.1 - - [29/Feb/2024:23:59:60 -0330] "GET / HTTP/1.0" 304 -',
            *("10.0.0.1", b"/", 304, -1, b"", ("no_user_agent",)),
        ),
        (  # Apache's vhost_combined, IPv6
            b'shop.example:443 2001:db8::1 - bob [17/May/2015:10:05:03 +0200] "GET /x HTTP/2.0" 200 5 "-" "curl/8"',
            *("2001:db8::1", b"/x", 200, 5, b"curl/8", ()),
        ),
        (  # a user name with blanks, fields after the user agent
            b'1.2.3.4 - John Doe [17/May/2015:10:05:03 +0000] "POST /y HTTP/1.1" 201 7 "-" "UA" "9.9.9.9" 0.004',
            *("1.2.3.4", b"/y", 201, 7, b"UA", ()),
        ),
        (  # escaped quotes in request, referrer and user agent
            rb'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /\"q\" HTTP/1.1" 404 9 "\"r\"" "A \"B\" C"',
            *("1.2.3.4", rb"/\"q\"", 404, 9, rb"A \"B\" C", ()),
        ),
        (  # no request at all
            b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "-" 408 0 "-" "-"',
            *("1.2.3.4", b"", 408, 0, b"-", ("no_request",)),
        ),
        (  # TLS bytes sent to a plain port, as nginx escapes them
            rb'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "\x16\x03\x01" 400 166 "-" "-"',
            *("1.2.3.4", b"", 400, 166, b"-", ("no_request",)),
        ),
        (  # blanks in the target
            b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a b c HTTP/1.1" 200 1 "-" "UA"',
            *("1.2.3.4", b"/a b c", 200, 1, b"UA", ()),
        ),
        (  # cut off inside the user agent, as one line of the real log is
            b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 235 "-" "Mozilla/5.0 (compatible; Goo',
            *("1.2.3.4", b"/", 200, 235, b"Mozilla/5.0 (compatible; Goo", ("line_cut_off",)),
        ),
    ],
)
def test_variants(
    line: bytes, address: str, path: bytes, status: int, size: int, agent: bytes, flags: tuple[str, ...]
) -> None:
    request = CombinedParser()(line)
    assert address_of(request.address) == address
    assert (request.path, request.status, request.size, request.agent) == (path, status, size, agent)
    assert request.flags == flags


def test_a_leap_second_counts_as_the_second_before() -> None:
    line = USUAL.replace(b"17/May/2015:10:05:03 +0000", b"30/Jun/2015:23:59:60 +0000")
    assert CombinedParser()(line).moment.text == "2015-06-30T23:59:59+00:00"


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b"garbage", "time"),
        (b'1.2.3.4 - - [17/May/2015:10:05:03] "GET / HTTP/1.1" 200 1', "time"),
        (b'1.2.3.4 - - [31/Feb/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1', "time"),
        (b'1.2.3.4 - - [17/Mai/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1', "time"),
        (b"1.2.3.4 - - [17/May/2015:10:05:03 +0000] GET / 200 1", "request"),
        (b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 20 1', "status"),
        (b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 -5', "size"),
        (b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1e9', "size"),
    ],
)
def test_an_unreadable_line_names_its_field_and_never_quotes_itself(line: bytes, field: str) -> None:
    with pytest.raises(Unreadable) as caught:
        CombinedParser()(line)
    assert caught.value.field == field
    assert "1.2.3.4" not in str(caught.value)


def test_a_blank_line_is_no_error() -> None:
    with pytest.raises(NotARequest):
        CombinedParser()(b"  ")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/a?token=secret", b"/a"),
        (b"/a#part", b"/a"),
        (b"/a;jsessionid=1?x", b"/a"),
        (b"http://user:pw@shop.example/a/b?c", b"/a/b"),
        (b"http://shop.example", b"/"),
        (b"*", b"*"),
    ],
)
def test_only_the_path_is_kept_of_a_target(target: bytes, path: bytes) -> None:
    assert path_of(target) == path


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_one_of_two_reasons(line: bytes) -> None:
    with contextlib.suppress(Unreadable, NotARequest):
        CombinedParser()(line)


@given(st.integers(0, 999), st.integers(0, 10**11), st.text('abc/?#;.= \\"', max_size=40))
def test_every_line_that_a_server_would_write_is_read(status: int, size: int, target: str) -> None:
    escaped = target.replace("\\", "\\\\").replace('"', '\\"')
    line = f'::1 - - [17/May/2015:10:05:03 +0000] "GET /{escaped} HTTP/1.1" {status:03d} {size} "-" "UA"'
    request = CombinedParser()(line.encode())
    assert (request.status, request.size, request.method) == (status, size, b"GET")
    assert b"?" not in request.path


@given(st.lists(st.integers(0, 4_000_000_000), min_size=1, max_size=30), st.integers(-1439, 1439))
def test_times_are_the_same_whether_their_minute_was_seen_before_or_not(seconds: list[int], offset: int) -> None:
    times = CommonLogTimes()
    for second in [other + n for other in seconds for n in (0, 1)]:
        moment = datetime.fromtimestamp(second, timezone(timedelta(minutes=offset)))
        found = times(f"{moment:%d/%b/%Y:%H:%M:%S %z}".encode())
        assert found == (moment.isoformat(), second * 1000)


def test_a_leap_second_counts_as_the_second_before_and_no_other_is_invented() -> None:
    times = CommonLogTimes()
    assert times(b"30/Jun/2015:23:59:59 +0000") == times(b"30/Jun/2015:23:59:60 +0000")
    for wrong in (b"30/Jun/2015:23:59:61 +0000", b"30/Jun/2015:23:59: 1 +0000", b"30/Jun/2015:23:59:+1 +0000"):
        for _ in range(2):
            with pytest.raises(Unreadable, match="time: "):
                times(wrong)


def test_a_size_of_any_length_costs_one_line() -> None:
    for size in ("9" * 19, "9" * 5000):
        with pytest.raises(Unreadable, match="size: "):
            CombinedParser()(f'::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 {size} "-" "-"'.encode())
