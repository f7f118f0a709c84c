"""``local-stack``: Kafka and PostgreSQL for a machine without Docker."""

from __future__ import annotations

import shlex
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import psutil
import typer
from rich.console import Console
from rich.table import Table

from local_stack.artifacts import kafka_jars
from local_stack.bootstrap import SERVICES
from local_stack.errors import LocalStackError, disk_errors_explained
from local_stack.holder import hold, start_in_background
from local_stack.paths import cache_directory, disk_usage
from local_stack.places import persistent_folder
from local_stack.state import ADMIN, claimed, holder_of, read_state

if TYPE_CHECKING:
    from local_stack.state import ServerState, State

NOT_RUNNING = 3
"""Exit code of ``status``, ``env`` and nothing else, when the stack does not run."""

DOWN_SECONDS = 60.0

app = typer.Typer(
    name="local-stack",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Kafka 4.3 and PostgreSQL 18 from packages, on this machine only (127.0.0.1). Nothing needs Docker or root.",
    epilog="[bold]Examples[/bold]\n\nlocal-stack up\n\n"
    'eval "$(local-stack env traffic_meter)"\n\nlocal-stack status\n\nlocal-stack down',
)
output = Console()
messages = Console(stderr=True, soft_wrap=True)

KafkaPort = Annotated[int | None, typer.Option(help="Kafka's port; left out: that of the last run, or a free one.")]
PostgresPort = Annotated[int | None, typer.Option(help="PostgreSQL's port; left out: the last one, or a free one.")]


@app.command(
    epilog="[bold]Examples[/bold]\n\nlocal-stack up\n\nlocal-stack up --kafka-port 9092 --postgres-port 5432\n\n"
    "local-stack up --foreground",
)
def up(
    kafka_port: KafkaPort = None,
    postgres_port: PostgresPort = None,
    foreground: Annotated[bool, typer.Option(help="Stay in this terminal until Ctrl-C.")] = False,
) -> None:
    """Start both and keep them running in the background. Data and passwords of the last run are used again."""
    cache = cache_directory()
    running = read_state(persistent_folder(cache))
    if running is not None:
        messages.print("The local stack is running already.")
        _print_how_to_use(running)
        return
    if foreground:
        hold(_print_ready, messages, kafka_port=kafka_port, postgres_port=postgres_port)
        messages.print("Ended. The data are kept.")
        return
    began = time.monotonic()
    kafka_jars(cache, messages)  # here, where a person can see the progress
    with messages.status("Starting Kafka and PostgreSQL"):
        state = start_in_background(kafka_port, postgres_port)
    _print_ready(state, time.monotonic() - began)


@app.command(epilog="[bold]Examples[/bold]\n\nlocal-stack down\n\nlocal-stack down --remove-data")
def down(
    remove_data: Annotated[bool, typer.Option(help="Remove topics, databases and passwords too, for good.")] = False,
) -> None:
    """End both, in order. Data are kept; nothing happens when they do not run."""
    folder = persistent_folder(cache_directory())
    state = read_state(folder)
    holder = holder_of(state) if state else None
    if holder is not None:
        with messages.status("Ending Kafka and PostgreSQL"):
            holder.terminate()
            try:
                holder.wait(DOWN_SECONDS)
            except psutil.TimeoutExpired:
                raise LocalStackError(
                    f"Process {holder.pid} did not end within {DOWN_SECONDS:.0f} s. "
                    "Try again, or kill -9 it: the servers end with it."
                ) from None
    elif claimed(folder):
        raise LocalStackError("The local stack is just starting or ending. Try again in a few seconds.")
    if remove_data:
        shutil.rmtree(folder, ignore_errors=True)
    messages.print(("Ended." if holder else "It was not running.") + (" The data are removed." if remove_data else ""))


@app.command(epilog="[bold]Example[/bold]\n\nlocal-stack status")
def status() -> None:
    """Show what runs, where and since when. Exit code 3 when the stack does not run."""
    folder = persistent_folder(cache_directory())
    state = read_state(folder)
    if state is None:
        starting = claimed(folder)
        size = _bytes(disk_usage(folder))
        messages.print("The local stack is just starting or ending." if starting else "The local stack is not running.")
        messages.print(f"Its data: {size} in {folder}. To start it: local-stack up")
        raise typer.Exit(NOT_RUNNING)
    table = Table()
    for heading in ("what", "state", "address", "pid", "since", "data"):
        table.add_column(heading, no_wrap=True)
    for server in state.servers:
        table.add_row(*_row(server))
    output.print(table)


@app.command(epilog='[bold]Examples[/bold]\n\neval "$(local-stack env traffic_meter)"\n\nlocal-stack env --admin')
def env(
    service: Annotated[str | None, typer.Argument(help=f"One of: {', '.join(SERVICES)}.")] = None,
    admin: Annotated[bool, typer.Option(help="PostgreSQL's superuser instead of a service.")] = False,
) -> None:
    """Print export lines for a shell, password included: for eval, not for a log."""
    name = ADMIN if admin else (service or "").replace("-", "_")
    if name not in (ADMIN, *SERVICES):
        raise LocalStackError(f"Name one of the services: local-stack env {'|'.join(SERVICES)}")
    state = read_state(persistent_folder(cache_directory()))
    if state is None:
        messages.print("The local stack is not running. To start it: local-stack up")
        raise typer.Exit(NOT_RUNNING)
    for variable, value in state.environments[name].items():
        typer.echo(f"export {variable}={shlex.quote(value)}")


def main() -> NoReturn:
    """Entry point. Exit code 1 and a plain sentence for what a person can mend, 130 after Ctrl-C."""
    try:
        with disk_errors_explained(Path("The folder of the local stack")):
            app()
    except LocalStackError as error:
        messages.print(str(error), style="red", markup=False, highlight=False)
        raise SystemExit(1) from None
    raise SystemExit(0)


def _print_ready(state: State, seconds: float) -> None:
    messages.print(f"Kafka and PostgreSQL are ready after {seconds:.1f} s.")
    _print_how_to_use(state)


def _print_how_to_use(state: State) -> None:
    # Passwords stay out: terminals are recorded, and so are the logs of build machines.
    address = state.environments[ADMIN]["KAFKA_BOOTSTRAP_SERVERS"]
    typer.echo(f"export KAFKA_BOOTSTRAP_SERVERS={shlex.quote(address)}")
    for service in SERVICES:
        typer.echo(f'eval "$(local-stack env {service})"   # also sets POSTGRES_DSN, for {service}')


def _row(server: ServerState) -> tuple[str, ...]:
    try:
        started = psutil.Process(server.pid).create_time()
    except psutil.NoSuchProcess:
        return (server.name, "ended", server.address, "", "", _bytes(disk_usage(Path(server.folder))))
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(started))
    return (server.name, "running", server.address, str(server.pid), since, _bytes(disk_usage(Path(server.folder))))


def _bytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"


if __name__ == "__main__":
    main()
