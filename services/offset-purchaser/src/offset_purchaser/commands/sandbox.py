"""``offset-purchaser sandbox``: the pretend provider as a process of its own."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from shared.errors import Rejected


def sandbox(  # noqa: PLR0917  (a command's options)
    port: Annotated[int | None, typer.Option(help="Where to listen; HTTP_PORT when left out.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; HTTP_HOST when left out.")] = None,
    state: Annotated[Path | None, typer.Option(help="SQLite file of its memory; in memory when left out.")] = None,
    confirm_after: Annotated[float, typer.Option(help="Seconds from placed to confirmed.")] = 0.0,
    retire_after: Annotated[float, typer.Option(help="Seconds from confirmed to retired.")] = 0.0,
    key_lifetime: Annotated[float, typer.Option(help="Seconds an idempotency key is remembered.")] = 86_400.0,
    listing_delay: Annotated[float, typer.Option(help="Seconds until the listing shows an order.")] = 0.0,
    price: Annotated[list[str] | None, typer.Option(help="List price per tonne, EUR=22.00; repeatable.")] = None,
) -> None:
    """Run the sandbox provider: orders under idempotency keys, certificates, and faults on demand (POST /v1/faults)."""
    import uvicorn

    from offset_purchaser.sandbox_service.app import create_app
    from offset_purchaser.sandbox_service.book import Book, Conduct
    from shared.settings import HttpSettings, LogSettings
    from shared.telemetry import configure_logs

    http = HttpSettings.load()
    configure_logs(LogSettings.load(), service="sandbox")
    conduct = Conduct(confirm_after, retire_after, key_lifetime, listing_delay, _prices(price or []))
    if state is not None:
        state.parent.mkdir(parents=True, exist_ok=True)
    book = Book(str(state) if state else ":memory:", conduct)
    listen = (host or http.host, http.port if port is None else port)
    config = uvicorn.Config(
        create_app(book),
        host=listen[0],
        port=listen[1],
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run()


def _prices(pairs: list[str]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for pair in pairs:
        currency, _, number = pair.partition("=")
        try:
            found[currency] = Decimal(number)
        except InvalidOperation:
            raise Rejected(f"--price {pair}: write EUR=22.00") from None
    return found
