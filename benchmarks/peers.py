"""One contestant in a process of its own: python -m benchmarks.peers NAME. Prints one JSON line.

Time runs from the first record that arrives to the last; CPU is the process's own over the same span.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from typing import Any

SERVERS, TOPIC, EVENTS = os.environ["BENCH_KAFKA"], os.environ["BENCH_TOPIC"], int(os.environ["BENCH_EVENTS"])


class Span:
    """From the first record to the last."""

    def __init__(self) -> None:
        self.seen = 0
        self.began = self.cpu = self.last = self.last_cpu = 0.0

    def add(self, records: int) -> bool:
        """Take in records; True when all have come."""
        if not self.seen and records:
            self.began, self.cpu = time.perf_counter(), time.process_time()
        self.seen += records
        self.last, self.last_cpu = time.perf_counter(), time.process_time()
        return self.seen >= EVENTS

    def report(self) -> None:
        """Print the result."""
        seconds, cpu = self.last - self.began, self.last_cpu - self.cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"events": self.seen, "seconds": seconds, "cpu_s": cpu, "peak_mb": peak}))


async def bare(decode: bool) -> None:
    """aiokafka's getmany; with ``decode`` a pydantic model a record and sums in memory, without durability."""
    from aiokafka import AIOKafkaConsumer
    from pydantic import ValidationError

    from shared.events import SiteTraffic

    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=SERVERS,
        group_id=f"bench-{time.time_ns()}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    span, sums, ids = Span(), Counter[tuple[Any, ...]](), set[str]()
    done = False
    while not done:
        for records in (await consumer.getmany(timeout_ms=1_000, max_records=500)).values():
            done = span.add(len(records))
            if decode:
                for record in records:
                    try:
                        event = SiteTraffic.model_validate_json(record.value)
                    except ValidationError:
                        continue
                    if event.event_id not in ids:
                        ids.add(event.event_id)
                        sums[event.occurred_at.date(), event.country, event.device] += event.bytes_transferred or 0
    span.report()
    await consumer.stop()


async def faststream(lenient: bool) -> None:
    """FastStream as documented: a batch of models. A batch with a record that its model refuses is dropped whole."""
    from typing import Literal

    from faststream import FastStream
    from faststream.kafka import KafkaBroker
    from pydantic import AwareDatetime, BaseModel, NonNegativeInt

    devices = Literal["smartphone", "tablet", "laptop", "desktop", "tv", "bot", "unknown"]

    class PageView(BaseModel):
        """A plain model: FastStream parses JSON first, and our strict contract refuses times as text then."""

        event_id: str
        occurred_at: AwareDatetime
        country: str
        kind: Literal["view", "asset", "engagement"]
        device: str if lenient else devices  # type: ignore[valid-type]
        bytes_transferred: NonNegativeInt | None = None
        dwell_ms: NonNegativeInt | None = None

    PageView.model_rebuild(_types_namespace={**globals(), **locals()})
    broker = KafkaBroker(SERVERS, logger=None)
    app = FastStream(broker, logger=None)
    span, sums, ids = Span(), Counter[tuple[Any, ...]](), set[str]()

    async def handle(events: list[PageView]) -> None:
        span.add(len(events))
        for event in events:
            if event.event_id not in ids:
                ids.add(event.event_id)
                sums[event.occurred_at.date(), event.country, event.device] += event.bytes_transferred or 0

    handle.__annotations__["events"] = list[PageView]  # local names: the text of an annotation is not enough
    broker.subscriber(
        TOPIC, batch=True, group_id=f"bench-{time.time_ns()}", auto_offset_reset="earliest", max_records=500
    )(handle)

    async def leave() -> None:
        began = time.perf_counter()
        while span.seen < EVENTS and time.perf_counter() - (span.last or began + 20) < 10:
            await asyncio.sleep(0.05)
        span.report()  # batches that FastStream dropped for one bad record are missing in it
        sys.stdout.flush()
        os._exit(0)

    leaving = asyncio.create_task(leave())
    await app.run()
    await leaving


def quix() -> None:
    """Quix Streams: ids in State, grouped by country, summed in windows."""
    from datetime import timedelta

    from quixstreams import Application

    span = Span()
    app = Application(
        broker_address=SERVERS,
        consumer_group=f"bench-{time.time_ns()}",
        auto_offset_reset="earliest",
        state_dir=tempfile.mkdtemp(prefix="quix-"),
        loglevel="ERROR",
    )

    def first(value: dict[str, Any], state: Any) -> bool:
        if state.get("seen"):
            return False
        state.set("seen", True)
        return value["device"] != "toaster"

    def count(value: dict[str, Any]) -> dict[str, Any]:
        span.add(1)
        return value

    frame = app.dataframe(app.topic(TOPIC, value_deserializer="json")).apply(count).filter(first, stateful=True)
    frame = frame.group_by("country").apply(lambda value: value["bytes_transferred"])
    frame.tumbling_window(duration_ms=timedelta(minutes=15)).sum().current()
    app.run(count=2 * EVENTS, timeout=8.0)  # each event passes twice, the second time behind group_by
    span.report()


if __name__ == "__main__":
    name = sys.argv[1]
    if name == "quix":
        quix()
    else:
        import uvloop

        peers = {
            "aiokafka": lambda: bare(decode=False),
            "pydantic": lambda: bare(decode=True),
            "faststream": lambda: faststream(lenient=False),
            "faststream-lenient": lambda: faststream(lenient=True),
        }
        uvloop.run(peers[name]())
