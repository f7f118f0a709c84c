"""Documents on their way: into the folder and by mail, each place until it has taken them or refused for good.

At least once: a mail whose answer was lost goes out again, the same mail with the same Message-ID.
"""

from __future__ import annotations

import asyncio

from offset_purchaser.documents import DocumentContent
from offset_purchaser.documents.mail import letter
from offset_purchaser.handlers.context import Context, acting
from offset_purchaser.handlers.files import write_once
from offset_purchaser.handlers.isolate import isolated
from offset_purchaser.mail import MailServer
from offset_purchaser.order import back_off
from offset_purchaser.store import deliveries, outbox
from offset_purchaser.store.deliveries import Delivery
from offset_purchaser.store.leadership import Term
from shared.clock import Clock
from shared.errors import OutcomeUnknown, Rejected, Transient
from shared.postgres import Pool, transaction
from shared.telemetry import log

MOST_S = 900.0
"""A mail server that is down for a night is asked every quarter of an hour."""


async def deliver(context: Context, term: Term) -> int:
    """Try everything that is due; returns how much reached its place."""
    count = 0
    for what in await deliveries.due(context.pool, context.clock()):
        with isolated("delivery", number=what.number):
            count += await _deliver(context, term, what)
    return count


async def _deliver(context: Context, term: Term, what: Delivery) -> bool:
    try:
        await asyncio.to_thread(_hand_over, context, what)
    except Rejected as error:
        # What the mail server says may name people: it stays in the table, which `documents send` shows.
        log(__name__).error("document refused", number=what.number, to=what.channel)
        async with acting(context, term) as connection:
            await deliveries.refused(connection, what, str(error))
        return False
    except (Transient, OutcomeUnknown, OSError) as error:
        kind = type(error).__name__
        log(__name__).warning("document not delivered yet", number=what.number, to=what.channel, error=kind)
        next_try = context.clock() + back_off(what.attempts, context.settings.retry_first_s, MOST_S)
        async with acting(context, term) as connection:
            await deliveries.later(connection, what, str(error), next_try)
        return False
    async with acting(context, term) as connection:
        await deliveries.sent(connection, what, context.clock())
    return True


def _hand_over(context: Context, what: Delivery) -> None:
    settings = context.settings
    if what.channel == "folder":
        write_once(settings.documents_folder / what.filename, what.file)
        return
    server = MailServer(settings.smtp_url.get_secret_value(), settings.smtp_from, settings.http_timeout_s)
    if not server.url or not server.sender:
        raise Transient("PURCHASER_SMTP_URL and PURCHASER_SMTP_FROM are needed to mail a document")
    content = DocumentContent.model_validate_json(what.content)
    server.send(letter(content, what.target, what.filename, what.file, what.issued_at))


async def send_again(
    pool: Pool, number: str, clock: Clock, documents_topic: str, *, to: str = "", everything: bool = False
) -> list[dict[str, object]]:
    """Let a document be sent once more; returns its places. Repeating it changes nothing but the time of the next try.

    Without ``everything`` only what has not arrived; with it, what was sent goes out again, the same mails and the same
    announcement. ``to`` adds one address. Raises ``Rejected`` when there is no such document with a file.
    """
    async with transaction(pool) as connection:
        if not await connection.fetchval("SELECT 1 FROM document_files WHERE number = $1", number):
            raise Rejected(f"there is no document {number} with a file")
        now = clock()
        if to:
            await deliveries.plan(connection, number, [to], now)
        await deliveries.again(connection, number, now, also_sent=everything)
        if everything:
            await outbox.repeat(connection, documents_topic, number.encode(), now)
        return await deliveries.of_document(connection, number)
