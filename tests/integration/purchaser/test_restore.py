"""A database restored from before a purchase: nothing is bought twice and no number is given twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from tests.integration.purchaser.feeding import CAMPAIGN, NOON, progress, reading
from tests.integration.purchaser.world import SellerThread, World, everything, open_world

from local_stack import LocalStack
from offset_purchaser.handlers.recover import compare, read_announcements, take_over
from offset_purchaser.report import build
from shared.errors import Transient
from shared.kafka import announcement_topics, client_options, ensure_topics
from shared.offset_events import OffsetDocument, OffsetOrder
from shared.settings import KafkaSettings, TopicSettings


@pytest_asyncio.fixture
async def restored(
    new_database: Callable[[], tuple[str, str]], seller: SellerThread, tmp_path: Path
) -> AsyncIterator[World]:
    """The same purchaser with the tables of six hours ago: the campaign and its readings, nothing bought."""
    async with open_world(*new_database(), seller.url, tmp_path) as found:
        await start(found)
        yield found


async def start(world: World) -> None:
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())


async def announced(world: World) -> tuple[list[OffsetOrder], list[OffsetDocument]]:
    rows = await world.pool.fetch("SELECT topic, value FROM outbox ORDER BY id")
    orders = [OffsetOrder.model_validate_json(row["value"]) for row in rows if row["topic"] == "offset-orders"]
    papers = [OffsetDocument.model_validate_json(row["value"]) for row in rows if row["topic"] == "offset-documents"]
    return orders, papers


async def test_without_announcements_the_provider_still_knows_the_order(
    world: World, restored: World, seller: SellerThread
) -> None:
    await start(world)
    await everything(world)
    restored.clock.pass_by(hours=6)
    await everything(restored)
    assert len(seller.orders()) == 1
    settlement = (await build(restored.pool))["days"][0]["settlements"][0]
    assert (settlement["state"], settlement["quantity_g"]) == ("complete", 1_000_000)


async def test_a_restored_database_is_found_to_be_behind_and_takes_orders_and_numbers_over(
    world: World, restored: World, seller: SellerThread
) -> None:
    await start(world)
    await everything(world)
    orders, papers = await announced(world)
    assert (await compare(world.pool, orders, papers, "rehearsal")).sentence == ""
    missing = await compare(restored.pool, orders, papers, "rehearsal")
    assert "(1 orders, 1 documents)" in missing.sentence
    assert (await compare(restored.pool, orders, papers, "live")).sentence == ""
    await take_over(restored.context, missing, orders, by="Anna")
    assert (await compare(restored.pool, orders, papers, "rehearsal")).sentence == ""
    restored.clock.pass_by(hours=6)
    await everything(restored)
    settlement = (await build(restored.pool))["days"][0]["settlements"][0]
    assert (await compare(restored.pool, orders, papers, "rehearsal")).sentence == ""
    assert (settlement["state"], settlement["document"]) == ("complete", "R-ST-RETAIL-FR-2026-00001")
    assert len(seller.orders()) == 1
    entry = CAMPAIGN[CAMPAIGN.index("  - id: bf") :].replace("id: bf", "id: next").replace("-11-27", "-11-28")
    await restored.campaigns(CAMPAIGN + entry)
    await restored.feed(reading(events=5, grams=1_000_000, quarter=NOON.replace(day=28)), progress(15))
    await everything(restored)
    numbers = [row["number"] for row in await restored.pool.fetch("SELECT number FROM documents ORDER BY number")]
    assert numbers == ["R-ST-RETAIL-FR-2026-00001", "R-ST-RETAIL-FR-2026-00002"]


async def test_what_was_announced_is_read_back_from_kafka_and_a_missing_topic_is_no_silence(
    world: World, stack: LocalStack, seller: SellerThread
) -> None:
    await start(world)
    await everything(world)
    orders, papers = await announced(world)
    kafka, topics = KafkaSettings(bootstrap_servers=stack.bootstrap_servers), TopicSettings(prefix="restored.")
    with pytest.raises(Transient, match="offset-orders is missing: run offset-purchaser topics create"):
        await read_announcements(kafka, topics)
    await ensure_topics(kafka, announcement_topics(topics), replication_factor=1)
    async with AIOKafkaProducer(**client_options(kafka)) as producer:
        for setting, events in (("offset_orders", orders), ("offset_documents", papers)):
            for event in events:
                await producer.send_and_wait(topics.name(setting), event.model_dump_json().encode())
    assert await read_announcements(kafka, topics) == (orders, papers)
    assert orders
    assert len(papers) == 1


async def test_an_order_that_was_announced_is_never_sent_even_when_the_provider_cannot_be_found_to_have_it(
    world: World, restored: World, seller: SellerThread
) -> None:
    await start(world)
    await everything(world)
    orders, papers = await announced(world)
    seller.post("/v1/reset")
    await take_over(restored.context, await compare(restored.pool, orders, papers, "rehearsal"), orders, by="Anna")
    restored.clock.pass_by(hours=6)
    await everything(restored)
    settlement = (await build(restored.pool))["days"][0]["settlements"][0]
    assert settlement["order_state"] == "unknown"
    assert seller.orders() == []


@pytest.mark.parametrize("more", [200_000, -200_000])
async def test_what_changed_since_the_backup_is_owed_or_surplus_not_bought_again(
    world: World, restored: World, seller: SellerThread, more: int
) -> None:
    await start(world)
    await everything(world)
    await restored.feed(reading(grams=1_000_000 + more, revision=2), progress())
    await everything(restored)
    assert len(seller.orders()) == 1
    rows = await restored.pool.fetch(
        "SELECT account, sum(amount)::bigint AS g FROM entries WHERE unit = 'g' GROUP BY 1 HAVING sum(amount) <> 0"
    )
    rest = {"owed": 200_000} if more > 0 else {"surplus": -200_000}
    assert {row["account"]: row["g"] for row in rows} == {
        "emitted": -1_000_000 - more,
        "bought": 1_000_000,
        **rest,
    }
