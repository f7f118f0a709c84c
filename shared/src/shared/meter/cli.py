"""The commands both meters have: run, migrate, topics, balance; those that intervene are in ``commands``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Annotated, Any

import typer
import uvloop

from shared.console import FAILED, new_app, out, table
from shared.meter import store
from shared.meter.channel import Channel
from shared.meter.commands import register_commands
from shared.meter.definition import MeterDefinition, MeterEnvironment
from shared.meter.service import run_meter
from shared.meter.set_up import ensure_meter_topics
from shared.postgres import migrate, open_pool
from shared.settings import HttpSettings, LogSettings, PostgresSettings
from shared.telemetry import configure_logs


def meter_app(
    name: str,
    channels: tuple[Channel, ...],
    migrations: tuple[str, ...],
    definition: Callable[[], MeterDefinition],
    help_text: str,
) -> typer.Typer:
    """The command line of a meter; services add their own commands to it. ``definition`` is made only to run."""
    app = new_app(help_text, examples=f"{name} migrate · {name} topics create · {name} run · {name} balance --json")
    topics = new_app("The Kafka topics this meter reads and writes.")
    app.add_typer(topics, name="topics")

    @app.command()
    def run() -> None:
        """Count until SIGTERM. Settings come from the environment (see the README).

        Example: KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 POSTGRES_DSN=postgresql://… HTTP_PORT=8001 … run
        """
        configure_logs(LogSettings.load(), service=name)
        uvloop.run(run_meter(definition(), MeterEnvironment.load(), HttpSettings.load()))

    @app.command("migrate")
    def migrate_command() -> None:
        """Create or update the tables of this meter's schema.

        Example: POSTGRES_DSN=postgresql://… migrate
        """
        applied = migrate(PostgresSettings.load(), migrations)
        out.print(f"{len(applied)} migrations applied" + (": " + ", ".join(applied) if applied else ""))

    @topics.command("create")
    def topics_create() -> None:
        """Create missing topics and check the settings of the others.

        Example: KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 topics create
        """
        created = asyncio.run(ensure_meter_topics(channels))
        out.print(f"{len(created)} topics created" + (": " + ", ".join(created) if created else "; all were there"))

    @app.command()
    def balance(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
        """Where the records of every partition went. Fails when an offset is unaccounted for.

        Example: POSTGRES_DSN=postgresql://… balance --json
        """
        rows = asyncio.run(_balance(PostgresSettings.load()))
        if as_json:
            out.print_json(json.dumps(rows))
        else:
            columns = ("topic", *(f"#{name}" for name in list(rows[0])[1:])) if rows else ("topic",)
            out.print(table("Balance", columns, (list(row.values()) for row in rows)))
        if any(row["difference"] for row in rows):
            raise typer.Exit(FAILED)

    register_commands(app, topics, definition)
    return app


async def _balance(settings: PostgresSettings) -> list[dict[str, Any]]:
    pool = await open_pool(settings, application="balance")
    try:
        return await store.balances(pool)
    finally:
        await pool.close()
