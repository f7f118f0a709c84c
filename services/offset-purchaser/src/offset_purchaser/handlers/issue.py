"""Documents: number, date, content, ledger entries and announcement in one transaction; the page follows.

The first bytes rendered are the document. They are kept in the database; ``deliver`` takes them to folder and people.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import uuid5

from offset_purchaser import ledger, metrics
from offset_purchaser.campaign import Campaign
from offset_purchaser.campaign_claims import claims_of_others
from offset_purchaser.documents import Attachment, DocumentContent, render
from offset_purchaser.documents.series import series_name
from offset_purchaser.handlers.content import build_content
from offset_purchaser.handlers.context import Context, acting
from offset_purchaser.handlers.isolate import isolated
from offset_purchaser.handlers.recover import link_imported
from offset_purchaser.ledger import Posting
from offset_purchaser.order import NAMESPACE
from offset_purchaser.store import campaigns, deliveries, documents, outbox, settlements
from offset_purchaser.store import ledger as ledger_store
from offset_purchaser.store.campaigns import InForce
from offset_purchaser.store.documents import Undocumented
from offset_purchaser.store.leadership import Term
from offset_purchaser.terms import Leg
from shared.clock import local_day
from shared.offset_events import OffsetDocument
from shared.postgres import Connection
from shared.telemetry import log


async def issue(context: Context, term: Term) -> int:
    """Issue a document for every purchase that has none; returns how many."""
    count = 0
    for what in await documents.undocumented(context.pool):
        with isolated("document", campaign=what.campaign, day=what.buy_day.isoformat()):
            async with acting(context, term) as connection:
                rows = await documents.confirmed_orders(connection, what)
                found = (await campaigns.rules(connection, what.campaign)).on(what.buy_day)
                for alike in _alike(found.campaign, rows):
                    count += await _issue(context, connection, found, what, alike)
    return count


def _alike(campaign: Campaign, rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Orders that one document may cover: the same seller, kind, VAT, terms and currency."""
    legs = {leg.key: leg for leg in campaign.legs}
    groups: list[tuple[object, list[dict[str, Any]]]] = []
    for row in rows:
        leg = legs[row["leg"]]
        terms = (leg.document, leg.seller(row["provider"]), leg.vat, leg.agreement, leg.payment, row["currency"])
        for known, group in groups:
            if known == terms:
                group.append(row)
                break
        else:
            groups.append((terms, [row]))
    return [group for _, group in groups]


async def _issue(
    context: Context, connection: Connection, found: InForce, what: Undocumented, rows: list[dict[str, Any]]
) -> int:
    """A document for confirmed orders that belong on one, with the parties, terms and VAT of the day they were bought
    by, whatever the file says since."""
    if await link_imported(context, connection, rows):
        await settlements.refresh_states(connection, what.campaign, [what.buy_day])
        return 0
    leg = next(leg for leg in found.campaign.legs if leg.key == rows[0]["leg"])
    kind = leg.document
    invoices = await documents.provider_invoices(connection, [row["order_id"] for row in rows])
    if kind == "provider_invoice" and len(invoices) < len(rows):
        return 0  # the partner's own invoice has not arrived: offset-purchaser orders invoice
    now = context.clock()
    issued_on = local_day(now, found.campaign.tz)
    supplier = await _supplier(connection, found.campaign.entity_id, leg)
    series = series_name(kind, context.settings.mode, found.entity.series, issued_on.year, supplier)
    sequence = await documents.next_number(connection, series)
    number = f"{series}-{sequence:05d}"
    content = await build_content(connection, found, what, rows, number, issued_on)
    for claim in claims_of_others(content):
        log(__name__).warning("a name of the provider's makes a climate claim", number=number, claim=claim)
    order_ids = [row["order_id"] for row in rows]
    await documents.insert(
        connection, content, series=series, sequence=sequence, what=what, order_ids=order_ids, now=now
    )
    await ledger_store.append(connection, _postings(content, what, found.campaign.entity_id), now)
    event = announcement(content, what, found.campaign.entity_id, [row["order_id"] for row in rows], now)
    hook = outbox.Hook("document.issued", f"{what.campaign}/{what.buy_day}")
    data = event.model_dump_json().encode()
    await outbox.put(connection, context.documents_topic, number.encode(), data, now, hook=hook)
    await settlements.refresh_states(connection, what.campaign, [what.buy_day])
    metrics.DOCUMENTS.labels(kind).inc()
    log(__name__).info("document issued", number=number, campaign=what.campaign)
    return 1


async def _supplier(connection: Connection, entity: str, leg: Leg) -> str:
    """The supplier's code in the numbers of self-billed documents; ``""`` for other kinds."""
    if leg.document != "self_billed" or leg.supplier is None:
        return ""
    return await documents.supplier_code(connection, entity, leg.supplier)


def _postings(content: DocumentContent, what: Undocumented, legal_entity: str) -> list[Posting]:
    found, vat_left = [], content.totals.vat
    for n, line in enumerate(content.lines, 1):
        vat = vat_left if n == len(content.lines) else content.totals.vat * 0
        entries = ledger.documented_entries(
            what.buy_day, what.provider, line.order_id, net=line.net_amount, vat=vat, currency=content.totals.currency
        )
        key, note = f"document|{content.number}|{line.order_id}", f"document {content.number}"
        head = (key, content.mode, legal_entity, what.campaign, what.number, note)
        found.append(Posting(*head, tuple(entries)))
    return found


def announcement(
    content: DocumentContent, what: Undocumented, legal_entity: str, order_ids: list[object], now: object
) -> OffsetDocument:
    """The event that says a document was issued."""
    return OffsetDocument.model_validate(
        {
            "event_id": uuid5(NAMESPACE, f"document|{content.number}"),
            "occurred_at": now,
            "mode": content.mode,
            "number": content.number,
            "kind": content.kind,
            "legal_entity": legal_entity,
            "campaign": what.campaign,
            "day": what.buy_day,
            "settlement": what.number,
            "order_ids": [str(order_id) for order_id in order_ids],
            "quantity_g": 0 if content.correction == "price" else sum(line.quantity_g for line in content.lines),
            "currency": content.totals.currency,
            "net_amount": content.totals.net,
            "vat_amount": content.totals.vat,
            "gross_amount": content.totals.gross,
            "content_sha256": content.sha256(),
            "credits": content.previous.number if content.previous else None,
        }
    )


async def render_documents(context: Context, term: Term) -> int:
    """Render what has no bytes yet and promise it to its places; returns how many."""
    waiting = await documents.unrendered(context.pool)
    for found in waiting:
        with isolated("render", number=found.number):
            await _render(context, term, found)
    return len(waiting)


async def _render(context: Context, term: Term, found: documents.Unrendered) -> None:
    attached = [Attachment(name, data) for name, data in found.attachments]
    rendered = await asyncio.to_thread(render, DocumentContent.model_validate_json(found.content), attached)
    digest = hashlib.sha256(rendered.pdf).hexdigest()
    async with acting(context, term) as connection:
        await documents.store_file(connection, found.number, rendered.filename, rendered.pdf, digest, context.clock())
        entity = (await campaigns.in_force(connection, found.campaign))[0].entity
        await deliveries.plan(connection, found.number, entity.documents_to, context.clock())
        await settlements.refresh_states(connection, found.campaign, [found.buy_day])
