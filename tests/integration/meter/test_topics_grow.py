"""A source topic grows while its meter runs: nothing is lost, and the progress says how many partitions there are."""

from __future__ import annotations

import json

from tests.integration.meter.test_meters import counted, view
from tests.support import Sandbox, until


async def test_a_running_meter_counts_the_partitions_that_a_topic_grows_by(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    process = sandbox.start("traffic-meter", KAFKA_METADATA_MAX_AGE_MS="500")
    await sandbox.send([view(n) for n in range(50)])
    await counted(sandbox, "traffic_meter", "site-traffic", 50)

    topic = sandbox.prefix + "site-traffic"
    grow = ("topics", "grow", "--topic", topic, "--partitions", "4", "--by", "anna", "--reason", "a higher peak")
    said = sandbox.command("traffic-meter", *grow)
    assert [line.rsplit(": ")[1] for line in said.splitlines()] == ["2 partitions, now 4"] * 3

    await sandbox.send([view(n) for n in range(50, 250)])
    await counted(sandbox, "traffic_meter", "site-traffic", 250)

    async def sizes() -> dict[int, int]:
        _, progress = await sandbox.readings()
        return {one.partition: one.partitions for one in progress.values() if one.channel == "site"}

    await until(sizes, lambda found: found == {0: 4, 1: 4, 2: 4, 3: 4}, seconds_max=40)
    assert sandbox.stop(process) == 0
    rows = await sandbox.rows("traffic_meter", "SELECT partition, counted FROM progress WHERE topic = $1", topic)
    assert sum(row["counted"] for row in rows) == 250
    assert all(row["counted"] > 0 for row in rows), rows
    readings, _ = await sandbox.readings()
    assert sum(reading.events for reading in readings.values()) == 250
    (intervention,) = json.loads(sandbox.command("traffic-meter", "interventions", "--json"))
    assert (intervention["who"], intervention["command"]) == ("anna", "topics grow")


async def test_a_topic_cannot_shrink_and_a_foreign_one_is_named(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    why = ("--by", "anna", "--reason", "tidying")
    topic = sandbox.prefix + "site-traffic"
    ended = sandbox.ended("traffic-meter", "topics", "grow", "--topic", topic, "--partitions", "1", *why)
    assert (ended.returncode, ended.stderr.strip()) == (
        1,
        f"error: Rejected: partitions: {topic} has 2 partitions; a topic can only grow",
    )
    ended = sandbox.ended("traffic-meter", "topics", "grow", "--topic", "shipments", "--partitions", "9", *why)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: Rejected: topic: shipments is not a topic of this meter: ")
