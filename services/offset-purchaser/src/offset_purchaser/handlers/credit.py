"""Credit notes: asked for by a person or by a provider's news, issued by the instance that acts.

Asking reserves what is taken back, so all notes together never exceed their document. Issuing writes number, content,
ledger entries, the orders' remainder and the announcement in one transaction; the page follows like any other's.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pydantic import ValidationError

from offset_purchaser import metrics
from offset_purchaser.documents import DocumentContent
from offset_purchaser.documents.content import CORRECTED_BY, INVOICES
from offset_purchaser.documents.correction import CreditLine, Part, credit_content, credit_lines, left_of
from offset_purchaser.documents.parts import Correction
from offset_purchaser.documents.series import series_name
from offset_purchaser.handlers.context import Context, acting
from offset_purchaser.handlers.isolate import isolated
from offset_purchaser.handlers.issue import announcement
from offset_purchaser.handlers.take_back import Note, take_back
from offset_purchaser.order import Order, OrderState
from offset_purchaser.printed import printed_text
from offset_purchaser.store import campaigns, certificates, credits, documents, orders, outbox, settlements
from offset_purchaser.store.credits import Asked, Corrected
from offset_purchaser.store.documents import Undocumented
from offset_purchaser.store.leadership import Term
from shared.clock import local_day
from shared.errors import Conflict, Rejected
from shared.postgres import Connection, Pool, transaction
from shared.telemetry import log


async def ask_for_credit(
    context: Context,
    pool: Pool,
    number: str,
    wanted: Part,
    *,
    reason: str,
    by: str,
) -> int:
    """Ask for a credit note of a document, or of part of it; returns its id. The running service issues it.

    Raises ``Rejected``, naming the field, for more than the document still holds, for a kind that only the provider can
    correct, for credits that are retired already, and for a reason that cannot be printed or holds a claim;
    ``Conflict`` while another note of the document waits to be issued.
    """
    if not reason.strip():
        raise Rejected("a reason is required: it stands on the note", field="reason")
    why = printed_text(reason, "reason")
    async with transaction(pool) as connection:
        content = await _creditable(connection, number)
        await _none_waits(connection, number)
        lines = credit_lines(content, await credits.lines(connection, number), wanted)
        await _check(connection, lines)
        return await credits.ask(
            connection, number, lines, correction=_correction(lines), reason=why, by=by, now=context.clock()
        )


async def ask_after_news(context: Context, connection: Connection, order: Order, document: str) -> str:
    """A provider cancelled an order that is on a document: ask for a note over all that is left of it, once; returns
    why none was asked for, ``""`` when one was or everything is taken back already.

    In the caller's transaction. While a note over another part waits the answer says so, and the next news asks again.
    """
    by, now = f"provider {order.provider}", context.clock()
    if refused := await credits.refused_before(connection, document, order.order_id, by):
        return refused
    try:
        content = await _creditable(connection, document)
        left = left_of(content, await credits.lines(connection, document))
        if order.order_id not in {one.order_id for one in left}:
            return ""
        lines = await whole_order(connection, order, document)
    except Rejected as error:
        return error.reason
    except Conflict as error:
        return str(error)
    await credits.ask(connection, document, lines, correction=_correction(lines), reason="", by=by, now=now)
    return ""


async def whole_order(connection: Connection, order: Order, document: str) -> list[CreditLine]:
    """What a note would take back when all of an order is cancelled. Raises ``Rejected`` when none can be issued,
    ``Conflict`` while another one waits."""
    content = await _creditable(connection, document)
    await _none_waits(connection, document)
    lines = credit_lines(content, await credits.lines(connection, document), Part(order.order_id))
    await _check(connection, lines)
    return lines


def _correction(lines: Sequence[CreditLine]) -> Correction:
    return "cancellation" if any(line.cancelled_g for line in lines) else "price"


async def _none_waits(connection: Connection, number: str) -> None:
    if any(one.document == number for one in await credits.waiting(connection)):
        raise Conflict(f"a credit note of {number} waits to be issued, try again when it is")


async def _creditable(connection: Connection, number: str) -> DocumentContent:
    """The document, locked, when notes of ours can take it back. Raises ``Rejected``."""
    found = await credits.locked(connection, number)
    if found is None:
        raise Rejected(f"there is no document {number}")
    if found.imported:
        raise Rejected(f"document {number} was taken over from its announcement: its lines are not known here")
    if found.kind not in CORRECTED_BY:
        raise Rejected(
            f"document {number} is a {found.kind}: a cover sheet's invoice only the provider can correct, and a note "
            "is not taken back"
        )
    if note := await credits.unsplit(connection, number):
        raise Rejected(
            f"credit note {note} of {number} was taken over from its announcement, and what it took back of which "
            "order is not known here: settle what is left with the partner, outside"
        )
    return DocumentContent.model_validate_json(found.content)


def _fit(content: DocumentContent, before: Sequence[CreditLine], lines: Sequence[CreditLine]) -> None:
    """All notes together never exceed their document, whatever was taken over since one was asked for. Raises
    ``Rejected``."""
    left = {one.order_id: one for one in left_of(content, before)}
    for line in lines:
        one = left.get(line.order_id)
        if one is None or line.cancelled_g > one.grams or line.net > one.net:
            what = f"{one.grams} g and {one.net} {content.totals.currency} are" if one else "nothing is"
            raise Rejected(f"{what} left of order {line.order_id}: another note took it back since this one was asked")


async def _check(connection: Connection, lines: Sequence[CreditLine]) -> None:
    """What is retired cannot be cancelled; money can come back of an order without grams too. Raises ``Rejected``."""
    for line in lines:
        order = await orders.get(connection, line.order_id, lock=True)
        if order is None or (line.cancelled_g and order.state is not OrderState.CONFIRMED):
            raise Rejected(f"order {line.order_id} is {order.state if order else 'unknown'}: it holds nothing more")
        grams, _ = await credits.left_of_order(connection, line.order_id)
        retired = sum((await certificates.archived(connection, line.order_id)).values())
        if line.cancelled_g and retired > grams - line.cancelled_g:
            raise Rejected(
                f"certificates for {retired} g of order {line.order_id} are archived: what is retired cannot be "
                "cancelled; take back an amount without grams"
            )


async def issue_credits(context: Context, term: Term) -> int:
    """Issue every note that is asked for; returns how many."""
    count = 0
    for asked in await credits.waiting(context.pool):
        with isolated("credit note", document=asked.document):
            async with acting(context, term) as connection:
                count += await _issue(context, connection, asked)
    return count


async def _issue(context: Context, connection: Connection, asked: Asked) -> int:
    found = await credits.locked(connection, asked.document)
    assert found is not None
    lines = await credits.lines_of(connection, asked.credit)
    try:
        async with connection.transaction():  # a refused note uses no number
            content, sequence, series = await _content(context, connection, found, asked, lines)
            await _check(connection, lines)
    except Rejected as error:  # a certificate or another note came in between
        return await _refuse(connection, asked, error.reason)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        why = f"its content cannot be built: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        return await _refuse(connection, asked, why)
    now = context.clock()
    what = Undocumented(found.campaign, found.buy_day, found.settlement, found.provider)
    await documents.insert(connection, content, series=series, sequence=sequence, what=what, order_ids=(), now=now)
    await credits.issued(connection, asked.credit, content.number)
    note = Note(content.number, content.totals.currency, asked.reason or "cancelled by the provider")
    for n, line in enumerate(lines, 1):
        vat = content.totals.vat if n == len(lines) else Decimal(0)
        await take_back(context, connection, note, line, vat)
    event = announcement(content, what, found.legal_entity, [line.order_id for line in lines], now)
    hook = outbox.Hook("document.issued", f"{found.campaign}/{found.buy_day}")
    data = event.model_dump_json().encode()
    await outbox.put(connection, context.documents_topic, content.number.encode(), data, now, hook=hook)
    await settlements.refresh_states(connection, found.campaign, [found.buy_day])
    metrics.DOCUMENTS.labels(content.kind).inc()
    log(__name__).info("credit note issued", number=content.number, document=asked.document)
    return 1


async def _refuse(connection: Connection, asked: Asked, why: str) -> int:
    await credits.refuse(connection, asked.credit, why)
    log(__name__).error("credit note refused", document=asked.document, reason=why)
    return 0


async def _content(
    context: Context, connection: Connection, found: Corrected, asked: Asked, lines: Sequence[CreditLine]
) -> tuple[DocumentContent, int, str]:
    """(content, sequence, series) of the note: the next number of the series of what it corrects. Raises ``Rejected``
    for more than is left."""
    corrected = DocumentContent.model_validate_json(found.content)
    before = await credits.lines(connection, asked.document, besides=asked.credit)
    _fit(corrected, before, lines)
    force = (await campaigns.in_force(connection, found.campaign))[0]
    issued_on = local_day(context.clock(), force.campaign.tz)
    supplier = ""
    if corrected.kind in INVOICES:
        supplier = await documents.supplier_code(connection, found.legal_entity, corrected.seller)
    series = series_name(CORRECTED_BY[corrected.kind], corrected.mode, force.entity.series, issued_on.year, supplier)
    sequence = await documents.next_number(connection, series)
    content = credit_content(
        corrected,
        before,
        lines,
        number=f"{series}-{sequence:05d}",
        issued_on=issued_on,
        correction=asked.correction,
        reason=asked.reason,
    )
    return content, sequence, series
