"""W3C extended and JSON lines, and telling the formats apart."""

from __future__ import annotations

import contextlib
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.access.formats import parser_for
from replay.access.jsonlines import JsonLinesParser, find_names
from replay.access.request import NotARequest, Request, Unreadable
from replay.access.w3c import W3cParser
from shared.errors import Rejected

CLOUDFRONT = (
    "#Version: 1.0\n"
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) "
    "cs(User-Agent) cs-uri-query c-country sc-content-type\n"
    "2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.24\tGET\td1.example\t/index\t200\t-\t"
    "Mozilla/5.0%20(Windows%20NT%2010.0)\tq=1\tUS\ttext/html;%20charset=utf-8\n"
)


def read_all(parser: W3cParser | JsonLinesParser, text: str) -> list[Request]:
    found = []
    for line in text.encode().splitlines():
        try:
            found.append(parser(line))
        except NotARequest:
            continue
    return found


def test_cloudfront() -> None:
    (request,) = read_all(W3cParser(), CLOUDFRONT)
    assert request.moment.text == "2019-12-04T21:02:31+00:00"
    assert (request.method, request.path, request.status, request.size) == (b"GET", b"/index", 200, 392)
    assert request.agent == b"Mozilla/5.0 (Windows NT 10.0)"
    assert (request.country, request.html) == ("US", True)


def test_cloudfront_of_older_years_escapes_twice() -> None:
    (request,) = read_all(W3cParser(), CLOUDFRONT.replace("%20", "%2520"))
    assert request.agent == b"Mozilla/5.0 (Windows NT 10.0)"


def test_iis_writes_blanks_between_columns_and_plus_for_blanks() -> None:
    text = (
        "#Fields: date time cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) sc-status sc-bytes\n"
        "2024-02-29 23:59:59 POST /Default.aspx a=b 10.0.0.1 Mozilla/5.0+(Windows+NT+10.0;+Win64) 302 417\n"
        "#Fields: date time sc-bytes sc-status cs-method cs-uri-stem\n"
        "2024-03-01 00:00:00 9 404 GET /x\n"
    )
    first, second = read_all(W3cParser(), text)
    assert (first.agent, first.size, first.status) == (b"Mozilla/5.0 (Windows NT 10.0; Win64)", 417, 302)
    assert (second.size, second.status, second.path) == (9, 404, b"/x")


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b"2019-12-04\t21:02:31\tLAX1", "line"),
        (CLOUDFRONT.splitlines()[2].replace("392", "many").encode(), "sc-bytes"),
        (CLOUDFRONT.splitlines()[2].replace("\t200\t", "\tOK\t").encode(), "sc-status"),
        (CLOUDFRONT.splitlines()[2].replace("2019-12-04", "2019-13-04").encode(), "time"),
    ],
)
def test_a_bad_w3c_line_names_its_column(line: bytes, field: str) -> None:
    parser = W3cParser()
    read_all(parser, CLOUDFRONT)
    with pytest.raises(Unreadable) as caught:
        parser(line)
    assert caught.value.field == field


def test_a_w3c_line_before_any_fields_line_is_rejected() -> None:
    with pytest.raises(Unreadable, match="no usable #Fields"):
        W3cParser()(b"2019-12-04 21:02:31 GET /")


JSON_LOGS = {
    "nginx": {
        **{"time_iso8601": "2024-11-29T21:00:00+01:00", "request": "GET /a/b?c HTTP/2.0", "status": "200"},
        **{"body_bytes_sent": "512", "http_user_agent": "UA", "remote_addr": "192.0.2.1"},
    },
    "caddy": {
        **{"ts": 1732910400.25, "status": 200, "size": 512},
        "request": {"method": "GET", "uri": "/a/b?c", "headers": {"User-Agent": ["UA"]}, "remote_ip": "192.0.2.1"},
    },
    "traefik": {
        **{"StartUTC": "2024-11-29T20:00:00Z", "RequestMethod": "GET", "RequestPath": "/a/b?c"},
        **{
            "DownstreamStatus": 200,
            "DownstreamContentSize": 512,
            "request_User-Agent": "UA",
            "ClientHost": "192.0.2.1",
        },
    },
    "cloudflare": {
        **{"EdgeStartTimestamp": 1732910400000000000, "ClientRequestMethod": "GET", "ClientRequestURI": "/a/b?c"},
        **{
            "EdgeResponseStatus": 200,
            "EdgeResponseBytes": 512,
            "ClientRequestUserAgent": "UA",
            "ClientIP": "192.0.2.1",
        },
    },
    "cloudfront": {
        **{"date": "2024-11-29", "time": "20:00:00", "cs-method": "GET", "cs-uri-stem": "/a/b", "sc-status": "200"},
        **{"sc-bytes": "512", "cs(User-Agent)": "UA", "c-ip": "192.0.2.1"},
    },
    "ecs": {
        **{"@timestamp": "2024-11-29T20:00:00Z", "url": {"path": "/a/b"}, "source": {"ip": "192.0.2.1"}},
        "http": {"request": {"method": "get"}, "response": {"status_code": 200, "body": {"bytes": 512}}},
        "user_agent": {"original": "UA"},
    },
    "apache": {
        **{"time": "29/Nov/2024:21:00:00 +0100", "method": "GET", "uri": "/a/b", "status": 200, "bytes": 512},
        **{"agent": "UA", "ip": "192.0.2.1"},
    },
}


