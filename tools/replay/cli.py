"""The command ``replay``: real files through the whole system."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from replay.inputs import Options
from replay.plan import Files
from shared.errors import OffsetsError
from shared.errors import Rejected as InputRejected

OUT, BRIDGE_OUT = Path("var/replay"), Path("var/bridge")
HISTORY = Path("var/replayed.json")
"""Beside the folders of runs, not in one: what was sent stays sent, whatever ``--out`` was."""
app = typer.Typer(
    epilog="Examples: replay run --log access.log.gz --shipments shipments.csv.gz",
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Brings real files and foreign topics in: access logs, shipments, mailings, media plans.",
)
EPILOG = (
    "Examples:  replay run --log access.log.gz --shipments shipments.csv   "
    "replay run --log access.log --dry-run   replay run --emails mailings.xlsx --zone Europe/Paris   "
    "replay run --log access.log --shift-to 2026-11-27 --speed 10x"
)
mapping_app = typer.Typer(no_args_is_help=True, help="Mapping files: which column of a sheet becomes which field.")
app.add_typer(mapping_app, name="mapping")


FromTopic = Annotated[str | None, typer.Option(help="The JSON topic to bridge from.")]
BridgeMapping = Annotated[str | None, typer.Option(help="A mapping whose columns are the keys of the topic's objects.")]
Bootstrap = Annotated[str | None, typer.Option(help="The Kafka of both topics (else KAFKA_BOOTSTRAP_SERVERS).")]


Zone = Annotated[str, typer.Option(help="Time zone of times without an offset.")]
Shop = Annotated[str, typer.Option(help="The shop that the events belong to.")]
Country = Annotated[str | None, typer.Option(help="Country (ISO alpha-2) where nothing else tells it.")]
SourceSystem = Annotated[str | None, typer.Option(help="Name of the sender in the events.")]
Recorded = Annotated[bool, typer.Option("--recorded", help="The source topics carry recorded times.")]
StopAtEnd = Annotated[bool, typer.Option("--stop-at-end", help="End where the topic ends now.")]
SkipLost = Annotated[bool, typer.Option("--skip-lost", help="Go on behind records that are deleted.")]
BridgeOut = Annotated[Path, typer.Option(help="Where rejected.csv is kept.")]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    *,
    from_topic: FromTopic = None,
    mapping: BridgeMapping = None,
    bootstrap: Bootstrap = None,
    zone: Zone = "UTC",
    shop: Shop = "default",
    country: Country = None,
    source_system: SourceSystem = None,
    recorded: Recorded = False,
    stop_at_end: StopAtEnd = False,
    skip_lost: SkipLost = False,
    out: BridgeOut = BRIDGE_OUT,
) -> None:
    """With --from-topic and --mapping the same as [bold]replay bridge[/], with its options."""
    if context.invoked_subcommand is not None:
        _insist_on_no_options(context)
        return
    if from_topic is None:
        _insist_on_no_options(context)
        typer.echo(context.get_help())
        raise typer.Exit(2)
    bridge(
        from_topic=from_topic,
        mapping=mapping,
        bootstrap=bootstrap,
        zone=zone,
        shop=shop,
        country=country,
        source_system=source_system,
        recorded=recorded,
        stop_at_end=stop_at_end,
        skip_lost=skip_lost,
        out=out,
    )


def _insist_on_no_options(context: typer.Context) -> None:
    """An option before a command would be ignored: say where it belongs."""
    for parameter in context.command.params:
        given = context.get_parameter_source(str(parameter.name))
        if given is not None and given.name == "COMMANDLINE":
            raise typer.BadParameter(f"{parameter.opts[0]} needs --from-topic, or stands behind the command's name")


@app.command(epilog="Example: replay bridge --from-topic legacy-parcels --mapping mine.yaml --bootstrap kafka:9092")
def bridge(
    *,
    from_topic: FromTopic = None,
    mapping: BridgeMapping = None,
    bootstrap: Bootstrap = None,
    zone: Zone = "UTC",
    shop: Shop = "default",
    country: Country = None,
    source_system: SourceSystem = None,
    recorded: Recorded = False,
    stop_at_end: StopAtEnd = False,
    skip_lost: SkipLost = False,
    out: BridgeOut = BRIDGE_OUT,
) -> None:
    """Bridge a JSON topic of another shape into a source topic, exactly once; go on where the last run ended."""
    from replay.bridging import bridge_topic
    from replay.sheets.shape import SheetOptions

    if from_topic is None or mapping is None:
        raise typer.BadParameter("--from-topic and --mapping are both needed")
    options = SheetOptions(shop=shop, zone=zone, source_system=source_system, country=country)
    bridge_topic(
        Console(),
        from_topic,
        mapping,
        bootstrap,
        options,
        out,
        recorded=recorded,
        stop_at_end=stop_at_end,
        skip_lost=skip_lost,
    )


@app.command(epilog=EPILOG)
def run(
    *,
    log: Annotated[
        list[Path] | None, typer.Option(help="An access log, plain or .gz; several times for several.")
    ] = None,
    shipments: Annotated[list[Path] | None, typer.Option(help="A shipments sheet, CSV or XLSX.")] = None,
    emails: Annotated[list[Path] | None, typer.Option(help="A mail provider's campaign export.")] = None,
    ads: Annotated[list[Path] | None, typer.Option(help="A media plan or an advertising export.")] = None,
    statement: Annotated[
        list[Path] | None, typer.Option(help="A carrier's monthly statement, instead of estimates for its parcels.")
    ] = None,
    mapping: Annotated[
        list[str] | None, typer.Option(help="A packaged mapping by name, or your own .yaml; else the one that suits.")
    ] = None,
    zone: Annotated[str, typer.Option(help="Time zone of the campaign, and of times without an offset.")] = "UTC",
    shop: Shop = "default",
    country: Country = None,
    hosting_country: Annotated[str | None, typer.Option(help="Country of the data centre, for logs.")] = None,
    country_database: Annotated[Path | None, typer.Option(help="MaxMind DB file: address to country.")] = None,
    source_system: SourceSystem = None,
    revision: Annotated[
        int | None,
        typer.Option(min=1, max=2_147_483_647, help="Send shipments as updates with this revision, over earlier ones."),
    ] = None,
    speed: Annotated[str, typer.Option(help="1x, 10x, … the recorded pace, or max.")] = "max",
    shift_to: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Move all times by whole days: the first day becomes this."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Parse and count only; nothing is started or sent.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Replay files that were replayed before.")] = False,
    bootstrap: Annotated[
        str | None, typer.Option(help="Send to this Kafka and stop there; no stack is started.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where everything is written; a dry run writes below it.")] = OUT,
    history: Annotated[Path, typer.Option(help="Where replayed files are remembered.")] = HISTORY,
    wait: Annotated[float, typer.Option(min=1, help="Seconds to wait for the settlements at most.")] = 600.0,
) -> None:
    """Read files, send their events, wait for the settlement; exit code 1 when a sum or a number is off."""
    from demo.outfolder import DRY_RUN, insist_on_own
    from demo.tables import wide_console
    from replay.history import History, target
    from replay.paced import speed_of
    from replay.plan import make_plan
    from replay.run import Settings, count_only, kafka_at, main_job, send_to
    from replay.tables import show_comparisons, show_warnings
    from shared.clock import system_clock
    from shared.settings import TopicSettings

    console = wide_console()
    settings = Settings(out / DRY_RUN if dry_run else out, shop, speed_of(speed), wait)
    if bootstrap == "":
        raise InputRejected("is empty; leave it out to start the embedded stack", field="--bootstrap")
    insist_on_own(settings.out)
    remembered = History(history, target(bootstrap, TopicSettings.load().prefix))
    files = Files(log or [], shipments or [], emails or [], ads or [], statement or [])
    options = Options(shop, zone, country, hosting_country, country_database, source_system, revision)
    with console.status("Reading the files"):
        plan = make_plan(
            files,
            mapping or [],
            options,
            remembered,
            again=again or dry_run,
            shift_to=shift_to.date() if shift_to else None,
            now=system_clock(),
        )
    console.print(f"{plan.first_day} to {plan.last_day} ({plan.zone.key})", highlight=False)
    if dry_run:
        count_only(plan, settings, console)
        console.print(f"Nothing was sent. The account and the lists are in {settings.out}/.", highlight=False)
        return
    show_warnings(console, plan.doubts())
    if bootstrap:
        send_to(plan, settings, remembered, kafka_at(bootstrap), console)
        return
    checks = main_job(plan, settings, remembered, console)
    show_comparisons(console, checks)
    console.print(f"Everything is in {out}/.", highlight=False)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


@mapping_app.command("check", epilog="Example: replay mapping check shipments.csv.gz scms-shipments")
def check_mapping(
    file: Annotated[Path, typer.Argument(help="A CSV or Excel file, plain or .gz.")],
    mapping: Annotated[str, typer.Argument(help="A packaged mapping by name, or your own .yaml.")],
    *,
    rows: Annotated[int, typer.Option(min=1, help="So many rows are shown.")] = 5,
    zone: Annotated[str, typer.Option(help="Time zone of times without an offset.")] = "UTC",
) -> None:
    """Show the first rows as events, as they would be sent."""
    from replay.check import show_first_rows

    show_first_rows(Console(), file, mapping, rows, zone)


@mapping_app.command("list")
def list_mappings() -> None:
    """Name the packaged mappings and the columns each of them needs."""
    from replay.check import show_mappings

    show_mappings(Console())


@mapping_app.command("show", epilog="Example: replay mapping show shipstation-export > mine.yaml")
def show_mapping(name: Annotated[str, typer.Argument(help="A packaged mapping.")]) -> None:
    """Print a packaged mapping, to start your own from."""
    from replay.sheets.mapping import mapping_text

    sys.stdout.write(mapping_text(name))


def main() -> None:
    """Entry point: an error is a sentence and exit code 1 (2 for wrong input), Ctrl-C is 130."""
    from aiokafka.errors import KafkaError

    try:
        app()
    except InputRejected as error:
        _say(str(error))
        sys.exit(2)
    except OffsetsError as error:
        _say(f"{type(error).__name__}: {error}")
        sys.exit(1)
    except KafkaError as error:
        _say(f"Kafka cannot be used ({error!r}); is --bootstrap right, is it running? Then start again.")
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what reads the output has seen enough
        sys.exit(0)
    except OSError as error:
        _say(f"{error.filename} cannot be used: {error.strerror}" if error.filename else f"The system says: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        _say("Stopped.")
        sys.exit(130)


def _say(text: str) -> None:
    from replay.files import printable

    Console(stderr=True).print(printable(text), markup=False, highlight=False, soft_wrap=True)
