"""``offset-purchaser webhooks``: who hears of orders and documents over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from offset_purchaser.commands.common import AsJson, example, show, store
from shared.errors import Rejected

if TYPE_CHECKING:
    from offset_purchaser.handlers.webhooks import Registered

app = typer.Typer(no_args_is_help=True, help="Outgoing webhooks: signed messages about orders and documents.")
EndpointId = Annotated[UUID, typer.Argument(help="The endpoint's id, as in webhooks list.")]


@app.command(epilog=example("offset-purchaser webhooks add https://erp.example.com/hooks/credits --by anna"))
def add(
    url: Annotated[str, typer.Argument(help="https address that takes POSTs.")],
    *,
    by: Annotated[str, typer.Option(help="Who registers it.")],
) -> None:
    """Register an address and print its signing secret, once; it hears what happens from now on."""
    from offset_purchaser.handlers.webhooks import register
    from offset_purchaser.settings import PurchaserSettings
    from shared.clock import system_clock

    settings = PurchaserSettings.load()
    _say(store(lambda pool: register(pool, url, by=by, settings=settings, clock=system_clock)))


@app.command(epilog=example("offset-purchaser webhooks rotate 4f0c…"))
def rotate(endpoint_id: EndpointId) -> None:
    """Print a new signing secret; messages carry signatures with both secrets for 24 hours."""
    from offset_purchaser.handlers.webhooks import rotate as change
    from shared.clock import system_clock

    _say(store(lambda pool: change(pool, endpoint_id, system_clock)))


@app.command("list", epilog=example("offset-purchaser webhooks list --json"))
def list_endpoints(as_json: AsJson = False) -> None:
    """Endpoints, with how much each has heard and what still waits."""
    from offset_purchaser.store import webhooks

    columns = ["endpoint_id", "url", "created_by", "delivered", "waiting", "disabled_at", "disabled_reason"]
    show("Webhooks", store(webhooks.endpoints), columns, as_json=as_json)


@app.command(epilog=example("offset-purchaser webhooks attempts 4f0c… --limit 20"))
def attempts(
    endpoint_id: EndpointId,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Attempts at most, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """The log: every attempt, what was answered, how long it took."""
    from offset_purchaser.store import webhooks

    columns = ["sequence", "lane", "type", "at", "took_ms", "status", "outcome"]
    show("Attempts", store(lambda p: webhooks.attempts(p, endpoint_id, limit)), columns, as_json=as_json)


@app.command(epilog=example("offset-purchaser webhooks resend 4f0c… 1841"))
def resend(
    endpoint_id: EndpointId, sequence: Annotated[int, typer.Argument(help="The message's sequence, as in attempts.")]
) -> None:
    """Send a message once more, under the same webhook-id."""
    from offset_purchaser.store import webhooks
    from shared.clock import system_clock

    if not store(lambda pool: webhooks.resend(pool, endpoint_id, sequence, system_clock())):
        raise Rejected(f"endpoint {endpoint_id} never had a message {sequence}", field="sequence")
    typer.echo(f"message {sequence} leaves again")


@app.command(epilog=example("offset-purchaser webhooks disable 4f0c… --reason 'moved'"))
def disable(endpoint_id: EndpointId, reason: Annotated[str, typer.Option(help="Why.")] = "by hand") -> None:
    """Stop calling an endpoint; what it has not heard is kept."""
    from offset_purchaser.store import webhooks
    from shared.clock import system_clock

    if not store(lambda pool: webhooks.disable(pool, endpoint_id, reason, system_clock())):
        raise Rejected(f"there is no endpoint {endpoint_id} that is on", field="endpoint_id")
    typer.echo(f"endpoint {endpoint_id} is off")


@app.command(epilog=example("offset-purchaser webhooks enable 4f0c…"))
def enable(endpoint_id: EndpointId) -> None:
    """Call an endpoint again, from where it stopped."""
    from offset_purchaser.store import webhooks
    from shared.clock import system_clock

    if not store(lambda pool: webhooks.enable(pool, endpoint_id, system_clock())):
        raise Rejected(f"there is no endpoint {endpoint_id} that is off", field="endpoint_id")
    typer.echo(f"endpoint {endpoint_id} is on")


def _say(found: Registered) -> None:
    typer.echo(f"endpoint {found.endpoint_id} at {found.url}; its signing secret is shown this once:", err=True)
    typer.echo(found.secret)
