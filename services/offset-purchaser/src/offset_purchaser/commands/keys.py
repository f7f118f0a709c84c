"""``offset-purchaser keys``: who may call the HTTP API."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

import typer

from offset_purchaser.commands.common import AsJson, any_day, example, show, store
from offset_purchaser.keys import Role
from shared.errors import Rejected

app = typer.Typer(no_args_is_help=True, help="Keys of the HTTP API: create, list, revoke.")


@app.command(epilog=example("offset-purchaser keys create --role approve --name 'Anna Martin' --expires 2027-01-31"))
def create(
    role: Annotated[Role, typer.Option(help="read: look; approve: decide about orders and settlements; admin: all.")],
    name: Annotated[str, typer.Option(help="The person or program; stands in approvals. Two people are two names.")],
    expires: Annotated[str | None, typer.Option(help="Last day (UTC) on which the key works.")] = None,
) -> None:
    """Make a key and print its secret, once: only a hash of it is kept."""
    import secrets

    from offset_purchaser import keys
    from offset_purchaser.store import keys as table
    from shared.clock import system_clock

    now = system_clock()
    until = None if expires is None else after(any_day(expires))
    if until is not None and until <= now:
        raise Rejected(f"{expires} is over", field="expires")
    key_id, secret, digest = keys.make_secret(secrets.token_bytes(keys.ID_BYTES + keys.SECRET_BYTES))
    record = keys.KeyRecord(key_id, keys.person(name), role, digest, until, None)
    store(lambda pool: table.insert(pool, record, now))
    typer.echo(f"key {key_id} for {record.name}, role {role}; its secret is shown this once:", err=True)
    typer.echo(secret)


def after(day: date) -> datetime:
    """The end of a day in UTC. Raises ``Rejected`` for the calendar's last day, which has none."""
    try:
        return datetime.combine(day, time.min, UTC) + timedelta(days=1)
    except OverflowError:
        raise Rejected(f"{day} is too far away; leave it out for a key without an end", field="expires") from None


@app.command("list", epilog=example("offset-purchaser keys list --json"))
def list_keys(as_json: AsJson = False) -> None:
    """Keys, who has them, and when they were last used."""
    from offset_purchaser.store import keys as table

    columns = ["key_id", "name", "role", "created_at", "expires_at", "revoked_at", "last_used_at"]
    show("Keys", store(table.listing), columns, as_json=as_json)


@app.command(epilog=example("offset-purchaser keys revoke 0a1b2c3d4e5f"))
def revoke(key_id: Annotated[str, typer.Argument(help="The key's id, as in keys list.")]) -> None:
    """End a key; running services refuse it within two seconds."""
    from offset_purchaser.store import keys as table
    from shared.clock import system_clock

    if not store(lambda pool: table.revoke(pool, key_id, system_clock())):
        raise Rejected(f"there is no key {key_id} in use", field="key_id")
    typer.echo(f"key {key_id} revoked")
