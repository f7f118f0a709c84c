"""The wiring both meters share: settings in, a FastStream application with health, metrics and AsyncAPI out.

A meter is its channels, its methods and, for shipments, what it decides inside the fenced transaction.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from aiokafka import AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from faststream import AckPolicy
from faststream.asgi import AsgiFastStream
from faststream.kafka import KafkaBroker
from faststream.kafka.subscriber.usecase import BatchSubscriber
from faststream.specification import AsyncAPI
from prometheus_client import CollectorRegistry

from shared.clock import system_clock
from shared.errors import Transient
from shared.factors import load_factor_set
from shared.kafka import SOURCE_MESSAGE_BYTES, broker_security, client_options, stop_consumer
from shared.meter.definition import MeterDefinition, MeterEnvironment, Opened, tally_factory
from shared.meter.estimator import Estimator
from shared.meter.lean import read_leanly
from shared.meter.log_reader import LogEnds, LogReader
from shared.meter.memory import check_memory
from shared.meter.parts import MeterParts
from shared.meter.publisher import ReadingsPublisher
from shared.meter.requests import follow_requests
from shared.meter.runtime import MeterRuntime
from shared.meter.set_up import check_set_up, topic_specs
from shared.metrics import MeterMetrics
from shared.postgres import Pool, open_pool
from shared.readings import Progress, Reading
from shared.serve import make_server
from shared.settings import HttpSettings, TraceSettings
from shared.telemetry import health_routes, log
from shared.traces import trace_middlewares

_log = log(__name__)

LEAVE_S = 2.0
"""Limit of the last flush and of the last readings: together with the connections' ends a leave stays below 5 s."""

GC_OBJECTS = 50_000
"""New objects between two collections: a batch makes hundreds that live for milliseconds and hardly ever a cycle."""

CLOSE_S = 0.5
"""Limit of each connection's end: a broker or database that is away must not keep the process."""


class Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]
    """Passes rebalances on to the runtime, which exists only once its connections do."""

    def __init__(self) -> None:
        self.runtime: MeterRuntime | None = None
        self.subscriber: BatchSubscriber | None = None

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """See ``MeterRuntime.revoked``."""
        if self.runtime is not None:
            await self.runtime.revoked()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """See ``MeterRuntime.assigned``."""
        if self.runtime is not None and self.subscriber is not None and self.subscriber.consumer is not None:
            self.runtime.assigned(self.subscriber.consumer, assigned)


def build_broker(
    definition: MeterDefinition, environment: MeterEnvironment, listener: Rebalances
) -> tuple[KafkaBroker, BatchSubscriber]:
    """FastStream's broker with one subscriber for all source topics, and what the AsyncAPI document needs.

    The subscriber has no handler: FastStream configures, starts and stops its consumer, the runtime reads from it.
    """
    kafka, settings = environment.kafka, environment.meter
    broker = KafkaBroker(
        kafka.bootstrap_servers,
        client_id=definition.name,
        request_timeout_ms=kafka.request_timeout_ms,
        metadata_max_age_ms=kafka.metadata_max_age_ms,
        security=broker_security(kafka),
        middlewares=trace_middlewares(TraceSettings.load(), definition.name),
        logger=None,
    )
    subscriber = broker.subscriber(
        *environment.source_topics(definition.channels),
        group_id=settings.group_id or definition.name,
        batch=True,
        ack_policy=AckPolicy.MANUAL,  # progress lives in PostgreSQL; Kafka's committed offset is only for lag tools
        auto_offset_reset="none",  # every position is sought; a default would skip or repeat records silently
        isolation_level="read_committed",  # records of aborted transactions never happened
        listener=listener,
        session_timeout_ms=kafka.session_timeout_ms,
        heartbeat_interval_ms=kafka.heartbeat_interval_ms,
        max_poll_interval_ms=kafka.max_poll_interval_ms,
        max_partition_fetch_bytes=SOURCE_MESSAGE_BYTES,  # Kafka's default; four times as much was slower
        title=definition.name,
        description="Source events, read as undecoded batches",
    )
    for setting, schema in (("meter_readings", Reading), ("meter_readings", Progress)):
        broker.publisher(environment.topics.name(setting), schema=schema, title=f"{setting}:{schema.__name__}")
    listener.subscriber = subscriber
    return broker, listener.subscriber


def meter_head(definition: MeterDefinition) -> AsyncAPI:
    """The head of a meter's AsyncAPI document."""
    text = "Source topics in, cumulative meter readings out. What an event holds: docs/contract, one schema a topic."
    return AsyncAPI(title=definition.name, version="1", description=text)


