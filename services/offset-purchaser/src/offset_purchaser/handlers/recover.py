"""After a restore: compare with what was announced on Kafka, and take over what our tables lack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import ValidationError

from offset_purchaser import ledger
from offset_purchaser.announced import Behind, behind, newest
from offset_purchaser.documents.correction import CreditLine
from offset_purchaser.handlers.context import Context
from offset_purchaser.handlers.take_back import Note, take_back
from offset_purchaser.ledger import Posting
from offset_purchaser.store import announced, credits, settlements
from offset_purchaser.store import ledger as ledger_store
from shared.errors import Transient
from shared.kafka import client_options, partition_counts, stop_consumer
from shared.offset_events import OffsetDocument, OffsetOrder
from shared.postgres import Connection, Pool, transaction
from shared.settings import KafkaSettings, TopicSettings
from shared.telemetry import log


async def read_announcements(
    kafka: KafkaSettings, topics: TopicSettings
) -> tuple[list[OffsetOrder], list[OffsetDocument]]:
    """Everything on ``offset-orders`` and ``offset-documents``; both are kept for ever and small."""
    orders = await _read(kafka, topics.name("offset_orders"), OffsetOrder.model_validate_json)
    return orders, await _read(kafka, topics.name("offset_documents"), OffsetDocument.model_validate_json)


async def _read(kafka: KafkaSettings, topic: str, decode: Callable[[bytes], Any]) -> list[Any]:
    # Asked of the broker: a consumer without a subscription knows no partitions, and none would read as "nothing left".
    count = (await partition_counts(kafka, [topic])).get(topic)
    if count is None:
        raise Transient(f"topic {topic} is missing: run offset-purchaser topics create")
    consumer: AIOKafkaConsumer[bytes, bytes] = AIOKafkaConsumer(
        **client_options(kafka), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    found = []
    try:
        parts = [TopicPartition(topic, number) for number in range(count)]
        consumer.assign(parts)
        ends = await consumer.end_offsets(parts)
        for part in parts:
            consumer.seek(part, (await consumer.beginning_offsets([part]))[part])
        while any([await consumer.position(part) < ends[part] for part in parts]):
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    try:
                        found.append(decode(record.value or b""))
                    except ValidationError as error:
                        log(__name__).warning("announcement not understood", topic=topic, reason=str(error)[:200])
    finally:
        await stop_consumer(consumer)
    return found


async def compare(pool: Pool, orders: Sequence[OffsetOrder], documents: Sequence[OffsetDocument], mode: str) -> Behind:
    """What was announced in this mode and is not in our tables."""
    mine = newest(event for event in orders if event.mode == mode)
    papers = {event.number: event for event in documents if event.mode == mode}
    return behind(mine, papers, await announced.our_orders(pool), await announced.our_documents(pool))


async def take_over(context: Context, missing: Behind, orders: Sequence[OffsetOrder], *, by: str) -> None:
    """Import what is missing: orders are looked up from now on, numbers are never given twice."""
    providers = {event.order_id: event.provider for event in orders}
    async with transaction(context.pool) as connection:
        await announced.insert_orders(connection, missing.orders, by, context.clock())
        for event in sorted(missing.documents, key=_in_order):
            series, _, sequence = event.number.rpartition("-")
            provider = providers.get(event.order_ids[0], "") if event.order_ids else ""
            await announced.insert_document(connection, event, provider, series, int(sequence))
            if event.credits is not None:
                await _act(context, connection, event.credits)
                await settlements.refresh_states(connection, event.campaign, [event.day])
    log(__name__).warning("announcements imported", orders=len(missing.orders), documents=len(missing.documents))


async def link_imported(context: Context, connection: Connection, rows: Sequence[dict[str, Any]]) -> bool:
    """Give confirmed orders the document that was issued for them before the restore; false when there is none."""
    number = await announced.imported_document(connection, [row["order_id"] for row in rows])
    if number is None:
        return False
    await connection.execute(
        "UPDATE orders SET document = $1 WHERE order_id = ANY($2)", number, [row["order_id"] for row in rows]
    )
    tax = await announced.vat_of(connection, number)
    for n, row in enumerate(rows, 1):
        vat = tax if n == len(rows) else tax * 0
        money = {"net": row["amount"], "vat": vat, "currency": row["currency"]}
        entries = ledger.documented_entries(row["buy_day"], row["provider"], row["order_id"], **money)
        key, note = f"document|{number}|{row['order_id']}", f"document {number}"
        head = (key, row["mode"], row["legal_entity"], row["campaign"], row["number"], note)
        await ledger_store.append(connection, [Posting(*head, tuple(entries))], context.clock())
    await _act(context, connection, number)
    return True


async def _act(context: Context, connection: Connection, document: str) -> None:
    """Let the notes from before the restore act on the orders of their document, where they fit."""
    for found in await credits.imported(connection, document):
        if not await _fits(connection, found.lines):
            log(__name__).error("a credit note from before the restore fits no order", number=found.number)
            continue
        note = Note(found.number, found.currency, "announced before the restore")
        for n, line in enumerate(found.lines, 1):
            vat = found.vat if n == len(found.lines) else Decimal(0)
            await take_back(context, connection, note, line, vat)


async def _fits(connection: Connection, lines: Sequence[CreditLine]) -> bool:
    for line in lines:
        grams, net = await credits.left_of_order(connection, line.order_id)
        if line.cancelled_g > grams or line.net > net:
            return False
    return bool(lines)


def _in_order(event: OffsetDocument) -> tuple[bool, datetime, str]:
    """What a note takes back comes before it, and notes as they were issued."""
    return event.credits is not None, event.occurred_at, event.number
