"""The one place that opens PostgreSQL: pools, migrations, and which failures may be retried."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg
import psycopg
from yoyo import get_backend, read_migrations
from yoyo.migrations import MigrationList

from shared.errors import Rejected, Transient
from shared.settings import PostgresSettings

if TYPE_CHECKING:  # asyncpg's classes are generic for type checkers only
    Pool = asyncpg.Pool[asyncpg.Record]
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Pool = asyncpg.Pool
    Connection = asyncpg.pool.PoolConnectionProxy

RETRYABLE = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was cut while it was being given back
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidAuthorizationSpecificationError,  # a role or password that is being changed; it says so if it stays
    asyncpg.InvalidCatalogNameError,
)
"""Failures after which the transaction did not happen, or is fenced if it did: read the state again, try again."""


async def _nothing_to_reset(_connection: object) -> None:
    """Nothing: an open transaction is rolled back all the same."""


async def open_pool(settings: PostgresSettings, *, application: str, stateless: bool = False) -> Pool:
    """A pool for the service's own schema. Raises ``Transient`` when PostgreSQL cannot be reached.

    ``stateless`` promises that connections get no settings, locks, cursors or listeners of their own: giving one back
    then costs no round trip.
    """
    try:
        return await asyncpg.create_pool(
            settings.dsn.get_secret_value(),
            min_size=settings.pool_min,
            max_size=settings.pool_max,
            timeout=settings.connect_timeout_s,
            command_timeout=settings.command_timeout_s,
            reset=_nothing_to_reset if stateless else None,
            server_settings={
                "application_name": application,
                "statement_timeout": str(settings.statement_timeout_ms),
                "idle_in_transaction_session_timeout": "60000",
                "jit": "off",  # our statements are short: compiling them costs more than it saves
            },
        )
    except RETRYABLE as error:
        raise Transient(f"PostgreSQL cannot be reached: {type(error).__name__}: {error}") from error


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """One unit of work. Raises ``Transient`` for failures of the connection or the server, ``Rejected`` without tables
    and for a value that no table can hold.

    Not promised: that a ``Transient`` from the commit itself left no trace. Every unit of work is fenced by a row it
    reads or moves, so trying it again is safe.
    """
    try:
        async with pool.acquire() as connection, connection.transaction():
            yield connection
    except asyncpg.UndefinedTableError as error:
        raise Rejected(f"{error}; create the tables with the command: migrate") from error
    except (asyncpg.DataError, *RETRYABLE) as error:
        if why := unfit_value(error):
            raise Rejected(why) from error
        raise Transient(f"PostgreSQL: {type(error).__name__}: {error}") from error


def unfit_value(error: Exception) -> str:
    """What no table can hold of what it was given, as a sentence; ``""`` for every other failure."""
    encoding = isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)
    if not encoding and not isinstance(error, asyncpg.DataError):
        return ""
    said = str(error).splitlines()[0].removeprefix("invalid input for query argument ").removeprefix("$")
    return f"a value cannot be stored: {said.lstrip('0123456789').removeprefix(': ') if encoding else said}"


def migrate(settings: PostgresSettings, packages: Sequence[str]) -> list[str]:
    """Apply the plain SQL migrations in the ``migrations`` folders of packages, in order; returns the ids applied.

    Concurrent callers wait for each other. A migration that was applied is never edited; a change is a new file.
    Raises ``Transient`` when PostgreSQL cannot be reached or goes away: what was applied stays applied.
    """
    try:
        return _apply(_yoyo_dsn(settings.dsn.get_secret_value()), packages)
    except psycopg.OperationalError as error:
        raise Transient(f"PostgreSQL cannot be reached: {' '.join(str(error).split())}") from error


def _apply(dsn: str, packages: Sequence[str]) -> list[str]:
    backend = get_backend(dsn)
    applied: list[str] = []
    with backend.lock():
        for package in packages:
            with as_file(files(package) / "migrations") as folder:
                pending = backend.to_apply(read_migrations(str(folder)))
                applied += [migration.id for migration in pending]
                backend.apply_migrations(MigrationList(pending))
    return applied


async def check_migrated(pool: Pool, packages: Sequence[str]) -> None:
    """Check at start that every migration of this version was applied; later ones, of a newer version, do no harm.

    Raises ``Rejected`` naming the first that is missing, ``Transient`` when PostgreSQL cannot be asked.
    """
    wanted = {
        entry.name.removesuffix(".sql")
        for package in packages
        for entry in (files(package) / "migrations").iterdir()
        if entry.name.endswith(".sql")
    }
    async with transaction(pool) as connection:
        applied = {row["migration_id"] for row in await connection.fetch("SELECT migration_id FROM _yoyo_migration")}
    if missing := sorted(wanted - applied):
        raise Rejected(f"the tables are older than this version: {missing[0]} is missing; run the command: migrate")


def _yoyo_dsn(dsn: str) -> str:
    parts = urlsplit(dsn)
    query = urlencode(parse_qsl(parts.query))
    return urlunsplit(("postgresql+psycopg", parts.netloc, parts.path, query, ""))


class OneTransaction:
    """A running transaction where a pool is expected: what is done through it commits or fails with everything else.

    A ``transaction`` opened on it is a savepoint. Not promised: use by several tasks at once.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        for name in ("execute", "executemany", "fetch", "fetchrow", "fetchval"):
            setattr(self, name, getattr(connection, name))

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """The same connection every time."""
        yield self._connection


def as_pool(connection: Connection) -> Pool:
    """A running transaction for functions that take a pool; see ``OneTransaction``."""
    return cast("Pool", OneTransaction(connection))
