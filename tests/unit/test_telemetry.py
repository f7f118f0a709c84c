"""Logs: one JSON object a line, secrets cut out wherever they stand."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog

from shared.settings import LogSettings
from shared.telemetry import configure_logs, log, redact


@contextmanager
def logging_to(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process's logs in a text, and everything as it was afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", stream)
    configure_logs(LogSettings(format="json", level="info"), service="traffic-meter")
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize(
    "key",
    ["password", "kafka_sasl_password", "POSTGRES_DSN", "stripe_api_key", "Authorization", "webhook_secret", "token"],
)
def test_a_field_that_holds_a_secret_by_its_name_is_starred(key: str) -> None:
    assert redact(None, "info", {key: "hunter2"}) == {key: "***"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://meter:hunter2@db:5432/x", "postgresql://meter:***@db:5432/x"),
        ("smtp://user:p%40ss@mail and smtp://a:b@c", "smtp://user:***@mail and smtp://a:***@c"),
        ("Bearer sk_live_51Habcdefgh refused", "Bearer sk_live_*** refused"),
        ("signed with whsec_abcdefgh123", "signed with whsec_***"),
        ("http://127.0.0.1:8089/v1", "http://127.0.0.1:8089/v1"),
        ("550 jane.roe+x@mail.example.com: no such user", "550 ***@***: no such user"),
        ("cannot reach smtp://u:p/w#1@h:25, tried twice", "cannot reach smtp://u:***@h:25, tried twice"),
        ("host=db user=meter password=hunter2 port=5432", "host=db user=meter password=*** port=5432"),
        ("GET https://h.example/x?api_key=hunter2&page=2", "GET https://h.example/x?api_key=***&page=2"),
        ("sent {'token': 'hunter 2', 'page': 2}", "sent {'token': ***, 'page': 2}"),
        ("2 tokens left, the secret is old", "2 tokens left, the secret is old"),
        ("amqp://meter:hunter2@kafka.example.com:5432", "amqp://meter:***@kafka.example.com:5432"),
        (
            "violates check\nDETAIL:  Failing row contains (s1, Jane Roe, (1, 2)).\nnext",
            "violates check\nDETAIL:  ***\nnext",
        ),
        ("DETAIL:  Key (number)=(Jane) already exists.", "DETAIL:  ***"),
    ],
)
def test_secrets_inside_a_text_are_cut_out_and_the_rest_stays(text: str, shown: str) -> None:
    assert redact(None, "info", {"event": text}) == {"event": shown}


def test_secrets_inside_lists_and_mappings_are_found() -> None:
    event = {"settings": {"kafka": {"sasl_password": "hunter2", "user": "meter"}}, "urls": ["amqp://a:hunter2@b"]}
    shown = redact(None, "info", event)
    assert "hunter2" not in json.dumps(shown)
    assert shown["settings"] == {"kafka": {"sasl_password": "***", "user": "meter"}}


def test_a_line_is_one_json_object_with_service_level_time_and_position(monkeypatch: pytest.MonkeyPatch) -> None:
    with logging_to(text := io.StringIO(), monkeypatch):
        log("x").warning("not counted", topic="site-traffic", partition=2, offset=4711)
    line = json.loads(text.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "not counted", "level": "warning", "service": "traffic-meter", "topic": "site-traffic",
        "partition": 2, "offset": 4711,
    }  # fmt: skip


def test_a_password_in_an_exception_of_a_library_does_not_reach_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    with logging_to(text := io.StringIO(), monkeypatch):
        try:
            raise ConnectionError("cannot connect to postgresql://meter:hunter2@db/x")
        except ConnectionError:
            logging.getLogger("aiokafka").exception("failed at kafka://a:hunter2@b")
    assert "hunter2" not in text.getvalue()
    line = json.loads(text.getvalue())
    assert line["event"] == "failed at kafka://a:***@b"
    assert "postgresql://meter:***@db/x" in line["exception"]
