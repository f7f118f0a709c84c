"""Traces are off unless asked for; asked for, a published message becomes a span at the collector."""

import asyncio
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from faststream.kafka import KafkaBroker, TestKafkaBroker
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shared.errors import Rejected
from shared.settings import TraceSettings
from shared.traces import trace_middlewares

Collected = tuple[str, list[ExportTraceServiceRequest], threading.Event]


@pytest.fixture
def collector() -> Iterator[Collected]:
    received: list[ExportTraceServiceRequest] = []
    arrived = threading.Event()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            arrived.set()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/traces", received, arrived
    server.shutdown()
    thread.join()
    server.server_close()


def test_without_an_endpoint_there_is_no_middleware() -> None:
    assert trace_middlewares(TraceSettings(), "offset-purchaser") == []


def test_an_endpoint_that_is_no_address_is_refused_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACES_ENDPOINT", "collector")
    with pytest.raises(Rejected, match="TRACES_ENDPOINT"):
        TraceSettings.load()


async def test_a_published_message_is_a_span_without_its_content(
    collector: Collected,
) -> None:
    endpoint, received, arrived = collector
    (middleware,) = trace_middlewares(TraceSettings(endpoint=endpoint), "offset-purchaser")
    broker = KafkaBroker(middlewares=[middleware])

    @broker.subscriber("offset-orders")
    async def heard(_body: bytes) -> None:
        """Somebody listens."""

    async with TestKafkaBroker(broker):
        await broker.publish(b"order of Mrs Smith", topic="offset-orders", key=b"0d9e")
    assert await asyncio.to_thread(arrived.wait, 20)
    spans = [
        span for r in received for group in r.resource_spans for scope in group.scope_spans for span in scope.spans
    ]
    assert {"offset-orders create", "offset-orders publish", "offset-orders process"} & {span.name for span in spans}
    services = {a.value.string_value for r in received for g in r.resource_spans for a in g.resource.attributes}
    assert "offset-purchaser" in services
    assert "Smith" not in "".join(str(r) for r in received)


def test_the_runbook_adds_the_versions_of_the_lock_file_to_an_image(repository: Path) -> None:
    named = re.findall(r"(opentelemetry-[\w-]+)==([\w.]+)", (repository / "docs/runbook.md").read_text())
    locked = dict(re.findall(r"^([\w-]+)==([\w.]+)", (repository / "requirements-dev.lock").read_text(), re.MULTILINE))
    assert [name for name, _ in named] == ["opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"]
    assert all(locked[name] == version for name, version in named)
