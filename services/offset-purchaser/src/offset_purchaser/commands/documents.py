"""``offset-purchaser documents``: list, export, send again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offset_purchaser.commands.common import AsJson, example, show, store

app = typer.Typer(no_args_is_help=True, help="Documents issued to finance.")


@app.command("list", epilog=example("offset-purchaser documents list --campaign black-friday-2026-fr"))
def list_documents(
    campaign: Annotated[str | None, typer.Option(help="Only this campaign.")] = None, as_json: AsJson = False
) -> None:
    """Documents in the order in which they were issued."""
    from offset_purchaser.store import documents

    rows = store(lambda pool: documents.listing(pool, campaign))
    columns = ["number", "kind", "campaign", "buy_day", "settlement", "provider", "gross", "currency", "filename"]
    show("Documents", rows, columns, as_json=as_json)


@app.command(epilog=example("offset-purchaser documents export --to /tmp/documents"))
def export(
    to: Annotated[Path, typer.Option(help="Folder to write into.")],
    campaign: Annotated[str | None, typer.Option(help="Only this campaign.")] = None,
    number: Annotated[str | None, typer.Option(help="Only this document.")] = None,
) -> None:
    """Write the stored bytes of documents into a folder, with their SHA-256."""
    from offset_purchaser.handlers.files import write_once
    from offset_purchaser.store import documents

    for filename, data, sha256 in store(lambda pool: documents.files(pool, campaign, number)):
        write_once(to / filename, data)
        typer.echo(f"{sha256}  {filename}")


@app.command(epilog=example("offset-purchaser documents send ST-RETAILFR-2026-00001 --to audit@retail.example"))
def send(
    number: Annotated[str, typer.Argument(help="Document number.")],
    *,
    to: Annotated[str, typer.Option(help="One more mail address.")] = "",
    again: Annotated[
        bool, typer.Option("--again", help="Also where it arrived: the same mails, and the same announcement on Kafka.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let the running service send a document once more where it has not arrived; shows every place and its state.

    Nothing is rendered anew: the file, its name and the mail's Message-ID stay the same, so a second copy shows as one.
    """
    from offset_purchaser.handlers.deliver import send_again
    from offset_purchaser.mail import Letter, compose
    from shared.clock import system_clock
    from shared.settings import TopicSettings

    if to:
        compose(Letter("check", to, "", ""), "")
    topic = TopicSettings.load().name("offset_documents")
    rows = store(lambda pool: send_again(pool, number, system_clock, topic, to=to, everything=again))
    show(f"Document {number}", rows, ["channel", "target", "state", "attempts", "sent_at", "reason"], as_json=as_json)
