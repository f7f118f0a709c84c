"""What stops a partition, or its topic, and nothing else."""

from __future__ import annotations

import pytest
from tests.integration.meter.test_commands import stopped
from tests.integration.meter.test_meters import counted, view
from tests.integration.meter.test_unreadable import send, send_unreadable
from tests.support import Sandbox, until


async def test_a_topic_of_bad_records_stops_although_one_of_its_partitions_cannot_be_read(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.prepare("traffic-meter")
    await send(sandbox, 1, [view(n) for n in range(800)] + [view(n, device="tin") for n in range(900, 1_200)])
    await send_unreadable(sandbox, 1, view(1_300), monkeypatch)
    process = sandbox.start("traffic-meter", METER_FLUSH_INTERVAL_MS="3600000", METER_HEARTBEAT_MS="3600000")
    other, unreadable = sorted(await stopped(sandbox, 2), key=lambda row: int(row["partition"]))
    assert "too many bad records" in other["stopped"]
    assert (unreadable["counted"], unreadable["rejected"]) == (800, 300)
    assert sandbox.stop(process) == 0


async def test_a_register_that_can_hold_no_more_stops_its_partition_alone(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    process = sandbox.start("traffic-meter")
    await sandbox.send([view(n) for n in range(20)])
    await counted(sandbox, "traffic_meter", "site-traffic", 20)
    await sandbox.rows(
        "traffic_meter", "UPDATE registers SET activity[1] = 9223372036854775807 WHERE partition = 0 AND events > 0"
    )
    await sandbox.send([view(n) for n in range(20, 40)])
    (full,) = await stopped(sandbox, 1)
    assert (full["partition"], full["next_offset"]) == (0, full["counted"])
    assert "out of range" in full["stopped"]
    rows = await until(
        lambda: sandbox.rows("traffic_meter", "SELECT sum(counted) AS n FROM progress WHERE partition = 1"),
        lambda found: found[0]["n"] > 10,
    )
    assert rows[0]["n"] + full["counted"] < 40
    assert process.poll() is None
    assert sandbox.stop(process) == 0