async def _bounded(close: Callable[[], Awaitable[None]]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await close()


async def _close_pool(pool: Pool) -> None:
    try:
        async with asyncio.timeout(CLOSE_S):
            await pool.close()
    except TimeoutError:
        pool.terminate()


async def _parts(
    stack: AsyncExitStack,
    definition: MeterDefinition,
    environment: MeterEnvironment,
    metrics: MeterMetrics,
    ended: Callable[[asyncio.Task[None]], None],
) -> MeterParts:
    """Open every connection; the stack closes them in reverse. ``ended`` hears of a task that ends by itself."""
    kafka, settings, topics = environment.kafka, environment.meter, environment.topics
    pool = await open_pool(environment.postgres, application=definition.name, stateless=True)
    stack.push_async_callback(_close_pool, pool)
    ends = LogEnds(kafka)
    await ends.start()
    stack.push_async_callback(_bounded, ends.stop)
    producer = AIOKafkaProducer(
        **client_options(kafka),
        enable_idempotence=True,  # a retry inside the producer neither doubles nor reorders
        acks="all",
        linger_ms=0,  # the readings of a partition are handed over without a pause between: they are one batch anyway
        max_batch_size=131_072,  # 150 readings, 15 ms of work: a full batch is waited for before the next is begun
        max_request_size=3 * SOURCE_MESSAGE_BYTES,  # a dead letter quotes a record of the greatest size
    )
    await producer.start()
    stack.push_async_callback(_bounded, producer.stop)
    estimator = Estimator(definition.methods, definition.schedule, load_factor_set)
    publisher = ReadingsPublisher(
        producer, topics.name("meter_readings"), estimator, metrics, retry_s=0.5, away_s_max=settings.retry_s_max
    )
    sending = asyncio.create_task(publisher.run(), name="readings")
    sending.add_done_callback(ended)

    async def stop_sending() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await publisher.drained()
        sending.cancel()

    stack.push_async_callback(stop_sending)
    return MeterParts(
        settings=settings,
        channels=environment.source_topics(definition.channels),
        dead_letter_topic=topics.dead_letter,
        pool=pool,
        producer=producer,
        ends=ends,
        publisher=publisher,
        reader=lambda topic, partition: LogReader(kafka, topic, partition),
        new_tally=tally_factory(definition, settings),
        clock=system_clock,
        metrics=metrics,
        settle=definition.settle,
    )


async def _leave(runtime: MeterRuntime, subscriber: BatchSubscriber, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Flush what was folded, then end the consumer within a limit: FastStream's own end of it has none."""
    await runtime.stop(LEAVE_S)
    for task in tasks:
        task.cancel()  # a flush that still waits for its database
    if subscriber.consumer is not None:
        await stop_consumer(subscriber.consumer, CLOSE_S)


async def run_meter(definition: MeterDefinition, environment: MeterEnvironment, http: HttpSettings) -> None:
    """Run until SIGTERM or Ctrl-C. Raises what ended the counting, so that the process exits non-zero."""
    needed_mb = check_memory(definition.channels, environment.meter, environment.topics.partitions)
    _log.info("the duplicate windows fit", needed_mb=needed_mb, limit_mb=environment.meter.memory_limit_mb)
    specs = topic_specs(environment.topics, environment.meter.log_time, definition.channels)
    await check_set_up(definition.name, environment.kafka, specs, environment.postgres, definition.migrations)
    read_leanly()
    metrics = MeterMetrics(CollectorRegistry())
    listener = Rebalances()
    broker, subscriber = build_broker(definition, environment, listener)
    failures: list[BaseException] = []
    tasks: list[asyncio.Task[None]] = []
    opened = Opened()

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            parts = await _parts(stack, definition, environment, metrics, ended)
            opened.pool = parts.pool
            runtime = listener.runtime = MeterRuntime(parts)
            topic = environment.topics.name("meter_requests")
            following = asyncio.create_task(follow_requests(environment.kafka, topic, runtime.resend), name="requests")
            following.add_done_callback(ended)
            stack.callback(following.cancel)
            yield

    async def start_counting() -> None:
        assert listener.runtime is not None
        assert subscriber.consumer is not None
        gc.collect()
        gc.freeze()  # what start-up left is never garbage: later collections need not look at it
        gc.set_threshold(GC_OBJECTS)
        counting = asyncio.create_task(listener.runtime.run(subscriber.consumer), name="counting")
        counting.add_done_callback(ended)
        tasks.append(counting)

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical(f"{task.get_name()} ended", error=repr(error))
            failures.append(error)
        server.should_exit = True

    async def stop_counting() -> None:
        assert listener.runtime is not None
        await _leave(listener.runtime, subscriber, tasks)

    async def ready() -> tuple[bool, str]:
        return listener.runtime.ready() if listener.runtime else (False, "starting")

    app = AsgiFastStream(
        broker,
        lifespan=lifespan,
        after_startup=[start_counting],
        on_shutdown=[stop_counting],
        asgi_routes=[*health_routes(metrics.registry, ready=ready), *definition.routes(opened.current)],
        specification=meter_head(definition),
        asyncapi_path="/asyncapi",
        logger=None,
    )
    server = make_server(app, http)
    await server.serve()
    if failures:
        raise failures[0]
    if not server.started:
        raise Transient("the meter could not start; the log says why")
