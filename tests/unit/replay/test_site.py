"""Requests to events: what counts, what is left out, what stays private; the real log to its last byte."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.access.classify import is_page, kind_of
from replay.access.combined import CombinedParser
from replay.access.jsonlines import JsonLinesParser
from replay.access.request import LineParser
from replay.access.site import SiteEvents, SiteOptions
from replay.access.w3c import W3cParser
from replay.files import examine, line_batches
from replay.identity import RowIds
from replay.inputs import Options, open_log
from replay.rows import Parsed, State
from shared.events import SiteTraffic

LINE = '192.0.2.{n} - alice [17/May/2015:10:05:03 +0000] "{method} {target} HTTP/1.1" {status} {size} "{ref}" "{ua}"'


def lines(*changes: dict[str, Any]) -> list[bytes | None]:
    usual = {"n": 7, "method": "GET", "target": "/", "status": 200, "size": 1000, "ref": "-", "ua": "-"}
    return [LINE.format(**usual | change).encode() for change in changes]


def rows(log: list[bytes | None], options: SiteOptions | None = None) -> list[Parsed]:
    return list(SiteEvents(RowIds("0" * 64), options or SiteOptions()).rows([log], CombinedParser()))


@pytest.mark.parametrize(
    ("method", "target", "status", "size", "kind"),
    [
        ("GET", "/", 200, 1000, "view"),
        ("GET", "/shop/phones", 200, 1000, "view"),
        ("GET", "/index.HTML?a.png", 200, 1000, "view"),
        ("POST", "/login.php", 200, 1000, "view"),
        ("GET", "/", 304, "-", "view"),
        ("GET", "/logo.png", 200, 1000, "asset"),
        ("GET", "/logo.png", 304, "-", "asset"),
        ("GET", "/film.mp4", 206, 1000, "asset"),
        ("GET", "/", 301, 300, "asset"),
        ("GET", "/", 404, 500, "asset"),
        ("OPTIONS", "/", 500, 626, "asset"),
        ("HEAD", "/", 200, "-", None),
        ("GET", "/", 301, "-", None),
        ("GET", "/", 500, 0, None),
    ],
)
def test_status_method_and_path_decide(
    method: str, target: str, status: int, size: int | str, kind: str | None
) -> None:
    (parsed,) = rows(lines({"method": method, "target": target, "status": status, "size": size}))
    if kind is None:
        assert parsed.state is State.NOT_TRAFFIC
        assert "without content" in parsed.reason
    else:
        assert json.loads(parsed.records[0].value)["kind"] == kind


@given(
    st.sampled_from([b"GET", b"POST", b"HEAD", b"PUT", b""]),
    st.integers(100, 599),
    st.integers(-1, 10**6),
    st.booleans(),
)
def test_bytes_that_travelled_always_count(method: bytes, status: int, size: int, page: bool) -> None:
    if size > 0:
        assert kind_of(method, status, size, page)


@pytest.mark.parametrize(("path", "page"), [(b"/a.b/c", True), (b"/c.jpg", False), (b"/v1.2", False), (b"", True)])
def test_the_last_part_of_a_path_decides_whether_it_is_a_page(path: bytes, page: bool) -> None:
    assert is_page(path) is page


def test_an_event_holds_what_was_logged_and_nothing_private(event_of: Callable[..., dict[str, Any]]) -> None:
    log = lines({"target": "/account?token=s3cret", "ref": "http://mail.example/inbox?who=bob", "ua": "Mozilla/5.0"})
    (parsed,) = rows(log, SiteOptions(shop="FR", hosting_country="DE", country="FR"))
    assert event_of(parsed) == {
        "schema_version": 1,
        "event_id": hashlib.sha256(("0" * 64 + ":1").encode()).hexdigest(),
        "occurred_at": "2015-05-17T10:05:03+00:00",
        "shop": "FR",
        "source_system": "access-log",
        "hosting_country": "DE",
        "kind": "view",
        "device": "unknown",
        "page": "/account",
        "country": "FR",
        "bytes_transferred": 1000,
    }
    assert parsed.records[0].timestamp_ms == 1_431_857_103_000
    for private in (b"192.0.2", b"alice", b"s3cret", b"inbox", b"bob", b"Mozilla"):
        assert private not in parsed.records[0].value


def test_a_dash_is_no_bytes_and_is_flagged(event_of: Callable[..., dict[str, Any]]) -> None:
    (parsed,) = rows(lines({"status": 304, "size": "-"}))
    assert event_of(parsed)["bytes_transferred"] == 0
    assert parsed.flags == ("size_not_logged",)


def test_identical_lines_are_distinct_events() -> None:
    found = rows(lines(*[{}] * 1000))
    assert len({parsed.records[0].key for parsed in found}) == 1000


def test_a_path_beyond_the_limit_is_cut_and_flagged(event_of: Callable[..., dict[str, Any]]) -> None:
    (parsed,) = rows(lines({"target": "/" + "x" * 5000}))
    assert (len(event_of(parsed)["page"]), parsed.flags) == (1024, ("page_cut",))


def test_a_size_beyond_the_contract_is_rejected_by_the_contract_and_costs_nobody_else() -> None:
    before, bad, after = rows(lines({}, {"size": 10**12}, {}))
    assert (before.state, bad.state, after.state) == (State.SENT, State.REJECTED, State.SENT)
    assert (bad.row, bad.field) == (2, "bytes_transferred")


def test_an_address_becomes_a_country_only_by_a_database(event_of: Callable[..., dict[str, Any]]) -> None:
    looked_up: list[bytes] = []

    def countries(front: bytes) -> str:
        looked_up.append(front)
        return "SE"

    (parsed,) = rows(lines({}), SiteOptions(country="FR", countries=countries))
    assert event_of(parsed)["country"] == "SE"
    assert looked_up == [b"192.0.2.7 - alice "]


@given(
    st.lists(
        st.binary(max_size=200) | st.sampled_from([line for line in lines({}, {"size": "-"}) if line]), max_size=30
    )
)
def test_every_line_has_one_end_its_own_number_and_its_own_id(log: list[bytes]) -> None:
    found = rows(list(log))
    assert [parsed.row for parsed in found] == list(range(1, len(log) + 1))
    keys = [record.key for parsed in found for record in parsed.records]
    assert len(set(keys)) == len(keys)
    for parsed in found:
        assert bool(parsed.records) is (parsed.state is State.SENT)
        for record in parsed.records:
            SiteTraffic.model_validate_json(record.value)


W3C = b"#Fields: date time cs-method cs-uri-stem sc-status sc-bytes cs(User-Agent) c-country"
JSON_NAMES = {name: name for name in ("time", "method", "target", "status", "size", "agent", "country", "type")}
WORDS = st.binary(max_size=12) | st.sampled_from([b"2026-11-27", b"10:00:00", b"GET", b"200", b"-", b"FR", b"/"])
VALUES = st.none() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["GET", "200", "-"])
LINES = (
    st.binary(max_size=200)
    | st.lists(WORDS, min_size=8, max_size=8).map(b"\t".join)
    | st.fixed_dictionaries(dict.fromkeys(JSON_NAMES, VALUES)).map(lambda entry: json.dumps(entry).encode())
)


@given(st.sampled_from([CombinedParser, W3cParser, lambda: JsonLinesParser(JSON_NAMES)]), st.lists(LINES, max_size=10))
def test_no_bytes_stop_any_parser(parser: Callable[[], LineParser], log: list[bytes]) -> None:
    found = list(SiteEvents(RowIds("0" * 64), SiteOptions()).rows([[W3C, *log]], parser()))
    assert [parsed.row for parsed in found] == list(range(1, len(log) + 2))


@pytest.mark.parametrize("method", [b"\xff\xfe", b"G\xc9T", b"get", b"-", b"A" * 21])
def test_a_method_that_is_none_is_flagged_in_every_format_and_quoted_in_no_reason(method: bytes) -> None:
    told = [
        (CombinedParser(), b'1.2.3.4 - - [27/Nov/2025:10:00:00 +0000] "%b / HTTP/1.1" 500 %d "-" "-"'),
        (W3cParser(), b"2025-11-27\t10:00:00\t%b\t/\t500\t%d\tx\t-"),
        (
            JsonLinesParser(JSON_NAMES),
            b'{"time": 1764237600, "method": "%b", "target": "/", "status": 500, "size": %d, "agent": "x"}',
        ),
    ]
    for parse, line in told:
        if isinstance(parse, JsonLinesParser):
            method = b"G\\u00c9T" if method in (b"\xff\xfe", b"G\xc9T", b"get") else method
        log = [W3C, line % (method, 0), line % (method, 9)]
        _, empty, full = SiteEvents(RowIds("0" * 64), SiteOptions()).rows([log], parse)
        assert (empty.state, empty.reason) == (State.NOT_TRAFFIC, "no request and no bytes")
        assert (full.state, full.flags) == (State.SENT, ("no_request",))


def test_reasons_stay_few_whatever_the_methods_and_statuses() -> None:
    changes: list[dict[str, Any]] = [
        {"method": "M" + "".join(chr(65 + number // 26**place % 26) for place in range(3)), "size": 0}
        for number in range(5_000)
    ]
    changes += [{"status": f"{number:03d}", "size": 0} for number in range(1000)]
    reasons = {parsed.reason for parsed in rows(lines(*changes))} - {""}
    assert reasons == {
        "another method without content",
        *(f"status {number}xx without content" for number in range(10) if number != 2),
    }


@pytest.mark.parametrize("status", ["1000", "-1", "99999999999999999999", '"1e3"', '"²00"', "true", "null", "2.5"])
def test_a_status_in_json_has_three_digits(status: str) -> None:
    line = f'{{"time": 1764237600, "method": "GET", "target": "/", "status": {status}, "size": 0}}'
    (parsed,) = SiteEvents(RowIds("0" * 64), SiteOptions()).rows([[line.encode()]], JsonLinesParser(JSON_NAMES))
    assert (parsed.state, parsed.field) == (State.REJECTED, "status")


@pytest.fixture(scope="module")
def real(real_log: Path) -> list[Parsed]:
    return list(open_log(real_log, Options()).rows(None))


def test_all_ten_thousand_real_lines_are_accounted_for(real: list[Parsed]) -> None:
    assert Counter(parsed.state for parsed in real) == {State.SENT: 9_956, State.NOT_TRAFFIC: 44}
    assert [parsed.row for parsed in real] == list(range(1, 10_001))


def test_the_bytes_sent_are_the_bytes_of_the_log_added_up_independently(real: list[Parsed], real_log: Path) -> None:
    total = 0
    for line in gzip.decompress(real_log.read_bytes()).decode().splitlines():
        after_the_request = line.split('"')[2].split()
        total += int(after_the_request[1]) if after_the_request[1] != "-" else 0
    sent = sum(json.loads(record.value)["bytes_transferred"] for parsed in real for record in parsed.records)
    assert sent == total == 2_747_282_740


def test_no_real_line_vanishes_among_its_twins(real: list[Parsed], real_log: Path) -> None:
    repeated = Counter(gzip.decompress(real_log.read_bytes()).splitlines())
    assert sum(count - 1 for count in repeated.values()) > 0
    keys = {record.key for parsed in real for record in parsed.records}
    assert len(keys) == 9_956


def test_real_bots_views_and_flags(real: list[Parsed]) -> None:
    found = [json.loads(record.value) for parsed in real for record in parsed.records]
    kinds = Counter(entry["kind"] for entry in found)
    assert kinds["view"] + kinds["asset"] == 9_956
    assert Counter(entry["device"] for entry in found)["bot"] > 2_000
    flags = Counter(flag for parsed in real for flag in parsed.flags)
    assert flags == {"size_not_logged": 625, "line_cut_off": 1}


def test_no_address_referrer_or_query_of_the_real_log_is_in_any_event(real: list[Parsed], real_log: Path) -> None:
    values = b"\n".join(record.value for parsed in real for record in parsed.records)
    assert not re.search(rb"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}", values)
    assert b"http://" not in values
    assert b"flav=" not in values


def test_the_real_log_in_any_cut_of_its_pieces_gives_the_same_events(real: list[Parsed], real_log: Path) -> None:
    content = gzip.decompress(real_log.read_bytes())
    pieces = [content[at : at + 777] for at in range(0, len(content), 777)]
    events = SiteEvents(RowIds(examine(real_log).sha256), SiteOptions())
    assert list(events.rows(line_batches(pieces), CombinedParser())) == real
