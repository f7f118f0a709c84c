"""The command ``offset-purchaser``."""

from __future__ import annotations

from typing import Annotated

import typer

from offset_purchaser.commands import (
    accounting,
    books,
    campaigns,
    checklist,
    documents,
    dossier,
    keys,
    lines,
    orders,
    report,
    sandbox,
    settlements,
    totals,
    webhooks,
)
from offset_purchaser.commands.common import example, reporting_errors, store

app = typer.Typer(
    epilog="Examples: offset-purchaser campaigns check campaigns.yaml · offset-purchaser settlements list --json",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Totals each campaign day, buys carbon credits for it once, and writes the document for finance.",
)
topics_app = typer.Typer(no_args_is_help=True, help="The topics this service writes and reads.")
app.add_typer(campaigns.app, name="campaigns")
app.add_typer(settlements.app, name="settlements")
app.add_typer(orders.app, name="orders")
app.add_typer(documents.app, name="documents")
app.add_typer(dossier.app, name="dossier")
app.add_typer(lines.app, name="lines")
app.add_typer(keys.app, name="keys")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(topics_app, name="topics")
app.add_typer(books.payments_app, name="payments")
app.add_typer(accounting.export_app, name="export")
app.command(
    "report",
    epilog=example(
        "offset-purchaser report black-friday-2026-fr --language fr --out report/", "offset-purchaser report --json"
    ),
)(report.report)
app.command("reconcile", epilog=example("offset-purchaser reconcile --campaign black-friday-2026-fr"))(books.reconcile)
app.command("totals", epilog=example("offset-purchaser totals black-friday-2026-fr 2026-11-27"))(totals.totals)
app.command("checklist", epilog=example("offset-purchaser checklist --prometheus http://prometheus:9090"))(
    checklist.checklist
)
app.command("sandbox", epilog=example("offset-purchaser sandbox --port 8089 --state var/sandbox.sqlite"))(
    sandbox.sandbox
)


@app.command(epilog=example("PURCHASER_MODE=rehearsal offset-purchaser run"))
def run() -> None:
    """Run the service until SIGTERM."""
    from offset_purchaser.app import run as run_service

    raise typer.Exit(run_service())


@app.command(epilog=example("offset-purchaser migrate"))
def migrate() -> None:
    """Create or update this service's tables; safe to repeat."""
    from shared.postgres import migrate as apply
    from shared.settings import PostgresSettings

    applied = apply(PostgresSettings.load(), ["offset_purchaser"])
    typer.echo(f"{len(applied)} migrations applied" + (": " + ", ".join(applied) if applied else ""))


@topics_app.command("create", epilog=example("offset-purchaser topics create"))
def topics_create() -> None:
    """Create the topics this service needs and check the ones there are; safe to repeat."""
    import asyncio

    from shared.kafka import TopicSpec, announcement_topics, readings_topics, set_up_topics
    from shared.settings import KafkaSettings, TopicSettings

    topics = TopicSettings.load()
    dead = TopicSpec(topics.dead_letter(topics.name("meter_readings")), 1, {"cleanup.policy": "compact"})
    specs = [*readings_topics(topics), dead, *announcement_topics(topics)]
    made = asyncio.run(set_up_topics(KafkaSettings.load(), specs, replication_factor=topics.replication_factor))
    typer.echo(f"{len(made)} topics created" + (": " + ", ".join(made) if made else ""))


@app.command("import-announcements", epilog=example("offset-purchaser import-announcements --by anna"))
def import_announcements(by: Annotated[str, typer.Option(help="Who decides.")]) -> None:
    """After a restore: take over the orders and documents that were announced and are not in the tables."""
    from offset_purchaser.handlers.people import import_announcements as take

    typer.echo(store(lambda pool: take(pool, by=by)))


def main() -> None:
    """Entry point: errors on purpose are one sentence and exit code 1, wrong usage is 2, never a traceback."""
    reporting_errors(app)
