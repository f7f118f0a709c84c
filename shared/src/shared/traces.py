"""Optional traces: FastStream's OpenTelemetry middleware on a broker, sent to a collector over OTLP/HTTP.

Off unless ``TRACES_ENDPOINT`` is set, and nothing of OpenTelemetry is imported then. Spans carry topic, partition,
offset, sizes and the key, which is an id of the contract; no value. Not promised: a span per source event. The meters
read undecoded batches without a handler, so that thousands of events a second cost no span each; what FastStream
itself publishes and consumes has one.
"""

from __future__ import annotations

from typing import Any

from shared.errors import Rejected
from shared.settings import TraceSettings

EXPORT_TIMEOUT_S = 5
"""A collector that hangs holds only the exporter's own thread; five seconds keep the end of a process short."""


SEND_EVERY_MS = 1_000
"""Spans are seen a second late at most, and a busy second is one request."""


def trace_middlewares(settings: TraceSettings, service: str) -> list[Any]:
    """The middlewares for a broker of ``service``: one when traces are wanted, else none.

    Raises ``Rejected`` when the endpoint is set and the packages of the extra ``traces`` are not installed.
    """
    if not settings.endpoint:
        return []
    try:
        from faststream.kafka.opentelemetry import KafkaTelemetryMiddleware
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise Rejected(
            f"TRACES_ENDPOINT is set and {error.name} is not installed: install campaign-offsets-shared[traces]",
            field="TRACES_ENDPOINT",
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter(endpoint=settings.endpoint, timeout=EXPORT_TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=SEND_EVERY_MS))
    return [KafkaTelemetryMiddleware(tracer_provider=provider)]
