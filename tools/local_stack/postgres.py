"""One PostgreSQL server: on a unix socket and on loopback, with passwords on both."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
from psycopg import sql

from local_stack.bootstrap import bootstrap_statements
from local_stack.errors import LocalStackError, explain_log
from local_stack.paths import socket_directory
from local_stack.ports import LOOPBACK
from local_stack.process import Launch, log_tail
from local_stack.server import Server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_stack.process import Account, Guarded

DATABASE = "campaign_offsets"
SUPERUSER = "postgres"

# Durability is PostgreSQL's default and stated all the same: fsync and synchronous_commit are what the services'
# promises stand on, and nobody should find them off in a copy of this file.
_SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "1s",
    # The text of a slow statement is wanted in the log, the values in it (passwords among them) are not.
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


class Postgres(Server):
    """The server's folder, port and passwords, over any number of runs."""

    name = "PostgreSQL"
    ready_seconds = 60.0

    def __init__(
        self,
        folder: Path,
        *,
        binaries: Path,
        account: Account | None,
        port: int,
        passwords: Mapping[str, str],
        keep_data: bool,
    ) -> None:
        """``passwords``: those of the superuser and of each service's role. ``account``: whom to run as, when root."""
        super().__init__(folder, keep_data=keep_data)
        self.port = port
        self._binaries = binaries
        self._account = account
        self._passwords = dict(passwords)
        self._sockets: Path | None = None

    @property
    def log(self) -> Path:
        """PostgreSQL's log."""
        return self.folder / "postgres.log"

    def dsn(self, role: str, *, database: str = DATABASE, tcp: bool = False) -> str:
        """A connection string with the role's password: over the unix socket, or over loopback with ``tcp``.

        The socket's folder is a new one in each run of the stack (not in each restart of the server).
        """
        password = quote(self._passwords[role], safe="")
        if tcp:
            return f"postgresql://{role}:{password}@{LOOPBACK}:{self.port}/{database}"
        return f"postgresql://{role}:{password}@/{database}?host={self._sockets}&port={self.port}"

    @property
    def address(self) -> str:
        """On loopback; the unix socket is in the connection strings."""
        return f"{LOOPBACK}:{self.port}"

    def prepare(self) -> Launch:
        """Create the cluster when it is new, and a folder for the socket."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self._sockets is None:
            self._sockets = socket_directory()
            self._give_away(self._sockets)
        self._give_away(self.folder)
        if not (self._data / "PG_VERSION").exists():
            self._create_cluster()
        return self._launch()

    def is_ready(self, run: Guarded) -> bool:
        """By a connection over the unix socket; it is refused while the server recovers after a crash."""
        try:
            with psycopg.connect(self.dsn(SUPERUSER, database="postgres"), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def after_ready(self) -> None:
        """Create the database, then roles and schemas in one transaction: an interrupted first start leaves no half."""
        try:
            self._bootstrap()
        except psycopg.Error as error:
            raise LocalStackError(explain_log(self.name, log_tail(self.log))) from error

    def _bootstrap(self) -> None:
        with psycopg.connect(self.dsn(SUPERUSER, database="postgres"), autocommit=True) as maintenance:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if maintenance.execute(query, (DATABASE,)).fetchone() is None:
                maintenance.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        roles = {name: password for name, password in self._passwords.items() if name != SUPERUSER}
        with psycopg.connect(self.dsn(SUPERUSER)) as connection:
            known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            if known.isdisjoint(roles):
                for statement in bootstrap_statements(DATABASE, roles):
                    connection.execute(statement.encode())

    def remove_sockets(self) -> None:
        """Remove the socket's folder, once the server has ended for good."""
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _create_cluster(self) -> None:
        # In a folder of another name first: an interrupted initdb must not look like a cluster at the next start.
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=self.folder, prefix="password-") as secret:
            secret.write(self._passwords[SUPERUSER])
            secret.flush()
            self._give_away(Path(secret.name))
            done = subprocess.run(
                self._initdb(fresh, Path(secret.name)),
                env=_environment(),
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=self.ready_seconds,
                check=False,
                umask=0o077,
                user=self._account.uid if self._account else None,
                group=self._account.gid if self._account else None,
                extra_groups=[] if self._account else None,
            )
        if done.returncode:
            raise LocalStackError(explain_log(self.name, done.stdout + done.stderr))
        fresh.rename(self._data)

    def _initdb(self, data: Path, password_file: Path) -> list[str]:
        arguments = [
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth-local=scram-sha-256",
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            # The same order and case rules on every system, none of the machine's locales.
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        ]
        if not self.keep_data:
            arguments.append("--no-sync")  # of the template only; what is committed later is synced all the same
        return [str(self._binaries / "initdb"), "-D", str(data), *arguments]

    def _launch(self) -> Launch:
        settings = {
            **_SETTINGS,
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": str(self._sockets),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Launch(
            name=self.name,
            argv=(str(self._binaries / "postgres"), "-D", str(self._data), *options),
            env=_environment(),
            folder=self.folder,
            log=self.log,
            stop_signal=signal.SIGINT,  # "fast": roll back what is open, write a checkpoint, end
            discard_signal=signal.SIGQUIT,  # "immediate"; SIGKILL would leave its children to notice by themselves
            keep_data=self.keep_data,
            remove=(*([] if self.keep_data else [self.folder]), *([self._sockets] if self._sockets else [])),
            common=None if self.keep_data else self.folder.parent,
            account=self._account,
        )

    def _give_away(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C"}