@pytest.mark.parametrize("name", JSON_LOGS)
def test_json_lines_of_servers_and_cdns(name: str) -> None:
    line = json.dumps(JSON_LOGS[name])
    (request,) = read_all(JsonLinesParser(find_names([line.encode()])), line)
    assert request.moment.ms // 1000 == 1_732_910_400
    assert (request.method, request.path, request.status, request.size) == (b"GET", b"/a/b", 200, 512)
    assert (request.agent, request.address) == (b"UA", b"192.0.2.1")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"status": "OK"}, "status"),
        ({"status": True}, "status"),
        ({"bytes": -1}, "size"),
        ({"bytes": 1.5}, "size"),
        ({"time": "2024-11-29 21:00:00"}, "time"),
        ({"time": None}, "time"),
        ({"time": float("nan")}, "time"),
        ({"time": 1e300}, "time"),
    ],
)
def test_a_bad_json_line_names_its_property(change: dict[str, object], field: str) -> None:
    good = JSON_LOGS["apache"]
    parser = JsonLinesParser(find_names([json.dumps(good).encode()]))
    with pytest.raises(Unreadable) as caught:
        parser(json.dumps(good | change).encode())
    assert caught.value.field == field


@pytest.mark.parametrize(
    "line", [b"[" * 60_000, b'{"a":' * 9_000, b"nonsense", b"[1]", b"null", b'{"time":', b"\xff{}"]
)
def test_what_is_no_json_object_is_rejected(line: bytes) -> None:
    parser = JsonLinesParser({"time": "time", "status": "status", "size": "bytes", "method": "method"})
    with pytest.raises(Unreadable, match="not a JSON object"):
        parser(line)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.dictionaries(st.text(), x)))
def test_any_json_is_a_request_or_a_reason(value: object) -> None:
    names = find_names([json.dumps(JSON_LOGS["caddy"]).encode()])
    for entry in (value, {"ts": value}, JSON_LOGS["caddy"] | {"request": value}, JSON_LOGS["caddy"] | {"size": value}):
        with contextlib.suppress(Unreadable, NotARequest):
            JsonLinesParser(names)(json.dumps(entry).encode())


def test_the_format_is_told_from_the_first_lines(tmp_path: Path) -> None:
    combined = b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "UA"\n'
    contents = {
        "Combined Log Format": b"\xef\xbb\xbf" + combined,
        "W3C Extended Log Format": CLOUDFRONT.encode(),
        "JSON lines": b"\n" + json.dumps(JSON_LOGS["nginx"]).encode() + b"\n",
    }
    for name, content in contents.items():
        path = tmp_path / "log.gz"
        path.write_bytes(gzip.compress(content))
        assert getattr(parser_for(path), "name", "") == name


def test_bad_lines_at_the_head_do_not_hide_the_format(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(b"garbage\n" * 500 + b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1\n')
    assert getattr(parser_for(path), "name", "") == "Combined Log Format"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a;b;c\n1;2;3\n", "is in no log format that is known"),
        ("#Fields: date time cs-method cs-uri-stem sc-status\n", "does not have the column sc-bytes"),
        (
            '{"time": "2024-11-29T21:00:00Z", "status": 200, "method": "GET"}\n',
            "do not have a name that is known for size",
        ),
    ],
)
def test_a_log_that_cannot_be_used_stops_at_once_with_a_sentence(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "access.log"
    path.write_text(content)
    with pytest.raises(Rejected, match=says):
        parser_for(path)
