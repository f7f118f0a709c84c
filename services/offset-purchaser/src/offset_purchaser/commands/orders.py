"""``offset-purchaser orders``: list them, and say how an unknown one ended."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offset_purchaser.commands.common import AsJson, example, known, parse_day, show, store
from offset_purchaser.order import OrderState
from shared.errors import Rejected

if TYPE_CHECKING:
    from shared.postgres import Pool

app = typer.Typer(no_args_is_help=True, help="Orders at providers.")
OrderId = Annotated[str, typer.Argument(help="Order id.")]
By = Annotated[str, typer.Option(help="Who says so; kept with the order.")]


@app.command("list", epilog=example("offset-purchaser orders list --state unknown --state held"))
def list_orders(
    campaign: Annotated[str | None, typer.Option(help="Only this campaign.")] = None,
    state: Annotated[list[OrderState] | None, typer.Option(help="Only these states; repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Orders, newest first."""
    from offset_purchaser.store import orders

    async def read(pool: Pool) -> list[dict[str, Any]]:
        await known(pool, campaign)
        return await orders.listing(pool, campaign, [one.value for one in state or []])

    rows = store(read)
    for row in rows:
        row.pop("request", None)
    columns = ["order_id", "campaign", "buy_day", "number", "leg", "attempt", "state", "quantity_g", "amount"]
    show("Orders", rows, [*columns, "currency", "reference", "document", "reason"], as_json=as_json)


@app.command(epilog=example("offset-purchaser orders resolve ID --rejected --by anna --reason 'mail from the partner'"))
def resolve(
    order_id: OrderId,
    *,
    bought: Annotated[Path | None, typer.Option(help="JSON file with the provider's answer: it was bought.")] = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="It was not bought: its grams are owed again.")] = False,
    reason: Annotated[str, typer.Option(help="How you know.")],
    by: By,
) -> None:
    """Say how an order ended, when the provider cannot be asked or its answer was set aside."""
    from offset_purchaser.handlers.people import resolve_order

    if (bought is None) == (not rejected):
        raise Rejected("say either --bought FILE or --rejected")
    data = None if bought is None else _read(bought)
    state = store(lambda pool: resolve_order(pool, order_id, data, reason=reason, by=by))
    typer.echo(f"order {order_id} is {state}")


@app.command(epilog=example("offset-purchaser orders confirm ID --reference GP-2026-17 --by anna"))
def confirm(
    order_id: OrderId,
    *,
    reference: Annotated[str, typer.Option(help="The partner's own number.")],
    filled_g: Annotated[int | None, typer.Option(help="Grams it confirmed; all of them when left out.")] = None,
    price: Annotated[str | None, typer.Option(help="Price per tonne, net; as ordered when left out.")] = None,
    project: Annotated[str, typer.Option(help="The project that it named.")] = "",
    by: By,
) -> None:
    """Record a partner's confirmation of an order that left by folder or mail."""
    from offset_purchaser.handlers.people import Confirmation, confirm_order

    try:
        facts = Confirmation(reference, filled_g, None if price is None else Decimal(price), project)
    except InvalidOperation:
        raise Rejected(f"{price} is not a price; write 31.50") from None
    typer.echo(f"order {order_id} is {store(lambda pool: confirm_order(pool, order_id, facts, by=by))}")


@app.command(epilog=example("offset-purchaser orders certificate ID certificate.json --file certificate.pdf"))
def certificate(
    order_id: OrderId,
    fields: Annotated[Path, typer.Argument(help="JSON: registry, project, vintage, serials, tonnes, date, ...")],
    file: Annotated[Path | None, typer.Option(help="The certificate as received.")] = None,
) -> None:
    """Archive a retirement certificate, after checking that it fits the order and its serials are new."""
    from offset_purchaser.handlers.people import add_certificate

    data, scan = _read(fields), None if file is None else _read(file)
    typer.echo(store(lambda pool: add_certificate(pool, order_id, data, scan)))


@app.command(epilog=example("offset-purchaser orders invoice ID invoice.pdf --number GP-88 --date 2026-12-04"))
def invoice(
    order_id: OrderId,
    file: Annotated[Path, typer.Argument(help="The provider's invoice.")],
    *,
    number: Annotated[str, typer.Option(help="Its number.")],
    date: Annotated[str, typer.Option(help="Its date.")],
) -> None:
    """Keep a provider's own invoice; the document that carries it is issued next."""
    from offset_purchaser.handlers.people import add_invoice

    attached, day = (file.name, _read(file)), parse_day(date)
    store(lambda pool: add_invoice(pool, order_id, number, day, attached))
    typer.echo(f"invoice {number} kept for order {order_id}")


@app.command(epilog=example("offset-purchaser orders approve ID --by anna"))
def approve(order_id: OrderId, *, by: By) -> None:
    """Say yes to a held order. Two people are two different names."""
    from offset_purchaser.handlers.people import approve_order

    store(lambda pool: approve_order(pool, order_id, by=by))
    typer.echo(f"order {order_id} approved by {by}")


@app.command(epilog=example("offset-purchaser orders retry ID --by anna --provider sandbox"))
def retry(
    order_id: OrderId,
    *,
    by: By,
    provider: Annotated[str | None, typer.Option(help="Another provider; the same one when left out.")] = None,
) -> None:
    """Try a refused or cancelled order again: a new row with a key of its own."""
    from offset_purchaser.handlers.people import retry_order

    typer.echo(f"new order {store(lambda pool: retry_order(pool, order_id, provider, by=by))}")


@app.command(epilog=example("offset-purchaser orders cancel ID --by anna --reason 'campaign called off'"))
def cancel(
    order_id: OrderId, *, reason: Annotated[str, typer.Option(help="Why; kept with the order.")], by: By
) -> None:
    """Cancel an order: at once while nothing has left, else at the provider within its window."""
    from offset_purchaser.handlers.cancel import cancel_order

    typer.echo(f"order {order_id} is {store(lambda pool: cancel_order(pool, order_id, reason=reason, by=by))}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Rejected(f"{path}: {error.strerror}") from None
