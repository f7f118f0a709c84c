"""The command ``demo``: a Black Friday through the whole system, compared with what was sent."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from demo.campaign import BLACK_FRIDAY, FOUND_BY_HAND
from demo.checks import (
    Check,
    balance_checks,
    day_checks,
    document_checks,
    money_checks,
    order_checks,
    settlement_checks,
)
from demo.generator import Generated, Weekend
from demo.meter_log import MeterLog, Scope, read_meter_log
from demo.records import TOPIC_SETTINGS
from demo.report import build_page, write_report
from demo.session import Session
from demo.shapes import CAMPAIGN_SHOPS, DAYS, ZONE
from demo.summary import summary, write_summary
from demo.tables import show_checks, show_days, show_purchases, wide_console
from shared.errors import OffsetsError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Runs an invented Black Friday through the whole system: Kafka, PostgreSQL, three services, a provider.",
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
    console = wide_console()
    weekend = Weekend(seed, site, emails, ads, shipments, with_ooh).scaled(scale)
    began = time.monotonic()
    with Session(out, campaigns=[BLACK_FRIDAY], console=console) as session:
        checks, done = _weekend(session, weekend, console, wait)
        console.print(f"Finished after {time.monotonic() - began:.0f} s. Everything is in {out}/: open report.html.")
        if keep_running:
            _until_ctrl_c(session, console)
    if not all(check.ok for check in checks) or not done:
        raise typer.Exit(1)


def _weekend(session: Session, weekend: Weekend, console: Console, wait: float) -> tuple[list[Check], bool]:
    generated = Generated(weekend)
    sent = session.send(generated.records(), total=weekend.about)
    console.print(f"Sent {sent.total:,} records in {sent.seconds:.1f} s ({sent.rate:,.0f} a second).")
    ends = session.open_settlements()
    report = session.wait_until_complete(seconds=wait)
    scope = Scope(DAYS, CAMPAIGN_SHOPS, ZONE)
    log = asyncio.run(read_meter_log(session.kafka, session.topics, scope))
    content = summary(report, log)
    write_summary(session.out / "summary.json", content)
    show_days(console, content)
    show_purchases(console, content)
    checks = list(_all_checks(session, generated, ends, report, log))
    show_checks(console, "Compared with the generator's own tally", checks)
    page = build_page(
        content,
        report,
        log,
        checks,
        title=BLACK_FRIDAY["name"],
        mode="rehearsal",
        zone=str(ZONE),
        restarts=sum(session.keeper.restarts.values()),
        yardstick=FOUND_BY_HAND,
    )
    write_report(page, session.out)
    for name, count in session.keeper.restarts.items():
        if count:
            console.print(f"{name} was started again {count} times; the numbers above include that.")
    return checks, True


def _all_checks(
    session: Session, generated: Generated, ends: dict[str, dict[int, int]], report: dict[str, Any], log: MeterLog
) -> list[Check]:
    tally = generated.tally
    names = {setting: session.topics.name(setting) for setting in TOPIC_SETTINGS}
    listing = httpx.get(f"{session.sandbox_url}/v1/orders", timeout=30).raise_for_status().json()["orders"]
    return [
        *balance_checks(report, tally, names, ends),
        *day_checks(report, log, tally),
        *settlement_checks(report, session.campaign_file.days()),
        *money_checks(report),
        *order_checks(report, listing),
        *document_checks(report, session.documents),
    ]


def _until_ctrl_c(session: Session, console: Console) -> None:
    console.print("Everything keeps running; Ctrl-C ends it.")
    try:
        while True:
            session.keeper.check()
            time.sleep(0.5)
    except KeyboardInterrupt:
        console.print("Stopping.")


def main() -> None:
    """Entry point: an error is a sentence and exit code 1, Ctrl-C is 130."""
    try:
        app()
    except OffsetsError as error:
        Console(stderr=True).print(f"[red]{type(error).__name__}[/]: ", end="")
        Console(stderr=True).print(str(error), markup=False, highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped.")
        sys.exit(130)
