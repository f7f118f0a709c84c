"""The checklist before a campaign: what it says of a system that is ready, and of one that is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from tests.integration.purchaser.feeding import CAMPAIGN, TOPICS, progress, reading
from tests.integration.purchaser.world import SellerThread, World, everything

from local_stack import LocalStack
from offset_purchaser.handlers.checklist import Mark, Surroundings, run_checklist, worst
from shared.kafka import TopicSpec, announcement_topics, ensure_topics, readings_topics
from shared.settings import KafkaSettings, TopicSettings

TARGETS = b'{"data": {"activeTargets": [{"labels": {"job": "traffic-meter"}, "health": "%s"}]}}'
ALERTS = b'{"data": {"alerts": [{"labels": {"alertname": "OrderUnknown"}, "state": "%s"}]}}'


class Prometheus(BaseHTTPRequestHandler):
    """Foreign: what it would say, in its own words."""

    answers: tuple[bytes, bytes] = (TARGETS % b"up", ALERTS % b"pending")

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.answers["alerts" in self.path])

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


@pytest.fixture
def prometheus() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Prometheus)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    Prometheus.answers = (TARGETS % b"up", ALERTS % b"pending")


async def looked(world: World, stack: LocalStack, prefix: str, prometheus: str = "") -> dict[str, tuple[Mark, str]]:
    context = replace(world.context, topics=TopicSettings(prefix=prefix))
    around = Surroundings(context, KafkaSettings(bootstrap_servers=stack.bootstrap_servers), prometheus)
    return {line.what: (line.mark, line.says) async for line in run_checklist(around)}


async def prepared(world: World, stack: LocalStack, prefix: str, readings_partitions: int = 2) -> None:
    """Topics of two partitions, a campaign in force, and meters that have counted everything up to now."""
    topics = TopicSettings(prefix=prefix, partitions=2)
    specs = [TopicSpec(prefix + name, 2) for name in TOPICS.values()]
    (readings, requests), announced = readings_topics(topics), announcement_topics(topics)
    specs += [replace(readings, partitions=readings_partitions), requests, *announced]
    await ensure_topics(KafkaSettings(bootstrap_servers=stack.bootstrap_servers), specs, replication_factor=1)
    await world.campaigns(CAMPAIGN)
    for channel, name in TOPICS.items():
        for partition in (0, 1):
            more = {"topic": prefix + name, "channel": channel, "partition": partition, "partitions": 2}
            await world.feed(progress(0, **more))


async def test_a_system_that_is_ready_has_only_marks_that_a_person_may_want(
    world: World, stack: LocalStack, prometheus: str
) -> None:
    await prepared(world, stack, "ready.")
    found = await looked(world, stack, "ready.", prometheus)
    marks = {what: mark for what, (mark, _) in found.items()}
    assert marks == {
        "campaign file": Mark.LOOK, "in force": Mark.OK, "mode": Mark.LOOK, "an instance acts": Mark.OK,
        "topics": Mark.OK, "meters": Mark.OK, "orders": Mark.OK, "books": Mark.OK, "documents folder": Mark.OK,
        "monitoring": Mark.OK,
    }  # fmt: skip
    assert found["campaign file"][1] == "every campaign in it is over"
    assert found["monitoring"][1] == "1 targets up, no alert firing"
    assert worst(list(marks.values())) is Mark.LOOK


async def test_what_is_missing_or_behind_is_named(world: World, stack: LocalStack, prometheus: str) -> None:
    await prepared(world, stack, "behind.", readings_partitions=1)
    await world.pool.execute("UPDATE lease SET expires_at = '-infinity'")
    await world.pool.execute("UPDATE campaigns SET refusal = 'zone: it began'")
    (world.folder / "campaigns.yaml").write_text(CAMPAIGN.replace("price_per_tonne: 22", "price_per_tonne: 23"))
    world.clock.pass_by(minutes=3)
    Prometheus.answers = (TARGETS % b"down", ALERTS % b"firing")
    found = await looked(world, stack, "behind.", prometheus)
    said = {what: says for what, (mark, says) in found.items() if mark is Mark.BAD}
    assert said["topics"] == "behind.meter-readings has 1 partitions, a source has 2: topics grow"
    assert said["in force"] == "bf is not in force as the file says: zone: it began"
    assert said["an instance acts"] == "no instance has the right to act: is the service running?"
    assert said["meters"].startswith("behind.site-traffic: counted as of 2026-12-01 12:00:00 UTC only")
    assert said["monitoring"] == "traffic-meter is down, OrderUnknown is firing"


async def test_topics_that_nobody_created_and_meters_that_never_spoke_are_bad(world: World, stack: LocalStack) -> None:
    await world.campaigns(CAMPAIGN)
    found = await looked(world, stack, "nobody.")
    assert found["topics"][0] is Mark.BAD
    assert "nobody.offset-orders" in found["topics"][1]
    assert found["meters"] == (
        Mark.BAD,
        "; ".join(f"nobody.{name}: no progress from its meter yet" for name in TOPICS.values()),
    )
    assert found["monitoring"][0] is Mark.LOOK


async def test_an_order_without_an_answer_is_bad(world: World, stack: LocalStack, seller: SellerThread) -> None:
    seller.fault(kind="lose_response")
    seller.conduct(listing_delay_s=3600)
    await world.campaigns(CAMPAIGN)
    await world.feed(reading(grams=1_000_000), progress())
    await everything(world)
    found = await looked(world, stack, "nobody.")
    assert found["orders"] == (Mark.BAD, "1 unknown: offset-purchaser orders list")
    assert found["books"] == (Mark.OK, "emitted, bought, documented and booked agree")
