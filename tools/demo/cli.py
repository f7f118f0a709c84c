"""The command ``demo``: a Black Friday through the whole system, compared with what was sent."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from demo.generator import Weekend
from shared.console import err, new_app
from shared.errors import OffsetsError, Rejected

if TYPE_CHECKING:
    from demo.session import Session

app = new_app(
    "Runs an invented Black Friday through the whole system: Kafka, PostgreSQL, three services, a provider.",
    examples="demo run · demo run --seed 7 --scale 0.1 --out var/small",
)


@app.callback()
def _commands() -> None:
    """Keeps ``run`` a command of its own."""


@app.command(epilog="Example: demo run   demo run --scale 0.1   demo run --seed 7 --keep-running")
def run(
    *,
    seed: Annotated[int, typer.Option(help="Another seed is another weekend.")] = Weekend.seed,
    scale: Annotated[float, typer.Option(min=0, help="So many times the events.")] = 1.0,
    site: Annotated[int, typer.Option(min=0, help="Site events.")] = Weekend.site,
    emails: Annotated[int, typer.Option(min=0, help="E-mail events.")] = Weekend.emails,
    ads: Annotated[int, typer.Option(min=0, help="Advertising events.")] = Weekend.ads,
    shipments: Annotated[int, typer.Option(min=0, help="Parcels ordered.")] = Weekend.shipments,
    with_ooh: Annotated[bool, typer.Option("--with-ooh", help="Screens and posters in the street, too.")] = False,
    out: Annotated[Path, typer.Option(help="Where everything is written.")] = Path("var/demo"),
    wait: Annotated[float, typer.Option(min=1, help="Seconds to wait for the settlements at most.")] = 300.0,
    keep_running: Annotated[bool, typer.Option("--keep-running", help="Leave all running until Ctrl-C.")] = False,
) -> None:
    """Generate, send, settle, compare; exit code 1 when anything is off."""
    from demo.campaign import BLACK_FRIDAY
    from demo.run import run_weekend
    from demo.session import Session
    from demo.tables import wide_console

    console = wide_console()
    weekend = Weekend(seed, site, emails, ads, shipments, with_ooh).scaled(scale)
    began = time.monotonic()
    with Session(out, campaigns=[BLACK_FRIDAY], console=console) as session:
        outcome = run_weekend(session, weekend, console, wait=wait)
        console.print(f"Finished after {time.monotonic() - began:.0f} s. Everything is in {out}/: open report.html.")
        if keep_running:
            _until_ctrl_c(session, console)
    if not outcome.ok:
        raise typer.Exit(1)


def _until_ctrl_c(session: Session, console: Console) -> None:
    try:
        console.print("Everything keeps running; Ctrl-C ends it.")
        while True:
            session.keeper.check()
            time.sleep(0.5)
    except KeyboardInterrupt:
        console.print("Stopping.")


def main() -> None:
    """Entry point: an expected failure is a sentence (and the ends of logs) on standard error, never a traceback."""
    try:
        app()
    except OffsetsError as error:
        err.print("[red]error:[/red]", end=" ")
        err.print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(2 if isinstance(error, Rejected) else 1)
