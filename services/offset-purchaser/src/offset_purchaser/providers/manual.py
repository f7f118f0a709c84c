"""A partner without an API (GoodPlanet Foundation, any other): an order document goes out by folder and mail.

Confirmation and certificate come back by command. There are no keys and nothing to ask, so a document leaves at most
once: mailed with a Message-ID that is the order's own, then kept in the folder, which also shows what left before a
restore of the tables.
"""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from offset_purchaser.mail import Letter, MailServer
from offset_purchaser.order import Order, Traits
from offset_purchaser.providers.base import Answer, Progress, Provider, ProviderKind, Quote
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.terms import Leg
from shared.errors import OutcomeUnknown, Rejected, Transient
from shared.units import G_PER_T, decimal_text

TRAITS = Traits(
    name="manual",
    key_lifetime=None,
    find="none",
    visibility_delay=timedelta(0),
    lot_g=1_000_000,
    cancel_window=timedelta(0),
    document_kind="provider_invoice",
    certificates=True,
)


class Manual:
    """Writes order documents and mails them."""

    def __init__(self, folder: Path, smtp_url: str, sender: str, timeout_s: float) -> None:
        self._folder = folder
        self._server = MailServer(smtp_url, sender, timeout_s)

    @property
    def traits(self) -> Traits:
        """As declared above."""
        return TRAITS

    async def quote(self, order: Order, leg: Leg) -> Quote | None:
        """The configured price is the price."""
        if leg.mail_to and not self._server.url:
            raise Rejected("PURCHASER_SMTP_URL is not set, so the order document cannot be mailed")
        return None

    def request(self, order: Order, leg: Leg, beneficiary: str) -> bytes:
        """The order document: JSON for programs with the text that people read inside."""
        tonnes = decimal_text(Decimal(order.quantity_g) / G_PER_T)
        price, amount = decimal_text(order.price_per_tonne), f"{order.amount} {order.currency}"
        lines = [
            f"Order {order.order_id}" + (" - REHEARSAL, please ignore" if order.mode == "rehearsal" else ""),
            "",
            f"{beneficiary} orders the retirement of carbon credits for {tonnes} t CO2e",
            f"at {price} {order.currency} a tonne, net of VAT: {amount}.",
            f"Beneficiary on the certificate: {beneficiary}",
            "",
            "Please quote the order number on your confirmation, your invoice and the certificate. The certificate",
            "must state registry, project, vintage, serial numbers, tonnes, date and beneficiary.",
        ]
        body = {
            "order_id": str(order.order_id),
            "mode": order.mode,
            "to": leg.mail_to,
            "beneficiary": beneficiary,
            "quantity_g": order.quantity_g,
            "price_per_tonne": price,
            "currency": order.currency,
            "amount": str(order.amount),
            "text": "\n".join(lines) + "\n",
        }
        return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

    async def place(self, order: Order, body: bytes) -> Answer:
        """Mail the document when the leg says to whom, then put it into the folder.

        A document that lies in the folder has left already, whatever our tables remember: it is not sent again.
        """
        content = json.loads(body)
        path = self._folder / f"{order.order_id}.json"
        if await asyncio.to_thread(path.exists):
            raise OutcomeUnknown(f"the order document is in the folder already ({path.name}): ask the partner")
        await self._mail(order, content)
        try:
            await asyncio.to_thread(_write, path.with_suffix(".txt"), content["text"].encode())
            await asyncio.to_thread(_write, path, body)
        except OSError as error:
            if content["to"]:
                raise OutcomeUnknown(f"mailed, but the folder takes no copy of the order document: {error}") from error
            raise Transient(f"the order document cannot be written: {error}") from error
        return Answer(
            reference=str(order.order_id),
            progress=Progress.PLACED,
            filled_g=0,
            price_per_tonne=order.price_per_tonne,
            currency=order.currency,
            amount=order.amount,
        )

    async def _mail(self, order: Order, content: dict[str, str], suffix: str = "") -> None:
        if not content["to"]:
            return
        subject = f"Order {order.order_id}" + (" (rehearsal)" if order.mode == "rehearsal" else "")
        letter = Letter(f"{order.order_id}{suffix}@offset-purchaser", content["to"], subject, content["text"])
        await asyncio.to_thread(self._server.send, letter)

    async def find(self, order: Order) -> Answer | None:
        """Nobody can be asked."""
        return None

    async def status(self, order: Order) -> Answer | None:
        """Only the partner's confirmation tells."""
        return None

    async def cancel(self, order: Order) -> Answer | None:
        """People ask the partner."""
        return None

    async def remind(self, order: Order, number: int) -> None:
        """Write a reminder, and mail it where the order document went; a second copy of a reminder does no harm."""
        content = json.loads(order.request or b"{}")
        text = f"Reminder {number}: we have not received your confirmation or certificate yet.\n\n{content['text']}"
        path = self._folder / f"{order.order_id}.reminder-{number}.txt"
        try:
            await asyncio.to_thread(_write, path, text.encode())
        except OSError as error:
            raise Transient(f"the reminder cannot be written: {error}") from error
        await self._mail(order, {**content, "text": text}, f".reminder-{number}")

    async def close(self) -> None:
        """Nothing is open."""


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_bytes(data)
    beside.replace(path)


def _open(settings: PurchaserSettings) -> Provider:
    answer_s = settings.http_timeout_s / 2  # of a mail server: a connection and an answer fit into one attempt
    return Manual(settings.manual_folder, settings.smtp_url.get_secret_value(), settings.smtp_from, answer_s)


def _lacks(settings: PurchaserSettings) -> str:
    return "PURCHASER_SMTP_FROM" if settings.smtp_url.get_secret_value() and not settings.smtp_from else ""


MANUAL = ProviderKind(TRAITS, _open, _lacks)
