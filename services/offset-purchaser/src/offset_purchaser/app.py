"""Wiring: the only file that sees everything. Kafka, PostgreSQL, HTTP and the engine, started and stopped in order."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

import uvicorn
from faststream.asgi import AsgiFastStream
from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI

from offset_purchaser import metrics
from offset_purchaser.api.app import create_api
from offset_purchaser.engine import Engine
from offset_purchaser.handlers.context import Context
from offset_purchaser.handlers.live import LiveTotals
from offset_purchaser.providers import open_providers
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.store.observe import foreign_mode, foreign_mode_refusal
from shared.clock import system_clock
from shared.errors import Rejected
from shared.kafka import broker_security
from shared.offset_events import OffsetDocument, OffsetOrder
from shared.postgres import Pool, check_migrated, open_pool
from shared.settings import HttpSettings, KafkaSettings, LogSettings, PostgresSettings, TopicSettings, TraceSettings
from shared.telemetry import AsgiApp, Receive, Scope, Send, configure_logs, health_routes, log
from shared.traces import trace_middlewares

SWITCH_S = 0.001
"""How long one thread runs Python while another waits: readings are decoded beside requests, which come ten
milliseconds apart and would wait the default of five several times each."""
STOP_S = 3
"""SIGTERM to exit: what is in flight is fenced and found again, so nothing is worth waiting longer for."""


def make_broker(kafka: KafkaSettings, topics: TopicSettings) -> KafkaBroker:
    """The broker that announces; its publishers are the AsyncAPI document."""
    broker = KafkaBroker(
        kafka.bootstrap_servers,
        security=broker_security(kafka),
        client_id="offset-purchaser",
        enable_idempotence=True,
        acks="all",
        middlewares=trace_middlewares(TraceSettings.load(), "offset-purchaser"),
        logger=None,
    )
    broker.publisher(topics.name("offset_orders"), schema=OffsetOrder, description="One state of one order")
    broker.publisher(topics.name("offset_documents"), schema=OffsetDocument, description="One issued document")
    return broker


class Front:
    """One port: ``/v1`` is the API, everything else FastStream's (its life, health, metrics, AsyncAPI)."""

    def __init__(self, stream: AsgiApp) -> None:
        self._stream = stream
        self.api: AsgiApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        of_api = scope["type"] == "http" and scope["path"].startswith("/v1/")
        await (self.api if of_api and self.api else self._stream)(scope, receive, send)


def asyncapi() -> AsyncAPI:
    """The head of the AsyncAPI document."""
    text = "Orders and documents of campaign offsets. Reads meter-readings with positions of its own."
    return AsyncAPI(title="offset-purchaser", version="1", description=text)


class Service:
    """One running purchaser."""

    def __init__(self, kafka: KafkaSettings, topics: TopicSettings, http: HttpSettings) -> None:
        self._kafka, self._topics = kafka, topics
        self._broker = make_broker(kafka, topics)
        self._pools: list[Pool] = []
        self._context: Context | None = None
        self._engine: Engine | None = None
        self._task: asyncio.Task[None] | None = None
        self.failed = False
        app = AsgiFastStream(
            self._broker,
            asgi_routes=health_routes(metrics.REGISTRY, ready=self._ready),
            asyncapi_path="/docs/asyncapi",
            specification=asyncapi(),
            after_startup=[self._start],
            on_shutdown=[self._stop],
            logger=None,
        )
        self._front = Front(app)
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._front,
                host=http.host,
                port=http.port,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="on",
                timeout_graceful_shutdown=STOP_S,
            )
        )

    async def serve(self) -> None:
        """Run until SIGTERM, SIGINT or a failure."""
        settings = PurchaserSettings.load()
        pool = await self._open("offset-purchaser")
        await check_migrated(pool, ["offset_purchaser"])
        if other := await foreign_mode(pool, settings.mode):
            raise Rejected(foreign_mode_refusal(other, settings.mode))
        providers = open_providers(settings)
        self._context = Context(pool, settings, self._topics, system_clock, providers)
        api = replace(self._context, pool=await self._open("offset-purchaser-api"))
        live = LiveTotals(api.pool, api.source_topics(), api.clock)
        self._front.api = create_api(api, live)
        announcer = asyncio.gather(self._say_where(), live.keep_warm())
        try:
            await self._server.serve()
        finally:
            announcer.cancel()
            for provider in providers.values():
                await provider.close()
            for opened in self._pools:
                opened.terminate()

    async def _open(self, application: str) -> Pool:
        """The engine and the API have a pool each: requests never wait behind a batch of readings, nor it for them."""
        pool = await open_pool(PostgresSettings.load(), application=application)
        self._pools.append(pool)
        return pool

    async def _say_where(self) -> None:
        while not self._server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
            await asyncio.sleep(0.02)
        host, port = self._server.servers[0].sockets[0].getsockname()[:2]
        log(__name__).info("listening", host=host, port=port)

    async def _start(self) -> None:
        assert self._context is not None
        self._engine = Engine(self._context, self._kafka, self._broker, _open_for_readings)
        self._task = asyncio.create_task(self._engine.run())
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            log(__name__).error("stopping", reason=f"{type(error).__name__}: {error}", exc_info=error)
            self.failed = True
            self._server.should_exit = True

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=STOP_S)
        if self._engine is not None:
            await self._engine.stop()

    async def _ready(self) -> tuple[bool, str]:
        problem = (self._engine.problem or self._engine.behind) if self._engine else "starting"
        return not problem, problem or "ready"


async def _open_for_readings() -> Pool:
    return await open_pool(PostgresSettings.load().model_copy(update={"pool_max": 2}), application="offset-purchaser")


def run() -> int:
    """The process ``offset-purchaser run``; returns its exit code."""
    sys.setswitchinterval(SWITCH_S)
    configure_logs(LogSettings.load(), service="offset-purchaser")
    service = Service(KafkaSettings.load(), TopicSettings.load(), HttpSettings.load())
    asyncio.run(service.serve())
    return 1 if service.failed or not service._server.started else 0
