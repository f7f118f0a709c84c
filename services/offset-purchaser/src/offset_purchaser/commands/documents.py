"""``offset-purchaser documents``: list, export, send again, take back."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from offset_purchaser.commands.common import AsJson, example, show, store
from shared.errors import Rejected

app = typer.Typer(no_args_is_help=True, help="Documents issued to finance.")


@app.command("list", epilog=example("offset-purchaser documents list --campaign black-friday-2026-fr"))
def list_documents(
    campaign: Annotated[str | None, typer.Option(help="Only this campaign.")] = None, as_json: AsJson = False
) -> None:
    """Documents in the order in which they were issued."""
    from offset_purchaser.store import documents

    rows = store(lambda pool: documents.listing(pool, campaign))
    columns = ["number", "kind", "campaign", "buy_day", "settlement", "provider", "gross", "currency"]
    show("Documents", rows, [*columns, "credits", "filename"], as_json=as_json)


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


CREDIT_COLUMNS = ("document", "state", "number", "correction", "cancelled_g", "net", "currency", "reason")


@app.command(
    epilog=example(
        "offset-purchaser documents credit SB-RETAILFR-GOODPL-2026-00007 --reason 'one project withdrawn' --by anna",
        "offset-purchaser documents credit SB-RETAILFR-GOODPL-2026-00007 --grams 1000000 --reason refunded --by anna",
    )
)
def credit(
    number: Annotated[str, typer.Argument(help="The document to take back.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it stands on the note.")],
    by: Annotated[str, typer.Option(help="Who says so; kept with the note.")],
    order: Annotated[str | None, typer.Option(help="Of this order only.")] = None,
    grams: Annotated[int | None, typer.Option(help="Cancel these grams, with their share of the price.")] = None,
    amount: Annotated[
        str | None, typer.Option(help="Money before VAT; without --grams a price is corrected and nothing cancelled.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take back a document or part of it: a credit note (261), or a correction of a statement.

    Without --grams and --amount everything that is left of it. The running service issues the note within seconds,
    numbers it in the series of what it corrects and books it. Cancelled grams are owed again: the day's next settlement
    buys them, after the last one only orders retry does, for orders that were taken back as a whole. All notes together
    never exceed the document, and what is retired cannot be cancelled. A provider's own invoice only the provider
    corrects.
    """
    from offset_purchaser.documents.correction import Part
    from offset_purchaser.handlers.credit import ask_for_credit
    from offset_purchaser.handlers.people import context_of, name_of
    from offset_purchaser.store import credits

    try:
        order_id, money = None if order is None else UUID(order), None if amount is None else Decimal(amount)
    except InvalidOperation:
        raise Rejected(f"{amount} is not an amount; write 31.50", field="amount") from None
    except ValueError:
        raise Rejected(f"{order} is not an order id", field="order") from None
    who = name_of(by)
    wanted = Part(order_id, grams, money)
    store(lambda pool: ask_for_credit(context_of(pool), pool, number, wanted, reason=reason, by=who))
    rows = store(lambda pool: credits.listing(pool, number))
    show(f"Credit notes of {number}", rows, list(CREDIT_COLUMNS), as_json=as_json)


@app.command("credits", epilog=example("offset-purchaser documents credits"))
def list_credits(
    number: Annotated[str | None, typer.Argument(help="Only of this document.")] = None, as_json: AsJson = False
) -> None:
    """Credit notes that were asked for: waiting, issued, or refused and why."""
    from offset_purchaser.store import credits

    rows = store(lambda pool: credits.listing(pool, number))
    show("Credit notes", rows, [*CREDIT_COLUMNS, "requested_by", "refused"], as_json=as_json)
